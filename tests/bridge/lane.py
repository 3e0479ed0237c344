"""A durable lane against the fake Odoo, for the uplink tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iot_bridge import supervisor
from iot_bridge.config import OdooConfig
from iot_bridge.events import Event
from iot_bridge.outbox import Outbox
from iot_bridge.outbox.heal import heal
from iot_bridge.signals.counter import CounterMemory, CounterSpec
from iot_bridge.testing import START_MS, FakeOdoo
from iot_bridge.uplink.caller import Caller
from iot_bridge.uplink.durable import DurableLane
from iot_bridge.uplink.transport import make_transport

KEY = "M1/total"
SPEC = CounterSpec(65536, 10.0)


def config(odoo: FakeOdoo, folder: Path, **more: Any) -> OdooConfig:
    """How to reach the fake; its key goes to a file in ``folder``."""
    key_file = folder / "key"
    key_file.write_text(more.pop("key", odoo.key))
    fields = {"url": odoo.url, "database": odoo.database, "login": odoo.login, **more}
    return OdooConfig(key_file=key_file, **fields)


@dataclass
class Lane:
    """One running durable lane; healed holds what hello brought back."""

    outbox: Outbox
    durable: DurableLane
    healed: dict[str, CounterMemory] = field(default_factory=dict)

    def states(self, count: int) -> None:
        """Append state events."""
        self.outbox.append([Event("state", "M1", START_MS + i, {"raw": 1, "state": "running", "map": 1})
                            for i in range(count)], {})  # fmt: skip
        self.durable.notify()

    def count(self, raw: int, total: int, delta: int, decision: str = "step", at: int | None = None) -> None:
        """Append one count point with its memory."""
        when = START_MS + (total * 1000 if at is None else at)
        fields = {"counter": "total", "counter_epoch": 0, "raw": raw, "total": total, "delta": delta}
        event = Event("count", "M1", when, {**fields, "decision": decision})
        self.outbox.append([event], {KEY: CounterMemory(raw, when, 0, "b", 0, total)})
        self.durable.notify()

    async def drained(self, timeout_s: float = 60) -> None:
        """Everything is acknowledged, and hello was said."""
        await asyncio.wait_for(self.durable.greeted.wait(), timeout_s)
        await asyncio.wait_for(self.durable.drained(), timeout_s)


@asynccontextmanager
async def running(outbox: Outbox, odoo: OdooConfig, batch_max: int = 50, timeout_s: float = 5) -> AsyncIterator[Lane]:
    """Run a lane until the block ends."""
    lane: list[Lane] = []

    async def healer(points: Mapping[str, Mapping[str, Any]], fresh: bool) -> None:
        lane[0].healed |= heal(outbox, {KEY: SPEC}, points, START_MS, fresh)

    caller = Caller(make_transport(odoo, timeout_s), "test")
    durable = DurableLane(outbox, caller, "L1", batch_max, 0.2, healer)
    lane.append(Lane(outbox, durable))
    task = asyncio.create_task(durable.run())
    try:
        yield lane[0]
    finally:
        await supervisor.end(task)
        caller.close()
