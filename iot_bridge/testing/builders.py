"""Time that a test moves, tags and samples."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..events import Sample
from ..tags import Tag

# 2026-11-22T10:00:00Z
START_MS = 1_795_341_600_000


class ManualClock:
    """Plant time that moves only by :meth:`advance`; waiting tasks wake in order."""

    def __init__(self, now_ms: int = START_MS, boot_id: str = "boot-1") -> None:
        self._now = now_ms
        self._mono = 1_000_000
        self.boot_id = boot_id
        self.speed = 1.0
        self._waiting: list[tuple[int, asyncio.Event]] = []

    def now_ms(self) -> int:
        return self._now

    def mono_ms(self) -> int:
        return self._mono

    async def sleep_until(self, plant_ms: int) -> None:
        if plant_ms > self._mono:
            event = asyncio.Event()
            self._waiting.append((plant_ms, event))
            await event.wait()

    def advance(self, ms: int) -> None:
        """Move both clocks."""
        self._now += ms
        self._mono += ms
        for until, event in self._waiting:
            if until <= self._mono:
                event.set()
        self._waiting = [(until, event) for until, event in self._waiting if until > self._mono]

    def step_wall(self, ms: int) -> None:
        """Set the wall clock, as NTP does; the monotonic one stays."""
        self._now += ms


def make_tag(equipment: str = "T/A/L1/M1", name: str = "state", **fields: Any) -> Tag:
    """A valid tag: by default a state tag at holding register 0."""
    base: dict[str, Any] = {
        "tag": f"{equipment}/{name}", "connection": "plc", "equipment": equipment, "signal": "state",
        "table": "holding", "register": 0, "type": "uint16", "stale_ms": 5000,
    }  # fmt: skip
    if fields.get("signal", "state") == "state":
        base.update(map={"1": "running", "2": "idle", "3": "down"}, map_revision=1)
    if fields.get("signal") == "counter":
        base.update(counter=name, max_rate=10.0, register=4)
    return Tag.model_validate({**base, **fields})


def make_samples(clock: ManualClock, values: Mapping[str, Any]) -> list[Sample]:
    """One poll cycle at the clock's present time."""
    now = clock.now_ms()
    return [Sample(tag, value, now, clock.mono_ms(), now) for tag, value in values.items()]
