"""What the Sparkplug tests share: the demo line's edge node behind a broker, and a bridge's consumer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from push_rig import CLOCK, HERE, Consumer, consuming, until

from iot_bridge.events import Sample
from iot_bridge.simulator.layout import MACHINES
from iot_bridge.simulator.sparkplug_node import SparkplugNode
from iot_bridge.tags import Tag
from mescli import mosquitto

PACKER = MACHINES[-1]


def tag(name: str, metric: str, signal: str = "measurement", **more: Any) -> Tag:
    address = f"Gemba/Line1/{PACKER.title}:{metric}"
    return Tag(tag=f"P/{name}", connection="c", equipment="P", signal=signal, address=address, **more)


STATE = tag("state", "Status/State", "state", map={"1": "running", "3": "down"}, code_tag="P/code")
CODE = tag("code", "Status/Code", "companion")
TOTAL = tag("total", "Counts/Total", "counter", counter="total", max_rate=10, modulus=65536)
SPEED = tag("speed", "Status/Speed")
SETPOINT = tag("setpoint", "Control/Setpoint")
TAGS = [STATE, CODE, TOTAL, SPEED, SETPOINT]


@dataclass
class Scene:
    """The node, and how to say what its machine shows."""

    node: SparkplugNode
    port: int
    folder: Path

    async def show(self, **values: Any) -> None:
        await self.node.show(PACKER, values)

    def bridge(self, **more: Any) -> contextlib.AbstractAsyncContextManager[Consumer]:
        return consuming("sparkplug", self.port, TAGS, self.folder, **more)


@contextlib.asynccontextmanager
async def scene(broker: mosquitto.Broker, folder: Path) -> AsyncIterator[Scene]:
    node = SparkplugNode(HERE, broker.port, [PACKER], CLOCK, memory=folder / "bdseq.json")
    await node.open()
    made = Scene(node, broker.port, folder / "bridge")
    await made.show(state=1, code=0, interlock=0, mode=1, boot=7, speed=80.0, total=100, reject=0)
    try:
        yield made
    finally:
        await node.close()


def play(broker: mosquitto.Broker, folder: Path, test: Callable[[Scene], Awaitable[None]]) -> None:
    """Run a test with the edge node behind the broker."""

    async def whole() -> None:
        async with scene(broker, folder) as made:
            await test(made)

    asyncio.run(asyncio.wait_for(whole(), 60))


def named(samples: list[Sample]) -> dict[str, Any]:
    return {sample.tag: sample.value for sample in samples}


async def ready(consumer: Consumer, scene: Scene) -> None:
    """A birth has come, and what was asked for at the start is answered."""
    await until(lambda: consumer.last("P/total") is not None and scene.node.rebirths)
    await asyncio.sleep(0.05)
    consumer.samples.clear()
    consumer.deliveries.clear()
