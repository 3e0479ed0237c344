"""What figures are asked for: the machines, where they stood, and how they are put together."""

from typing import Any, NamedTuple


class Scope(NamedTuple):
    """The machines that bear on a figure.

    ``place`` is the column (site_id, area_id, line_id) that must have one of ``place_ids`` for a row to
    belong to it: a machine that moved belongs to a line only while it stood there. ``method`` is machine
    (one machine, or each for itself), sums, or bottleneck.
    """

    workcenter_ids: list[int]
    place: str | None = None
    place_ids: tuple[int, ...] = ()
    method: str = "machine"


def is_id(value: Any) -> bool:
    """Whether what came over the wire can be the id of a record."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31
