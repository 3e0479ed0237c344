"""The lists that speak about tests stay true: the breaks fit the sources, the named files and vectors exist."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import mutants  # noqa: E402  (a script beside the tests' folders)

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
VECTORS = [f"V{number}" for number in range(30)]
ADDONS = ("mes_base", "mes_gateway", "mes_oee")
FOLDERS = ("tests/pure", "tests/bridge", "tests/e2e", *(f"addons/{name}/tests" for name in ADDONS))


@pytest.fixture(scope="module")
def sources() -> str:
    """All tests as one text."""
    return "\n".join(path.read_text() for folder in FOLDERS for path in sorted((ROOT / folder).glob("test_*.py")))


def test_there_are_enough_breaks() -> None:
    assert len(mutants.load()) >= 20


@pytest.mark.parametrize("mutant", mutants.load(), ids=lambda mutant: mutant.name)
def test_a_break_fits_its_source_and_its_tests_exist(mutant: mutants.Mutant) -> None:
    text = (ROOT / mutant.file).read_text()
    assert mutants.broken(mutant, text) != text
    for test in mutant.tests:
        assert (ROOT / test.split("::")[0]).exists(), test


@pytest.mark.parametrize("vector", VECTORS)
def test_a_vector_is_a_test(sources: str, vector: str) -> None:
    assert re.search(rf"\b{vector}(?![0-9])|_{vector}(?![0-9])", sources, re.IGNORECASE), f"no test speaks of {vector}"


def vector_rows() -> dict[str, list[str]]:
    """The table of vectors: id -> the tests that are said to carry it."""
    section = (ROOT / "docs/testing.md").read_text().split("## Vectors\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| V")]
    return {row[0].strip(): re.findall(r"`([^`]+)`", row[2]) for row in rows}


def test_every_vector_has_its_row() -> None:
    wanted = [vector for vector in VECTORS if vector != "V5"] + ["V4b", "V5a", "V5b"]
    assert sorted(vector_rows()) == sorted(wanted)


@pytest.mark.parametrize(("vector", "named"), vector_rows().items())
def test_a_vector_is_carried_by_the_tests_of_its_row(vector: str, named: list[str]) -> None:
    """Each exists, and says the number in its name or docstring."""
    assert named
    for one in named:
        path, name = one.split("::")
        functions = [node for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, DEFINITIONS)]
        (found,) = [node for node in functions if node.name == name]
        said = f"{name} {ast.get_docstring(found) or ''}"
        assert re.search(rf"(?<![A-Za-z0-9]){vector}(?![A-Za-z0-9])", said.replace("_", " "), re.IGNORECASE), one


def test_the_page_about_tests_names_files_that_exist() -> None:
    named = set(re.findall(r"`((?:tests|addons|mescli)/[\w/.]+\.(?:py|toml))`", (ROOT / "docs/testing.md").read_text()))
    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
