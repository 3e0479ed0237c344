"""A folder of files, the driver that reads it, and the outbox behind it."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from iot_bridge.drivers import Surroundings
from iot_bridge.drivers.file.driver import FileDriver
from iot_bridge.drivers.file.settings import FileConfig
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.tags import Tag
from iot_bridge.testing import ManualClock, make_tag

CODE = "T/A/L1/M1"
TAGS = [
    make_tag(CODE, table="", register=0, type="auto", address="state"),
    make_tag(CODE, "total", signal="counter", table="", register=0, type="uint32", address="total"),
    make_tag(CODE, "temp", signal="measurement", table="", register=0, type="auto", address="temp"),
    make_tag(CODE, "jam", signal="alarm", table="", register=0, type="bool", address="jam", code="JAM"),
]
TAGS = [tag.model_copy(update={"connection": "drop"}) for tag in TAGS]
HEAD = "time,state,total,temp,jam\n"


def row(second: int, state: int = 1, total: int = 0, temp: float = 20.5, jam: int = 0) -> str:
    return f"2025-03-01T10:{second // 60:02d}:{second % 60:02d}Z,{state},{total},{temp},{jam}\n"


def rows(count: int, start: int = 0) -> str:
    return "".join(row(n, 1 + (n // 7) % 3, n * 2, 20 + n % 5) for n in range(start, start + count))


@dataclass
class Place:
    """A folder, an outbox, and what the driver said."""

    folder: Path
    box: Outbox
    more: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    clock: ManualClock = field(default_factory=ManualClock)

    @property
    def config(self) -> FileConfig:
        fields = {"settle_s": 0.0, "look_s": 0.01, "stream": "PAST", **self.more}
        return FileConfig(name="drop", folder=self.folder / "in", **fields)

    def drop(self, name: str, text: str | bytes) -> Path:
        folder = self.folder / "in"
        folder.mkdir(exist_ok=True)
        path = folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def driver(self, tags: Sequence[Tag] = TAGS) -> FileDriver:
        config = self.config
        around = Surroundings(self.folder, self.box.notes, self.said.append)
        return FileDriver(config, config.own_tags(tags), self.clock, around)

    async def run(self, tags: Sequence[Tag] = TAGS, crash: random.Random | None = None) -> bool:
        """Import until the folder is empty; False when it crashed on the way."""
        pipeline = Pipeline(Stores(self.box), self.clock, lambda: None, live=False)
        await pipeline.set_tags(self.config.own_tags(tags))
        driver = self.driver(tags)
        await driver.open()
        while True:
            delivery = await driver.receive()
            if crash is not None and crash.random() < 0.2:
                return False
            if not delivery.samples and delivery.token is None:
                await pipeline.lost([tag.tag for tag in tags])
                await driver.close()
                return True
            assert await pipeline.feed(delivery.samples, False, delivery.notes)
            if crash is not None and crash.random() < 0.2:
                return False
            await driver.stored(delivery)

    def go(self, tags: Sequence[Tag] = TAGS) -> list[dict[str, Any]]:
        asyncio.run(self.run(tags))
        return self.events()

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        batch = self.box.read(100_000)
        found = [] if batch is None else json.loads(batch.to_json("P"))["events"]
        return [event for event in found if kind in (None, event["kind"])]

    def refused(self) -> list[str]:
        files = sorted((self.folder / "in" / "errors").glob("*.csv"))
        return [line for path in files for line in path.read_text(encoding="utf-8").splitlines()[1:]]
