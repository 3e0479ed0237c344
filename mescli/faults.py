"""`./mes test --faults`: the whole fault matrix, and its table.

The cells are the tests of `tests/faults` with MES_FAULTS=all; each scene leaves a line of JSON behind. With
`--write-docs` the table of docs/bridge-faults.md is written anew, between its two marks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from . import testing
from .errors import MesError
from .paths import ROOT, sub
from .progress import say

PAGE = ROOT / "docs/bridge-faults.md"
BEGIN, END = "<!-- matrix: written by ./mes test --faults --write-docs -->", "<!-- end of the matrix -->"
NO_CELL = "–"



@dataclass(frozen=True)
class Told:
    """What the scenes said. rows, columns: names of all faults and protocols there are; scenes: those played."""

    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    scenes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def run(arguments: Sequence[str]) -> int:
    """Play every scene, print the table; 0 only if each cell is good. The rest of the arguments are pytest's."""
    write = "--write-docs" in arguments
    report = sub("run") / f"faults-{os.getpid()}.jsonl"
    report.unlink(missing_ok=True)
    os.environ.update(MES_FAULTS="all", MES_FAULTS_REPORT=str(report))
    rest = [word for word in arguments if word not in ("--faults", "--write-docs")]
    try:
        code = testing.run(testing.parse(["faults", *rest]))
        told = read(report)
    finally:
        report.unlink(missing_ok=True)
    for line in table(told):
        say(line)
    if write:
        write_page(told)
        say(f"written: {PAGE.relative_to(ROOT)}")
    return code


def read(report: Path) -> Told:
    """The lines that `tests/faults/conftest.py` has written: one of the matrix, one a scene."""
    if not report.exists():
        return Told()
    first, *lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    return Told(first["rows"], first["columns"], {line["fault"]: line for line in lines})


def is_good(cell: Mapping[str, Any]) -> bool:
    """What `test_fault_matrix.py` asks of a cell."""
    whole = cell["made"] == cell["booked"] and cell["pending"] == 0 and not cell["trouble"]
    return bool(whole and cell["state_s"] is not None and cell["state_s"] <= 5)


def table(told: Told) -> list[str]:
    """The matrix in Markdown: in each cell parts made and booked, and seconds to the true state."""
    names = [name.replace("_", " ") for name in told.columns]
    lines = [f"| fault | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for scene in (told.scenes[name] for name in told.rows if name in told.scenes):
        cells = [_cell(scene["cells"].get(name), scene["reasons"].get(name)) for name in told.columns]
        lines.append(f"| {scene['title']} | {' | '.join(cells)} |")
    return lines


def _cell(cell: Mapping[str, Any] | None, reason: str | None) -> str:
    if reason:
        return NO_CELL
    if cell is None:
        return "not run"
    if cell["trouble"]:
        return "broke off"
    shown = "never" if cell["state_s"] is None else f"{cell['state_s']:.1f} s"
    text = f"{cell['booked']} = {cell['made']}, {shown}" if cell["booked"] == cell["made"] else (
        f"{cell['booked']} of {cell['made']}, {shown}"
    )  # fmt: skip
    return text if is_good(cell) else f"**{text}**"


def write_page(told: Told) -> None:
    """Replace the table in the page; only a whole matrix goes there."""
    missing = [name for name in told.rows if name not in told.scenes]
    if missing or not told.rows:
        raise MesError(f"Not every scene was played: {', '.join(missing)}.", "run ./mes test --faults --write-docs.")
    text = PAGE.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text:
        raise MesError(f"{PAGE} has lost its marks.", f"put the lines {BEGIN} and {END} back.")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    cells = [cell for scene in told.scenes.values() for cell in scene["cells"].values()]
    good = sum(is_good(cell) for cell in cells)
    sentence = f"{good} of {len(cells)} cells hold; {date.today():%d %B %Y}, {os.cpu_count()} cores."
    body = "\n".join([BEGIN, "", sentence, "", *table(told), "", END])
    PAGE.write_text(before + body + after, encoding="utf-8")
