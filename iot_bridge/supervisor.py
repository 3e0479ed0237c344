"""Tasks that restart alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0


async def end(task: asyncio.Task[None], within_s: float | None = None) -> bool:
    """Cancel until it is done: before Python 3.12 ``wait_for`` may swallow a cancellation.

    False when it still runs after ``within_s``.
    """
    until = None if within_s is None else time.monotonic() + within_s
    while not task.done():
        if until is not None and time.monotonic() >= until:
            return False
        task.cancel()
        await asyncio.wait([task], timeout=0.2)
    return True


async def supervise(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run ``work`` for ever.

    Policy: expected failures are handled inside ``work``; anything that still comes out is a defect.
    It is logged with its traceback and the loop starts anew, so that one connection's defect stops no other.
    """
    pause = FIRST_PAUSE_S
    while True:
        try:
            await work()
            pause = FIRST_PAUSE_S
        except Exception:
            log.exception("%s failed: starting it anew in %.1f s", name, pause)
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_S)
