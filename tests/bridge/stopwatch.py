"""Time that a promise is held to: what passed, without what the machine let this thread stand in its queue.

A promise of three seconds is one of the bridge, not of a machine that other programs keep busy. Whatever the bridge
itself does for too long, or sleeps through, still counts.
"""

from __future__ import annotations

import time
from pathlib import Path


def starved_s() -> float:
    """Seconds since its start in which this thread could have run and got no processor; 0 where no kernel says it."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def kept_back_s(pid: int) -> float:
    """Seconds since its start in which the threads of a process could have run and got no processor, added up; 0 where
    no kernel says it, or the process is gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9
    except OSError:
        return 0.0


class Stopwatch:
    """Runs from its making, for the thread that made it."""

    def __init__(self) -> None:
        self._began, self._starved = time.monotonic(), starved_s()

    def seconds(self) -> float:
        return self.until(time.monotonic())

    def until(self, moment: float) -> float:
        """Seconds up to a moment (of `time.monotonic()`) of the past."""
        return moment - self._began - (starved_s() - self._starved)
