# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The way in: a window of a machine's timeline with its stops and quantities, complete to the edges.

A stop or a count interval that crosses an edge of the window must be known whole, to be classified and
shared out alike from whichever window one looks: so the build looks beyond the window as far as needed,
and hands back only the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .calendar import HourRow, hour_grid
from .counts import CountFinding, Quantity, Series, by_role, findings
from .model import DELAY, History, Slice, Span
from .overlay import Lanes
from .startups import cut, startups
from .stops import StopSpan, derive

_FIRST_LOOK_MS = 4 * 3_600_000


@dataclass(frozen=True, slots=True)
class Timeline:
    """A window of one machine.

    ``slices`` tile the window up to now, cut at the hours of the site's clock; ``quantities`` has one
    entry for each slice. ``stops`` are all that touch the window, whole: they may begin before and end
    after it. ``hours`` are the rows of the clock that overlap the window. ``startups`` are the start-up times
    that touch it, at whose edges slices are cut as well.
    """

    window: Span
    slices: tuple[Slice, ...]
    quantities: tuple[Quantity, ...]
    stops: tuple[StopSpan, ...]
    hours: tuple[HourRow, ...]
    findings: tuple[CountFinding, ...]
    startups: tuple[Span, ...] = ()


def build(history: History, window: Span, now: int, startup_ms: int = 0) -> Timeline:
    """Slices, quantities, stops and findings of ``window`` as known at ``now``.

    ``startup_ms`` is how long the machine starts up after a set-up; give the facts of so much time before the window.

    :raises ValueError: two counters claim one role, or a time zone is unknown.
    """
    lanes = Lanes(history)
    series = _series(history, now)
    wide = _widened(lanes, series, window, now)
    hours = hour_grid(history.tz, wide)
    cuts = {row.start for row in hours} | {window.start, window.end}
    slices = lanes.sweep(wide.start, min(wide.end, now), cuts)
    before = lanes.sweep(window.start - startup_ms, min(wide.start, now)) if startup_ms else []
    starting = startups([*before, *slices], startup_ms)
    if starting:
        slices = cut(slices, (edge for span in starting for edge in (span.start, span.end)))
    made = by_role(series, slices, [*(row.start for row in hours), *(row.end for row in hours[-1:])])
    inside = [place for place, piece in enumerate(slices) if _overlap(piece, window)]
    return Timeline(
        window,
        tuple(slices[place] for place in inside),
        tuple(made[place] for place in inside),
        tuple(stop for stop in derive(slices) if _overlap(stop, window)),
        tuple(row for row in hours if _overlap(row, window)),
        tuple(findings(series, Span(window.start, max(window.start, min(window.end, now))))),
        tuple(span for span in starting if _overlap(span, window)),
    )


def affected(history: History, changed: Span, now: int, startup_ms: int = 0) -> Span:
    """The span in which figures may be other than before, when facts in ``changed`` have become others.

    It holds every stop and every count interval that touches the change, as they are now and as they
    were: whatever lies outside the change has not moved. A count point's change reaches from the point
    before it to the point after, which is what this finds for ``changed`` = ``Span(at, at)``. A set-up that
    ends otherwise moves the start-up time after it.
    """
    series = _series(history, now)
    reach = _widened(Lanes(history), series, Span(changed.start - 1, changed.end + 1), now)
    return Span(reach.start, max(reach.end, changed.end + startup_ms))


def whole_hours(tz: str, span: Span) -> Span:
    """The span widened to whole hours of the local clock, the grain of the rollup."""
    rows = hour_grid(tz, span)
    return Span(rows[0].start, rows[-1].end) if rows else span


def _series(history: History, now: int) -> list[Series]:
    """The counters as known at ``now``."""
    return [Series(counter, now) for counter in history.counters]


def _widened(lanes: Lanes, series: Sequence[Series], window: Span, now: int) -> Span:
    """The window with all of the stops and count intervals that touch it, and a moment beyond."""
    reaches = [one.reach(window) for one in series]
    start = min([window.start, *(reach.start for reach in reaches)])
    end = max([window.end, *(reach.end for reach in reaches)])
    return Span(min(start, _stop_start(lanes, window.start)), max(end, _stop_end(lanes, window.end, now)))


def _stop_start(lanes: Lanes, time: int) -> int:
    """Where the stop begins that holds the last instant before ``time``; ``time`` if there is none."""
    look = _FIRST_LOOK_MS
    earliest = time if lanes.first_told is None else lanes.first_told
    while time > earliest:
        for piece in reversed(lanes.sweep(time - look, time)):
            if piece.category != DELAY:
                return piece.end
            time = piece.start
        look *= 4
    return time


def _stop_end(lanes: Lanes, time: int, now: int) -> int:
    """A time after the stop that holds ``time``, at most ``now``; or ``time`` if there is none."""
    look = _FIRST_LOOK_MS
    while time < now:
        for piece in lanes.sweep(time, min(time + look, now)):
            if piece.category != DELAY:
                return piece.start + 1
            time = piece.end
        look *= 4
    return time


def _overlap(piece: Slice | StopSpan | HourRow | Span, window: Span) -> bool:
    return piece.start < window.end and piece.end > window.start
