"""Which hours of a machine have rows, which should, and what of a change can bear on them."""

from collections.abc import Iterable
from typing import NamedTuple

from odoo.addons.mes_base.tools import spans

from . import hours

# So much time of each machine is filled in one transaction, when there is much to catch up.
STEP_MS = 31 * hours.DAY_MS


class Extent(NamedTuple):
    """Which hours of a machine have rows and which should; ms, None where there are none.

    ``first`` is the hour of its first fact, ``complete`` the end of its last complete hour;
    ``rolled_from`` and ``rolled_until`` delimit the hours that have rows. Rows before ``closed`` are in a
    closed period: they stay as they are. ``one_clock``: it never stood at a site with another time zone.
    """

    tz: str
    one_clock: bool
    minor_stop_ms: int
    first: int | None
    complete: int
    rolled_from: int | None
    rolled_until: int | None
    closed: int

    @property
    def open(self) -> tuple[int, int] | None:
        """The hours whose rows may be made anew."""
        return self.should and overlap(self.should, (self.closed, self.complete))

    @property
    def rolled(self) -> tuple[int, int] | None:
        """The hours that have rows and may be made anew."""
        if self.rolled_from is None:
            return None
        return self.open and overlap(self.open, (self.rolled_from, self.rolled_until))

    @property
    def incomplete(self) -> tuple[int, int] | None:
        """The hours that have rows and are not complete."""
        if self.rolled_from is None:
            return None
        return overlap((self.rolled_from, self.rolled_until), (max(self.complete, self.closed), self.rolled_until))

    @property
    def should(self) -> tuple[int, int] | None:
        """The hours that should have rows."""
        if self.first is None or self.first >= self.complete:
            return None
        return (self.first, self.complete)

    @property
    def missing(self) -> list[tuple[int, int]]:
        """The hours at either end that should have rows and have none."""
        if self.should is None:
            return []
        has = [] if self.rolled_from is None else [(self.rolled_from, self.rolled_until)]
        return spans.subtract(self.should, has)

    @property
    def next_step(self) -> tuple[int, int] | None:
        """The next missing hours to fill, so that those with rows stay without a hole."""
        if not self.missing:
            return None
        start, end = self.missing[-1]
        if end == self.rolled_from:
            return max(start, hours.floor(self.tz, end - STEP_MS)), end
        return start, min(end, hours.ceil(self.tz, start + STEP_MS))


def extent_of(
    tz: str,
    one_clock: bool,
    minor_stop_ms: int,
    first: int | None,
    low: int | None,
    high: int | None,
    closed: int | None,
    now: int,
) -> Extent:
    """The extent out of what the database knows of a machine."""
    return Extent(
        tz,
        one_clock,
        minor_stop_ms,
        None if first is None else hours.floor(tz, first),
        hours.floor(tz, now - minor_stop_ms),
        low,
        None if high is None else hours.ceil(tz, high + 1),
        0 if closed is None else hours.floor(tz, closed),
    )


def rolled_part(found: Iterable[spans.OpenSpan], extent: Extent, crossing: int, now: int) -> list[tuple[int, int]]:
    """What of the marked spans can bear on hours that have rows.

    A change more than a threshold after the last row can not make a stop in it a minor one, and one after
    ``crossing``, the end of the count interval that holds the last row's, gives no row other pieces; what lies
    in an hour without rows is read when its rows are made.
    """
    if extent.rolled_until is None:
        return []
    near = max(extent.rolled_until + extent.minor_stop_ms, crossing)
    clipped = [overlap((start, now if end is None else end), (extent.first or start, near)) for start, end in found]
    return spans.merge(one for one in clipped if one)


def overlap(one: tuple[int, int], other: tuple[int, int] | None) -> tuple[int, int] | None:
    """What both spans cover, None if that is nothing."""
    if other is None:
        return None
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start < end else None
