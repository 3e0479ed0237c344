"""Broken links to a real broker: what is lost, when it is noticed, and what the bridge says."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from brokers import Authority
from own_ports import free_port
from push_rig import HERE, consuming, make_driver, publishing, until
from stopwatch import Stopwatch

from iot_bridge.drivers.mqtt.link import Link
from iot_bridge.drivers.mqtt.settings import BrokerConfig
from iot_bridge.errors import LinkLost
from iot_bridge.tags import Tag
from mescli import mosquitto

# BRIDGE_KILLS=34 is the long run: 20 000 messages.
KILLS = int(os.environ.get("BRIDGE_KILLS", "10"))
TOPICS = 50


def tag(name: str, address: str) -> Tag:
    return Tag(tag=f"M/{name}", connection="c", equipment="M", signal="measurement", address=address)


VALUE = tag("x", "m/x")


def play(test: Callable[[], Awaitable[None]], timeout_s: float = 60) -> None:
    asyncio.run(asyncio.wait_for(test(), timeout_s))


async def sentence(port: int, folder: Path, tags: tuple[Tag, ...] = (VALUE,), **more: Any) -> str:
    """Why the link can't be opened."""
    driver = make_driver("mqtt", port, tags, folder, [], {}, **more)
    try:
        await driver.open()
    except LinkLost as error:
        return str(error)
    finally:
        await driver.close()
    raise AssertionError("it opened")


# -- the broker


def test_a_broker_that_dies_is_noticed_at_once_and_its_session_goes_on(
    broker: mosquitto.Broker, tmp_path: Path
) -> None:
    async def run() -> None:
        async with consuming("mqtt", broker.port, [VALUE], tmp_path) as consumer:
            await until(lambda: consumer.up)
            broker.stop()
            await until(lambda: consumer.lost, 1.0)
            await until(lambda: any("nobody listens" in words for _, words in consumer.lost))
            broker.run()
            await until(lambda: consumer.up)
            async with publishing(broker.port) as plant:
                await plant.say("m/x", 1)
                await until(lambda: consumer.last("M/x") == 1)
            assert consumer.found == []  # the session was kept on disk

    play(run)


def test_a_broker_that_forgot_the_session_is_said(start_broker: Callable[..., Any], tmp_path: Path) -> None:
    forgetful = start_broker(persistence=False)

    async def run() -> None:
        async with consuming("mqtt", forgetful.port, [VALUE], tmp_path) as consumer:
            await until(lambda: consumer.up)
            forgetful.kill()
            await until(lambda: not consumer.up)
            forgetful.run()
            await until(lambda: consumer.found)
            assert "kept no session" in consumer.found[0]

    play(run)


def test_a_frozen_broker_is_noticed_in_time_and_nothing_is_lost(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run() -> None:
        async with consuming("mqtt", broker.port, [VALUE], tmp_path) as consumer, publishing(
            broker.port, keepalive_s=60, silence_s=90
        ) as plant:
            await until(lambda: consumer.up)
            await plant.say("m/x", 1)
            await until(lambda: consumer.last("M/x") == 1)
            broker.freeze()
            watch = Stopwatch()
            for value in range(2, 50):
                plant.link.post("m/x", str(value).encode(), qos=1)
            await until(lambda: consumer.lost, 4.0)
            assert watch.until(consumer.lost[0][0]) <= 3.0
            assert "no sign of the broker" in consumer.lost[0][1]
            broker.thaw()
            await until(lambda: consumer.last("M/x") == 49)
        assert sorted(set(consumer.values("M/x"))) == list(range(1, 50))

    play(run)


def _forked(work: Callable[[], Awaitable[None]]) -> int:
    """A process of our own that can be killed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            asyncio.run(work())
            code = 0
        finally:
            os._exit(code)
    return child


def test_a_bridge_that_is_killed_misses_no_message(broker: mosquitto.Broker, tmp_path: Path) -> None:
    """Each message is stored before it is acknowledged, so whatever a killed bridge has not stored comes again."""
    total = max(4000, KILLS * 600)
    tags = [tag(f"n{number}", f"n/{number}") for number in range(TOPICS)]
    store = tmp_path / "stored.db"
    with contextlib.closing(sqlite3.connect(store)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE seen (n INTEGER)")

    async def consume() -> None:
        database = sqlite3.connect(store, isolation_level=None)
        database.execute("PRAGMA synchronous=FULL")
        driver = make_driver("mqtt", broker.port, tags, tmp_path / "bridge", [], {})
        await driver.open()
        while True:
            delivery = await driver.receive()
            if delivery.samples:
                database.execute("BEGIN")
                database.executemany("INSERT INTO seen VALUES (?)", [(sample.value,) for sample in delivery.samples])
                database.execute("COMMIT")
            await driver.stored(delivery)

    async def produce() -> None:
        async with publishing(broker.port) as plant:
            for count in range(total):
                if count % 40 == 39:
                    await plant.link.publish(f"n/{count % TOPICS}", str(count).encode())
                    await asyncio.sleep(0.01)
                else:
                    plant.link.post(f"n/{count % TOPICS}", str(count).encode(), qos=1)

    def seen() -> int:
        with contextlib.closing(sqlite3.connect(store)) as reader:
            return int(reader.execute("SELECT count(DISTINCT n) FROM seen").fetchone()[0])

    chance = random.Random(11)
    consumer = _forked(consume)
    # The session exists before the first message.
    ends = time.monotonic() + 10
    topics = tmp_path / "bridge/mqtt-c.topics"
    while not topics.exists() or "n/0" not in topics.read_text():
        assert time.monotonic() < ends
        time.sleep(0.02)
    time.sleep(0.3)
    producer = _forked(produce)
    kills = 0
    try:
        while kills < KILLS:
            time.sleep(chance.uniform(0.05, 0.35))
            os.kill(consumer, signal.SIGKILL)
            os.waitpid(consumer, 0)
            kills += 1
            consumer = _forked(consume)
        _, status = os.waitpid(producer, 0)
        assert status == 0
        ends = time.monotonic() + 30
        while seen() < total and time.monotonic() < ends:
            time.sleep(0.1)
    finally:
        os.kill(consumer, signal.SIGKILL)
        os.waitpid(consumer, 0)
    with contextlib.closing(sqlite3.connect(store)) as reader:
        numbers = {row[0] for row in reader.execute("SELECT n FROM seen")}
    assert total - len(numbers & set(range(total))) == 0
    assert numbers == set(range(total))


def test_reconnecting_leaves_nothing_behind(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run() -> None:
        driver = make_driver("mqtt", broker.port, [VALUE], tmp_path, [], {})
        tasks = descriptors = 0
        for round_ in range(60):
            await driver.open()
            if round_ % 2:
                driver._link.abort()
            await driver.close()
            if round_ == 10:
                await asyncio.sleep(0.2)
                tasks, descriptors = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
        await asyncio.sleep(0.2)
        assert (len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))) == (tasks, descriptors)

    play(run)


def test_another_client_with_the_same_id_is_named(broker: mosquitto.Broker, tmp_path: Path) -> None:
    async def run() -> None:
        config = BrokerConfig(name="x", driver="mqtt", host=HERE, port=broker.port)
        first, second = Link(config, "twin", lambda message: None), Link(config, "twin", lambda message: None)
        await first.open()
        await second.open()
        await asyncio.wait_for(first.lost(), 2)
        assert first.failure is not None and "client_id of its own" in first.failure
        await second.close()

    play(run)


# -- what can't work says the mend


def test_nobody_there(tmp_path: Path) -> None:
    async def run() -> None:
        assert "nobody listens" in await sentence(free_port(), tmp_path)
        assert "is not known here" in await sentence(1883, tmp_path, host="no-such-host.invalid")

    play(run)


@pytest.fixture
def mute() -> Iterator[int]:
    """A port that accepts and says nothing."""
    with socket.create_server((HERE, 0)) as server:
        yield server.getsockname()[1]


def test_who_does_not_answer_is_left_in_time(mute: int, tmp_path: Path) -> None:
    async def run() -> None:
        for more in ({}, {"tls": True}):
            watch = Stopwatch()
            assert "no answer" in await sentence(mute, tmp_path, timeout_s=0.5, **more)
            assert watch.seconds() < 2

    play(run)


def test_a_wrong_password_and_missing_rights(start_broker: Callable[..., Any], tmp_path: Path) -> None:
    guarded = start_broker(users={"bridge": "right"}, acl=["user bridge", "topic read ok/#"])
    (tmp_path / "wrong").write_text("guess\n")
    (tmp_path / "right").write_text("right\n")
    (tmp_path / "empty").write_text("")

    async def run() -> None:
        for version in ("5", "3.1.1"):
            known = {"username": "bridge", "version": version}
            wrong = await sentence(guarded.port, tmp_path, password_file=tmp_path / "wrong", **known)
            assert "correct username and password_file" in wrong
            assert "allow" in await sentence(guarded.port, tmp_path, version=version)
        assert "is empty" in await sentence(guarded.port, tmp_path, password_file=tmp_path / "empty", **known)
        assert "can read" in await sentence(guarded.port, tmp_path, password_file=tmp_path / "none", **known)
        known["password_file"] = tmp_path / "right"
        async with consuming("mqtt", guarded.port, [tag("ok", "ok/x")], tmp_path, **known) as consumer:
            await until(lambda: consumer.up)

    play(run)


def test_certificates(start_broker: Callable[..., Any], tmp_path: Path) -> None:
    ours, other = Authority(tmp_path / "ours"), Authority(tmp_path / "other", "Other CA")
    server, client = ours.issue("broker"), ours.issue("bridge")
    old_client, foreign = ours.issue("old", days=(-10, -1)), other.issue("foreign")
    safe = start_broker(tls=mosquitto.Tls(ours.certificate, server.certificate, server.key, clients=True))
    short = ours.issue("short", days=(-1, 20))
    expired = ours.issue("expired", days=(-10, -1))
    misnamed = ours.issue("misnamed", host="192.0.2.1")
    old = start_broker(tls=mosquitto.Tls(ours.certificate, expired.certificate, expired.key))
    elsewhere = start_broker(tls=mosquitto.Tls(ours.certificate, misnamed.certificate, misnamed.key))
    plain = start_broker()

    async def run() -> None:
        tls = {"tls": True, "ca_file": ours.certificate}
        mine = {**tls, "certificate_file": client.certificate, "key_file": client.key}
        async with consuming("mqtt", safe.port, [VALUE], tmp_path, **mine) as consumer:
            await until(lambda: consumer.up)
        assert consumer.found == []
        ending = {**tls, "certificate_file": short.certificate, "key_file": short.key}
        async with consuming("mqtt", safe.port, [VALUE], tmp_path, **ending) as consumer:
            await until(lambda: consumer.up)
        assert len(consumer.found) == 1 and "renew it before" in consumer.found[0]
        cases = [
            (safe, {**mine, "ca_file": other.certificate}, "unknown authority"),
            (safe, {"tls": True}, "unknown authority"),
            (old, tls, "has expired"),
            (elsewhere, tls, "for another address"),
            (safe, tls, "client certificate"),
            (safe, {**mine, "certificate_file": old_client.certificate, "key_file": old_client.key}, "renew it"),
            (safe, {**mine, "certificate_file": foreign.certificate, "key_file": foreign.key}, "certificate"),
            (safe, {**mine, "key_file": old_client.key}, "do not fit together"),
            (safe, {**tls, "ca_file": tmp_path / "none"}, "can read"),
            (safe, {**tls, "ca_file": client.key}, "must be PEM"),
            (plain, tls, "does not speak TLS"),
            (safe, {}, "closed the connection"),
        ]
        for number, (broker, more, words) in enumerate(cases):
            said = await sentence(broker.port, tmp_path, **more)
            assert words in said, (number, said)

    play(run)


def test_a_full_disk_is_said(broker: mosquitto.Broker, tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.write_text("a file where a folder should be")

    async def run() -> None:
        assert "free disk space" in await sentence(broker.port, folder)

    play(run)
    shutil.rmtree(folder, ignore_errors=True)
