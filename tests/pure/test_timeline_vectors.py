# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The vectors of the timeline: states, stops, overrides, orders and counts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from histories import HOUR, MINUTE, SECOND, T0, at, counter, machine, rollup, shift, totals
from kpi import Settings, add_up, figures
from timeline import (
    Counter,
    CountPoint,
    History,
    Override,
    Run,
    Span,
    StatePoint,
    affected,
    build,
    overlay,
    quantities,
)

DAY = Span(T0, T0 + 24 * HOUR)
LATER = T0 + 1000 * HOUR


def test_v3_overlapping_overrides_later_recorded_wins() -> None:
    """Of two overlapping overrides the later recorded wins where they overlap, and no time is negative."""
    first = Override(T0, T0 + 15 * HOUR, recorded_at=1, id=1, reason="A", state="down")
    second = Override(T0 + 10 * MINUTE, T0 + 14 * HOUR, recorded_at=2, id=2, reason="B", state="idle")
    for overrides in ((first, second), (second, first)):
        slices = overlay(DAY, LATER, machine(DAY, (T0, "running"), overrides=overrides))
        told = [(piece.start - T0, piece.end - T0, piece.reason, piece.state) for piece in slices]
        assert told == [
            (0, 10 * MINUTE, "A", "down"),
            (10 * MINUTE, 14 * HOUR, "B", "idle"),
            (14 * HOUR, 15 * HOUR, "A", "down"),
            (15 * HOUR, 24 * HOUR, None, "running"),
        ]
        assert all(piece.machine_state == "running" for piece in slices)


def test_v3_earlier_recorded_inside_a_later_one_is_kept_but_hidden() -> None:
    """The order of recording decides, not the order of begin."""
    outer = Override(T0, T0 + 15 * HOUR, recorded_at=2, id=1, reason="A")
    inner = Override(T0 + 10 * MINUTE, T0 + 14 * HOUR, recorded_at=1, id=2, reason="B")
    slices = overlay(Span(T0, T0 + 15 * HOUR), LATER, machine(DAY, (T0, "down"), overrides=(outer, inner)))
    assert [piece.reason for piece in slices] == ["A"]


def test_v4_rollover_counts_ten_and_is_listed() -> None:
    """A rollover booked as ten pieces by the bridge gives ten pieces and a finding."""
    points = (CountPoint(T0, 65_530), CountPoint(T0 + MINUTE, 65_540, decision="rollover", low=10, high=10))
    timeline = build(machine(DAY, (T0, "running"), counters=(Counter("n", "total", points),)), DAY, LATER)
    assert sum(made.total for made in timeline.quantities) == 10
    (finding,) = timeline.findings
    assert (finding.code, finding.counter, finding.pieces) == ("rollover", "n", 10)


def test_v4b_gap_carries_its_bounds() -> None:
    """A step known only modulo the register is booked as told and its bounds are carried through."""
    points = (CountPoint(T0, 0), CountPoint(T0 + 3 * HOUR, 10, decision="gap", low=10, high=65_546))
    timeline = build(machine(DAY, (T0, "running"), counters=(Counter("n", "total", points),)), DAY, LATER)
    (finding,) = timeline.findings
    assert (finding.code, finding.low, finding.high, finding.pieces) == ("gap", 10, 65_546, 10)


def test_v5_reset_adds_three_across_epochs() -> None:
    """A reset starts a new counter epoch; the running total goes on, so three pieces are three."""
    points = (CountPoint(T0, 65_530, epoch=1), CountPoint(T0 + MINUTE, 65_533, epoch=2, decision="reset"))
    timeline = build(machine(DAY, (T0, "running"), counters=(Counter("n", "total", points),)), DAY, LATER)
    assert sum(made.total for made in timeline.quantities) == 3
    assert [finding.code for finding in timeline.findings] == ["reset"]


def test_v6_stop_over_a_shift_change_is_one_stop() -> None:
    """A stop 22:50 to 23:10 over a change at 23:00 is one, counted where it began, ten minutes in each."""
    start, change, end = T0 + 8 * HOUR, T0 + 16 * HOUR, T0 + 24 * HOUR
    window = Span(start, end)
    history = machine(
        window,
        (start, "running"),
        (change - 10 * MINUTE, "down"),
        (change + 10 * MINUTE, "running"),
        shifts=(shift(start, change, "late"), shift(change, end, "night")),
    )
    timeline = build(history, window, LATER)
    (stop,) = timeline.stops
    assert (stop.start, stop.end, stop.open) == (change - 10 * MINUTE, change + 10 * MINUTE, False)
    by_shift = {
        name: add_up(row for key, row in rollup(timeline).items() if (key.shift or "").startswith(name))
        for name in ("late", "night")
    }
    assert [by_shift[name].unplanned_ms for name in ("late", "night")] == [10 * MINUTE, 10 * MINUTE]
    assert [by_shift[name].unplanned_stops for name in ("late", "night")] == [1, 0]


def test_v6_a_window_that_cuts_the_stop_still_knows_it_whole() -> None:
    """A stop of 80 s of which only 30 s lie in the window is not minor."""
    history = machine(DAY, (T0, "running"), (T0 + HOUR - 50 * SECOND, "down"), (T0 + HOUR + 30 * SECOND, "running"))
    window = Span(T0 + HOUR, T0 + 2 * HOUR)
    found = totals(history, window)
    assert (found.unplanned_ms, found.minor_ms, found.unplanned_stops) == (30 * SECOND, 0, 0)


def test_v6_a_minor_stop_cut_by_the_window_is_closed_all_the_same() -> None:
    """A closed stop of 40 s of which the window shows the first or the last 20 s is minor on both sides."""
    cut = T0 + HOUR
    history = machine(DAY, (T0, "running"), (cut - 20 * SECOND, "down"), (cut + 20 * SECOND, "running"))
    for window in (Span(T0, cut), Span(cut, DAY.end)):
        found = totals(history, window)
        assert (found.minor_ms, found.undetermined_ms, found.unplanned_ms) == (20 * SECOND, 0, 0)


def test_v6_a_stop_of_many_hours_is_known_from_its_last_minute() -> None:
    """A stop that began the day before is known whole to a window that shows its end, and the other way round."""
    wide = Span(T0, T0 + 60 * HOUR)
    history = machine(wide, (T0, "running"), (T0 + HOUR, "down"), (T0 + 50 * HOUR, "running"))
    for window in (Span(T0 + 49 * HOUR, wide.end), Span(T0, T0 + 2 * HOUR)):
        (stop,) = build(history, window, LATER).stops
        assert (stop.start, stop.end, stop.open) == (T0 + HOUR, T0 + 50 * HOUR, False)


def test_v7_short_open_stop_is_undetermined() -> None:
    """A stop that is open for 20 s is undetermined; open for 60 s it is unplanned; closed at 20 s, minor."""
    down = T0 + HOUR
    history = machine(DAY, (T0, "running"), (down, "down"))
    soon = totals(history, DAY, now=down + 20 * SECOND)
    assert (soon.undetermined_ms, soon.undetermined_stops, soon.minor_ms) == (20 * SECOND, 1, 0)
    assert totals(history, DAY, now=down + 60 * SECOND).unplanned_ms == 60 * SECOND
    closed = machine(DAY, (T0, "running"), (down, "down"), (down + 20 * SECOND, "running"))
    assert totals(closed, DAY, now=down + 30 * SECOND).minor_ms == 20 * SECOND


def test_v7_stop_whose_end_nobody_saw_stays_open() -> None:
    """A short stop that ends in no data is undetermined, for nobody knows how long it was."""
    down = T0 + HOUR
    history = machine(
        DAY,
        (T0, "running"),
        (down, "down"),
        (down + HOUR, "running"),
        evidence=(Span(T0, down + 20 * SECOND), Span(down + HOUR, DAY.end)),
    )
    assert totals(history, DAY).undetermined_ms == 20 * SECOND


def test_v8_no_data_until_the_buffer_arrives() -> None:
    """Forty minutes without evidence are no data; with the buffer's evidence coverage is 100 %."""
    gap = Span(T0 + 2 * HOUR, T0 + 2 * HOUR + 40 * MINUTE)
    shown = (Span(T0, gap.start), Span(gap.end, DAY.end))
    before = totals(machine(DAY, (T0, "running"), evidence=shown), DAY)
    assert (before.no_data_ms, before.production_ms) == (40 * MINUTE, 24 * HOUR - 40 * MINUTE)
    late = (StatePoint(gap.start + 5 * MINUTE, "down"), StatePoint(gap.start + 15 * MINUTE, "running"))
    states = (StatePoint(T0, "running"), *late)
    after = totals(machine(DAY, states=states, evidence=(*shown, gap)), DAY)
    assert (after.no_data_ms, after.unplanned_ms, after.coverage) == (0, 10 * MINUTE, 1)


def test_v10_without_an_order_parts_are_unallocated() -> None:
    """120 parts without an order: ADOT, 120 unallocated, A counts the time, P and Q are not defined."""
    history = machine(DAY, (T0, "running"), runs=(), counters=(counter("total", (T0, 0), (DAY.end, 120)),))
    found = totals(history, DAY)
    assert (found.no_order_ms, found.unallocated, found.outside_total, found.total) == (24 * HOUR, 120, 120, 0)
    told = figures(found)
    assert told["availability"].value == 0
    assert (told["effectiveness"].refusal, told["quality"].refusal) == ("no_production_time", "nothing_produced")
    excluded = figures(found, Settings(no_order_is_loss=False))["availability"]
    assert (excluded.value, excluded.refusal) == (None, "no_busy_time")


def test_v10_no_order_s_figures_change() -> None:
    """Parts made after an order's end leave that order's row as it was."""
    window = Span(T0, T0 + HOUR)
    run = (Run(T0, T0 + 30 * MINUTE, 7, "P"),)
    points = ((T0, 0), (T0 + 30 * MINUTE, 50))
    of_order = []
    for last in (50, 170):
        made = counter("total", *points, (T0 + HOUR, last))
        timeline = build(machine(window, (T0, "running"), runs=run, counters=(made,)), window, LATER)
        of_order.append(next(row for key, row in rollup(timeline).items() if key.run == 7))
    assert of_order[0] == of_order[1]
    assert of_order[0].total == 50


def test_v10_parts_of_an_order_outside_production_are_not_unallocated() -> None:
    """What an order's machine makes while it stands is outside production, but it has an order."""
    history = machine(DAY, (T0, "down"), counters=(counter("total", (T0, 0), (DAY.end, 12)),))
    found = totals(history, DAY)
    assert (found.outside_total, found.unallocated) == (12, 0)


def test_a_counter_that_comes_later_makes_no_other_past() -> None:
    """Good pieces are counted from the second hour on: in the first one all that was made is good, from any window."""
    window, late = Span(T0, T0 + 3 * HOUR), T0 + 90 * MINUTE
    counters = (counter("total", (T0, 0), (window.end, 300)), counter("good", (late, 7), (window.end, 97)))
    history = machine(window, (T0, "running"), counters=counters)
    hours = [totals(history, Span(start, start + HOUR)) for start in range(T0, window.end, HOUR)]
    assert [(one.total, one.good) for one in hours] == [(100, 100), (100, 30), (100, 60)]
    assert add_up(hours) == totals(history, window)
    alone = replace(history, counters=counters[1:])
    assert [totals(alone, Span(start, start + HOUR)).total for start in range(T0, window.end, HOUR)] == [0, 30, 60]


def test_v11_the_same_facts_twice_change_nothing() -> None:
    """Facts given twice give the same timeline as given once."""
    once = machine(DAY, (T0, "running"), (T0 + HOUR, "down"), counters=(counter("total", (T0, 0), (T0 + HOUR, 9)),))
    made = once.counters[0]
    doubled = Counter(made.name, made.role, made.points * 2)
    twice = machine(DAY, states=once.states * 2, evidence=once.evidence * 2, counters=(doubled,))
    assert build(twice, DAY, LATER) == build(once, DAY, LATER)


def test_v13_order_change_splits_time_and_counts() -> None:
    """An order change within a running interval splits time and counts, and the sums are equal."""
    window = Span(T0, T0 + HOUR)
    change = T0 + 24 * MINUTE
    runs = (Run(T0, change, 1, "P"), Run(change, window.end, 2, "Q"))
    whole = machine(window, (T0, "running"), counters=(counter("total", (T0, 0), (window.end, 101)),))
    split = History(
        **{**{name: getattr(whole, name) for name in ("states", "evidence", "shifts", "counters")}, "runs": runs}
    )
    by_run = {key.run: row for key, row in rollup(build(split, window, LATER)).items()}
    assert [(by_run[run].production_ms, by_run[run].total) for run in (1, 2)] == [(24 * MINUTE, 40), (36 * MINUTE, 61)]
    assert add_up(by_run.values()) == totals(whole, window)


def test_v14_override_that_expires_gives_back_the_machine_s_state() -> None:
    """When a manual override ends, the machine's own state holds again."""
    override = Override(T0 + HOUR, T0 + 2 * HOUR, recorded_at=1, id=1, state="down", reason="R")
    slices = overlay(DAY, LATER, machine(DAY, (T0, "running"), overrides=(override,)))
    assert [(piece.state, piece.category) for piece in slices] == [
        ("running", "production"),
        ("down", "delay"),
        ("running", "production"),
    ]


def test_v14_override_without_a_state_keeps_the_machine_s() -> None:
    """A reason alone explains; it does not change the state, and never the machine's code."""
    states = (StatePoint(T0, "down", code="17"),)
    override = Override(T0, None, recorded_at=1, id=1, reason="R")
    (piece,) = overlay(DAY, LATER, machine(DAY, states=states, overrides=(override,)))
    assert (piece.state, piece.reason, piece.code) == ("down", "R", "17")


def test_v15_starved_is_a_stop_caused_upstream() -> None:
    """Idle with the interlock starved is a stop whose cause lies upstream; blocked, downstream."""
    states = (
        StatePoint(T0, "idle", interlock="starved", raw="Suspended"),
        StatePoint(T0 + HOUR, "idle", interlock="blocked"),
        StatePoint(T0 + 2 * HOUR, "idle"),
        StatePoint(T0 + 3 * HOUR, "running"),
    )
    (stop,) = build(machine(DAY, states=states), DAY, LATER).stops
    assert [(cause.state, cause.side) for cause in stop.causes] == [
        ("idle", "upstream"),
        ("idle", "downstream"),
        ("idle", "machine"),
    ]


def test_v18_unclosed_stop_ends_where_the_next_state_begins() -> None:
    """An early stop that its source never closed ends where the next state begins."""
    early = (StatePoint(T0, "running"), StatePoint(T0 + HOUR, "down"))
    assert build(machine(DAY, states=early), DAY, T0 + 5 * HOUR).stops[0].open
    later = (*early, StatePoint(T0 + 3 * HOUR, "running"), StatePoint(T0 + 4 * HOUR, "idle"))
    first = build(machine(DAY, states=later), DAY, T0 + 5 * HOUR).stops[0]
    assert (first.start, first.end, first.open) == (T0 + HOUR, T0 + 3 * HOUR, False)


def test_v24_two_codes_are_one_stop_with_two_causes() -> None:
    """Code 17 for 3 min, then 23 for 2 min without running between, is one stop of 5 min."""
    states = (
        StatePoint(T0, "running"),
        StatePoint(T0 + HOUR, "down", code="17"),
        StatePoint(T0 + HOUR + 3 * MINUTE, "down", code="23"),
        StatePoint(T0 + HOUR + 5 * MINUTE, "running"),
    )
    timeline = build(machine(DAY, states=states), DAY, LATER)
    (stop,) = timeline.stops
    assert (stop.ms, stop.codes) == (5 * MINUTE, ("17", "23"))
    assert [cause.end - cause.start for cause in stop.causes] == [3 * MINUTE, 2 * MINUTE]
    assert add_up(rollup(timeline).values()).unplanned_stops == 1


def test_v25_count_interval_splits_by_running_time() -> None:
    """Ten parts of which 60 % of the running time lies before the boundary are six and four."""
    border = T0 + HOUR
    states = ((T0, "running"), (border - 12 * MINUTE, "down"), (border + 12 * MINUTE, "running"))
    history = machine(DAY, *states, counters=(counter("total", (border - 30 * MINUTE, 0), (border + 24 * MINUTE, 10)),))
    hours = [totals(history, Span(T0 + hour * HOUR, T0 + (hour + 1) * HOUR)).total for hour in (0, 1)]
    assert hours == [6, 4]


def test_v25_without_running_time_by_time_and_outside_production() -> None:
    """Parts of an interval without running time are split by time and enter neither P nor Q."""
    history = machine(DAY, (T0, "down"), counters=(counter("total", (T0, 0), (T0 + 2 * HOUR, 11)),))
    hours = [totals(history, Span(T0 + hour * HOUR, T0 + (hour + 1) * HOUR)) for hour in (0, 1)]
    assert [found.outside_total for found in hours] == [6, 5]
    assert [found.total for found in hours] == [0, 0]


def test_v25_what_was_made_unseen_is_not_pressed_into_the_seconds_before() -> None:
    """An interval over a gap in the watching gives the gap its part, outside production."""
    evidence = (Span(T0, T0 + 10 * MINUTE), Span(T0 + 50 * MINUTE, DAY.end))
    made = counter("total", (T0 + 5 * MINUTE, 0), (T0 + 55 * MINUTE, 100))
    found = totals(machine(DAY, (T0, "running"), evidence=evidence, counters=(made,)), DAY)
    assert (found.total, found.outside_total) == (20, 80)


def test_v25_a_gap_takes_its_part_whatever_the_last_state_told() -> None:
    """A machine last seen standing may have run while nobody watched, so the gap takes its part."""
    evidence = (Span(T0, T0 + 10 * MINUTE), Span(T0 + 50 * MINUTE, DAY.end))
    states = ((T0, "down"), (T0 + 50 * MINUTE, "running"))
    made = counter("total", (T0 + 5 * MINUTE, 0), (T0 + HOUR, 100))
    found = totals(machine(DAY, *states, evidence=evidence, counters=(made,)), DAY)
    assert (found.total, found.outside_total) == (20, 80)


def test_what_is_counted_after_now_is_not_looked_at() -> None:
    """A count dated after now changes nothing until its time has come."""
    made = counter("total", (T0, 0), (T0 + HOUR, 60), (T0 + 2 * HOUR, 180))
    history = machine(DAY, (T0, "running"), counters=(made,))
    assert totals(history, DAY, now=T0 + 90 * MINUTE).total == 60
    assert totals(history, DAY, now=T0 + 2 * HOUR).total == 180


def test_a_late_count_affects_the_intervals_on_both_sides() -> None:
    """A count point's change reaches from the point before it to the point after it."""
    made = counter("total", (T0, 0), (T0 + 90 * MINUTE, 50), (T0 + 4 * HOUR, 100))
    history = machine(DAY, (T0, "running"), counters=(made,))
    point = Span(T0 + 90 * MINUTE, T0 + 90 * MINUTE)
    assert affected(history, point, LATER) == Span(T0, T0 + 4 * HOUR)


def test_a_changed_state_affects_the_stops_on_both_sides() -> None:
    """A state changed within a stop affects all of it, for its parts may now be minor."""
    states = ((T0, "running"), (T0 + HOUR, "down"), (T0 + 2 * HOUR, "running"), (T0 + 3 * HOUR, "down"))
    history = machine(DAY, *states, (T0 + 4 * HOUR, "running"))
    found = affected(history, Span(T0 + 2 * HOUR, T0 + 3 * HOUR), LATER)
    assert found.start == T0 + HOUR
    assert T0 + 4 * HOUR <= found.end <= T0 + 4 * HOUR + 1


def test_a_reason_flagged_setup_or_planned_decides_the_bucket() -> None:
    """A reason's flags put its span under set-up or planned stop, planned first."""
    overrides = (
        Override(T0, T0 + HOUR, 1, 1, reason="A", setup=True),
        Override(T0 + HOUR, T0 + 2 * HOUR, 1, 2, reason="B", planned=True),
        Override(T0 + 2 * HOUR, T0 + 3 * HOUR, 1, 3, reason="C", planned=True, setup=True),
    )
    slices = overlay(DAY, LATER, machine(DAY, (T0, "down"), overrides=overrides))
    assert [piece.category for piece in slices] == ["setup", "planned", "planned", "delay"]


def test_v25_a_late_point_only_splits() -> None:
    """A late count point between two others moves pieces and never adds any; order does not matter."""
    slices = overlay(DAY, LATER, machine(DAY, (T0, "running")), cuts=[T0 + HOUR])
    ends = [CountPoint(T0 + 30 * MINUTE, 0), CountPoint(T0 + 90 * MINUTE, 10)]
    late = CountPoint(T0 + HOUR, 9)
    assert quantities(ends, slices) == [5, 5]
    assert quantities([*ends, late], slices) == quantities([late, *reversed(ends)], slices) == [9, 1]


def test_v25_pieces_per_unit_are_whole_and_conserved() -> None:
    """Counter units of half a piece give whole pieces, and no half gets lost over time."""
    slices = overlay(DAY, LATER, machine(DAY, (T0, "running")), cuts=[T0 + hour * HOUR for hour in range(24)])
    points = [CountPoint(T0 + hour * HOUR, 3 * hour) for hour in range(25)]
    made = quantities(points, slices, Fraction(1, 2))
    assert (sum(made), set(made)) == (36, {1, 2})


def test_a_berlin_evening_is_where_it_belongs() -> None:
    """The test's own clock agrees with the zone's rules."""
    assert at("2026-10-24 22:00", "Europe/Berlin") == at("2026-10-24 20:00")
