# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""When a reason rule holds by the site's clock, and which reason follows a reason that has lasted its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from histories import HOUR, MINUTE, T0, at
from hypothesis import given
from hypothesis import strategies as st
from timeline import Limit, Override, Span, WeekWindow, chained, day_start, divided, spans_of

BERLIN = "Europe/Berlin"
NIGHT = WeekWindow(22 * 60, 6 * 60, frozenset({5}))


def test_a_window_may_cross_midnight() -> None:
    """A window from 22:00 to 06:00 belongs to the day on which it begins."""
    (found,) = spans_of(NIGHT, "UTC", Span(at("2026-03-02"), at("2026-03-09")))
    assert found == Span(at("2026-03-07 22:00"), at("2026-03-08 06:00"))


def test_a_window_that_is_open_already_is_found() -> None:
    """Looking from Sunday on, Saturday's night is still there, cut to what was asked for."""
    asked = Span(at("2026-03-08 02:00"), at("2026-03-08 12:00"))
    assert spans_of(NIGHT, "UTC", asked) == [Span(asked.start, at("2026-03-08 06:00"))]


@pytest.mark.parametrize(("saturday", "hours"), [("2026-10-24", 9), ("2026-03-28", 7)])
def test_changes_of_the_clock(saturday: str, hours: int) -> None:
    """The night in which the clock goes back lasts 9 hours, the one in which it goes forward 7."""
    start = at(f"{saturday} 22:00", BERLIN)
    assert spans_of(NIGHT, BERLIN, Span(start - HOUR, start + 24 * HOUR)) == [Span(start, start + hours * HOUR)]


def test_a_window_that_the_clock_jumps_over_is_empty() -> None:
    """On 29 March there is no time from 02:00 to 03:00 in Berlin."""
    window = WeekWindow(2 * 60, 3 * 60)
    assert spans_of(window, BERLIN, Span(at("2026-03-29", BERLIN), at("2026-03-30", BERLIN))) == []


def test_equal_minutes_are_a_whole_day() -> None:
    """06:00 to 06:00 on Mondays reaches to Tuesday 06:00; on every day it is always."""
    monday = WeekWindow(360, 360, frozenset({0}))
    week = Span(at("2026-03-02"), at("2026-03-09"))
    assert spans_of(monday, "UTC", week) == [Span(at("2026-03-02 06:00"), at("2026-03-03 06:00"))]
    assert spans_of(WeekWindow(360, 360), "UTC", week) == [week]


@given(
    st.integers(0, 1439),
    st.integers(0, 1439),
    st.frozensets(st.integers(0, 6)),
    st.sampled_from(["UTC", BERLIN, "Asia/Kolkata", "America/New_York"]),
    st.integers(0, 365 * 24),
)
def test_an_instant_is_in_the_window_when_its_clock_says_so(
    start: int, end: int, weekdays: frozenset[int], tz: str, hour: int
) -> None:
    """Away from the change of clocks, the local time of an instant alone decides."""
    instant = at("2026-01-01") + hour * HOUR + 30 * MINUTE + 1
    local = datetime.fromtimestamp(instant // 1000, timezone.utc).astimezone(ZoneInfo(tz))
    days = {local.replace(tzinfo=ZoneInfo(tz), hour=12, day=local.day).utcoffset(), local.utcoffset()}
    minute, days_chosen = local.hour * 60 + local.minute, weekdays or frozenset(range(7))
    today, yesterday = local.weekday() in days_chosen, (local.weekday() - 1) % 7 in days_chosen
    if end > start:
        expected = today and start <= minute < end
    else:
        expected = (today and minute >= start) or (yesterday and minute < end)
    found = spans_of(WeekWindow(start, end, weekdays), tz, Span(instant, instant + 1))
    if len(days) == 1 and local.month not in (3, 10, 11):
        assert bool(found) == expected


@given(
    st.integers(0, 1439), st.integers(0, 1439), st.frozensets(st.integers(0, 6)),
    st.integers(0, 200), st.integers(0, 200), st.integers(0, 200),
)  # fmt: skip
def test_a_span_has_the_windows_of_its_parts(
    start: int, end: int, weekdays: frozenset[int], one: int, two: int, three: int
) -> None:
    """From wherever one looks, the same instants are open."""
    low, middle, high = sorted(at("2026-10-20") + hours * HOUR for hours in (one, two, three))
    window = WeekWindow(start, end, weekdays)
    whole = sum(span.ms for span in spans_of(window, BERLIN, Span(low, high)))
    parts = spans_of(window, BERLIN, Span(low, middle)) + spans_of(window, BERLIN, Span(middle, high))
    assert whole == sum(span.ms for span in parts)


@pytest.mark.parametrize("bad", [(1440, 0, ()), (0, -1, ()), (0, 0, (7,))])
def test_what_is_no_window_is_refused(bad: tuple[int, int, tuple[int, ...]]) -> None:
    """Minutes outside the day and days outside the week."""
    with pytest.raises(ValueError, match="give 0"):
        WeekWindow(bad[0], bad[1], frozenset(bad[2]))


def test_day_start_follows_the_clock() -> None:
    """A local day begins at its midnight."""
    assert day_start(BERLIN, datetime(2026, 3, 2).date()) == at("2026-03-01 23:00")


LIMITS = {"coffee": Limit(15 * MINUTE, "lunch"), "lunch": Limit(30 * MINUTE, "away"), "call": Limit(5 * MINUTE)}


def test_a_long_span_goes_on_with_the_next_reason() -> None:
    """An hour of "coffee" is 15 min of it, 30 of lunch and the rest away."""
    assert chained(T0, T0 + HOUR, "coffee", LIMITS) == [
        (T0, T0 + 15 * MINUTE, "coffee"),
        (T0 + 15 * MINUTE, T0 + 45 * MINUTE, "lunch"),
        (T0 + 45 * MINUTE, T0 + HOUR, "away"),
    ]


def test_a_span_up_to_the_limit_stays_whole() -> None:
    """Exactly the maximum is not too long."""
    assert chained(T0, T0 + 15 * MINUTE, "coffee", LIMITS) == [(T0, T0 + 15 * MINUTE, "coffee")]


def test_nothing_after_the_limit_leaves_a_rest() -> None:
    """The rest says that it has no reason, with an end or without one."""
    assert chained(T0, T0 + HOUR, "call", LIMITS)[-1] == (T0 + 5 * MINUTE, T0 + HOUR, None)
    assert chained(T0, None, "call", LIMITS)[-1] == (T0 + 5 * MINUTE, None, None)


def test_without_an_end_the_last_reason_holds_on() -> None:
    """The last part has no end."""
    assert chained(T0, None, "coffee", LIMITS)[-1] == (T0 + 45 * MINUTE, None, "away")


def test_a_round_without_an_end_comes_to_one() -> None:
    """Two reasons that follow each other take turns over a span, but not for ever."""
    limits = {"a": Limit(MINUTE, "b"), "b": Limit(MINUTE, "a")}
    assert [reason for _from, _until, reason in chained(0, 3 * MINUTE, "a", limits)] == ["a", "b", "a"]
    assert [reason for _from, _until, reason in chained(0, None, "a", limits)] == ["a", "b", None]


def test_a_limit_of_nothing_is_refused() -> None:
    """It would never hold."""
    with pytest.raises(ValueError, match="more than 0"):
        chained(0, 1, "a", {"a": Limit(0)})


@given(
    st.integers(1, 500),
    st.dictionaries(
        st.sampled_from("abcd"), st.builds(Limit, st.integers(1, 50), st.none() | st.sampled_from("abcd"))
    ),
)
def test_the_parts_tile_the_span(ms: int, limits: dict[str, Limit]) -> None:
    """Nothing is lost or doubled, and no part is longer than its reason may last."""
    parts = chained(0, ms, "a", {**limits})
    assert parts[0][0] == 0
    assert parts[-1][1] == ms
    assert all(left[1] == right[0] for left, right in pairwise(parts))
    for start, end, reason in parts:
        assert end is not None
        assert end > start
        assert reason is None or reason not in limits or end - start <= limits[str(reason)].ms


WORD = Override(T0, None, T0, 7, reason="coffee", planned=True)
FLAGS = {"coffee": (True, False), "lunch": (False, True)}


def test_a_word_takes_the_flags_of_each_reason() -> None:
    """Coffee is planned, what follows is not; identity and time of recording stay."""
    parts = divided(WORD, LIMITS, FLAGS)
    assert [(one.reason, one.planned, one.setup) for one in parts] == [
        ("coffee", True, False), ("lunch", False, True), ("away", False, False),
    ]  # fmt: skip
    assert {(one.id, one.recorded_at) for one in parts} == {(7, T0)}
    assert parts[-1].end is None


def test_what_no_reason_covers_is_left_out_unless_a_state_was_given() -> None:
    """Who also corrected the state corrected it for the whole span."""
    call = replace(WORD, reason="call")
    assert [(one.start, one.end) for one in divided(call, LIMITS, FLAGS)] == [(T0, T0 + 5 * MINUTE)]
    down = divided(replace(call, state="down"), LIMITS, FLAGS)
    assert [(one.reason, one.state) for one in down] == [("call", "down"), (None, "down")]
    only_state = replace(WORD, reason=None, state="down")
    assert divided(only_state, LIMITS, FLAGS) == [only_state]
