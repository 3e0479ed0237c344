"""The past of the whole plant, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import batch, history, tools
from .equipment import Cell
from .layout import PART_OF
from .past import History, Rhythm


def invent_cell(cell: Cell, start: int, end: int, rhythm: Rhythm, seed: int = 7) -> History:
    """The past of one cell over [start, end)."""
    if cell.kind == "flow":
        return history.invent(cell, start, end, rhythm, seed)
    if cell.kind == "tools":
        return tools.invent(cell, start, end, rhythm, PART_OF, seed)
    return batch.invent(cell, start, end, seed)


def invent_plant(
    cells: Sequence[Cell], start: int, end: int, rhythms: Mapping[str, Rhythm], seed: int = 7
) -> dict[str, History]:
    """Code of a cell -> its past; ``rhythms`` by the same code."""
    return {cell.code: invent_cell(cell, start, end, rhythms[cell.code], seed) for cell in cells}
