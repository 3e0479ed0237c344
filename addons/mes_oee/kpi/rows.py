# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The rollup: totals by hour, shift and order run. Every coarser figure is a sum of these rows.

A row depends on nothing but the facts: recomputing an hour gives the same row, whichever window it was
recomputed in. A row in which nothing was added up does not exist.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Protocol

from .buckets import BUCKETS, Bucket, Piece, bucket_of, stop_bucket, stops_beside
from .told import CausedStop, first_told
from .totals import NAMES, Ideal, Key, Settings, Totals

MAINTENANCE = "maintenance"
DELAY = "delay"

_COLUMN = {name: place for place, name in enumerate(NAMES)}
_TIME = {bucket: _COLUMN[f"{bucket}_ms"] for bucket in BUCKETS}
_STOPS: dict[Bucket, int] = {bucket: _COLUMN[f"{bucket}_stops"] for bucket in BUCKETS[-3:]}
_TOTAL, _GOOD, _REJECT = _COLUMN["total"], _COLUMN["good"], _COLUMN["reject"]
_OUTSIDE, _OUTSIDE_GOOD, _OUTSIDE_REJECT = (_COLUMN[f"outside_{name}"] for name in ("total", "good", "reject"))
_UNALLOCATED, _WITHOUT_IDEAL = _COLUMN["unallocated"], _COLUMN["without_ideal"]
_IDEAL, _IDEAL_GOOD = _COLUMN["ideal_ns"], _COLUMN["ideal_good_ns"]
_STARTUP, _STARTUP_IDEAL = _COLUMN["startup_reject"], _COLUMN["startup_ideal_ns"]
_MAINTENANCE, _FAILURE, _FAILURES = (_COLUMN[name] for name in ("maintenance_ms", "failure_ms", "failure_stops"))


@dataclass(frozen=True, slots=True)
class RowKey:
    """What a row is about: ``hour`` is the start of the clock's hour in ms, the rest None where there is none."""

    hour: int
    shift: str | None
    business_date: date | None
    run: Key | None
    product: Key | None


class ShiftLike(Protocol):
    """What a row says of its shift."""

    @property
    def key(self) -> str: ...
    @property
    def business_date(self) -> date: ...


class RunLike(Protocol):
    """What a row says of its order run."""

    @property
    def id(self) -> Key: ...
    @property
    def product(self) -> Key | None: ...


class PortionLike(Protocol):
    """A run's part of a slice."""

    @property
    def run(self) -> RunLike | None: ...
    @property
    def ms(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def good(self) -> int: ...
    @property
    def reject(self) -> int: ...


class QuantityLike(Protocol):
    """A slice's parts, one for each run."""

    @property
    def portions(self) -> Sequence[PortionLike]: ...


class SliceLike(Piece, Protocol):
    """A slice of the timeline."""

    @property
    def shift(self) -> ShiftLike | None: ...
    @property
    def mode(self) -> str | None: ...
    @property
    def effective_reason(self) -> Key | None: ...


class SpanLike(Protocol):
    """A start-up time."""

    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


class Ideals:
    """The ideal cycles of one machine: asked by product and time, the value in force then."""

    def __init__(self, ideals: Iterable[Ideal]) -> None:
        self._of: dict[Key | None, tuple[list[int], list[int]]] = {}
        for ideal in sorted(ideals, key=lambda ideal: (ideal.start, ideal.ns)):
            starts, values = self._of.setdefault(ideal.product, ([], []))
            starts.append(ideal.start)
            values.append(ideal.ns)

    def ns(self, product: Key | None, time: int) -> int | None:
        """Nanoseconds a piece, the product's own or else the one for any product; None if there is neither."""
        found = self._at(product, time)
        return found[1] if found else None

    def since(self, product: Key | None, time: int) -> int | None:
        """When the value began to hold that is in force at a time."""
        found = self._at(product, time)
        return found[0] if found else None

    def _at(self, product: Key | None, time: int) -> tuple[int, int] | None:
        for key in (product, None):
            starts, values = self._of.get(key, ([], []))
            place = bisect_right(starts, time)
            if place:
                return starts[place - 1], values[place - 1]
        return None


def rows(
    slices: Sequence[SliceLike],
    quantities: Sequence[QuantityLike],
    stops: Sequence[CausedStop],
    hours: Sequence[int],
    settings: Settings,
    ideals: Iterable[Ideal] = (),
    startups: Sequence[SpanLike] = (),
) -> dict[RowKey, Totals]:
    """The totals of consecutive slices by hour, shift and run.

    ``quantities`` has one entry for each slice; ``stops`` are all that touch the slices, whole; ``hours``
    are the starts of the clock's hours, at which the slices are cut. An ideal cycle is the one in force
    when a slice begins. A stop is counted in the row in which it began. ``startups`` are the disjoint start-up
    times in order, at whose edges the slices are cut.
    """
    known = Ideals(ideals)
    sums: dict[RowKey, list[int]] = {}
    for piece, quantity, stop in zip(slices, quantities, stops_beside(slices, stops), strict=True):
        bucket = bucket_of(piece, stop, settings)
        parts = _parts(piece, bucket, settings)
        begins = stop is not None and stop.start == piece.start
        starting = bool(startups) and _within(startups, piece.start)
        hour = hours[max(0, bisect_right(hours, piece.start) - 1)]
        shift = piece.shift
        shift_key, business_date = (shift.key, shift.business_date) if shift else (None, None)
        for portion in quantity.portions:
            run = portion.run
            run_id, product = (run.id, run.product) if run else (None, None)
            key = RowKey(hour, shift_key, business_date, run_id, product)
            row = sums.get(key)
            if row is None:
                row = sums[key] = [0] * len(NAMES)
            row[_TIME[bucket]] += portion.ms
            for part in parts:
                row[part] += portion.ms
            if portion.total or portion.reject:
                _add_pieces(row, portion, bucket, known.ns(product, piece.start), starting)
            if begins and stop is not None:
                row[_STOPS[stop_bucket(stop, settings)]] += 1
                row[_FAILURES] += first_told(stop, settings)[0] in settings.failures
                begins = False
    return {key: Totals(*row) for key, row in sums.items() if any(row)}


def _parts(piece: SliceLike, bucket: Bucket, settings: Settings) -> tuple[int, ...]:
    """The columns besides that of its bucket in which a slice's time counts."""
    if bucket == "planned":
        maintained = piece.mode == MAINTENANCE or piece.effective_reason in settings.maintenance
        return (_MAINTENANCE,) if maintained else ()
    failed = piece.category == DELAY and piece.effective_reason in settings.failures
    return (_FAILURE,) if failed else ()


def _within(spans: Sequence[SpanLike], time: int) -> bool:
    """Whether one of the spans, in order and disjoint, holds the time."""
    place = bisect_right(spans, time, key=attrgetter("start"))
    return place > 0 and time < spans[place - 1].end


def _add_pieces(row: list[int], portion: PortionLike, bucket: Bucket, ideal: int | None, starting: bool) -> None:
    """Add the pieces of a portion: those of production enter performance and quality, others stand apart."""
    if bucket != "production":
        row[_OUTSIDE] += portion.total
        row[_OUTSIDE_GOOD] += portion.good
        row[_OUTSIDE_REJECT] += portion.reject
        if portion.run is None:
            row[_UNALLOCATED] += portion.total
        return
    row[_TOTAL] += portion.total
    row[_GOOD] += portion.good
    row[_REJECT] += portion.reject
    if starting:
        row[_STARTUP] += portion.reject
        row[_STARTUP_IDEAL] += (ideal or 0) * portion.reject
    if ideal is None:
        row[_WITHOUT_IDEAL] += portion.total
        return
    row[_IDEAL] += ideal * portion.total
    row[_IDEAL_GOOD] += ideal * portion.good
