"""A tag's trend: which level a span is read from, and where its line holds or breaks. Pure.

Times and lengths are integer milliseconds. A point is ``(at, least, greatest, mean)`` of the bin that
begins at ``at``; ``None`` in place of the figures breaks the line.
"""

from collections.abc import Sequence
from typing import NamedTuple

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000

Point = tuple[int, float | None, float | None, float | None]
Span = tuple[int, int]


class View(NamedTuple):
    """How a span of time is shown: its length, the level it is read from, the length of a bin."""

    length: int
    level: str
    bin: int


VIEWS = {
    "1h": View(HOUR, "raw", 5 * SECOND),
    "8h": View(8 * HOUR, "minute", MINUTE),
    "1d": View(DAY, "minute", 2 * MINUTE),
    "7d": View(7 * DAY, "minute", 15 * MINUTE),
    "30d": View(30 * DAY, "hour", HOUR),
    "1y": View(366 * DAY, "hour", 12 * HOUR),
}
"""By name. None has more than 800 bins, so that an answer stays within 1000 points."""

BINS_OF_LEVEL = {"raw": 1, "minute": MINUTE, "hour": HOUR}
_UNWATCHED = 5 * MINUTE
"""Without any evidence of the machine a value holds for so long, or for three bins."""


def level_of(view: View, start: int, floors: dict[str, int]) -> str:
    """The finest level, from the view's own on, that is kept for all of a span from ``start`` on."""
    levels = list(BINS_OF_LEVEL)
    for level in levels[levels.index(view.level) :]:
        if start >= floors[level]:
            return level
    return levels[-1]


def held(points: Sequence[Point], bin: int, end: int, evidence: Sequence[Span], window: int = 0) -> list[Point]:
    """The points with what lies between them: a value that is sent when it changes holds as long as its machine
    is watched; where nobody looked the line breaks. ``evidence``: merged spans; ``window`` > 0: one value is due
    in each window, so that its absence is a gap."""
    found: list[Point] = []
    for index, point in enumerate(points):
        found.append(point)
        until = points[index + 1][0] if index + 1 < len(points) else end
        holds = _holds_until(point[0], bin, until, evidence, window)
        if holds >= until - bin:
            # Up to the next value, which may be far away: a step, no slope.
            if until - point[0] > 2 * bin:
                found.append((until - bin, point[3], point[3], point[3]))
            continue
        if holds > point[0] + bin:
            found.append((holds, point[3], point[3], point[3]))
        if index + 1 < len(points):
            found.append((max(holds, point[0]) + bin, None, None, None))
    return found


def _holds_until(at: int, bin: int, until: int, evidence: Sequence[Span], window: int) -> int:
    """How far the value of the bin at ``at`` reaches, ``until`` at most."""
    if window:
        return min(until, at + bin + 2 * window)
    if not evidence:
        return min(until, at + max(3 * bin, _UNWATCHED))
    reach = at + bin
    for start, end in evidence:
        if start <= reach + bin and end > reach:
            reach = end
    return min(until, reach)


def clipped(points: Sequence[Point], start: int) -> list[Point]:
    """The points from ``start`` on; a value that holds over ``start`` begins there."""
    inside = [point for point in points if point[0] >= start]
    before = [point for point in points if point[0] < start]
    if before and before[-1][3] is not None and inside and inside[0][0] > start and inside[0][3] is not None:
        inside.insert(0, (start, *before[-1][1:]))
    return inside
