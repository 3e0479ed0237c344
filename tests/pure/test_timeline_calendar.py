# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Shifts, business dates, breaks, exceptions, daylight saving, and the hours of the clock."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import pytest
from histories import HOUR, MINUTE, T0, at, shift
from hypothesis import given
from hypothesis import strategies as st
from timeline import (
    Break,
    BreakRule,
    Calendar,
    CalendarException,
    History,
    Pattern,
    Shift,
    ShiftRule,
    Span,
    expand,
    hour_grid,
    overlay,
    whole_hours,
)
from timeline.calendar import changed

BERLIN = "Europe/Berlin"
NIGHT = ShiftRule("Night", 5, 22 * 60, 6 * 60, (BreakRule(2 * 60, 2 * 60 + 30),))


def every_day(*rules: ShiftRule) -> tuple[Pattern, ...]:
    """The rules on all days of the week."""
    return (Pattern(None, tuple(replace(rule, weekday=day) for rule in rules for day in range(7))),)


def days(first: str, last: str, tz: str = BERLIN) -> Span:
    """From the midnight of one local day to that of another."""
    return Span(at(first, tz), at(last, tz))


THREE = every_day(ShiftRule("E", 0, 360, 840), ShiftRule("L", 0, 840, 1320), ShiftRule("N", 0, 1320, 360))


def test_v9_night_of_october_has_nine_hours() -> None:
    """The night shift of Saturday 24 October 2026 in Berlin has 9 h and the business date 24 October."""
    (found,) = expand(Calendar(BERLIN, (Pattern(None, (NIGHT,)),)), days("2026-10-24", "2026-10-26"))
    assert (found.end - found.start, found.business_date) == (9 * HOUR, date(2026, 10, 24))
    assert found.start == at("2026-10-24 22:00", BERLIN)


def test_v21_night_of_march_has_seven_hours() -> None:
    """The night shift of 28 March 2026 in Berlin has 7 h and the business date 28 March."""
    (found,) = expand(Calendar(BERLIN, (Pattern(None, (NIGHT,)),)), days("2026-03-28", "2026-03-30"))
    assert (found.end - found.start, found.business_date) == (7 * HOUR, date(2026, 3, 28))


def test_v22_ambiguous_start_is_the_first_and_missing_moves() -> None:
    """02:30 means its first occurrence in October and 03:00 in March, where it does not exist."""
    calendar = Calendar(BERLIN, every_day(ShiftRule("D", 0, 150, 630)))
    (october,) = expand(calendar, Span(at("2026-10-25 02:00", BERLIN), at("2026-10-25 12:00", BERLIN)))
    assert (october.start, october.end) == (at("2026-10-25 00:30"), at("2026-10-25 09:30"))
    (march,) = expand(calendar, Span(at("2026-03-29 01:00", BERLIN), at("2026-03-29 12:00", BERLIN)))
    assert (march.start, march.end) == (at("2026-03-29 01:00"), at("2026-03-29 08:30"))
    assert march.start == at("2026-03-29 03:00", BERLIN)


def test_v22_the_hour_of_two_appears_twice_in_october_and_never_in_march() -> None:
    """The clock shows 02:00 twice on 25 October and not at all on 29 March."""
    october = hour_grid(BERLIN, days("2026-10-25", "2026-10-26"))
    assert [(row.label, row.fold) for row in october[1:5]] == [("01:00", 0), ("02:00", 0), ("02:00", 1), ("03:00", 0)]
    assert len(october) == 25
    march = hour_grid(BERLIN, days("2026-03-29", "2026-03-30"))
    assert [row.label for row in march[1:4]] == ["01:00", "03:00", "04:00"]
    assert len(march) == 23


def test_v17_hour_rows_stand_on_the_clock() -> None:
    """A window from 06:30 has rows from 06:00, on the clock, none lost, none doubled."""
    window = Span(at("2026-06-01 06:30", BERLIN), at("2026-06-01 14:30", BERLIN))
    rows = hour_grid(BERLIN, window)
    assert [row.label for row in rows] == [f"{hour:02d}:00" for hour in range(6, 15)]
    assert all(before.end == after.start for before, after in itertools.pairwise(rows))
    assert whole_hours(BERLIN, window) == Span(at("2026-06-01 06:00", BERLIN), at("2026-06-01 15:00", BERLIN))


def test_v23_half_hour_zone_has_rows_on_its_own_clock() -> None:
    """At UTC+5:30 an hour row begins at half past in UTC."""
    rows = hour_grid("Asia/Kolkata", Span(at("2026-06-01 00:00"), at("2026-06-01 03:00")))
    assert [row.label for row in rows] == ["05:00", "06:00", "07:00", "08:00"]
    assert rows[1].start == at("2026-06-01 00:30")


def test_half_hour_change_of_lord_howe_loses_nothing() -> None:
    """Where the clock jumps by half an hour, the rows stay whole on either side of the jump."""
    rows = hour_grid("Australia/Lord_Howe", days("2026-04-05", "2026-04-06", "Australia/Lord_Howe"))
    assert [(row.label, row.fold, (row.end - row.start) // MINUTE) for row in rows[:4]] == [
        ("00:00", 0, 60),
        ("01:00", 0, 60),
        ("01:00", 1, 30),
        ("02:00", 0, 60),
    ]
    forward = hour_grid("Australia/Lord_Howe", days("2026-10-04", "2026-10-05", "Australia/Lord_Howe"))
    assert [(row.label, (row.end - row.start) // MINUTE) for row in forward[1:4]] == [
        ("01:00", 60),
        ("02:00", 30),
        ("03:00", 60),
    ]


def test_break_after_midnight_lies_on_the_next_day() -> None:
    """A night shift's break at 02:00 lies after midnight; in October its first 02:00 is meant."""
    (found,) = expand(Calendar(BERLIN, (Pattern(None, (NIGHT,)),)), days("2026-10-24", "2026-10-26"))
    assert found.breaks == (Break(at("2026-10-25 00:00"), at("2026-10-25 00:30"), True),)


def test_break_across_midnight() -> None:
    """A night shift's break may itself pass midnight."""
    night = replace(NIGHT, breaks=(BreakRule(23 * 60 + 45, 15),))
    (found,) = expand(Calendar("UTC", (Pattern(None, (night,)),)), days("2026-06-06", "2026-06-08", "UTC"))
    assert found.breaks == (Break(at("2026-06-06 23:45"), at("2026-06-07 00:15"), True),)


def test_shift_from_six_to_six_has_a_whole_day() -> None:
    """A shift that ends at the minute of its start lasts until the next day."""
    around = ShiftRule("Round", 5, 360, 360)
    (found,) = expand(Calendar("UTC", (Pattern(None, (around,)),)), days("2026-06-06", "2026-06-08", "UTC"))
    assert found.end - found.start == 24 * HOUR


def test_only_a_stopping_break_is_a_break_of_the_timeline() -> None:
    """Through a break that is worked through, time goes on as it is."""
    early = shift(T0, T0 + 4 * HOUR)
    rests = (Break(T0 + HOUR, T0 + 2 * HOUR, stops=True), Break(T0 + 2 * HOUR, T0 + 3 * HOUR, stops=False))
    slices = overlay(early.span, early.end, History(shifts=(replace(early, breaks=rests),)))
    assert [(piece.start - T0, piece.on_break) for piece in slices] == [(0, False), (HOUR, True), (2 * HOUR, False)]


def test_holiday_replacement_and_overtime() -> None:
    """A holiday has no shift, a replacement its own, overtime comes besides."""
    day = date(2026, 6, 3)
    window = days("2026-06-03", "2026-06-04")
    plain = Calendar(BERLIN, every_day(ShiftRule("E", 0, 360, 840)))
    short = CalendarException(day, "replace", (ShiftRule("Short", 0, 480, 720),))
    extra = CalendarException(day, "add", (ShiftRule("Extra", 0, 840, 960),))
    holiday = CalendarException(day, "holiday")

    def names(*exceptions: CalendarException) -> list[str]:
        return [found.name for found in expand(replace(plain, exceptions=exceptions), window)]

    assert names() == ["E"]
    assert names(holiday) == []
    assert names(extra) == ["E", "Extra"]
    assert names(short) == ["Short"]
    assert names(holiday, extra) == ["Extra"]
    assert names(holiday, short, extra) == names(extra, short, holiday) == ["Short", "Extra"]


def test_holiday_keeps_the_night_that_began_the_day_before() -> None:
    """A holiday takes the shifts that begin on it, not the tail of the night before."""
    calendar = Calendar(BERLIN, THREE, (CalendarException(date(2026, 6, 3), "holiday"),))
    found = expand(calendar, days("2026-06-03", "2026-06-04"))
    assert [(one.name, one.business_date) for one in found] == [("N", date(2026, 6, 2))]


def test_later_pattern_takes_over_on_its_date() -> None:
    """A pattern holds from its date on; before, the older one."""
    patterns = (*THREE, replace(every_day(ShiftRule("Day", 0, 480, 960))[0], effective_from=date(2026, 6, 3)))
    found = expand(Calendar(BERLIN, patterns), days("2026-06-02", "2026-06-04"))
    assert [one.name for one in found] == ["N", "E", "L", "N", "Day"]


def test_overlapping_shifts_share_no_time() -> None:
    """With a handover overlap the shift that began first keeps its time and its breaks' order."""
    early = ShiftRule("E", 0, 360, 870)
    late = ShiftRule("L", 0, 840, 1320, (BreakRule(850, 880), BreakRule(1080, 1110)))
    found = expand(Calendar("UTC", every_day(late, early)), days("2026-06-02", "2026-06-03", "UTC"))
    assert [(one.name, one.start, one.end) for one in found] == [
        ("E", at("2026-06-02 06:00"), at("2026-06-02 14:30")),
        ("L", at("2026-06-02 14:30"), at("2026-06-02 22:00")),
    ]
    assert [rest.start for rest in found[1].breaks] == [at("2026-06-02 14:30"), at("2026-06-02 18:00")]


def test_business_date_can_be_that_of_the_next_day() -> None:
    """A plant that books Sunday's night under Monday says so in the rule."""
    night = replace(NIGHT, weekday=6, date_offset=1)
    (found,) = expand(Calendar(BERLIN, (Pattern(None, (night,)),)), days("2026-06-07", "2026-06-09"))
    assert found.business_date == date(2026, 6, 8)


def test_version_tells_rules_apart_and_ignores_their_order() -> None:
    """The version changes with any rule, and not with the order in which rules are given."""
    rules = THREE[0].rules
    one = Calendar(BERLIN, (Pattern(None, rules),))
    assert one.version == Calendar(BERLIN, (Pattern(None, tuple(reversed(rules))),)).version
    others = [
        replace(one, tz="UTC"),
        replace(one, patterns=(Pattern(None, rules[1:]),)),
        replace(one, exceptions=(CalendarException(date(2026, 6, 3), "holiday"),)),
        replace(one, patterns=(Pattern(date(2026, 1, 1), rules),)),
    ]
    assert len({calendar.version for calendar in [one, *others]}) == 5


def test_a_rules_crew_works_its_shift() -> None:
    """Each occurrence names the crew of its rule; overtime may have another."""
    day = date(2026, 6, 3)
    patterns = every_day(ShiftRule("E", 0, 360, 840, crew="A"))
    extra = CalendarException(day, "add", (ShiftRule("Extra", 0, 840, 960, crew="B"),))
    found = expand(Calendar(BERLIN, patterns, (extra,)), days("2026-06-03", "2026-06-04"))
    assert [(one.name, one.crew) for one in found] == [("E", "A"), ("Extra", "B")]


def test_a_crew_is_part_of_the_version_and_no_crew_is_none() -> None:
    """Another crew is another version; a calendar without crews keeps the version that it had before crews were."""
    plain = Calendar("UTC", every_day(ShiftRule("E", 0, 360, 840)))
    assert plain.version == "f9e10dc19c381f60"
    crewed = [Calendar("UTC", every_day(ShiftRule("E", 0, 360, 840, crew=crew))).version for crew in (1, 2)]
    assert len({plain.version, *crewed}) == 3


def test_a_longer_shift_ends_later_and_lasts_a_day_at_most() -> None:
    """A late shift goes on past midnight; nothing makes it longer than a day."""
    late = ShiftRule("L", 0, 840, 1320)
    assert (late.longer(30).end, late.longer(180).end, late.longer(5000).end) == (1350, 60, 840)
    assert (late.longer(5000).minutes, late.longer(30).start) == (1440, 840)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ShiftRule("E", 7, 0, 60), "weekday 7"),
        (lambda: ShiftRule("E", 0, 1440, 60), "1440 is not a minute"),
        (lambda: BreakRule(-1, 60), "-1 is not a minute"),
        (lambda: CalendarException(date(2026, 1, 1), "off"), "use holiday, replace or add"),
    ],
)
def test_impossible_rules_are_refused(make: object, message: str) -> None:
    """A rule that cannot be is refused with a sentence that says what can."""
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


zones = st.sampled_from([BERLIN, "UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
moments = st.integers(at("2026-01-01"), at("2027-01-01"))
rules = st.builds(
    ShiftRule,
    name=st.sampled_from("ABC"),
    weekday=st.integers(0, 6),
    start=st.integers(0, 47).map(lambda half: half * 30),
    end=st.integers(0, 47).map(lambda half: half * 30),
    breaks=st.lists(st.builds(BreakRule, st.integers(0, 1439), st.integers(0, 1439)), max_size=2).map(tuple),
)


def test_what_a_longer_shift_changes_is_its_new_hour() -> None:
    """Only the time that another shift, crew, date or break holds counts as changed (V16)."""
    before = shift(T0, T0 + 8 * HOUR)
    assert changed([before], [replace(before, end=T0 + 9 * HOUR)]) == [Span(T0 + 8 * HOUR, T0 + 9 * HOUR)]
    assert changed([before], [replace(before, crew="A")]) == [Span(T0, T0 + 8 * HOUR)]
    rest = Break(T0 + HOUR, T0 + 2 * HOUR)
    assert changed([before], [replace(before, breaks=(rest,))]) == [Span(rest.start, rest.end)]
    assert changed([before], [before]) == []


@given(zones, st.lists(rules, max_size=6), st.lists(rules, max_size=6), moments)
def test_changed_time_is_that_at_which_the_calendars_differ(
    tz: str, some: list[ShiftRule], others: list[ShiftRule], start: int
) -> None:
    """Asked minute by minute, two calendars say the same outside the changed spans and not the same inside (V16)."""
    window = Span(start - start % MINUTE, start - start % MINUTE + 50 * HOUR)
    one, other = (expand(Calendar(tz, (Pattern(None, tuple(part)),)), window) for part in (some, others))
    spans = changed(one, other)
    assert all(before.end < after.start for before, after in itertools.pairwise(spans))
    for time in range(window.start, window.end, 10 * MINUTE):
        assert (told(one, time) != told(other, time)) == any(span.start <= time < span.end for span in spans)


def told(shifts: tuple[Shift, ...], time: int) -> object:
    """What a calendar says of an instant: shift, date, name, crew, and whether a break stops it."""
    for one in shifts:
        if one.start <= time < one.end:
            rests = [rest.stops for rest in one.breaks if rest.start <= time < rest.end]
            return (one.key, one.business_date, one.name, one.crew, rests)
    return None


@given(zones, moments, st.integers(1, 40 * HOUR))
def test_hour_rows_tile(tz: str, start: int, length: int) -> None:
    """Hour rows follow one another without a hole, cover the window, and none exceeds an hour."""
    rows = hour_grid(tz, Span(start, start + length))
    assert rows[0].start <= start < rows[0].end
    assert rows[-1].start < start + length <= rows[-1].end
    assert all(before.end == after.start for before, after in itertools.pairwise(rows))
    assert all(0 < row.end - row.start <= HOUR for row in rows)
    assert rows[-1] in hour_grid(tz, Span(rows[-1].end - 1, rows[-1].end))


@given(zones, st.lists(rules, max_size=12), moments, st.integers(1, 80 * HOUR))
def test_shifts_never_double_time_and_do_not_depend_on_the_window(
    tz: str, some: list[ShiftRule], start: int, length: int
) -> None:
    """Shifts are disjoint whatever the rules, breaks lie inside, and any window shows the same ones."""
    calendar = Calendar(tz, (Pattern(None, tuple(some)),))
    window = Span(start, start + length)
    found = expand(calendar, window)
    assert all(before.end <= after.start for before, after in itertools.pairwise(found))
    assert all(one.start <= rest.start < rest.end <= one.end for one in found for rest in one.breaks)
    wider = expand(calendar, Span(start - 100 * HOUR, window.end + 100 * HOUR))
    assert found == tuple(one for one in wider if one.start < window.end and one.end > window.start)
