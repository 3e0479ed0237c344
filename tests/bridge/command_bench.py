"""An executor of commands with devices that a test controls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iot_bridge import supervisor
from iot_bridge.clock import to_rfc3339
from iot_bridge.commands import Executor
from iot_bridge.drivers.modbus.settings import ModbusTcpConfig
from iot_bridge.events import Event, Sample, Value
from iot_bridge.outbox import Outbox
from iot_bridge.tags import Tag
from iot_bridge.testing import START_MS, ManualClock, make_tag

SPEED = make_tag(name="speed", signal="measurement", type="uint16", register=10, writable=True, scale=0.5, unit="%")
ORDER = make_tag(name="order", signal="measurement", type="string", length=8, register=20, writable=True)
FIXED = make_tag(name="fixed", signal="measurement", type="uint16", register=30)
GUARD = make_tag(name="guard", signal="measurement", type="bool", register=31, writable=True, safety=True)
RULES: list[dict[str, Any]] = [
    {"tag": SPEED.tag, "min": 0, "max": 100}, {"tag": ORDER.tag}, {"tag": FIXED.tag}, {"tag": GUARD.tag},
]  # fmt: skip


def settings(rules: list[dict[str, Any]] | None = None, **more: Any) -> ModbusTcpConfig:
    """A connection with an allow-list."""
    fields = {"name": "plc", "driver": "modbus_tcp", "host": "h", "write": RULES if rules is None else rules, **more}
    return ModbusTcpConfig.model_validate(fields)


@dataclass
class Plc:
    """What stands behind the link: it outlives bridges. Counts every write that arrives."""

    values: dict[str, Value | None] = field(default_factory=lambda: {SPEED.tag: 0, ORDER.tag: "", FIXED.tag: 1})
    writes: list[tuple[str, Value]] = field(default_factory=list)


@dataclass
class Link:
    """As a Connection looks to the executor. ``on_write`` and ``on_read`` may raise, or change what happens."""

    plc: Plc
    config: ModbusTcpConfig = field(default_factory=settings)
    tags: tuple[Tag, ...] = (SPEED, ORDER, FIXED, GUARD)
    state: str = "up"
    name: str = "plc"
    on_write: Callable[[], Awaitable[None]] | None = None
    on_read: Callable[[], Awaitable[None]] | None = None
    rebirths: list[str] = field(default_factory=list)
    takes: bool = True

    async def write(self, tag: Tag, value: Value) -> Sample | None:
        self.plc.writes.append((tag.tag, value))
        if self.takes:
            self.plc.values[tag.tag] = value
        if self.on_write is not None:
            await self.on_write()
        return await self.read(tag)

    async def read(self, tag: Tag) -> Sample | None:
        if self.on_read is not None:
            await self.on_read()
        return Sample(tag.tag, self.plc.values[tag.tag], START_MS, 0, START_MS)

    async def rebirth(self, tag: Tag) -> None:
        self.rebirths.append(tag.tag)


@dataclass
class Bench:
    """One executor with its surroundings."""

    executor: Executor
    outbox: Outbox
    clock: ManualClock
    links: dict[str, Any]

    def results(self) -> list[dict[str, Any]]:
        """Result events in the outbox, without what is the same in all."""
        batch = self.outbox.read(1000)
        events = [json.loads(body) for _, body in (batch.events if batch else [])]
        return [event for event in events if event["kind"] == "command_result"]

    async def until(self, count: int, timeout_s: float = 30) -> list[dict[str, Any]]:
        """Wait for so many results."""

        async def look() -> None:
            while len(self.results()) < count:
                await asyncio.sleep(0.01)

        await asyncio.wait_for(look(), timeout_s)
        return self.results()


@asynccontextmanager
async def bench(folder: Path, *links: Link, clock: ManualClock | None = None) -> AsyncIterator[Bench]:
    """A running executor on the outbox in ``folder``; at the end everything is cut, as by a kill."""
    outbox = Outbox.open(folder / "outbox.db")
    time = clock or ManualClock()

    async def store(events: Sequence[Event], notes: Mapping[str, str | None]) -> None:
        outbox.append(events, {}, notes)

    whole = {link.name: link for link in links}
    names = {tag.tag for link in links for tag in link.tags}
    executor = Executor(time, store, outbox.notes(), lambda: whole, lambda tag: tag in names)  # type: ignore[arg-type]
    task = asyncio.create_task(executor.run())
    try:
        yield Bench(executor, outbox, time, whole)
    finally:
        await supervisor.end(task)
        await executor.close()
        outbox.close()


def offer(id: int = 1, value: Any = 40, tag: str = SPEED.tag, in_s: float = 60, **more: Any) -> dict[str, Any]:
    """A command as Odoo offers it."""
    deadline = to_rfc3339(START_MS + round(in_s * 1000))
    return {"id": id, "tag": tag, "value": value, "reason": "why", "deadline": deadline, "kind": "write", **more}


def short(event: Mapping[str, Any]) -> tuple[int, str, Any]:
    return event["command"], event["status"], event["read_back"]
