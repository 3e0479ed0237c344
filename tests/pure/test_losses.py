# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The waterfall closes, whatever the facts, and money adds up; start-up rejects; worked examples by hand."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from histories import (
    HOUR,
    LENGTH,
    MINUTE,
    SECOND,
    T0,
    WINDOW,
    counter,
    histories,
    machine,
    nows,
    rollup,
    seconds,
    totals,
)
from hypothesis import given
from hypothesis import strategies as st
from kpi import (
    INDUSTRIES,
    SIX,
    STEPS,
    WORLD_CLASS,
    Settings,
    Totals,
    Worth,
    add_steps,
    lost_money,
    payback,
    shown_ms,
    six,
    steps,
    value_of_points,
)
from timeline import History, ReasonRule, Span, StatePoint, affected, build, whole_hours

NS = 1_000_000
WORTH = Worth(Fraction(3), Fraction(1), Fraction(60))
CYCLE = 2_500_000_000
STARTING = Settings(startup_ms=10 * MINUTE)
worths = st.builds(
    Worth,
    st.sampled_from([None, Fraction(3), Fraction(1, 3)]),
    st.sampled_from([None, Fraction(1), Fraction(7)]),
    st.sampled_from([Fraction(0), Fraction(60), Fraction("33.33")]),
    st.sampled_from([Fraction(0), Fraction(1, 3), Fraction(1)]),
)


@given(histories(), nows, st.booleans())
def test_invariant_4_the_waterfall_closes_to_calendar_time(history: History, now: int, rated: bool) -> None:
    """The steps sum to the window, exactly and as shown in milliseconds; none is off by one when shown."""
    odd = "2.499987654"  # no whole number of milliseconds
    found = totals(history, WINDOW, now, STARTING, seconds(odd) if rated else seconds(odd, "P"))
    whole = steps(found, CYCLE, WORTH)
    assert tuple(whole) == STEPS
    assert sum(loss.ns for loss in whole.values()) == found.calendar_ms * NS
    shown = shown_ms(whole)
    assert sum(shown.values()) == found.calendar_ms
    assert all(abs(shown[step] - Fraction(whole[step].ns, NS)) <= 1 for step in STEPS)
    assert whole["startup_reject"].pieces + whole["production_reject"].pieces == found.reject
    assert all(not whole[step].money and not whole[step].pieces for step in ("not_scheduled", "no_data", "planned"))


def test_what_is_shown_closes_though_nothing_is_whole() -> None:
    """Thirds of milliseconds: each step is rounded so that their sum is production time."""
    found = Totals(production_ms=10, total=5, good=3, reject=2, startup_reject=1, ideal_ns=5 * 1_333_333,
                   ideal_good_ns=3 * 1_333_333, startup_ideal_ns=1_333_333)  # fmt: skip
    shown = shown_ms(steps(found, 1_333_333, WORTH))
    told = {step: ms for step, ms in shown.items() if ms}
    assert told == {"speed": 3, "startup_reject": 2, "production_reject": 1, "value_adding": 4}


@given(histories(), nows, st.lists(st.integers(0, LENGTH), max_size=4), worths, st.sampled_from([None, CYCLE]))
def test_money_and_pieces_of_parts_add_up(
    history: History, now: int, cuts: list[int], worth: Worth, cycle: int | None
) -> None:
    """However a window is cut, time, pieces, money and stops of its parts are those of the whole."""
    edges = [WINDOW.start, *sorted(T0 + cut for cut in cuts), WINDOW.end]
    ideals = seconds("2.5")
    parts = [totals(history, Span(a, b), now, STARTING, ideals) for a, b in itertools.pairwise(edges)]
    whole = totals(history, WINDOW, now, STARTING, ideals)
    assert add_steps(steps(part, cycle, worth) for part in parts) == steps(whole, cycle, worth)


@given(histories(), nows, st.booleans(), worths, st.sampled_from([None, CYCLE]))
def test_all_lost_money_at_once_is_that_of_the_steps(
    history: History, now: int, rated: bool, worth: Worth, cycle: int | None
) -> None:
    """What a whole plant is told by is what each waterfall says, but for what was earned."""
    found = totals(history, WINDOW, now, STARTING, seconds("2.5") if rated else seconds("2.5", "P"))
    lost = (loss.money for name, loss in steps(found, cycle, worth).items() if name != "value_adding")
    assert lost_money(found, cycle, worth) == sum(lost)


@given(histories(), nows)
def test_the_six_losses_are_steps(history: History, now: int) -> None:
    """Each of the six is made of its steps, and together with the rest they are the waterfall."""
    whole = steps(totals(history, WINDOW, now, STARTING, seconds("2.5")), CYCLE, WORTH)
    told = six(whole)
    rest = set(STEPS) - {step for parts in SIX.values() for step in parts}
    assert rest == {"not_scheduled", "no_data", "planned", "no_order", "unrated", "value_adding"}
    everything = sum(loss.ns for loss in told.values()) + sum(whole[step].ns for step in rest)
    assert everything == sum(loss.ns for loss in whole.values())


def test_v12_speed_loss_in_time_pieces_and_money() -> None:
    """At 84 % of the ideal rate for 60 min: 9.6 min, 16 pieces of 36 s, 16 times the contribution."""
    window = Span(T0, T0 + HOUR)
    history = machine(window, (T0, "running"), counters=(counter("total", (T0, 0), (T0 + HOUR, 84)),))
    whole = steps(totals(history, window, ideals=seconds("36")), 36_000_000_000, WORTH)
    speed = whole["speed"]
    assert (speed.ns, speed.pieces, speed.money) == (576 * SECOND * NS, 16, 32)


def test_v2_a_gain_is_a_negative_loss() -> None:
    """Faster than ideal: speed is negative in time, pieces and money, and the waterfall still closes."""
    found = Totals(production_ms=420 * MINUTE, setup_ms=40 * MINUTE, minor_ms=20 * MINUTE, total=450, good=441,
                   reject=9, ideal_ns=450 * MINUTE * NS, ideal_good_ns=441 * MINUTE * NS)  # fmt: skip
    whole = steps(found, MINUTE * NS, WORTH)
    assert (whole["speed"].ns, whole["speed"].pieces, whole["speed"].money) == (-30 * MINUTE * NS, -30, -60)
    assert sum(shown_ms(whole).values()) == 480 * MINUTE


def test_v10_time_without_an_order_costs_the_machine_s_hour() -> None:
    """Nothing was to be made: pieces by the cycle for any product, money by the machine's hour."""
    whole = steps(Totals(no_order_ms=HOUR), 36_000_000_000, WORTH)
    assert (whole["no_order"].pieces, whole["no_order"].money) == (100, 60)


def test_startup_rejects_by_the_time_after_a_set_up() -> None:
    """V25 at the end of start-up: pieces divide there; a set-up before the window counts, adjustments too."""
    window = Span(T0, T0 + HOUR)
    counts = (counter("total", (T0, 0), (T0 + 20 * MINUTE, 40), (T0 + HOUR, 120)),
              counter("reject", (T0, 0), (T0 + 20 * MINUTE, 20), (T0 + HOUR, 28)))  # fmt: skip
    before = (StatePoint(T0 - HOUR, "setup"), StatePoint(T0 - 4 * MINUTE, "running"))
    history = machine(Span(T0 - HOUR, T0 + HOUR), counters=counts, states=before)
    found = totals(history, window, None, STARTING, seconds("30"))
    assert (found.reject, found.startup_reject, found.startup_ideal_ns) == (28, 6, 6 * 30 * SECOND * NS)
    whole = steps(found, 30 * SECOND * NS, WORTH)
    assert (whole["startup_reject"].pieces, whole["startup_reject"].money) == (6, 18)
    assert (whole["production_reject"].pieces, whole["production_reject"].money) == (22, 66)
    assert totals(history, window, None, Settings(), seconds("30")).startup_reject == 0
    never = machine(window, (T0, "running"), counters=counts)
    assert totals(never, window, None, STARTING, seconds("30")).startup_reject == 0


@pytest.mark.parametrize(
    ("worth", "time", "rejects"),
    [
        (Worth(Fraction(3), Fraction(1), Fraction(60)), 1800 * 2, 30),
        (Worth(Fraction(3), Fraction(1), Fraction(60), Fraction(1, 4)), 900, 30),
        (Worth(Fraction(3), Fraction(1), Fraction(60), Fraction(0)), 60, 30),
        (Worth(Fraction(1), Fraction(1), Fraction(60)), 60, 10 + Fraction(1, 3)),
        (Worth(Fraction(1), Fraction(2), Fraction(60)), 60, 20 + Fraction(1, 3)),
        (Worth(None, None, Fraction(60)), 60, Fraction(1, 3)),
        (Worth(), 0, 0),
    ],
)
def test_what_an_hour_and_ten_rejects_are_worth(worth: Worth, time: Fraction, rejects: Fraction) -> None:
    """By contribution and the machine's share of it, else by the machine's hour; rejects lose their material."""
    hour, cycle = 3600 * 10**9, 2 * 10**9
    assert worth.of_time(hour, cycle) == time
    assert worth.of_rejects(10, 10 * cycle) == rejects
    assert worth.of_time(hour, None) == worth.hour_cost


def test_value_of_ten_points_and_payback() -> None:
    """A line that makes 1 800 good pieces in its value-adding hour and is busy 7 h a day."""
    pieces = value_of_points(Fraction(630 * HOUR), Fraction(90), Fraction(1, 10), Fraction(1800), Fraction(HOUR))
    assert pieces == 7 * 365 * Fraction(1, 10) * 1800
    assert value_of_points(Fraction(HOUR), Fraction(0), Fraction(1), Fraction(1), Fraction(1)) == 0
    assert value_of_points(Fraction(HOUR), Fraction(1), Fraction(1), Fraction(0), Fraction(0)) == 0
    assert payback(Fraction(50_000), Fraction(200_000)).months == 3
    assert payback(Fraction(50_000), Fraction(0)).months is None


def test_the_table_of_industries() -> None:
    """As the design page has it."""
    told = {one.key: (one.average, one.world_class, one.ten_points) for one in INDUSTRIES}
    assert told["pharmaceutical"] == ((45, 55), (70, 80), (500_000, 1_500_000))
    assert told["packaging"] == ((60, 70), (80, 85), (150_000, 400_000))
    assert len(told) == 5
    assert WORLD_CLASS["oee"] == Fraction(85, 100)


def test_a_set_up_that_ends_later_moves_the_start_up_time_in_the_next_hour() -> None:
    """Recomputing the affected hours gives the rows of a rebuild though nothing else there has changed."""
    window = Span(T0, T0 + 2 * HOUR)
    counts = tuple(counter(role, *[(T0 + n * MINUTE, n * many) for n in range(121)])
                   for role, many in (("total", 10), ("reject", 1)))  # fmt: skip
    at, later = T0 + 55 * MINUTE, T0 + 58 * MINUTE
    before, after = (machine(window, (T0, "setup"), (end, "running"), counters=counts) for end in (at, later))
    old, new = (rollup(build(one, window, window.end, STARTING.startup_ms), STARTING) for one in (before, after))
    hours = whole_hours("UTC", affected(after, Span(at, later), window.end, STARTING.startup_ms))
    again = rollup(build(after, hours, window.end, STARTING.startup_ms), STARTING)
    assert {key: row for key, row in old.items() if not hours.start <= key.hour < hours.end} | again == new
    assert [row.startup_reject for row in old.values()] == [5, 5]
    assert [row.startup_reject for row in new.values()] == [2, 8]


def test_a_failure_is_counted_by_what_was_told_in_time() -> None:
    """A stop that becomes a failure after its threshold keeps its count: its hour may be complete. Time follows."""
    window = Span(T0, T0 + HOUR)
    told = (ReasonRule("r", 5, codes=("23",)),)
    states = (StatePoint(T0, "running"), StatePoint(T0 + MINUTE, "down", "17"))
    settings = Settings(minor_stop_ms=5 * MINUTE, failures=frozenset({5}))
    for change, stops in ((3 * MINUTE, 1), (10 * MINUTE, 0)):
        history = machine(window, states=(*states, StatePoint(T0 + change, "down", "23")), rules=told)
        found = totals(history, window, None, settings)
        assert (found.failure_stops, found.failure_ms) == (stops, HOUR - change)
