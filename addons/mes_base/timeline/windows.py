# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Times of the day on the site's clock as spans of UTC: when a reason rule holds.

The clock's changes follow the calendar's one rule: a time that comes twice means the first, a time that does
not exist means the moment of the change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from .calendar import MINUTES_A_DAY, to_ms
from .intervals import intersect, union
from .model import Span

_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class WeekWindow:
    """From minute ``start`` to minute ``end`` of the local day, on the ``weekdays`` on which it begins.

    An end at or before the start lies on the next day, so equal minutes are a whole day. Weekdays are
    0 (Monday) to 6; none means every day.
    """

    start: int = 0
    end: int = 0
    weekdays: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        for minute in (self.start, self.end):
            if not 0 <= minute < MINUTES_A_DAY:
                raise ValueError(f"{minute} is not a minute of the day, give 0 to {MINUTES_A_DAY - 1}")
        if not self.weekdays <= frozenset(range(7)):
            raise ValueError(f"weekdays {sorted(self.weekdays)}: give 0 (Monday) to 6 (Sunday)")

    @property
    def is_always(self) -> bool:
        """Whether it leaves no instant out."""
        return self.start == self.end and len(self.weekdays) in (0, 7)


def spans_of(window: WeekWindow, tz: str, within: Span) -> list[Span]:
    """The instants of ``within`` at which the window is open by the clock of zone ``tz``."""
    if window.is_always:
        return union([within])
    zone = ZoneInfo(tz)
    day = _local_day(zone, within.start) - _DAY
    last = _local_day(zone, within.end)
    found = []
    while day <= last:
        if not window.weekdays or day.weekday() in window.weekdays:
            found.append(_on(zone, day, window))
        day += _DAY
    return intersect(found, [within])


def day_start(tz: str, day: date) -> int:
    """The instant at which a local day begins."""
    return to_ms(ZoneInfo(tz), datetime(day.year, day.month, day.day))


def _on(zone: ZoneInfo, day: date, window: WeekWindow) -> Span:
    """The window that begins on a local day; empty if the clock jumps over it."""
    midnight = datetime(day.year, day.month, day.day)
    days = int(window.end <= window.start)
    start = to_ms(zone, midnight + timedelta(minutes=window.start))
    return Span(start, max(start, to_ms(zone, midnight + timedelta(days=days, minutes=window.end))))


def _local_day(zone: ZoneInfo, time: int) -> date:
    return (_EPOCH + time * _MS).astimezone(zone).date()
