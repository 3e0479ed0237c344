"""The pipeline: what is not stored did not happen; stale without anyone asking; links that come and go."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from iot_bridge import supervisor
from iot_bridge.connection import Connection
from iot_bridge.drivers import DRIVERS, ConnectionConfig, DriverKind, Surroundings
from iot_bridge.drivers.modbus.blocks import Block, PollGroup
from iot_bridge.errors import LinkLost
from iot_bridge.events import Sample
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.tags import Tag
from iot_bridge.testing import ManualClock, make_samples, make_tag

CODE = "T/A/L1/M1"
TAGS = [make_tag(CODE), make_tag(CODE, "total", signal="counter")]


def pending(box: Outbox) -> list[dict[str, Any]]:
    batch = box.read(1000)
    return [] if batch is None else json.loads(batch.to_json("L"))["events"]


def cycle(clock: ManualClock, state: int, total: int) -> list[Sample]:
    return make_samples(clock, {f"{CODE}/state": state, f"{CODE}/total": total})


def test_full_disk_loses_no_total(tmp_path: Path) -> None:
    """While nothing can be stored the alarm stands; afterwards the counter continues from its last point."""
    box, clock = Outbox.open(tmp_path / "o.db"), ManualClock()

    async def scene() -> None:
        pipeline = Pipeline(Stores(box), clock, lambda: None)
        await pipeline.set_tags(TAGS)
        await pipeline.feed(cycle(clock, 1, 10))
        store = box.append

        def full(*_: object) -> int:
            raise sqlite3.OperationalError("database or disk is full")

        box.append = full  # type: ignore[method-assign]
        clock.advance(500)
        await pipeline.feed(cycle(clock, 1, 12))
        assert "disk is full" in pipeline.alarms["outbox"] and "free disk space" in pipeline.alarms["outbox"]
        box.append = store  # type: ignore[method-assign]
        clock.advance(500)
        await pipeline.feed(cycle(clock, 1, 15))
        assert pipeline.alarms == {}

    asyncio.run(scene())
    counts = [event for event in pending(box) if event["kind"] == "count"]
    assert [(event["total"], event["delta"]) for event in counts] == [(0, 0), (5, 5)]
    box.close()


def test_live_shows_no_data_after_the_limit_and_recovers(outbox: Outbox) -> None:
    clock = ManualClock()

    async def scene() -> None:
        pipeline = Pipeline(Stores(outbox), clock, lambda: None)
        await pipeline.set_tags(TAGS)
        assert pipeline.live()[CODE]["state"] is None
        await pipeline.feed(cycle(clock, 3, 10))
        assert pipeline.live()[CODE]["state"] == "down"
        clock.advance(5001)
        assert pipeline.live()[CODE]["state"] is None
        await pipeline.feed(cycle(clock, 1, 13))
        live = pipeline.live()[CODE]
        assert (live["state"], live["counts"]) == ("running", {"total": 3})

    asyncio.run(scene())


def test_restarted_pipeline_continues_the_outbox(outbox: Outbox) -> None:
    clock = ManualClock()

    async def life(totals: Sequence[int]) -> None:
        pipeline = Pipeline(Stores(outbox), clock, lambda: None)
        await pipeline.set_tags(TAGS)
        for total in totals:
            await pipeline.feed(cycle(clock, 1, total))
            clock.advance(1000)

    asyncio.run(life([100, 101, 103]))
    clock.advance(10_000)
    asyncio.run(life([120, 121]))
    events = pending(outbox)
    assert [event["total"] for event in events if event["kind"] == "count"] == [0, 1, 3, 20, 21]
    assert sum(event["kind"] == "state" for event in events) == 2


def test_stale_timer_sends_the_rest_of_the_evidence(outbox: Outbox) -> None:
    clock = ManualClock()

    async def scene() -> None:
        pipeline = Pipeline(Stores(outbox), clock, lambda: None)
        await pipeline.set_tags(TAGS)
        await pipeline.feed(cycle(clock, 1, 10))
        clock.advance(1000)
        await pipeline.feed(cycle(clock, 1, 10))
        clock.advance(5001)
        watch = asyncio.create_task(pipeline.watch_stale())
        while outbox.last < 4:
            await asyncio.sleep(0.01)
        watch.cancel()

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert [event["kind"] for event in pending(outbox)] == ["evidence", "state", "count", "evidence"]


class ScriptedDriver:
    """A device that follows a script: a number of good reads, then a loss, again and again."""

    def __init__(
        self, config: ConnectionConfig, tags: Sequence[Tag], clock: ManualClock, around: Surroundings
    ) -> None:
        self.clock = clock
        self.reads: list[int] = []
        self.opened = 0
        self.losses = {4}
        self.total = 65525
        self._groups = [PollGroup(500, (Block(1, "holding", 0, 5, tuple(tags)),))]

    def groups(self) -> list[PollGroup]:
        return self._groups

    async def open(self) -> None:
        self.opened += 1

    async def read(self, group: PollGroup) -> list[Sample]:
        self.reads.append(self.clock.mono_ms())
        if len(self.reads) in self.losses:
            raise LinkLost("scripted")
        self.total = (self.total + 3) % 65536
        return cycle(self.clock, 1, self.total)

    async def close(self) -> None:
        pass


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = DriverKind("scripted", ConnectionConfig, lambda tag: None, lambda: ScriptedDriver)
    monkeypatch.setitem(DRIVERS, "scripted", kind)


def test_connection_polls_fairly_reopens_and_tells_the_counter(
    scripted: None, outbox: Outbox, tmp_path: Path
) -> None:
    """After a link that the device dropped, a wrap is no certain rollover any more."""
    clock = ManualClock()

    async def scene() -> Connection:
        pipeline = Pipeline(Stores(outbox), clock, lambda: None)
        await pipeline.set_tags(TAGS)
        config = ConnectionConfig(name="plc", driver="scripted")
        connection = Connection(config, TAGS, clock, pipeline, Surroundings(tmp_path))
        task = asyncio.create_task(connection.run())
        driver = connection._driver
        assert isinstance(driver, ScriptedDriver)
        while len(driver.reads) < 5:
            await asyncio.sleep(0.005)
            if clock._waiting:
                # The third wait is cut short by an overrun of two periods.
                clock.advance(1700 if len(driver.reads) == 2 else 500)
        while outbox.last < 7:
            await asyncio.sleep(0.005)
        assert connection.state == "up" and driver.opened == 2 and connection.overruns == 2
        await supervisor.end(task)
        return connection

    asyncio.run(asyncio.wait_for(scene(), 60))
    counts = [event for event in pending(outbox) if event["kind"] == "count"]
    assert [event["raw"] for event in counts] == [65528, 65531, 65534, 1]
    assert [event["decision"] for event in counts] == ["first", "step", "step", "reset"]
    assert counts[-1]["quality"] == "uncertain" and counts[-1]["bounds"][0] == 1


def test_defect_in_one_loop_restarts_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.01)
    runs: list[int] = []

    async def broken() -> None:
        runs.append(1)
        raise KeyError("defect")

    async def scene() -> None:
        task = asyncio.create_task(supervisor.supervise("broken", broken))
        while len(runs) < 3:
            await asyncio.sleep(0.005)
        task.cancel()

    asyncio.run(asyncio.wait_for(scene(), 60))
