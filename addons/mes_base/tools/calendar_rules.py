"""Shifts and exceptions as people enter them, as the rules of ``timeline.calendar``."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta

from ..timeline import BreakRule, Calendar, CalendarException, ShiftRule

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES_A_DAY = 1440


def minutes(hours: float) -> int:
    """Minutes after midnight of a time of the day in hours; 24:00 is 00:00 of the next day."""
    return round(hours * 60) % MINUTES_A_DAY


def shift_rules(shift, week: int) -> Iterator[ShiftRule]:
    """One rule for each weekday of a ``mes.shift`` in a week (1, 2, ...) of its pattern's cycle."""
    start, end = minutes(shift.start_hour), minutes(shift.end_hour)
    crosses = end <= start
    breaks = tuple(
        BreakRule(minutes(one.start_hour), (minutes(one.start_hour) + one.minutes) % MINUTES_A_DAY, one.stops)
        for one in shift.break_ids
    )
    offset = int(crosses and shift.business_day == "end")
    crew = shift._crew_of(week).id or None
    for number, day in enumerate(WEEKDAYS):
        if shift[day]:
            yield ShiftRule(shift.code, number, start, end, breaks, offset, crew)


def calendar_exceptions(found: Iterable, plain: Calendar, first: date, last: date) -> Iterator[CalendarException]:
    """What ``mes.shift.exception`` records (the widest place first) make of the days ``first``..``last``."""
    found = list(found)
    days = {day for one in found for day in _days(max(one.date, first), min(one.last_date, last))}
    for day in sorted(days):
        yield from _of_day(day, [one for one in found if one.date <= day <= one.last_date], plain)


def _of_day(day: date, today: list, plain: Calendar) -> Iterator[CalendarException]:
    """The exceptions of one day: what becomes of its regular shifts, and what is added."""
    closed = [one.shift_code for one in today if one.kind == "closed"]
    changes = [one for one in today if one.kind in ("extension", "crew")]
    if not all(closed):
        yield CalendarException(day, "holiday")
    elif closed or changes:
        kept = [rule for rule in plain.rules_of(day) if rule.name not in closed]
        yield CalendarException(day, "replace", tuple(_changed(rule, changes) for rule in kept))
    added = tuple(
        _changed(_added(one, day), changes)
        for one in sorted(today, key=lambda one: (one.start_hour, one.id))
        if one.kind == "overtime"
    )
    if added:
        yield CalendarException(day, "add", added)


def _added(exception, day: date) -> ShiftRule:
    """The rule of an additional shift."""
    start, end = minutes(exception.start_hour), minutes(exception.end_hour)
    return ShiftRule(exception.shift_code or "OT", day.weekday(), start, end, crew=exception.crew_id.id or None)


def _changed(rule: ShiftRule, changes: Iterable) -> ShiftRule:
    """The rule with another crew or a later end; of two crews the one named last (for the nearest place) works."""
    for one in changes:
        if one.shift_code and one.shift_code != rule.name:
            continue
        if one.kind == "crew":
            rule = replace(rule, crew=one.crew_id.id)
        else:
            rule = rule.longer(one.extra_minutes)
    return rule


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
