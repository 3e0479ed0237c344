# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Where the time without production went: the same time as the rows, apart by reason and code."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from dataclasses import replace

from histories import HOUR, MINUTE, SECOND, T0, WINDOW, histories, machine, nows, rollup
from hypothesis import given
from hypothesis import strategies as st
from kpi import BUCKETS, Lost, ReasonKey, RowKey, Settings, reasons
from timeline import History, Override, ReasonRule, Span, StatePoint, Timeline, build, hour_grid, whole_hours

SETTINGS = Settings(minor_stop_ms=5 * MINUTE, minor_by_mode=(("manual", 20 * MINUTE),))
LATER = T0 + 1000 * HOUR


def lost(timeline: Timeline, settings: Settings = SETTINGS) -> dict[ReasonKey, Lost]:
    """The reasons of a timeline."""
    hours = [row.start for row in timeline.hours]
    return reasons(timeline.slices, timeline.quantities, timeline.stops, hours, settings)


@st.composite
def ruled(draw: st.DrawFn) -> History:
    """Any history with rules of codes and of time windows."""
    start = draw(st.integers(WINDOW.start, WINDOW.end))
    window = Span(start, start + draw(st.integers(1, 2 * HOUR)))
    by_code = ReasonRule(1, 501, codes=("17",))
    by_time = ReasonRule(2, 502, planned=draw(st.booleans()), windows=(window,))
    return replace(draw(histories()), rules=(by_code, by_time))


def by_row(found: Mapping[ReasonKey, Lost]) -> dict[tuple[RowKey, str], tuple[int, int]]:
    """Milliseconds and stops by row and bucket, where there are any."""
    ms: Tally[tuple[RowKey, str]] = Tally()
    stops: Tally[tuple[RowKey, str]] = Tally()
    for key, one in found.items():
        place = RowKey(key.hour, key.shift, key.business_date, key.run, key.product), key.bucket
        ms[place] += one.ms
        stops[place] += one.stops
    return {place: (ms[place], stops[place]) for place in ms if ms[place] or stops[place]}


@given(ruled(), nows)
def test_of_each_row_and_bucket_reasons_say_what_the_rows_say(history: History, now: int) -> None:
    """To the millisecond and to the stop, in each hour, shift and order run; production has no reason."""
    timeline = build(history, WINDOW, now)
    wanted = {}
    for key, totals in rollup(timeline, SETTINGS).items():
        for bucket in BUCKETS:
            pair = getattr(totals, f"{bucket}_ms"), getattr(totals, f"{bucket}_stops", 0)
            if bucket != "production" and any(pair):
                wanted[key, bucket] = pair
    assert by_row(lost(timeline)) == wanted


@given(ruled(), nows)
def test_hours_on_their_own_equal_a_rebuild(history: History, now: int) -> None:
    """Invariant 6: an hour's reasons do not depend on the window they were computed in."""
    window = whole_hours(history.tz, WINDOW)
    alone: dict[ReasonKey, Lost] = {}
    for row in hour_grid(history.tz, window):
        alone |= lost(build(history, Span(row.start, row.end), now))
    assert alone == lost(build(history, window, now))


def only_stops(found: Mapping[ReasonKey, Lost]) -> dict[tuple[str, object, str | None], int]:
    """Stops by bucket, reason and code."""
    return {(key.bucket, key.reason, key.code): one.stops for key, one in found.items() if one.stops}


def test_a_persons_reason_beats_the_machines() -> None:
    """The rule's reason holds where nobody said anything, a person's elsewhere; time is parted, the stop is one."""
    window = Span(T0, T0 + HOUR)
    down, up = T0 + 10 * MINUTE, T0 + 40 * MINUTE
    states = (StatePoint(T0, "running"), StatePoint(down, "down", "17"), StatePoint(up, "running"))
    said = Override(T0 + 20 * MINUTE, T0 + 40 * MINUTE, 1, 1, reason=9)
    history = machine(window, states=states, overrides=(said,), rules=(ReasonRule(1, 501, codes=("17",)),))
    found = lost(build(history, window, LATER))
    assert {(key.bucket, key.reason, key.code): one.ms for key, one in found.items()} == {
        ("unplanned", 501, "17"): 10 * MINUTE,
        ("unplanned", 9, "17"): 20 * MINUTE,
    }
    assert only_stops(found) == {("unplanned", 501, "17"): 1}


def test_a_stop_counts_under_what_was_told_of_it_soon() -> None:
    """A code that comes seconds after the stop is its code; a reason that begins beyond the threshold is not."""
    window = Span(T0, T0 + HOUR)
    down = T0 + 10 * MINUTE
    states = (StatePoint(T0, "running"), StatePoint(down, "down"), StatePoint(down + SECOND, "down", "23"))
    history = machine(window, states=states)
    assert only_stops(lost(build(history, window, LATER))) == {("unplanned", None, "23"): 1}
    soon = Override(T0 + 12 * MINUTE, None, 1, 1, reason=9)
    late = Override(T0 + 15 * MINUTE, None, 1, 1, reason=9)
    for said, wanted in ((soon, ("unplanned", 9, "23")), (late, ("unplanned", None, "23"))):
        told = lost(build(replace(history, overrides=(said,)), window, LATER))
        assert only_stops(told) == {wanted: 1}


def test_a_complete_hour_stays_as_it_is_while_its_stop_goes_on() -> None:
    """A rule's window that opens in a later hour gives the rest of an open stop its reason, not its beginning."""
    hour = Span(T0, T0 + HOUR)
    opens = Span(T0 + HOUR + 30 * MINUTE, T0 + 3 * HOUR)
    states = (StatePoint(T0, "running"), StatePoint(T0 + 58 * MINUTE, "down", "17"))
    history = machine(Span(T0, T0 + 4 * HOUR), states=states, rules=(ReasonRule(1, 501, windows=(opens,)),))
    complete = hour.end + SETTINGS.minor_stop_ms
    first = lost(build(history, hour, complete))
    assert only_stops(first) == {("unplanned", None, "17"): 1}
    assert lost(build(history, hour, T0 + 4 * HOUR)) == first


def test_no_code_where_nobody_watched() -> None:
    """The last code before the link broke says nothing of the time after."""
    window = Span(T0, T0 + HOUR)
    states = (StatePoint(T0, "down", "17"),)
    history = machine(window, states=states, evidence=(Span(T0, T0 + 20 * MINUTE),))
    found = {(key.bucket, key.code): one.ms for key, one in lost(build(history, window, LATER)).items()}
    assert found == {("unplanned", "17"): 20 * MINUTE, ("no_data", None): 40 * MINUTE}
