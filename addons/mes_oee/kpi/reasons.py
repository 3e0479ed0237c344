# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Where the time without production went: by hour, shift, order run, bucket, reason and code.

Made of the same slices as the rows of :mod:`kpi.rows`, by the same buckets: of each bucket both say the same, to
the millisecond and to the stop.

A stop is counted where it began, once, under the reason that :func:`kpi.told.first_told` finds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from .buckets import Bucket, buckets, stop_bucket
from .rows import QuantityLike, SliceLike
from .told import CausedStop, first_told
from .totals import Key, Settings

_UNSEEN: frozenset[Bucket] = frozenset({"not_scheduled", "no_data"})


@dataclass(frozen=True, slots=True)
class ReasonKey:
    """What a sum is about; ``hour`` is the start of the clock's hour in ms, the rest None where there is none.

    ``reason`` is a person's or else the machine's; ``code`` the machine's own stop code, where somebody watched.
    """

    hour: int
    shift: str | None
    business_date: date | None
    run: Key | None
    product: Key | None
    bucket: Bucket
    reason: Key | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Lost:
    """Milliseconds in a bucket, and the stops that began there."""

    ms: int = 0
    stops: int = 0


class ReasonedSlice(SliceLike, Protocol):
    """A slice that knows why."""

    @property
    def code(self) -> str | None: ...
    @property
    def effective_reason(self) -> Key | None: ...


def reasons(
    slices: Sequence[ReasonedSlice],
    quantities: Sequence[QuantityLike],
    stops: Sequence[CausedStop],
    hours: Sequence[int],
    settings: Settings,
) -> dict[ReasonKey, Lost]:
    """Where the time of consecutive slices went, as far as it was not production.

    The arguments are those of :func:`kpi.rows.rows`, the result sums to its rows bucket by bucket.
    """
    sums: dict[ReasonKey, list[int]] = {}
    began = {stop.start: stop for stop in stops}
    for piece, quantity, bucket in zip(slices, quantities, buckets(slices, stops, settings), strict=True):
        if bucket == "production":
            continue
        hour = hours[max(0, bisect_right(hours, piece.start) - 1)]
        shift = piece.shift
        shift_key, business_date = (shift.key, shift.business_date) if shift else (None, None)
        why = (piece.effective_reason, None if bucket in _UNSEEN else piece.code)
        stop = began.get(piece.start)
        for portion in quantity.portions:
            run = portion.run
            run_id, product = (run.id, run.product) if run else (None, None)
            key = ReasonKey(hour, shift_key, business_date, run_id, product, bucket, *why)
            sums.setdefault(key, [0, 0])[0] += portion.ms
            if stop is not None:
                told = first_told(stop, settings)
                begin = ReasonKey(hour, shift_key, business_date, run_id, product, stop_bucket(stop, settings), *told)
                sums.setdefault(begin, [0, 0])[1] += 1
                stop = None
    return {key: Lost(*found) for key, found in sums.items() if any(found)}
