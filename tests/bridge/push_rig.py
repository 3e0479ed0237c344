"""What the tests of pushed drivers share: a consumer that opens, receives and stores as a connection does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stopwatch import Stopwatch

from iot_bridge.clock import SystemClock
from iot_bridge.drivers import DRIVERS, Surroundings
from iot_bridge.drivers.base import Delivery
from iot_bridge.drivers.mqtt.link import Link, Message
from iot_bridge.drivers.mqtt.settings import BrokerConfig
from iot_bridge.errors import LinkLost, Rejected
from iot_bridge.events import Sample
from iot_bridge.supervisor import end
from iot_bridge.tags import Tag

CLOCK = SystemClock.from_env({})
HERE = "127.0.0.1"


@dataclass
class Consumer:
    """What came. ``full``: nothing can be stored. opened: how often; lost: (monotonic time, sentence)."""

    driver: Any
    samples: list[Sample] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    lost: list[tuple[float, str]] = field(default_factory=list)
    found: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    opened: int = 0
    full: bool = False
    up: bool = False

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self.driver.open()
                    self.opened += 1
                    self.up = True
                    while True:
                        await self._take()
                except LinkLost as error:
                    self.up = False
                    self.lost.append((time.monotonic(), str(error)))
                    await self.driver.close()
                await asyncio.sleep(0.1)
        finally:
            await self.driver.close()

    async def _take(self) -> None:
        delivery = await self.driver.receive()
        if self.full:
            return
        names = [sample.tag for sample in delivery.samples if not sample.historical]
        assert len(names) == len(set(names)), "a tag twice in one delivery"
        self.samples += delivery.samples
        self.notes.update({key: text for key, text in delivery.notes.items() if text is not None})
        self.notes.update({key: make() for key, make in delivery.beside.items()})
        if delivery.samples:
            self.deliveries.append(delivery)
        await self.driver.stored(delivery)

    def values(self, tag: str, live: bool = True) -> list[Any]:
        return [sample.value for sample in self.samples if sample.tag == tag and sample.historical != live]

    def last(self, tag: str) -> Any:
        found = self.values(tag)
        return found[-1] if found else None


async def until(done: Callable[[], Any], timeout_s: float = 30.0, what: str = "") -> Any:
    """Wait for a state; AssertionError when it does not come."""
    watch = Stopwatch()
    while not (result := done()):
        assert watch.seconds() < timeout_s, f"not within {timeout_s} s: {what or done}"
        await asyncio.sleep(0.01)
    return result


def make_driver(
    kind: str, port: int, tags: Sequence[Tag], folder: Path, found: list[str], notes: dict[str, str],
    visiting: bool = False, **more: Any,
) -> Any:  # fmt: skip
    settings = DRIVERS[kind].settings.model_validate({"name": "c", "driver": kind, "host": HERE, "port": port, **more})
    around = Surroundings(folder, lambda: dict(notes), found.append, visiting)
    return DRIVERS[kind].load()(settings, tags, CLOCK, around)


@contextlib.asynccontextmanager
async def consuming(
    kind: str, port: int, tags: Sequence[Tag], folder: Path, notes: dict[str, str] | None = None, **more: Any
) -> AsyncIterator[Consumer]:
    """A consumer that runs, and ends in order."""
    found: list[str] = []
    consumer = Consumer(make_driver(kind, port, tags, folder, found, notes or {}, **more), found=found)
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        await end(task)


class Plant:
    """A publisher."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.got: list[Message] = []

    async def say(self, topic: str, content: Any, retain: bool = False) -> None:
        text = content if isinstance(content, bytes) else json.dumps(content).encode()
        with contextlib.suppress(Rejected):  # nobody listens now: the session does
            await self.link.publish(topic, text, retain)


@contextlib.asynccontextmanager
async def publishing(port: int, *topics: str, **more: Any) -> AsyncIterator[Plant]:
    plant: Plant

    def take(message: Message) -> None:
        message.link.acknowledge([message])
        plant.got.append(message)

    link = Link(BrokerConfig(name="p", driver="mqtt", host=HERE, port=port, **more), f"plant{port}", take, clean=True)
    plant = Plant(link)
    await link.open()
    await link.subscribe([(topic, 1) for topic in topics])
    try:
        yield plant
    finally:
        await link.close()
