"""Times rounded to the hours of a site's clock; milliseconds since the epoch, UTC.

An hour of the clock need not be an hour of UTC (UTC+5:30), nor last one (a change of the clock).
"""

from collections.abc import Iterator
from functools import lru_cache

from odoo.addons.mes_base.timeline import Span, whole_hours

DAY_MS = 24 * 3_600_000


@lru_cache(maxsize=4096)
def row(tz: str, at: int) -> tuple[int, int]:
    """Beginning and end of the hour that holds the instant."""
    span = whole_hours(tz, Span(at, at + 1))
    return span.start, span.end


def floor(tz: str, at: int) -> int:
    """The beginning of the hour that holds the instant."""
    return row(tz, at)[0]


def ceil(tz: str, at: int) -> int:
    """The first beginning of an hour at or after the instant."""
    start, end = row(tz, at)
    return at if start == at else end


def outward(tz: str, start: int, end: int) -> tuple[int, int]:
    """The whole hours that overlap ``[start, end)``, however long that is."""
    return floor(tz, start), ceil(tz, end)


def daily(tz: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """``[start, end)``, whole hours, in pieces of whole hours of about a day."""
    while start < end:
        stop = min(end, ceil(tz, start + DAY_MS))
        yield start, stop
        start = stop
