"""`./mes test --mutants`: break the product one listed line at a time; some test must notice each break.

``mutants.toml`` lists them: a file, one piece of text in it, what to put there instead, and the narrowest
tests that are expected to fail. Each is applied to a copy of the tree, never to the checkout. First the
same tests must pass unbroken, or a "catch" would prove nothing.

    python tests/mutants.py [name ...] [--list]

The last line is ``N caught, M survived``; the exit code is 0 only if none survived.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mescli import database, odoo, postgres, template

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests" / "mutants.toml"
LEFT_OUT = shutil.ignore_patterns(".git", ".mes", "__pycache__", ".*_cache", ".hypothesis", "node_modules")
#: pytest's exit codes: everything passed; some tests failed. Any other means that it could not even try.
PASSED, FAILED = 0, 1
LIMIT_S = 600


@dataclass(frozen=True)
class Mutant:
    """One break: replace ``find`` (there exactly once) in ``file``; ``tests`` must then fail."""

    name: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]

    @property
    def needs_odoo(self) -> bool:
        return any(test.startswith("addons/") for test in self.tests)

    @property
    def needs_server(self) -> bool:
        return any(test.startswith("tests/e2e/") for test in self.tests)


class Stale(Exception):
    """The list no longer fits the sources, or its tests fail without any break: mend the list."""


def load(path: Path = LIST) -> list[Mutant]:
    """The listed breaks, pure ones first, those that need a real server last."""
    entries = tomllib.loads(path.read_text())["mutant"]
    mutants = [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]
    names = [mutant.name for mutant in mutants]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Stale(f"names given twice: {', '.join(twice)}")
    return sorted(mutants, key=lambda mutant: (mutant.needs_server, mutant.needs_odoo))


def broken(mutant: Mutant, text: str) -> str:
    """The file's text with the break in it."""
    if (found := text.count(mutant.find)) != 1:
        raise Stale(f"{mutant.name}: its text is {found} times in {mutant.file}, expected once")
    if mutant.find == mutant.replace:
        raise Stale(f"{mutant.name}: it changes nothing")
    return text.replace(mutant.find, mutant.replace)


@contextmanager
def applied(mutant: Mutant, tree: Path) -> Iterator[None]:
    """The break in the copied tree, and the file as it was afterwards."""
    target = tree / mutant.file
    original = target.read_text()
    target.write_text(broken(mutant, original))
    try:
        yield
    finally:
        target.write_text(original)


class Tree:
    """A copy of the checkout with a state folder of its own, on the checkout's database server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = ""
        shutil.copytree(ROOT, path, ignore=LEFT_OUT, symlinks=True)

    def environment(self) -> dict[str, str]:
        env = {**odoo.environment(), **postgres.connection()}
        env.pop("ODOO_RC")
        env |= {"PYTHONPATH": str(self.path), "MES_STATE": str(self.path / ".mes"), "PYTHONDONTWRITEBYTECODE": "1"}
        return env | ({"MES_TEMPLATE": self.database} if self.database else {})

    def run(self, tests: Sequence[str]) -> tuple[int, str]:
        """pytest's exit code and output; tests of addons run inside Odoo on a database copy of their own."""
        inside = [test for test in tests if test.startswith("addons/")]
        outside = [test for test in tests if not test.startswith("addons/")]
        code, text = (self._pytest(["-p", "no:odoo", *outside]) if outside else (PASSED, ""))
        if code == PASSED and inside:
            code, text = self._in_odoo(inside)
        return code, text

    def _in_odoo(self, tests: Sequence[str]) -> tuple[int, str]:
        name = f"mes_mutant_{os.getpid()}"
        database.copy(self.database, name)
        try:
            write = "from mescli import odoo; print(odoo.write_settings())"
            conf = self._python(["-c", write])[1].split()[-1]
            return self._pytest([f"--odoo-config={conf}", f"--odoo-database={name}", "--odoo-http", *tests])
        finally:
            database.drop(name)

    def _pytest(self, arguments: Sequence[str]) -> tuple[int, str]:
        return self._python(["-m", "pytest", "-q", "-x", "--no-header", "-p", "no:cacheprovider", *arguments])

    def _python(self, arguments: Sequence[str]) -> tuple[int, str]:
        command = [sys.executable, *arguments]
        try:
            done = subprocess.run(
                command, cwd=self.path, env=self.environment(), capture_output=True, text=True, timeout=LIMIT_S
            )
        except subprocess.TimeoutExpired:
            return FAILED, f"no end within {LIMIT_S} s"
        return done.returncode, done.stdout + done.stderr


def check_unbroken(tree: Tree, mutants: Iterable[Mutant]) -> None:
    """All tests that are to catch something pass on the tree as it is."""
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    code, text = tree.run(tests)
    if code != PASSED:
        raise Stale("the tests of the list fail without any break:\n" + "\n".join(text.splitlines()[-30:]))


def is_caught(tree: Tree, mutant: Mutant) -> bool:
    """True when a test fails because of the break."""
    with applied(mutant, tree.path):
        code, text = tree.run(mutant.tests)
    if code not in (PASSED, FAILED):
        raise Stale(f"{mutant.name}: pytest ended with {code}:\n" + "\n".join(text.splitlines()[-15:]))
    return code != PASSED


@contextmanager
def own_tree(mutants: Sequence[Mutant]) -> Iterator[Tree]:
    """A copy of the checkout, with one of the template where it is needed, for as long as it takes."""
    with tempfile.TemporaryDirectory(prefix="mes-mutants-") as folder:
        tree = Tree(Path(folder) / "tree")
        if any(mutant.needs_odoo or mutant.needs_server for mutant in mutants):
            with own_template(tree):
                yield tree
        else:
            yield tree


@contextmanager
def own_template(tree: Tree) -> Iterator[None]:
    """The tree has a template of its own: whoever edits an addon meanwhile gets a new one, and the old goes."""
    tree.database = f"mes_mutants_{os.getpid()}"
    database.copy(os.environ.get("MES_TEMPLATE") or template.ensure(), tree.database)
    try:
        yield
    finally:
        database.drop(tree.database)


def hunt(mutants: Sequence[Mutant]) -> int:
    """Try all; say each; give the number of survivors."""
    survivors = []
    with own_tree(mutants) as tree:
        for mutant in mutants:  # a list that went stale says so before minutes have passed
            broken(mutant, (tree.path / mutant.file).read_text())
        check_unbroken(tree, mutants)
        for mutant in mutants:
            started = time.monotonic()
            caught = is_caught(tree, mutant)
            verdict = "caught  " if caught else "SURVIVED"
            print(f"  {verdict} {mutant.name} ({mutant.file}, {time.monotonic() - started:.1f} s)", flush=True)
            survivors += [] if caught else [mutant]
    print(f"{len(mutants) - len(survivors)} caught, {len(survivors)} survived")
    return len(survivors)


def main(arguments: Sequence[str]) -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("names", nargs="*", help="only these breaks")
    options.add_argument("--list", action="store_true", help="name the breaks and end")
    chosen = options.parse_args(arguments)
    try:
        mutants = load()
        if unknown := set(chosen.names) - {mutant.name for mutant in mutants}:
            raise Stale(f"no such break: {', '.join(sorted(unknown))}; see --list")
        mutants = [mutant for mutant in mutants if not chosen.names or mutant.name in chosen.names]
        if chosen.list:
            print("\n".join(f"{mutant.name:28} {mutant.file}" for mutant in mutants))
            return 0
        return 1 if hunt(mutants) else 0
    except Stale as error:
        print(f"mutants: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
