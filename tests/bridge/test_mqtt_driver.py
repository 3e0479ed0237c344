"""The MQTT driver against a real Mosquitto."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from push_rig import CLOCK, consuming, make_driver, publishing, until

from iot_bridge.drivers.base import Browsable, Subscriber, Writable
from iot_bridge.drivers.mqtt.payload import Reader
from iot_bridge.errors import LinkLost, Rejected
from iot_bridge.tags import Tag
from mescli import mosquitto

VERSIONS = ("5", "3.1.1")


def tag(name: str, address: str, signal: str = "measurement", **more: Any) -> Tag:
    return Tag(tag=f"M/{name}", connection="c", equipment="M", signal=signal, address=address, **more)


STATE = tag("state", "m/state", "state", map={"1": "running"}, code_tag="M/code")
CODE = tag("code", "m/code", "companion")
SPEED = tag("speed", "m/data|speed -> m/set|speed", unit="1/min")
TOTAL = tag("total", "m/data|counts.total", "counter", counter="total", max_rate=10, modulus=65536)


def with_broker(test: Callable[..., Awaitable[None]], port: int, *arguments: Any) -> None:
    asyncio.run(asyncio.wait_for(test(port, *arguments), 60))


@pytest.mark.parametrize("version", VERSIONS)
def test_values_of_one_message_are_one_delivery(broker: mosquitto.Broker, tmp_path: Path, version: str) -> None:
    async def play(port: int) -> None:
        async with consuming("mqtt", port, [SPEED, TOTAL], tmp_path, version=version) as consumer:
            await until(lambda: consumer.up)
            async with publishing(port, version=version) as plant:
                await plant.say("m/data", {"speed": 79.5, "counts": {"total": 12}})
                await until(lambda: consumer.samples)
        (delivery,) = consumer.deliveries
        assert [(sample.tag, sample.value, sample.quality) for sample in delivery.samples] == [
            ("M/speed", 79.5, "good"), ("M/total", 12, "good"),
        ]  # fmt: skip
        assert len({(sample.at, sample.mono) for sample in delivery.samples}) == 1

    with_broker(play, broker.port)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_came_while_the_bridge_was_away_waits_for_it(
    broker: mosquitto.Broker, tmp_path: Path, version: str
) -> None:
    async def play(port: int) -> None:
        async with consuming("mqtt", port, [TOTAL], tmp_path, version=version) as consumer:
            await until(lambda: consumer.up)
        async with publishing(port) as plant:
            for total in range(50):
                await plant.say("m/data", {"counts": {"total": total}})
            async with consuming("mqtt", port, [TOTAL], tmp_path, version=version) as consumer:
                await until(lambda: consumer.last("M/total") == 49)
        assert consumer.values("M/total") == list(range(50))

    with_broker(play, broker.port)


def test_what_could_not_be_stored_is_delivered_again_and_not_acknowledged(
    broker: mosquitto.Broker, tmp_path: Path
) -> None:
    async def play(port: int) -> None:
        async with consuming("mqtt", port, [TOTAL], tmp_path) as consumer, publishing(port) as plant:
            await until(lambda: consumer.up)
            consumer.full = True
            await plant.say("m/data", {"counts": {"total": 7}})
            await until(lambda: consumer.driver._inbox.refused > 1)
            assert consumer.samples == []
            consumer.full = False
            await until(lambda: consumer.values("M/total") == [7])
            consumer.full = True
            await plant.say("m/data", {"counts": {"total": 8}})
            await until(lambda: consumer.driver._inbox.refused)
        # It was never acknowledged: the next bridge gets it.
        async with consuming("mqtt", port, [TOTAL], tmp_path) as consumer:
            await until(lambda: consumer.values("M/total") == [8])

    with_broker(play, broker.port)


def test_a_retained_state_is_no_evidence_and_a_retained_setting_is_a_value(
    broker: mosquitto.Broker, tmp_path: Path
) -> None:
    async def play(port: int) -> None:
        async with publishing(port) as plant:
            await plant.say("m/state", 1, retain=True)
            await plant.say("m/code", 501, retain=True)
            async with consuming("mqtt", port, [STATE, CODE], tmp_path) as consumer:
                await until(lambda: consumer.values("M/code") == [501])
                await plant.say("m/code", 502)
                await until(lambda: consumer.last("M/code") == 502)
                assert consumer.values("M/state") == []
                await plant.say("m/state", 1)
                await until(lambda: consumer.values("M/state") == [1])

    with_broker(play, broker.port)


def test_wildcards_and_overlapping_subscriptions(broker: mosquitto.Broker, tmp_path: Path) -> None:
    tags = [tag("any", "m/+/temp"), tag("one", "m/a/temp"), tag("deep", "z/#|v")]

    async def play(port: int) -> None:
        async with consuming("mqtt", port, tags, tmp_path) as consumer, publishing(port) as plant:
            await until(lambda: consumer.up)
            await plant.say("m/a/temp", 1)
            await plant.say("m/b/temp", 2)
            await plant.say("z/x/y", {"v": 3})
            await until(lambda: consumer.values("M/deep") == [3])
            assert set(consumer.values("M/one")) == {1}
            assert consumer.last("M/any") == 2

    with_broker(play, broker.port)


def test_topics_that_no_tag_wants_any_more_are_left(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def play(port: int) -> None:
        async with consuming("mqtt", port, [SPEED, CODE], tmp_path) as consumer:
            await until(lambda: consumer.up)
        async with consuming("mqtt", port, [CODE], tmp_path) as consumer, publishing(port, version="5") as plant:
            await until(lambda: consumer.up)
            with pytest.raises(Rejected, match="nobody listens"):
                await plant.link.publish("m/data", b"{}")
            await plant.link.publish("m/code", b"1")

    with_broker(play, broker.port)


def test_a_payload_that_is_no_json_is_said_and_is_no_value(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def play(port: int) -> None:
        async with consuming("mqtt", port, [SPEED], tmp_path, payload_max=100) as consumer, publishing(port) as plant:
            await until(lambda: consumer.up)
            for content in (b"{oops", b"x" * 5000, {"speed": 5}):
                await plant.say("m/data", content)
            await until(lambda: consumer.last("M/speed") == 5)
        assert consumer.values("M/speed") == [None, None, 5]
        assert len(consumer.found) == 2 and consumer.lost == []

    with_broker(play, broker.port)


def test_the_times_of_the_source(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def play(port: int) -> None:
        more = {"clock": "source", "time_path": "ts"}
        async with consuming("mqtt", port, [SPEED], tmp_path, **more) as consumer, publishing(port) as plant:
            await until(lambda: consumer.up)
            then = CLOCK.now_ms() - 60_000
            await plant.say("m/data", {"speed": 1, "ts": then / 1000})
            await plant.say("m/data", {"speed": 2})
            await until(lambda: len(consumer.samples) == 2)
        first, second = consumer.samples
        assert first.at == then and first.recv - first.at >= 60_000 and first.quality == "good"
        assert second.at == second.recv and second.quality == "uncertain"

    with_broker(play, broker.port)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_command_is_published_and_read_back(broker: mosquitto.Broker, tmp_path: Path, version: str) -> None:
    async def play(port: int) -> None:
        async with consuming("mqtt", port, [SPEED], tmp_path, version=version, timeout_s=1) as consumer:
            await until(lambda: consumer.up)
            async with publishing(port, "m/set") as plant:
                await plant.say("m/data", {"speed": 50})
                await until(lambda: consumer.last("M/speed") == 50)
                writing = asyncio.ensure_future(consumer.driver.write(SPEED, 60))
                (command,) = await until(lambda: plant.got)
                assert json.loads(command.payload) == {"speed": 60}
                await writing
                reading = asyncio.ensure_future(consumer.driver.read_tags([SPEED]))
                await asyncio.sleep(0)
                await plant.say("m/data", {"speed": 60})
                assert [sample.value for sample in await reading] == [60]
                # Nobody answers: there is no read-back, and the old value is none.
                await consumer.driver.write(SPEED, 70)
                assert await consumer.driver.read_tags([SPEED]) == []
                assert [sample.value for sample in await consumer.driver.read_tags([SPEED])] == [60]

    with_broker(play, broker.port)


def test_a_command_that_can_not_arrive_is_refused(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def play(port: int) -> None:
        async with consuming("mqtt", port, [SPEED, TOTAL], tmp_path) as consumer:
            await until(lambda: consumer.up)
            with pytest.raises(Rejected, match="nobody listens on m/set"):
                await consumer.driver.write(SPEED, 60)
            with pytest.raises(Rejected, match="command topic"):
                await consumer.driver.write(TOTAL, 60)
        with pytest.raises(LinkLost):
            await consumer.driver.write(SPEED, 60)

    with_broker(play, broker.port)


def test_browse_lists_topics_and_paths_as_they_appear(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def play(port: int) -> None:
        driver = make_driver("mqtt", port, [], tmp_path, [], {})
        assert isinstance(driver, Subscriber) and isinstance(driver, Writable) and isinstance(driver, Browsable)
        async with publishing(port) as plant:
            await plant.say("a/kept", "x", retain=True)
            looking = asyncio.ensure_future(driver.browse(None, 4))
            while not looking.done():
                await plant.say("a/live", {"n": {"odd.key": 1.5}, "l": [True]})
                await plant.say("a/bytes", b"\xff\xfe")
                await asyncio.sleep(0.05)
        found = {entry.address: (entry.type, entry.value, entry.description) for entry in looking.result()}
        assert found['a/live|n."odd.key"'] == ("float64", 1.5, "")
        assert found["a/live|l[0]"] == ("bool", True, "")
        assert found["a/kept"] == ("string", "x", "retained")
        assert found["a/bytes|$bytes"] == ("string", None, "2 bytes")

    with_broker(play, broker.port)


def test_a_flood_waits_at_the_broker_and_nothing_is_lost(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def play(port: int) -> None:
        tags = [tag(f"n{number}", f"n/{number}") for number in range(50)]
        async with consuming("mqtt", port, tags, tmp_path) as consumer, publishing(port) as plant:
            await until(lambda: consumer.up)
            consumer.full = True
            for count in range(10_000):
                plant.link.post(f"n/{count % 50}", str(count).encode(), qos=1)
                if count % 500 == 0:
                    await asyncio.sleep(0.01)
            await until(lambda: consumer.driver._inbox.refused > 1)
            assert len(consumer.driver._inbox._waiting) <= 2001
            consumer.full = False
            await until(lambda: consumer.last("M/n49") == 9999, 30)
        assert sorted(sample.value for sample in consumer.samples) == list(range(10_000))

    with_broker(play, broker.port)


def test_a_visitor_takes_nothing_from_the_bridge(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def play(port: int) -> None:
        async with consuming("mqtt", port, [SPEED, TOTAL], tmp_path) as consumer:
            await until(lambda: consumer.up)
        async with publishing(port) as plant:
            await plant.say("m/data", {"speed": 1, "counts": {"total": 1}})
            visitor = make_driver("mqtt", port, [CODE], tmp_path, [], {}, visiting=True)
            await visitor.open()
            for count in range(100):
                await plant.say("m/code", count)
            seen: list[Any] = []
            while 99 not in seen:  # nobody says that they are stored
                seen += [sample.value for sample in (await visitor.receive()).samples]
            await visitor.close()
            await plant.say("m/data", {"speed": 2, "counts": {"total": 2}})
        async with consuming("mqtt", port, [SPEED, TOTAL], tmp_path) as consumer:
            await until(lambda: consumer.last("M/total") == 2)
        assert consumer.values("M/total") == [1, 2] and consumer.found == []

    with_broker(play, broker.port)


def test_a_message_that_a_defect_can_not_read_stops_nothing(
    broker: mosquitto.Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Reader.read

    def defective(reader: Reader, topic: str, payload: bytes) -> Any:
        if b"13" in payload:
            raise RuntimeError("no 13")
        return whole(reader, topic, payload)

    monkeypatch.setattr(Reader, "read", defective)

    async def play(port: int) -> None:
        async with consuming("mqtt", port, [SPEED], tmp_path) as consumer, publishing(port) as plant:
            await until(lambda: consumer.up)
            for speed in (12, 13, 14):
                await plant.say("m/data", {"speed": speed})
            await until(lambda: consumer.last("M/speed") == 14)
            assert consumer.values("M/speed") == [12, 14] and consumer.lost == []
            assert ["could not be read" in sentence for sentence in consumer.found] == [True]
        async with consuming("mqtt", port, [SPEED], tmp_path) as again:
            await until(lambda: again.up)
            await asyncio.sleep(0.2)
        assert again.found == []  # it was acknowledged

    with_broker(play, broker.port)
