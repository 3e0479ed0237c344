"""What drivers share about the time of a value: the device's clock against the plant's. Pure.

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
