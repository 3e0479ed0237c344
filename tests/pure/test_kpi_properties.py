# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""What holds of every figure whatever the facts, and that a rollup in parts equals a rebuild."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import date
from fractions import Fraction

from histories import HOUR, LENGTH, MINUTE, T0, WINDOW, at, histories, nows, rollup, seconds, totals
from hypothesis import given
from hypothesis import strategies as st
from kpi import BUCKETS, RowKey, Settings, Totals, add_up, figures, losses
from timeline import (
    Calendar,
    CalendarException,
    Counter,
    CountPoint,
    History,
    Override,
    Pattern,
    Run,
    ShiftRule,
    Span,
    StatePoint,
    affected,
    build,
    expand,
    hour_grid,
    whole_hours,
)

LATER = T0 + 1000 * HOUR
IDEALS = (*seconds("2.5", "P"), *seconds("4"))
STARTUP = 25 * MINUTE
STARTING = Settings(startup_ms=STARTUP, failures=frozenset({1, "17"}), maintenance=frozenset({2}))


@given(histories(), nows)
def test_invariant_1_buckets_sum_to_the_window(history: History, now: int) -> None:
    """Whatever the facts, the nine buckets are each at least zero and sum to the window up to now."""
    found = totals(history, WINDOW, now)
    times = [getattr(found, f"{bucket}_ms") for bucket in BUCKETS]
    assert min(times) >= 0
    assert sum(times) == max(0, min(WINDOW.end, now) - WINDOW.start)


@given(histories(), nows)
def test_invariant_4_calendar_time_and_production_come_apart_exactly(history: History, now: int) -> None:
    """Calendar time is the sum of its parts, production that of value-adding, speed loss and reject loss."""
    found = totals(history, WINDOW, now, STARTING, IDEALS)
    stands = found.no_order_ms + found.unplanned_ms + found.minor_ms + found.undetermined_ms
    rest = found.not_scheduled_ms + found.no_data_ms + found.planned_ms + found.setup_ms + found.production_ms
    assert found.calendar_ms == rest + stands
    parts = losses(found)
    assert parts.value_adding_ms + parts.speed_ms + parts.reject_ms == found.production_ms
    assert 0 <= found.maintenance_ms <= found.planned_ms
    assert 0 <= found.failure_ms <= found.adet_ms


@given(histories(), nows)
def test_invariant_5_oee_is_good_ideal_time_over_busy_time(history: History, now: int) -> None:
    """With one ideal cycle A × P × Q = good × ideal ÷ planned busy time, to the last digit."""
    found = totals(history, WINDOW, now, ideals=seconds("2.5"))
    told = figures(found, Settings(coverage_limit=Fraction(0)))
    oee = told["oee"].value
    if oee is None:
        assert found.pbt_ms == 0
        return
    assert oee == Fraction(found.good * 2500, found.pbt_ms)
    factors = [told[key].value for key in ("availability", "effectiveness", "quality")]
    if None not in factors:
        assert oee == factors[0] * factors[1] * factors[2]  # type: ignore[operator]


@given(histories(), nows, st.lists(st.integers(0, LENGTH), max_size=4))
def test_invariant_6_parts_of_a_window_add_up_to_it(history: History, now: int, cuts: list[int]) -> None:
    """However a window is cut, the totals of its parts are those of the whole."""
    edges = [WINDOW.start, *sorted(T0 + cut for cut in cuts), WINDOW.end]
    parts = [totals(history, Span(a, b), now, STARTING, IDEALS) for a, b in itertools.pairwise(edges)]
    assert add_up(parts) == totals(history, WINDOW, now, STARTING, IDEALS)


def hour_by_hour(history: History, window: Span, now: int) -> dict[RowKey, Totals]:
    """The rows of each hour, each computed on its own."""
    found: dict[RowKey, Totals] = {}
    for row in hour_grid(history.tz, window):
        found |= rollup(build(history, Span(row.start, row.end), now, STARTUP), STARTING, IDEALS)
    return found


@given(histories(), nows)
def test_invariant_6_hours_on_their_own_equal_a_rebuild(history: History, now: int) -> None:
    """The rows of hours that were computed one at a time are those of one go over all of them."""
    window = whole_hours(history.tz, WINDOW)
    assert hour_by_hour(history, window, now) == rollup(build(history, window, now, STARTUP), STARTING, IDEALS)


def recomputed(
    rows: dict[RowKey, Totals], history: History, changed: Span, now: int
) -> tuple[dict[RowKey, Totals], Span]:
    """The rows after the hours that the change affects were replaced, and those hours."""
    hours = whole_hours(history.tz, affected(history, changed, now, STARTUP))
    kept = {key: row for key, row in rows.items() if not hours.start <= key.hour < hours.end}
    return kept | rollup(build(history, hours, now, STARTUP), STARTING, IDEALS), hours


@st.composite
def changes(draw: st.DrawFn) -> tuple[History, History, Span]:
    """A history, the same after one more fact, and the span in which that fact changes anything."""
    before = draw(histories())
    start = draw(st.integers(T0, T0 + LENGTH))
    end = start + draw(st.integers(1, 2 * HOUR))
    what = draw(st.sampled_from(["state", "evidence", "run", "override", "count", "shift"]))
    if what == "state":
        later = [point.at for point in before.states if point.at > start]
        point = StatePoint(start, draw(st.sampled_from(["running", "down"])))
        return before, replace(before, states=(*before.states, point)), Span(start, min(later, default=LATER))
    if what == "count" and before.counters:
        counter = before.counters[0]
        start = draw(st.integers(T0 + 1, max(T0 + 1, counter.points[-1].at)))
        lower = [point.total for point in counter.points if point.at <= start]
        point_ = CountPoint(start, max(lower, default=0))
        changed = replace(counter, points=(*counter.points, point_))
        return before, replace(before, counters=(changed, *before.counters[1:])), Span(start, start)
    after = {
        "evidence": replace(before, evidence=(*before.evidence, Span(start, end))),
        "run": replace(before, runs=(*before.runs, Run(start, end, 50, "P"))),
        "override": replace(before, overrides=(*before.overrides, Override(start, end, 9, 50, state="down"))),
    }
    cleared = replace(before, shifts=tuple(s for s in before.shifts if s.end <= start or s.start >= end))
    gone = [s for s in before.shifts if s not in cleared.shifts]
    span = Span(min([start, *(s.start for s in gone)]), max([end, *(s.end for s in gone)]))
    return (before, after[what], Span(start, end)) if what in after else (before, cleared, span)


@given(changes())
def test_invariant_6_incremental_equals_rebuild(change: tuple[History, History, Span]) -> None:
    """After any late fact, recomputing the affected hours alone gives the rows of a full rebuild."""
    before, after, changed = change
    everything = whole_hours(before.tz, Span(T0 - 3 * HOUR, T0 + LENGTH + 3 * HOUR))
    now = everything.end
    rows = rollup(build(before, everything, now, STARTUP), STARTING, IDEALS)
    found, _hours = recomputed(rows, after, Span(changed.start, min(changed.end, now)), now)
    wanted = rollup(build(after, everything, now, STARTUP), STARTING, IDEALS)
    assert {key: row for key, row in found.items() if everything.start <= key.hour < everything.end} == wanted


def week(calendar: Calendar, window: Span) -> History:
    """A week of a machine that stops every 40 minutes and counts every five."""
    rng = random.Random(16)
    wide = Span(window.start - 24 * HOUR, window.end + 24 * HOUR)
    states, points, total = [], [], 0
    for time in range(wide.start, wide.end, 40 * MINUTE):
        states += [StatePoint(time, "running"), StatePoint(time + rng.randint(30, 39) * MINUTE, "down", "17")]
    for time in range(wide.start, wide.end, 5 * MINUTE):
        total += rng.randint(0, 100)
        points.append(CountPoint(time + rng.randint(0, MINUTE), total))
    return History(
        states=tuple(states),
        evidence=(wide,),
        runs=(Run(wide.start, wide.end, 1, "P"),),
        shifts=expand(calendar, wide),
        counters=(Counter("total", "total", tuple(points)),),
        tz=calendar.tz,
    )


def test_v16_overtime_last_week_recomputes_only_what_it_touches() -> None:
    """An overtime shift added to last week changes only rows of the hours it touches, to those of a rebuild."""
    tz = "Europe/Berlin"
    window = Span(at("2026-06-01 00:00", tz), at("2026-06-08 00:00", tz))
    rules = tuple(ShiftRule("Early", day, 360, 840) for day in range(5))
    before = Calendar(tz, (Pattern(None, rules),))
    overtime = CalendarException(date(2026, 6, 4), "add", (ShiftRule("Extra", 0, 840, 1080),))
    after = replace(before, exceptions=(overtime,))
    old = rollup(build(week(before, window), window, window.end, STARTUP), STARTING, IDEALS)
    new = rollup(build(week(after, window), window, window.end, STARTUP), STARTING, IDEALS)
    (added,) = set(expand(after, window)) - set(expand(before, window))
    found, hours = recomputed(old, week(after, window), added.span, window.end)
    assert found == new
    assert hours.start >= added.start - 2 * HOUR
    assert hours.end <= added.end + 2 * HOUR
    untouched = {key for key in old if key.hour < hours.start or key.hour >= hours.end}
    assert len(untouched) > 150
    assert all(new[key] == old[key] for key in untouched)
    assert any(key.shift and "Extra" in key.shift for key in new)


numbers = st.builds(Totals, *[st.integers(-5, 1000)] * len(Totals.__slots__))


@given(st.lists(numbers, max_size=5), st.randoms(use_true_random=False))
def test_totals_add_in_any_order(parts: list[Totals], rng: random.Random) -> None:
    """Totals add up alike in any order and any grouping; nothing is added by nothing."""
    whole = add_up(parts)
    assert add_up(rng.sample(parts, len(parts))) == whole
    assert sum(parts, Totals()) == whole
    assert bool(whole) == any(getattr(whole, name) for name in Totals.__slots__)


@given(histories(), nows)
def test_every_figure_is_a_value_or_a_reason(history: History, now: int) -> None:
    """No history makes the engine fail: each figure has a value or a reason, and never both."""
    for figure in figures(totals(history, WINDOW, now, ideals=IDEALS)).values():
        assert (figure.value is None) == (figure.refusal is not None) == (figure.explanation is not None)
