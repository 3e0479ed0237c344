"""What has come and is not delivered yet. Bounded: when it is full, the broker waits."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from ...errors import LinkLost
from ...events import Sample
from ..base import Delivery
from .link import Link

FULL, LOW = 2000, 500
BUNDLE_MAX = 500
WAIT_S = 1.0
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one message brought. ``token`` is handed back when it is stored."""

    samples: list[Sample]
    token: Any = None
    notes: dict[str, str | None] = field(default_factory=dict)


class Inbox:
    """Arrivals in their order, bundled to deliveries. A delivery that was not stored is delivered again, unless
    nobody stores (``visiting``)."""

    def __init__(self, visiting: bool = False) -> None:
        self._visiting = visiting
        self._waiting: deque[Arrival] = deque()
        self._news = asyncio.Event()
        self._pending: Delivery | None = None
        # How often in a row the last delivery could not be stored.
        self.refused = 0

    def put(self, arrival: Arrival, link: Link) -> None:
        self._waiting.append(arrival)
        self._news.set()
        if len(self._waiting) >= FULL:
            link.pause()

    def clear(self) -> None:
        """Forget what was not delivered yet; what was delivered and not stored is kept."""
        self._waiting.clear()

    def stored(self) -> None:
        """The last delivery is stored."""
        self._pending = None
        self.refused = 0

    async def deliver(self, link: Link | None, wait_s: float = WAIT_S) -> Delivery:
        """The next delivery, an empty one after a while; raise LinkLost when the link is lost and all is told."""
        if self._pending is not None and not self._visiting:
            # It could not be stored: once more, when the disk has had a moment.
            self.refused += 1
            await asyncio.sleep(AGAIN_S)
            return self._pending
        if link is None:
            raise LinkLost("not connected")
        if not self._waiting:
            if link.failure is not None:
                raise LinkLost(link.failure)
            await self._wait(link, wait_s)
        bundle = self._bundle()
        if len(self._waiting) <= LOW:
            link.resume()
        if not bundle:
            return Delivery([])
        notes: dict[str, str | None] = {}
        for arrival in bundle:
            notes.update(arrival.notes)
        samples = [sample for arrival in bundle for sample in arrival.samples]
        self._pending = Delivery(samples, token=[arrival.token for arrival in bundle], notes=notes)
        return self._pending

    async def _wait(self, link: Link, wait_s: float) -> None:
        self._news.clear()
        waits = [asyncio.ensure_future(link.lost()), asyncio.ensure_future(self._news.wait())]
        try:
            await asyncio.wait(waits, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _bundle(self) -> list[Arrival]:
        """What waits, up to a limit; no tag twice but for history, so that each delivery is one look at the plant."""
        taken: list[Arrival] = []
        present: set[str] = set()
        while self._waiting and len(taken) < BUNDLE_MAX:
            names = {sample.tag for sample in self._waiting[0].samples if not sample.historical}
            if names & present:
                break
            present |= names
            taken.append(self._waiting.popleft())
        return taken
