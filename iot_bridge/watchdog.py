"""systemd's notify protocol, standard library only. Outside systemd all of it does nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

# A loop may be inside one slow call to Odoo; longer than this it hangs.
PATIENCE_S = 60.0


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


class Progress:
    """Which loops have made no progress for too long."""

    def __init__(self, look: Callable[[], Mapping[str, int]]) -> None:
        self._look = look
        self._seen: dict[str, tuple[int, float]] = {}

    def stuck(self, now: float) -> list[str]:
        """Names of loops whose counter has stood still for longer than the patience."""
        out = []
        counters = self._look()
        self._seen = {name: seen for name, seen in self._seen.items() if name in counters}
        for name, value in counters.items():
            last = self._seen.get(name)
            if last is None or last[0] != value:
                self._seen[name] = (value, now)
            elif now - last[1] > PATIENCE_S:
                out.append(name)
        return out


async def feed(progress: Progress) -> None:
    """Feed the watchdog while every loop makes progress; runs until cancelled."""
    period = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000 / 2 or 5.0
    while True:
        stuck = progress.stuck(time.monotonic())
        if stuck:
            log.error("no progress: %s; the watchdog is not fed", ", ".join(stuck))
        else:
            notify("WATCHDOG=1")
        await asyncio.sleep(period)
