"""The Sparkplug host against a real Mosquitto and the demo line's edge node."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from push_rig import CLOCK, HERE, Consumer, consuming, make_driver, publishing, until

from iot_bridge.drivers.base import Browsable, Rebirthable, Subscriber, Writable
from iot_bridge.drivers.mqtt.link import Message
from iot_bridge.drivers.sparkplug.settings import SparkplugConfig, check_tag
from iot_bridge.errors import LinkLost, Rejected
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


@pytest.fixture
def play(broker: mosquitto.Broker, tmp_path: Path) -> Callable[[Callable[[Scene], Awaitable[None]]], None]:
    """play(test): run it with the edge node behind a broker of its own."""

    def run(test: Callable[[Scene], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with scene(broker, tmp_path) as made:
                await test(made)

        asyncio.run(asyncio.wait_for(whole(), 60))

    return run


Play = Callable[[Callable[[Scene], Awaitable[None]]], None]


def named(samples: list[Sample]) -> dict[str, Any]:
    return {sample.tag: sample.value for sample in samples}


async def ready(consumer: Consumer, scene: Scene) -> None:
    """A birth has come, and what was asked for at the start is answered."""
    await until(lambda: consumer.last("P/total") is not None and scene.node.rebirths)
    await asyncio.sleep(0.05)
    consumer.samples.clear()
    consumer.deliveries.clear()


def test_a_bridge_that_comes_asks_for_births_and_has_all_values(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await until(lambda: consumer.deliveries)
            assert named(consumer.deliveries[0].samples) == {
                "P/state": 1, "P/code": 0, "P/total": 100, "P/speed": 80.0, "P/setpoint": 0.0,
            }  # fmt: skip
            assert scene.node.rebirths == 1
            driver = consumer.driver
            assert isinstance(driver, Subscriber) and isinstance(driver, Writable)
            assert isinstance(driver, Rebirthable) and isinstance(driver, Browsable)

    play(run)


def test_a_message_tells_what_changed_and_proves_by_what_the_machine_is_watched(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            await scene.show(speed=75.0)
            await until(lambda: consumer.deliveries)
            (delivery,) = consumer.deliveries
            assert named(delivery.samples) == {"P/speed": 75.0, "P/state": 1, "P/total": 100}
            assert max(CLOCK.now_ms() - sample.at for sample in delivery.samples) < 1000

    play(run)


def test_the_heartbeat_alone_keeps_the_evidence_growing(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            ends = time.monotonic() + 10
            while len(consumer.values("P/state")) < 3:
                assert time.monotonic() < ends
                await scene.show(state=1)
                await asyncio.sleep(0.05)
            times = [sample.at for sample in consumer.samples if sample.tag == "P/state"]
            assert times == sorted(times) and len(set(times)) == len(times)
            scene.node.freeze()
            await asyncio.sleep(0.2)
            before = len(consumer.samples)
            for _ in range(30):
                await scene.show(state=3, total=101)
                await asyncio.sleep(0.05)
            assert len(consumer.samples) == before

    play(run)


def test_a_gap_is_mended_by_a_birth(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            births = scene.node.births
            scene.node.skip(5)
            await scene.show(total=101)
            await until(lambda: scene.node.births == births + 1)
            await until(lambda: consumer.last("P/setpoint") is not None)
            assert consumer.last("P/total") == 101
            # Between gap and birth nothing was proven.
            assert consumer.deliveries[0].samples[0].tag == "P/total" and len(consumer.deliveries[0].samples) == 1

    play(run)


def test_messages_that_overtake_one_another(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            scene.node.reorder(PACKER, {"total": 101}, {"total": 102})
            await until(lambda: consumer.last("P/total") == 102)
            assert consumer.values("P/total") == [101, 102]
            assert scene.node.rebirths == 1

    play(run)


def test_a_death_makes_its_values_unknown_until_the_next_birth(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            await scene.node.die()
            await until(lambda: consumer.values("P/state")[:1] == [None])
            await until(lambda: consumer.last("P/state") == 1)
            assert consumer.lost == []

    play(run)


def test_a_node_that_comes_back_without_a_birth_is_asked_for_one(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            await scene.node.die(births=False)
            await until(lambda: consumer.values("P/state")[:1] == [None])
            await until(lambda: scene.node._up.is_set())
            births = scene.node.births
            await scene.show(total=101)
            await until(lambda: scene.node.births == births + 1)
            await until(lambda: consumer.last("P/state") == 1)
            assert [value for value in consumer.values("P/total") if value is not None][-1] == 101

    play(run)


def test_the_late_death_of_an_earlier_connection_changes_nothing(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            scene.node.die_wrongly()
            await scene.show(total=101)
            await until(lambda: consumer.last("P/total") == 101)
            assert None not in consumer.values("P/state")
            assert any("bdSeq" in sentence for sentence in consumer.found)

    play(run)


def test_a_device_that_dies_alone(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            scene.node.lose_device(PACKER)
            await until(lambda: consumer.values("P/state") == [None])
            scene.node.find_device(PACKER)
            await until(lambda: consumer.last("P/state") == 1)
            assert scene.node.rebirths == 1

    play(run)


def test_history_is_marked(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            then = CLOCK.now_ms() - 600_000
            scene.node.tell_history(PACKER, [(then + 1000 * n, {"total": 50 + n}) for n in range(3)])
            await until(lambda: len(consumer.values("P/total", live=False)) == 3)
            past = [sample for sample in consumer.samples if sample.historical]
            assert [(sample.value, sample.at - then) for sample in past] == [(50, 0), (51, 1000), (52, 2000)]
            assert consumer.last("P/total") in (None, 100)

    play(run)


def test_a_restarted_bridge_knows_the_aliases_of_a_node_that_gives_no_birth(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
        scene.node.ignore_rebirths()
        async with scene.bridge(notes=consumer.notes) as again:
            await until(lambda: again.up and scene.node.rebirths >= 2)
            await scene.show(total=105)
            await until(lambda: again.last("P/total") == 105)
            assert {sample.quality for sample in again.samples} == {"uncertain"}
            assert again.values("P/state") == []  # what was not told is not proven

    play(run)


def test_aliases_that_changed_while_the_bridge_was_away_are_never_mixed_up(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
        scene.node.renumber()
        async with scene.bridge(notes=consumer.notes) as again:
            await until(lambda: again.last("P/total") == 100)
            await scene.show(total=106)
            await until(lambda: again.last("P/total") == 106)

    play(run)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_the_host_says_whether_it_can_store(play: Play, version: str) -> None:
    async def run(scene: Scene) -> None:
        def said() -> list[bool]:
            return [json.loads(message.payload)["online"] for message in watcher.got]

        async with publishing(scene.port, "spBv1.0/STATE/plant") as watcher:
            async with scene.bridge(host_id="plant", version=version) as consumer:
                await ready(consumer, scene)
                assert said() == [True]
                stamp = json.loads(watcher.got[0].payload)["timestamp"]
                assert abs(stamp - CLOCK.now_ms()) < 10_000
                # Somebody, or the will of an earlier connection, says that we are away.
                await watcher.say("spBv1.0/STATE/plant", {"online": False, "timestamp": 1}, retain=True)
                await until(lambda: said() == [True, False, True])
                consumer.full = True
                await scene.show(total=101)
                await until(lambda: said()[3:] == [False], 5)
                consumer.full = False
                await until(lambda: said()[4:] == [True])
                await until(lambda: consumer.last("P/total") == 101)
                consumer.driver._link.abort()  # the bridge dies: the broker says it
                await until(lambda: said()[5:6] == [False])
                await until(lambda: said()[6:] == [True])
            await until(lambda: said()[7:] and not said()[-1])
            assert scene.node.watched
        kept: list[Message] = []
        async with publishing(scene.port, "spBv1.0/STATE/plant") as late:
            await until(lambda: late.got)
            kept = late.got
        assert kept[0].retain and json.loads(kept[0].payload)["online"] is False

    play(run)


def test_a_command_is_written_and_read_back(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge(timeout_s=1) as consumer:
            await ready(consumer, scene)
            await consumer.driver.write(SETPOINT, 62.5)
            assert [sample.value for sample in await consumer.driver.read_tags([SETPOINT])] == [62.5]
            # The node has no such command: nothing comes back.
            await consumer.driver.write(TOTAL, 5)
            assert await consumer.driver.read_tags([TOTAL]) == []
            assert [sample.value for sample in await consumer.driver.read_tags([TOTAL])] == [100]
            with pytest.raises(Rejected, match="outside of UInt16"):
                await consumer.driver.write(TOTAL, 70_000)
            unknown = tag("x", "No/Such")
            with pytest.raises(Rejected, match="birth"):
                await consumer.driver.write(unknown, 1)
            before = scene.node.births
            await consumer.driver.rebirth(SETPOINT)
            await until(lambda: scene.node.births == before + 1)
            await consumer.driver.write(tag("reborn", "Node Control/Rebirth"), True)
            await until(lambda: scene.node.births == before + 2)
        with pytest.raises(LinkLost):
            await consumer.driver.write(SETPOINT, 1)

    play(run)


def test_browse_lists_what_births_name(play: Play) -> None:
    async def run(scene: Scene) -> None:
        driver = make_driver("sparkplug", scene.port, [], scene.folder, [], {})
        await driver.open()
        looking = asyncio.ensure_future(driver.browse("Gemba/Line1", 11))
        while not looking.done():
            await scene.show(state=1)  # its heartbeat makes it heard
            await asyncio.sleep(0.05)
        found = {entry.address: entry for entry in looking.result()}
        speed = found[f"Gemba/Line1/{PACKER.title}:Status/Speed"]
        assert (speed.name, speed.type, speed.value, speed.unit) == ("Speed", "float32", 80.0, "1/min")
        assert found["Gemba/Line1:Node Control/Rebirth"].type == "bool"
        assert found[f"Gemba/Line1/{PACKER.title}:Counts/Total"].value == 100
        await driver.close()

    play(run)


def test_a_visitor_does_not_speak_for_the_bridge(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with publishing(scene.port, "spBv1.0/STATE/+") as watcher, scene.bridge() as consumer:
            await ready(consumer, scene)
            heard = len(watcher.got)
            visitor = make_driver("sparkplug", scene.port, TAGS, scene.folder, [], {}, visiting=True)
            await visitor.open()
            samples: list[Sample] = []
            while "P/total" not in named(samples):
                samples += (await visitor.receive()).samples
            await visitor.close()
            await watcher.say("other", 1)
            assert len(watcher.got) == heard and consumer.lost == []

    play(run)


def test_a_frozen_broker_costs_nothing_but_time(play: Play, broker: mosquitto.Broker) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            broker.freeze()
            began = time.monotonic()
            await until(lambda: consumer.lost, 4.0)
            assert consumer.lost[0][0] - began <= 3.0
            await scene.show(state=3, code=501, total=150)
            broker.thaw()
            await until(lambda: consumer.last("P/total") == 150 and consumer.last("P/state") == 3, 10)
            assert consumer.last("P/code") == 501

    play(run)


def test_a_broker_that_is_killed_comes_back_with_everything(play: Play, broker: mosquitto.Broker) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            broker.kill()
            await until(lambda: consumer.lost, 2.0)
            await scene.show(state=3, total=160)
            broker.run()
            await until(lambda: consumer.last("P/total") == 160 and consumer.last("P/state") == 3, 10)

    play(run)


def test_retained_messages_are_none_of_sparkplugs(play: Play) -> None:
    async def run(scene: Scene) -> None:
        async with publishing(scene.port) as plant:
            topic = f"spBv1.0/Gemba/DDATA/Line1/{PACKER.title}"
            await plant.say(topic, b"\x00garbage", retain=True)
            async with scene.bridge() as consumer:
                await ready(consumer, scene)
                await plant.say(topic, b"\x00garbage")
                await scene.show(total=101)
                await until(lambda: consumer.last("P/total") == 101)
                assert [sentence.split(": ", 1)[1][:10] for sentence in consumer.found] == ["a retained", "no Sparkpl"]

    play(run)


@pytest.mark.parametrize("fields", [{"host_id": "a/b"}, {"groups": ["a+"]}, {"groups": [""]}])
def test_settings_that_can_not_work_say_the_mend(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"level of a topic"):
        SparkplugConfig(name="c", host="h", **fields)


def test_a_tag_needs_an_address() -> None:
    with pytest.raises(ValueError, match="group/node/device:Metric"):
        check_tag(Tag(tag="x", connection="c", equipment="P", signal="measurement"))
    check_tag(TOTAL)
