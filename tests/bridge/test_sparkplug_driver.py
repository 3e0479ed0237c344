"""The Sparkplug host against a real Mosquitto and the demo line's edge node."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from push_rig import CLOCK, make_driver, publishing, until
from sparkplug_rig import PACKER, SETPOINT, TAGS, TOTAL, Scene, named, play, ready, tag

from iot_bridge.drivers.base import Browsable, Rebirthable, Subscriber, Writable
from iot_bridge.drivers.mqtt.link import Message
from iot_bridge.drivers.sparkplug.settings import SparkplugConfig, check_tag
from iot_bridge.errors import LinkLost, Rejected
from iot_bridge.events import Sample
from iot_bridge.tags import Tag
from mescli import mosquitto


def test_a_bridge_that_comes_asks_for_births_and_has_all_values(broker: mosquitto.Broker, tmp_path: Path) -> None:
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

    play(broker, tmp_path, run)


def test_a_message_tells_what_changed_and_proves_by_what_the_machine_is_watched(
    broker: mosquitto.Broker, tmp_path: Path
) -> None:
    async def run(scene: Scene) -> None:
        async with scene.bridge() as consumer:
            await ready(consumer, scene)
            await scene.show(speed=75.0)
            await until(lambda: consumer.deliveries)
            (delivery,) = consumer.deliveries
            assert named(delivery.samples) == {"P/speed": 75.0, "P/state": 1, "P/total": 100}
            assert max(CLOCK.now_ms() - sample.at for sample in delivery.samples) < 1000

    play(broker, tmp_path, run)


def test_the_heartbeat_alone_keeps_the_evidence_growing(broker: mosquitto.Broker, tmp_path: Path) -> None:
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

    play(broker, tmp_path, run)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_the_host_says_whether_it_can_store(broker: mosquitto.Broker, tmp_path: Path, version: str) -> None:
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
                await until(lambda: said()[3:] == [False])
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

    play(broker, tmp_path, run)


def test_a_command_is_written_and_read_back(broker: mosquitto.Broker, tmp_path: Path) -> None:
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

    play(broker, tmp_path, run)


def test_browse_lists_what_births_name(broker: mosquitto.Broker, tmp_path: Path) -> None:
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

    play(broker, tmp_path, run)


def test_a_visitor_does_not_speak_for_the_bridge(broker: mosquitto.Broker, tmp_path: Path) -> None:
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

    play(broker, tmp_path, run)


@pytest.mark.parametrize("fields", [{"host_id": "a/b"}, {"groups": ["a+"]}, {"groups": [""]}])
def test_settings_that_can_not_work_say_the_mend(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"level of a topic"):
        SparkplugConfig(name="c", host="h", **fields)


def test_a_tag_needs_an_address() -> None:
    with pytest.raises(ValueError, match="group/node/device:Metric"):
        check_tag(Tag(tag="x", connection="c", equipment="P", signal="measurement"))
    check_tag(TOTAL)
