# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Builders for the tests of the pure packages: times, small histories, and random ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from kpi import Ideal, RowKey, Settings, Totals, add_up, rows
from timeline import (
    Break,
    Counter,
    CountPoint,
    History,
    Override,
    Run,
    Shift,
    Span,
    StatePoint,
    Timeline,
    build,
)

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
T0 = 1_790_000_000_000 // HOUR * HOUR
"""A full hour in UTC at which most histories begin."""


def at(text: str, tz: str = "UTC", fold: int = 0) -> int:
    """The milliseconds of a local time such as "2026-10-24 22:00"."""
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(tz), fold=fold)
    return round(moment.timestamp()) * 1000


def shift(start: int, end: int, name: str = "S", breaks: Sequence[tuple[int, int]] = ()) -> Shift:
    """A shift with stopping breaks."""
    rests = tuple(Break(rest_start, rest_end) for rest_start, rest_end in breaks)
    return Shift(start, end, f"{name}@{start}", date(2026, 10, 24), rests, name)


def counter(role: str, *points: tuple[int, int], name: str = "") -> Counter:
    """A counter with plain (time, total) points."""
    return Counter(name or role, role, tuple(CountPoint(time, total) for time, total in points))


def machine(window: Span, *states: tuple[int, str], **parts: object) -> History:
    """A history that is watched, in one shift and has one order all through ``window``, unless told otherwise."""
    facts: dict[str, object] = {
        "states": tuple(StatePoint(time, state) for time, state in states),
        "evidence": (window,),
        "runs": (Run(window.start, window.end, 1, "P"),),
        "shifts": (shift(window.start, window.end),),
    }
    return History(**{**facts, **parts})  # type: ignore[arg-type]


def seconds(number: str, product: str | None = None) -> tuple[Ideal, ...]:
    """One ideal cycle."""
    return (Ideal.of_seconds(product, 0, number),)


def rollup(timeline: Timeline, settings: Settings | None = None, ideals: Sequence[Ideal] = ()) -> dict[RowKey, Totals]:
    """The rows of a timeline."""
    hours = [row.start for row in timeline.hours]
    known = settings or Settings()
    return rows(timeline.slices, timeline.quantities, timeline.stops, hours, known, ideals, timeline.startups)


def totals(
    history: History,
    window: Span,
    now: int | None = None,
    settings: Settings | None = None,
    ideals: Sequence[Ideal] = (),
) -> Totals:
    """The totals of a window, by default long after it."""
    startup_ms = settings.startup_ms if settings else 0
    timeline = build(history, window, window.end + 1000 * HOUR if now is None else now, startup_ms)
    return add_up(rollup(timeline, settings, ideals).values())


def percent(value: Fraction | None, digits: int = 2) -> str:
    """A figure as people print it."""
    assert value is not None
    return f"{float(value * 100):.{digits}f}"


LENGTH = 5 * HOUR
"""Random histories bear on T0 .. T0 + LENGTH."""
WINDOW = Span(T0, T0 + LENGTH)

_times = st.one_of(
    st.integers(T0 - HOUR, T0 + LENGTH + HOUR),
    st.integers(-6, LENGTH // (10 * MINUTE) + 6).map(lambda step: T0 + step * 10 * MINUTE),
)


def _spans(longest: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(_times, st.integers(0, longest)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def _ends(span: tuple[int, int], is_open: bool) -> tuple[int, int | None]:
    return (span[0], None if is_open else span[1])


_open_spans = st.builds(_ends, _spans(3 * HOUR), st.sampled_from([False, False, False, True]))
_states = st.builds(
    StatePoint,
    at=_times,
    value=st.sampled_from(["running", "running", "idle", "down", "setup", "maintenance"]),
    code=st.sampled_from([None, "17", "23"]),
    interlock=st.sampled_from([None, None, "starved", "blocked"]),
)
_modes = st.builds(
    StatePoint, at=_times, value=st.sampled_from(["production", "changeover", "cleaning", "trial", "manual"])
)


@st.composite
def _runs(draw: st.DrawFn, first_id: int) -> tuple[Run, ...]:
    spans = draw(st.lists(_open_spans, max_size=4))
    shares = st.sampled_from([Fraction(1), Fraction(1, 2), Fraction(1, 3), Fraction(0)])
    products = st.sampled_from(["P", "Q"])
    return tuple(
        Run(start, end, first_id + place, draw(products), draw(shares)) for place, (start, end) in enumerate(spans)
    )


@st.composite
def _overrides(draw: st.DrawFn) -> tuple[Override, ...]:
    spans = draw(st.lists(_open_spans, max_size=4))
    return tuple(
        Override(
            start,
            end,
            recorded_at=draw(st.integers(0, 3)),
            id=place,
            reason=draw(st.sampled_from([None, 1, 2])),
            state=draw(st.sampled_from([None, "running", "down", "idle"])),
            planned=draw(st.booleans()),
            setup=draw(st.sampled_from([False, False, True])),
        )
        for place, (start, end) in enumerate(spans)
    )


@st.composite
def _shifts(draw: st.DrawFn) -> tuple[Shift, ...]:
    edges = sorted(draw(st.lists(_times, max_size=6, unique=True)))
    made = []
    for place in range(0, len(edges) - 1, draw(st.sampled_from([1, 2]))):
        start, end = edges[place], edges[place + 1]
        rest = (end - start) // 3
        made.append(shift(start, end, breaks=draw(st.sampled_from([(), ((start + rest, start + 2 * rest),)]))))
    return tuple(made)


@st.composite
def _counter(draw: st.DrawFn, role: str) -> Counter:
    steps = draw(st.lists(st.tuples(st.integers(1, 40 * MINUTE), st.integers(0, 60)), max_size=14))
    time, total = T0 - HOUR, draw(st.integers(0, 1000))
    points = [CountPoint(time, total)]
    for wait, pieces in steps:
        time, total = time + wait, total + pieces
        points.append(CountPoint(time, total))
    return Counter(role, role, tuple(points))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Any facts about the hours around ``WINDOW``, consistent or not."""
    roles = draw(st.sampled_from([("total", "reject"), ("total", "good"), ("good", "reject"), ("total",), ()]))
    watched = draw(st.sampled_from([True, True, False]))
    scheduled = draw(st.sampled_from([True, True, False]))
    everything = Span(T0 - 2 * HOUR, T0 + LENGTH + 2 * HOUR)
    return History(
        states=tuple(draw(st.lists(_states, max_size=16))),
        modes=tuple(draw(st.lists(_modes, max_size=3))),
        evidence=(everything,)
        if watched
        else tuple(Span(*pair) for pair in draw(st.lists(_spans(2 * HOUR), max_size=5))),
        runs=draw(_runs(1)),
        line_runs=draw(_runs(100)),
        overrides=draw(_overrides()),
        shifts=(shift(everything.start, everything.end),) if scheduled else draw(_shifts()),
        counters=tuple(draw(_counter(role)) for role in roles),
        tz=draw(st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin"])),
    )


nows = st.one_of(st.just(T0 + LENGTH + 10 * HOUR), st.integers(T0 - HOUR, T0 + LENGTH + HOUR))
"""Moments at which somebody looks."""
