# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The shift calendar: rules in the site's local time become shifts in UTC; and the hours of its clock.

Local times are minutes on the site's clock after midnight, 0..1439. A shift that ends at or before the
minute of its start ends on the next day; a break before the minute of its shift's start lies on the next
day. Where the clock goes back, a time that comes twice means the first; where it goes forward, a time that
does not exist means the moment of the change (02:30 becomes 03:00).

Shifts never overlap: where rules would have it so, the shift that began first keeps its time and the
other begins when it ends (a regular one before an added one, then the longer, if both begin at once).
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from .model import Break, Key, Shift, Span

MINUTES_A_DAY = 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_EPOCH_LOCAL = datetime(1970, 1, 1)
_MS = timedelta(milliseconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BreakRule:
    """A break on the clock. Unless it ``stops`` the shift, work goes on (relieved in turns)."""

    start: int
    end: int
    stops: bool = True

    def __post_init__(self) -> None:
        _check_minutes("break", self.start, self.end)


@dataclass(frozen=True, slots=True)
class ShiftRule:
    """A named shift on one ``weekday`` (0 is Monday; not looked at in an exception).

    Its business date is the local date of its start, moved by ``date_offset`` days (a plant that books
    the night from Sunday 22:00 under Monday says 1). ``crew`` is who works it, None if nobody said.
    """

    name: str
    weekday: int
    start: int
    end: int
    breaks: tuple[BreakRule, ...] = ()
    date_offset: int = 0
    crew: Key | None = None

    def __post_init__(self) -> None:
        _check_minutes(f"shift {self.name!r}", self.start, self.end)
        if not 0 <= self.weekday <= 6:
            raise ValueError(f"shift {self.name!r}: weekday {self.weekday} is not 0 (Monday) to 6 (Sunday)")

    @property
    def minutes(self) -> int:
        """Minutes from start to end on the clock, 1..1440."""
        return (self.end - self.start) % MINUTES_A_DAY or MINUTES_A_DAY

    def longer(self, minutes: int) -> ShiftRule:
        """The same shift with a later end: by ``minutes``, or by fewer where it would last more than a day."""
        length = min(self.minutes + minutes, MINUTES_A_DAY)
        return replace(self, end=(self.start + length) % MINUTES_A_DAY)


@dataclass(frozen=True, slots=True)
class Pattern:
    """The weekly rules from the local date ``effective_from`` on (None: always), until a later pattern."""

    effective_from: date | None
    rules: tuple[ShiftRule, ...]


@dataclass(frozen=True, slots=True)
class CalendarException:
    """What is different for shifts that begin on the local ``date``.

    ``kind`` holiday: none of the regular ones; replace: ``rules`` in their place; add: ``rules`` besides
    (overtime). Several may hold at once: a replacement beats a holiday, additions always come on top.
    """

    date: date
    kind: str
    rules: tuple[ShiftRule, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in ("holiday", "replace", "add"):
            raise ValueError(f"exception of kind {self.kind!r}: use holiday, replace or add")


@dataclass(frozen=True, slots=True)
class Calendar:
    """All that says when a machine is meant to work. ``tz`` is an IANA name such as Europe/Berlin."""

    tz: str
    patterns: tuple[Pattern, ...] = ()
    exceptions: tuple[CalendarException, ...] = ()

    @property
    def version(self) -> str:
        """Sixteen hex digits that change when, and only when, the rules do; their order does not matter."""
        patterns = sorted(_canonical(pattern) for pattern in self.patterns)
        exceptions = sorted(_canonical(exception) for exception in self.exceptions)
        text = json.dumps([self.tz, patterns, exceptions])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def rules_of(self, day: date) -> list[ShiftRule]:
        """The shifts that begin on a local day, regular ones first."""
        today = [exception for exception in self.exceptions if exception.date == day]
        replacements = [exception for exception in today if exception.kind == "replace"]
        if replacements:
            regular = [rule for exception in replacements for rule in exception.rules]
        elif today and any(exception.kind == "holiday" for exception in today):
            regular = []
        else:
            regular = [rule for rule in self._pattern(day) if rule.weekday == day.weekday()]
        return regular + [rule for exception in today if exception.kind == "add" for rule in exception.rules]

    def _pattern(self, day: date) -> tuple[ShiftRule, ...]:
        """The rules in force on a local day: those of the latest pattern that has begun."""
        begun = [p for p in self.patterns if p.effective_from is None or p.effective_from <= day]
        latest = max(begun, key=lambda p: p.effective_from or date.min, default=None)
        return latest.rules if latest else ()


@dataclass(frozen=True, slots=True)
class HourRow:
    """One hour of the site's clock: ``label`` is its beginning, "02:00".

    ``fold`` is 1 for an hour that the clock shows for the second time. A row is shorter than an hour only
    where the clock jumps within it.
    """

    start: int
    end: int
    label: str
    date: date
    fold: int


def expand(calendar: Calendar, window: Span) -> tuple[Shift, ...]:
    """The shifts that overlap ``window``, whole, in order, never overlapping."""
    zone = ZoneInfo(calendar.tz)
    first = _local(zone, window.start).date() - 2 * _DAY
    last = _local(zone, window.end).date() + _DAY
    planned = [
        (_shift(zone, day, rule), rank)
        for day in _days(first, last)
        for rank, rule in enumerate(calendar.rules_of(day))
    ]
    planned.sort(key=lambda pair: (pair[0].start, pair[1], -pair[0].end, pair[0].key))
    return tuple(
        shift
        for shift in _without_overlap(shift for shift, _rank in planned)
        if shift.start < window.end and shift.end > window.start
    )


def changed(before: Iterable[Shift], after: Iterable[Shift]) -> list[Span]:
    """Where two calendars say something else: another shift, crew, business date or break, or none.

    Both are disjoint shifts, as :func:`expand` gives them; the spans are disjoint and in order.
    """
    old, new = set(before), set(after)
    gone, come = (sorted(part, key=lambda shift: shift.start) for part in (old - new, new - old))
    cuts = sorted({cut for shift in (*gone, *come) for cut in _edges(shift)})
    found: list[Span] = []
    for start, end in pairwise(cuts):
        if _says(gone, start) == _says(come, start):
            continue
        if found and found[-1].end == start:
            found[-1] = Span(found[-1].start, end)
        else:
            found.append(Span(start, end))
    return found


def hour_grid(tz: str, window: Span) -> tuple[HourRow, ...]:
    """The hours of the local clock that overlap ``window``, whole: none lost, none doubled."""
    zone = ZoneInfo(tz)
    rows: list[HourRow] = []
    time = _floor_hour(zone, window.start)
    while time < window.end:
        local = _local(zone, time)
        rest = 3_600_000 - (local.minute * 60 + local.second) * 1000 - local.microsecond // 1000
        end = _change_within(zone, time, time + rest) or time + rest
        if end > window.start:
            rows.append(HourRow(time, end, f"{local.hour:02d}:00", local.date(), local.fold))
        time = end
    return tuple(rows)


def to_ms(zone: ZoneInfo, local: datetime) -> int:
    """The instant at which the zone's clock shows ``local`` (naive), by the rules of this module."""
    before = _offset_ms(local.replace(tzinfo=zone, fold=0))
    after = _offset_ms(local.replace(tzinfo=zone, fold=1))
    wall = (local - _EPOCH_LOCAL) // _MS
    if after <= before:
        return wall - before
    return _change_within(zone, wall - after - 1, wall - before + 1) or wall - before


def _shift(zone: ZoneInfo, day: date, rule: ShiftRule) -> Shift:
    """The occurrence of a rule that begins on a local day."""
    midnight = datetime(day.year, day.month, day.day)

    def instant(minute: int, next_day: bool) -> int:
        return to_ms(zone, midnight + timedelta(days=int(next_day), minutes=minute))

    start, end = instant(rule.start, False), instant(rule.end, rule.end <= rule.start)
    business_date = day + rule.date_offset * _DAY
    breaks = []
    for rest in rule.breaks:
        later = rest.start < rule.start
        rest_start = instant(rest.start, later)
        rest_end = instant(rest.end, later or rest.end <= rest.start)
        breaks.append(Break(rest_start, rest_end, rest.stops))
    key = f"{business_date.isoformat()}/{rule.name}/{rule.start // 60:02d}:{rule.start % 60:02d}"
    return _clipped(Shift(start, end, key, business_date, tuple(breaks), rule.name, rule.crew), start)


def _edges(shift: Shift) -> Iterator[int]:
    """Each instant at which the shift or one of its breaks begins or ends."""
    yield from (shift.start, shift.end)
    for rest in shift.breaks:
        yield from (rest.start, rest.end)


def _says(shifts: Sequence[Shift], time: int) -> tuple[Any, ...] | None:
    """What disjoint shifts in order say of an instant, None if nothing."""
    place = bisect_right(shifts, time, key=lambda shift: shift.start) - 1
    if place < 0 or shifts[place].end <= time:
        return None
    shift = shifts[place]
    breaks = tuple(rest.stops for rest in shift.breaks if rest.start <= time < rest.end)
    return shift.key, shift.business_date, shift.name, shift.crew, breaks


def _without_overlap(shifts: Iterable[Shift]) -> Iterator[Shift]:
    """Each shift from where the ones before have ended; none that they cover wholly."""
    taken: int | None = None
    for shift in shifts:
        start = shift.start if taken is None else max(shift.start, taken)
        if start < shift.end:
            yield shift if start == shift.start else _clipped(shift, start)
            taken = shift.end


def _clipped(shift: Shift, start: int) -> Shift:
    """The shift from ``start`` on, with what remains of its breaks, in order."""
    breaks = (Break(max(rest.start, start), min(rest.end, shift.end), rest.stops) for rest in shift.breaks)
    kept = sorted((rest for rest in breaks if rest.start < rest.end), key=lambda rest: (rest.start, rest.end))
    return replace(shift, start=start, breaks=tuple(kept))


def _change_within(zone: ZoneInfo, start: int, end: int) -> int | None:
    """The instant in ``(start, end]`` from which the zone's offset is another one, None if it stays."""
    offset = _offset_ms(_local(zone, start))
    if _offset_ms(_local(zone, end)) == offset:
        return None
    while end - start > 1:
        middle = (start + end) // 2
        if _offset_ms(_local(zone, middle)) == offset:
            start = middle
        else:
            end = middle
    return end


def _floor_hour(zone: ZoneInfo, time: int) -> int:
    """Where the clock's hour that holds ``time`` begins, or the clock's jump since."""
    local = _local(zone, time)
    start = time - (local.minute * 60 + local.second) * 1000 - local.microsecond // 1000
    return _change_within(zone, start, time) or start


def _local(zone: ZoneInfo, time: int) -> datetime:
    return (_EPOCH + time * _MS).astimezone(zone)


def _offset_ms(moment: datetime) -> int:
    return (moment.utcoffset() or timedelta()) // _MS


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += _DAY


def _canonical(part: Pattern | CalendarException) -> str:
    """The part as text that does not depend on the order of its rules and breaks."""
    rules = sorted(
        (
            replace(rule, breaks=tuple(sorted(rule.breaks, key=lambda b: (b.start, b.end, b.stops))))
            for rule in part.rules
        ),
        key=repr,
    )
    plain = asdict(replace(part, rules=tuple(rules)))
    for rule in plain["rules"]:
        if rule["crew"] is None:  # a calendar without crews keeps the version that it had before there were any
            del rule["crew"]
    return json.dumps(plain, default=date.isoformat, sort_keys=True)


def _check_minutes(what: str, *minutes: int) -> None:
    for minute in minutes:
        if not 0 <= minute < MINUTES_A_DAY:
            raise ValueError(f"{what}: {minute} is not a minute of the day, give 0 to {MINUTES_A_DAY - 1}")
