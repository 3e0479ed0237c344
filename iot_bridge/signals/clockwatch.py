"""Clocks that are wrong: steps of the bridge's wall clock, and sources whose clock is ahead or behind. Pure.

A finding is told once a change; durations inside the bridge go by the monotonic clock and never by these.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ..events import Sample

# Less is slewing, rounding or the way of a message.
STEP_MS = 1000
BEHIND_MS = 2000
LOOKS = 16


class WallWatch:
    """Steps of the wall clock against the monotonic one. ``speed``: plant seconds a real second."""

    def __init__(self, speed: float = 1.0) -> None:
        # Between reading the two clocks some real milliseconds may pass.
        self._limit_ms = max(STEP_MS, round(100 * speed))
        self._offset: int | None = None

    def look(self, now: int, mono: int) -> float | None:
        """Seconds by which the wall clock was set since the last look; None when it was not."""
        before, self._offset = self._offset, now - mono
        step = 0 if before is None else self._offset - before
        return step / 1000 if abs(step) > self._limit_ms else None


class SkewWatch:
    """How far a source's clock is off, from its freshest stamp in each delivery.

    A stamp ahead of its receipt is proof at once. One behind may just be an old value: only when none of the
    last deliveries had a fresher one the clock is taken to be behind.
    """

    def __init__(self) -> None:
        self._looks: deque[int] = deque(maxlen=LOOKS)
        self.skew_ms = 0

    def look(self, samples: Iterable[Sample]) -> float | None:
        """Seconds by which the skew has changed since it was last told; None when it has not."""
        fresh = [sample.at - sample.recv for sample in samples if not sample.historical]
        if not fresh:
            return None
        self._looks.append(max(fresh))
        best = max(self._looks)
        if best > STEP_MS or (best < -BEHIND_MS and len(self._looks) == LOOKS):
            skew = best
        elif len(self._looks) == LOOKS:
            skew = 0
        else:
            return None
        change = skew - self.skew_ms
        if abs(change) <= STEP_MS:
            return None
        self.skew_ms = skew
        return change / 1000
