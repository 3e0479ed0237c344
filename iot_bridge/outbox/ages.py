"""The clock of the outbox: how old an event is, whatever the wall clock does meanwhile.

A wall clock that is set while events wait must neither throw them away (set forward) nor keep them for
ever (set back). So the time that rows are stamped with runs with the monotonic clock, and takes the wall
clock's word only where that can harm nothing: when nothing waits, and by one day at most after a restart.
"""

from __future__ import annotations

import time
from collections.abc import Callable

DAY_S = 86_400


class Ages:
    """Seconds like the wall clock's, but never falling and never jumping while something waits."""

    def __init__(
        self,
        last: int | None,
        waiting: bool,
        wall: Callable[[], float] = time.time,
        mono: Callable[[], float] = time.monotonic,
    ) -> None:
        """``last``: the latest stamp in the file, None when there is none; ``waiting``: something is unsent."""
        self._wall = wall
        self._mono = mono
        start = wall()
        if last is not None and waiting:
            start = last + min(max(start - last, 0), DAY_S)
        self._offset = start - mono()

    def now(self) -> int:
        """The stamp of an event that is stored now."""
        return int(self._offset + self._mono())

    def nothing_waits(self) -> None:
        """Follow the wall clock: there is no unsent event whose age could be misjudged."""
        self._offset = self._wall() - self._mono()

    def wall_time(self, stamp: int) -> int:
        """When a stamped event was stored, by the present wall clock."""
        return int(self._wall()) - max(self.now() - stamp, 0)
