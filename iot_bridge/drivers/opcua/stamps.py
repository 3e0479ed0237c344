"""When did it happen? The device's stamps put on the plant's clock. Pure.

A device's clock may be off by any amount. Each stamp that arrives says: the device's clock is ahead of ours by
at least ``stamp - now``, and by exactly that if the stamp is fresh. So the greatest of the last such
differences is the offset, less the shortest delay.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

Policy = Literal["bridge", "source", "corrected"]

WINDOW_MS = 30_000
WINDOW = 64
# A stamp may lie so far before what was said of that machine already; more than that is a clock that was set.
JITTER_MS = 5_000
# A value that was stamped longer ago says nothing of how long it took to count up.
OLDEST_MS = 10_000


class Skew:
    """How far the device's clock is ahead of the plant's, in ms."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque(maxlen=WINDOW)
        self.offset_ms: int | None = None

    def observe(self, device_ms: int, now_ms: int) -> None:
        """A stamp of the device that arrived at ``now_ms``, plant time."""
        while self._seen and abs(now_ms - self._seen[0][0]) > WINDOW_MS:
            self._seen.popleft()
        self._seen.append((now_ms, device_ms - now_ms))
        self.offset_ms = max(offset for _, offset in self._seen)

    def forget(self) -> None:
        """The device's clock was set."""
        self._seen.clear()
        self.offset_ms = None


class Stamper:
    """Gives samples their time by the connection's clock policy."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.skew = Skew()
        self._last: dict[str, int] = {}

    def at_event(self, stamp: int | None, now: int, newest: int | None) -> int:
        """Time of a change that was told at ``now``; ``newest``: the latest stamp told with it."""
        if stamp is None:
            return self.at_read(now)
        if self.policy == "source":
            return stamp
        if self.policy == "corrected":
            return min(now, stamp - (self.skew.offset_ms or 0))
        # What was told together keeps its order and distances.
        return now - max(0, (newest if newest is not None else stamp) - stamp)

    def at_read(self, left: int) -> int:
        """Time of a value that was read by a request that left at ``left``: it held then."""
        return left + (self.skew.offset_ms or 0) if self.policy == "source" else left

    def age_ms(self, stamp: int | None, now: int, newest: int | None) -> int:
        """How long before ``now`` the change was, for the monotonic clock."""
        if stamp is None:
            return 0
        if self.policy == "bridge":
            age = (newest if newest is not None else stamp) - stamp
        else:
            age = now - (stamp - (self.skew.offset_ms or 0))
        return min(max(0, age), OLDEST_MS)

    def in_order(self, equipment: str, at: int) -> int:
        """Not before what was said of this machine already, unless the clock itself was set back."""
        last = self._last.get(equipment)
        if last is not None and last - JITTER_MS <= at < last:
            return last
        self._last[equipment] = at
        return at
