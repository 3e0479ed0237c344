"""The page about faults lists all 22 properties with tests that exist, and each fault of the matrix."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

import pytest

from mescli import faults
from mescli.errors import MesError
from mescli.paths import ROOT

PAGE = (ROOT / "docs/bridge-faults.md").read_text(encoding="utf-8")
ROWS = {int(row[1]): row[0] for row in re.finditer(r"^\| (\d+) \|.*$", PAGE, re.M)}
NAMED = sorted(set(re.findall(r"`((?:tests|mescli|iot_bridge)/[\w/.]+\.py)(?:::(\w+))?`", PAGE)))
CELL = {"made": 40, "booked": 40, "state_s": 1.04, "last": "idle", "pending": 0, "trouble": "", "shown": ""}


def names_in(path: Path) -> set[str]:
    """Functions, classes and plain assignments of a module."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    named = {node.name for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    return named | {target.id for target in targets if isinstance(target, ast.Name)}


def test_every_property_has_a_row_with_a_test() -> None:
    assert list(ROWS) == list(range(1, 23))
    assert [number for number, row in ROWS.items() if "`tests/" not in row] == []


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_is_named_exists(file: str, name: str) -> None:
    assert (ROOT / file).exists()
    assert not name or name in names_in(ROOT / file), f"{file} has no {name}"


def test_the_long_runs_are_variables_that_somebody_reads() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests/bridge").glob("*.py"))
    variables = set(re.findall(r"`(BRIDGE_[A-Z]+)=\d+`", PAGE))
    assert len(variables) >= 6
    assert [name for name in sorted(variables) if f'"{name}"' not in sources] == []


def test_the_matrix_on_the_page_has_every_fault_and_holds() -> None:
    sys.path.insert(0, str(ROOT / "tests/faults"))
    import fault_list

    matrix = PAGE.split(faults.BEGIN)[1].split(faults.END)[0]
    shown = re.findall(r"^\| ([^|]+) \| (.+) \|$", matrix, re.M)[1:]
    assert [title for title, _cells in shown] == [fault.title for fault in fault_list.FAULTS]
    for (title, cells), fault in zip(shown, fault_list.FAULTS, strict=True):
        for cell, protocol in zip(cells.split(" | "), fault_list.PROTOCOLS, strict=True):
            assert (cell == faults.NO_CELL) == (fault.reason(protocol) is not None), (title, protocol)
            assert cell == faults.NO_CELL or re.fullmatch(r"(\d+) = \1, \d\.\d s", cell), (title, protocol, cell)


def report(tmp_path: Path, **cell: object) -> faults.Told:
    lines = [
        {"rows": ["a", "b"], "columns": ["modbus_tcp", "mqtt"]},
        {"fault": "a", "title": "PLC killed", "reasons": {}, "cells": {"modbus_tcp": CELL, "mqtt": {**CELL, **cell}}},
        {"fault": "b", "title": "Broker killed", "reasons": {"modbus_tcp": "no broker"}, "cells": {"mqtt": CELL}},
    ]
    path = tmp_path / "report.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return faults.read(path)


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, "40 = 40, 1.0 s"),
        ({"booked": 39}, "**39 of 40, 1.0 s**"),
        ({"state_s": 7.21}, "**40 = 40, 7.2 s**"),
        ({"state_s": None}, "**40 = 40, never**"),
        ({"pending": 3}, "**40 = 40, 1.0 s**"),
        ({"trouble": "AssertionError"}, "broke off"),
    ],
)
def test_a_cell_shows_what_came_of_it(tmp_path: Path, change: dict[str, object], shown: str) -> None:
    told = report(tmp_path, **change)
    assert faults.table(told)[2:] == [
        f"| PLC killed | 40 = 40, 1.0 s | {shown} |",
        "| Broker killed | – | 40 = 40, 1.0 s |",
    ]
    assert faults.is_good(told.scenes["a"]["cells"]["mqtt"]) is (not change)


def test_only_a_whole_matrix_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{faults.BEGIN}\nof old\n{faults.END}\nafter\n")
    monkeypatch.setattr(faults, "PAGE", page)
    told = report(tmp_path)
    faults.write_page(told)
    text = page.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "of old" not in text
    assert "3 of 3 cells hold" in text and "| PLC killed | 40 = 40, 1.0 s |" in text
    del told.scenes["b"]  # type: ignore[attr-defined]
    with pytest.raises(MesError, match="Not every scene was played: b"):
        faults.write_page(told)
