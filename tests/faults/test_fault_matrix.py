"""Every fault for every protocol: all parts booked once, the true state shown within 5 s, nothing left in the queue.

A cell is a test; the cells of one fault are one scene (``fault_scene.py``) with one machine a protocol behind
one bridge, hit at the same time. ``./mes test --faults`` runs the whole matrix, the default run some rows.
"""

from __future__ import annotations

from fault_scene import STATE_LIMIT_S, Cell


def test_nothing_is_lost_and_the_true_state_is_back(cell_of: Cell) -> None:
    cell = cell_of
    assert not cell.trouble, f"{cell.trouble}\n{cell.log}"
    assert cell.booked == cell.made > 10, f"{cell.made} made, {cell.booked} booked\n{cell.log}"
    assert cell.last == "idle" and cell.pending == 0, f"{cell}\n{cell.log}"
    assert cell.state_s is not None and cell.state_s <= STATE_LIMIT_S, f"{cell.state_s} s {cell.shown}\n{cell.log}"
