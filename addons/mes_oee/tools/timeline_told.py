"""What is written on the lanes of the timeline screen."""

from collections.abc import Callable, Iterable
from typing import Any

from odoo.addons.mes_base.timeline import Shift, Slice

from . import timeline_lanes
from .timeline_lanes import Texts


class Told:
    """The words of a drawing's lanes."""

    def __init__(
        self,
        reason: Callable[[Slice], str],
        orders: dict[int, tuple[str, str]],
        words: dict[int, tuple[str, str]],
        modes: dict[str, str],
    ) -> None:
        self.reason, self._orders, self._words, self._modes = reason, orders, words, modes

    def orders(self, slices: Iterable[Slice]) -> list[tuple[int, int, str, str]]:
        """Which orders ran; several at once are told in one breath."""
        spans = timeline_lanes.spans_of(slices, lambda piece: tuple(run.id for run in piece.runs) or None)
        return [
            (start, end, *(" + ".join(filter(None, words)) for words in zip(*map(self._orders.get, ids), strict=True)))
            for start, end, ids in spans
        ]

    def words(self, slices: Iterable[Slice]) -> list[tuple[int, int, str, str, int]]:
        """The words of people that are in force, each with the identity of its record."""
        spans = timeline_lanes.spans_of(slices, lambda piece: piece.override.id if piece.override else None)
        return [(start, end, *self._words[id_], id_) for start, end, id_ in spans]

    def modes(self, slices: Iterable[Slice]) -> list[tuple[int, int, str, str]]:
        """The modes other than production."""
        spans = timeline_lanes.spans_of(
            slices, lambda piece: piece.mode if piece.watched and piece.mode != "production" else None
        )
        return [(start, end, self._modes.get(mode, mode), mode) for start, end, mode in spans]


def calendar_values(shifts: Iterable[Shift], names: dict[str, str], texts: Texts) -> list[list[Any]]:
    """[from, until, place of the name, business date, [[from, until] of the breaks]] of each shift."""
    return [
        [
            shift.start, shift.end, texts.place(names.get(shift.name, shift.name)), shift.business_date.isoformat(),
            [[one.start, one.end] for one in shift.breaks],
        ]
        for shift in shifts
    ]  # fmt: skip
