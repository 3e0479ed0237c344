"""systemd's notify protocol, standard library only. Outside systemd all of it does nothing.

The watchdog is fed by the progress of every loop. A loop that stands still beyond its patience starves it, and
systemd starts the bridge anew; so does anything that blocks the loop of loops, because then nobody feeds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

log = logging.getLogger(__name__)

# A loop may be inside one slow call to Odoo; longer than this it hangs.
PATIENCE_S = 60.0
FEED_S = 5.0


@dataclass(frozen=True, slots=True)
class Loop:
    """How far a loop is (a number that rises), and how long it may stand still, real seconds."""

    count: int
    patience_s: float = PATIENCE_S


def notify(message: str) -> bool:
    """Send one line, e.g. READY=1; False outside systemd."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.connect(address)
        sock.sendall(message.encode())
    return True


def reloading() -> None:
    """Tell systemd (Type=notify-reload, or who looks) that a reload has begun; READY=1 ends it."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


class Progress:
    """Which loops have made no progress for too long. ``late`` is what the last look found."""

    def __init__(self, look: Callable[[], Mapping[str, Loop]]) -> None:
        self._look = look
        self._seen: dict[str, tuple[int, float]] = {}
        self.late: list[str] = []

    def stuck(self, now: float) -> list[str]:
        """Names of loops whose number has stood still for longer than their patience."""
        loops = self._look()
        self._seen = {name: seen for name, seen in self._seen.items() if name in loops}
        self.late = []
        for name, loop in loops.items():
            last = self._seen.get(name)
            if last is None or last[0] != loop.count:
                self._seen[name] = (loop.count, now)
            elif now - last[1] > loop.patience_s:
                self.late.append(name)
        return self.late


async def feed(progress: Progress) -> None:
    """Feed the watchdog while every loop makes progress; runs until cancelled."""
    period = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000 / 3 or FEED_S
    while True:
        stuck = progress.stuck(time.monotonic())
        if stuck:
            log.error("no progress: %s; the watchdog is not fed", ", ".join(stuck))
        else:
            notify("WATCHDOG=1")
        await asyncio.sleep(period)
