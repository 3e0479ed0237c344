"""Which time a choice of the screen of losses means, what it is compared with, and how fine its trend is."""

from collections.abc import Callable
from datetime import date, timedelta

from . import hours
from .levels import day_start, local_date

DAY_MS = hours.DAY_MS
Pair = tuple[int, int]
ROLLING = {"last7": 7, "last30": 30}
# The finest grain with not more than some sixty points.
_GRAINS = (("hour", 2 * DAY_MS + hours.DAY_MS // 8), ("day", 62 * DAY_MS), ("week", 400 * DAY_MS))


def period(span: str, now: int, tz: str) -> Pair:
    """Beginning and end (ms) of a span of the clock that holds ``now``, or of the days before it."""
    if span in ROLLING:
        return hours.floor(tz, now) - ROLLING[span] * DAY_MS, now
    first, last = _dates(span, local_date(tz, now))
    return day_start(tz, first), day_start(tz, last)


def before(span: str, start: int, end: int, until: int, tz: str) -> Pair:
    """The same of the time before, as much of it as is over of ``[start, end)`` at ``until``: like with like."""
    if span not in _STEP_BACK:
        return start - (until - start), start
    earlier = day_start(tz, _STEP_BACK[span](local_date(tz, start)))
    return earlier, start if until >= end else min(start, earlier + until - start)


def grain(start: int, end: int) -> str:
    """Hour, day, week or month."""
    return next((name for name, most in _GRAINS if end - start <= most), "month")


def week(day: date) -> date:
    """The Monday of a date's week."""
    return day - timedelta(days=day.weekday())


def _dates(span: str, today: date) -> tuple[date, date]:
    """First date, and first date after the last."""
    if span == "yesterday":
        return today - timedelta(days=1), today
    if span == "week":
        return week(today), week(today) + timedelta(days=7)
    if span == "month":
        first = today.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    return today, today + timedelta(days=1)


_STEP_BACK: dict[str, Callable[[date], date]] = {
    "today": lambda day: day - timedelta(days=1),
    "yesterday": lambda day: day - timedelta(days=1),
    "week": lambda day: day - timedelta(days=7),
    "month": lambda day: (day - timedelta(days=1)).replace(day=1),
}
