"""Counters beyond the cumulative one: resetting, shift totals, pulses, handshakes, cavities, factors, meters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from counter_bench import CAVITIES, COUNT, Scene, counter
from pydantic import ValidationError
from scene import CODE, companions, tag, told

from iot_bridge import supervisor
from iot_bridge.check import check_offline
from iot_bridge.clock import from_rfc3339
from iot_bridge.config import BridgeConfig
from iot_bridge.connection import Connection
from iot_bridge.drivers import DRIVERS, DriverKind, Surroundings
from iot_bridge.drivers.modbus.settings import ModbusTcpConfig
from iot_bridge.errors import LinkLost, Misconfigured
from iot_bridge.events import Sample, Value
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.signals.schedule import schedule
from iot_bridge.tags import Tag, check_set
from iot_bridge.testing import START_MS, ManualClock, make_samples


def test_resetting_counter_is_set_to_zero_when_people_like() -> None:
    scene = Scene(counter(counting="resetting"))
    scene.poll(total=500)
    assert told(scene.poll(1000, total=505), "count", *COUNT) == [("step", 5, 5)]
    # A fall is read twice; a torn read is forgotten and said.
    assert scene.poll(500, total=0) == []
    assert told(scene.poll(500, total=506), "count", *COUNT) == [("step", 1, 6)]
    assert "torn read" in scene.findings[-1]
    assert scene.poll(500, total=1) == []
    (event,) = scene.poll(500, total=3)
    assert (event.fields["decision"], event.fields["delta"], event.fields["counter_epoch"]) == ("reset", 3, 1)
    assert event.fields["bounds"] == [3, 12] and "reset: 1 -> 3" in scene.findings[-1]


def test_reset_hidden_by_an_outage_is_flagged() -> None:
    scene = Scene(counter(counting="resetting"))
    scene.poll(total=50)
    (event,) = scene.poll(60_000, total=80)
    assert (event.fields["decision"], event.fields["delta"], event.fields["bounds"]) == ("gap", 30, [30, 602])
    assert event.quality == "uncertain"


def test_shift_total_falls_at_its_times_only() -> None:
    """11:00 in Berlin is 10:00 UTC in November, when the test begins."""
    fields = {"counting": "shift_total", "reset_times": ["11:00", "19:00"], "time_zone": "Europe/Berlin"}
    scene = Scene(counter(**fields))
    scene.poll(total=900)
    scene.poll(500, total=0)
    (event,) = scene.poll(500, total=2)
    assert (event.fields["decision"], event.fields["delta"], event.quality) == ("reset", 2, "good")
    scene.clock.advance(3 * 3_600_000)
    scene.poll(total=400)
    scene.poll(500, total=0)
    (event,) = scene.poll(500, total=1)
    assert (event.fields["decision"], event.quality, event.fields["bounds"][0]) == ("reset", "uncertain", 0)
    assert "away from its reset times" in scene.findings[-1]


@pytest.mark.parametrize(
    ("start", "end", "due"),
    [
        ("2026-11-22T04:40:00.000Z", "2026-11-22T04:40:01.000Z", False),
        ("2026-11-22T04:46:00.000Z", "2026-11-22T04:46:01.000Z", True),
        ("2026-11-22T05:14:00.000Z", "2026-11-22T05:14:01.000Z", True),
        ("2026-11-22T05:16:00.000Z", "2026-11-22T20:40:00.000Z", False),
        ("2026-11-22T05:16:00.000Z", "2026-11-23T04:50:00.000Z", True),
        ("2026-07-22T04:00:00.000Z", "2026-07-22T04:00:01.000Z", True),
    ],
)
def test_schedule_knows_local_time_and_its_window(start: str, end: str, due: bool) -> None:
    times = schedule(("06:00",), "Europe/Berlin", 900_000)
    assert times.between(from_rfc3339(start), from_rfc3339(end)) == due


def test_pushed_source_may_be_silent_for_long() -> None:
    """No loss between: every change came, a hidden reset is none. After a loss it may have been one."""
    scene = Scene(counter(counting="resetting", table=""), tag("beat", "heartbeat"))
    scene.poll(total=1, beat=1)
    scene.poll(500, beat=2)
    scene.poll(500, total=2)
    for n in range(20):
        scene.poll(4000, beat=n)
    assert told(scene.poll(500, total=7), "count", *COUNT) == [("step", 5, 6)]
    scene.clock.advance(60_000)
    scene.loss()
    scene.poll(500, beat=99)
    (event,) = scene.poll(500, total=9)
    assert event.fields["decision"] == "gap" and event.fields["bounds"][0] == 2


def pulse(**fields: Any) -> Tag:
    return counter("pulse", counting="pulse", modulus=None, type="bool", max_rate=1.0, **fields)


def test_pulses_are_counted_by_their_edges_over_a_restart() -> None:
    scene = Scene(pulse(table="coil"))
    levels = [False, True, True, False, True, False, False, True]
    totals = [told(scene.poll(500, pulse=level), "count", "total") for level in levels]
    assert totals == [[0], [1], [], [], [2], [], [], [3]]
    scene.restart(500)
    assert scene.poll(500, pulse=True) == [], "the level from before the restart is no new edge"
    scene.poll(500, pulse=False)
    assert told(scene.poll(500, pulse=True), "count", *COUNT) == [("step", 1, 4)]


def test_pulses_of_an_outage_are_not_known_and_said() -> None:
    scene = Scene(pulse(table="coil"))
    scene.poll(pulse=False)
    (event,) = scene.poll(30_000, pulse=True)
    assert (event.fields["decision"], event.fields["delta"], event.fields["bounds"]) == ("gap", 1, [1, 32])


RECORD = {"counting": "handshake", "sequence_tag": "number", "ack_tag": "ack", "max_rate": 100.0, "modulus": 1000}


def test_handshake_counts_each_record_once_and_acknowledges_it() -> None:
    scene = Scene(counter(**RECORD), *companions("number", "ack"))
    events = scene.poll(total=12, number=7, ack=6)
    assert told(events, "count", *COUNT) == [("first", 0, 0), ("step", 12, 12)]
    assert scene.writes.pop(f"{CODE}/ack") == 7
    assert scene.poll(500, total=12, number=7, ack=7) == [] and not scene.writes
    assert told(scene.poll(500, total=12, number=8, ack=7), "count", *COUNT) == [("step", 12, 24)]
    assert scene.writes.pop(f"{CODE}/ack") == 8
    # Killed before the number was written: the record is acknowledged again, not counted again.
    scene.restart(500)
    assert scene.poll(total=12, number=8, ack=7) == [] and scene.writes.pop(f"{CODE}/ack") == 8
    (event,) = scene.poll(500, total=5, number=11, ack=8)
    assert (event.fields["decision"], event.fields["delta"], event.fields["bounds"]) == ("gap", 5, [5, None])
    assert "2 records were never shown" in scene.findings[-1]
    assert told(scene.poll(500, total=5, number=1, ack=0), "count", "decision") == ["reset"]


class Records:
    """A device with a queue of records; shows the next one when the last was acknowledged."""

    def __init__(self, config: Any, tags: Sequence[Tag], clock: ManualClock, around: Surroundings) -> None:
        self.tags, self.clock = list(tags), clock
        self.queue, self.number, self.ack = list(range(1, 30)), 1, 0
        self.made, self.lost_writes = 0, 0
        device.append(self)

    def groups(self) -> list[Any]:
        return [ModbusGroup(500)]

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def read(self, group: Any) -> list[Sample]:
        return await self.read_tags(self.tags)

    async def read_tags(self, tags: Sequence[Tag]) -> list[Sample]:
        shown = self.queue[0] if self.queue else 0
        values = {f"{CODE}/total": shown, f"{CODE}/number": self.number, f"{CODE}/ack": self.ack}
        return make_samples(self.clock, {tag.tag: values[tag.tag] for tag in tags})

    async def write(self, tag: Tag, value: Value) -> None:
        self.lost_writes += 1
        if self.lost_writes % 4 == 2:
            raise LinkLost("scripted")
        self.ack = int(value)
        if self.ack == self.number and self.queue:
            self.made += self.queue.pop(0)
            self.number += bool(self.queue)


class ModbusGroup:
    def __init__(self, poll_ms: int) -> None:
        self.poll_ms = poll_ms


device: list[Records] = []


@pytest.mark.parametrize("allowed", [True, False])
def test_handshake_through_a_connection(outbox: Outbox, monkeypatch: Any, allowed: bool) -> None:
    """Written back only after the commit and only where the allow-list lets us; a lost write is repeated."""
    kind = DriverKind("scripted", ModbusTcpConfig, lambda tag: None, lambda: Records)
    monkeypatch.setitem(DRIVERS, "scripted", kind)
    device.clear()
    ack = tag("ack", "companion", writable=True, type="uint16")
    tags = [counter(**{**RECORD, "max_rate": 1000.0}), *companions("number"), ack]
    rules = [{"tag": f"{CODE}/ack"}] if allowed else []
    config = ModbusTcpConfig.model_validate({"name": "plc", "host": "x", "retry_max_s": 0.01, "write": rules})
    clock = ManualClock()

    async def scene() -> None:
        pipeline = Pipeline(Stores(outbox), clock, lambda: None)
        await pipeline.set_tags(tags)
        scripted = config.model_copy(update={"driver": "scripted"})
        connection = Connection(scripted, tags, clock, pipeline, Surroundings(outbox_folder))
        task = asyncio.create_task(connection.run())
        while device[0].queue if allowed else not connection.refusals:
            clock.advance(500)
            await asyncio.sleep(0.001)
        assert allowed or "allow-list" in connection.refusals[f"{CODE}/ack"]
        await supervisor.end(task)

    outbox_folder: Any = None
    monkeypatch.setattr("iot_bridge.connection.FIRST_PAUSE_S", 0.001)
    asyncio.run(asyncio.wait_for(scene(), 60))
    batch = outbox.read(1000)
    assert batch is not None
    counts = [event for event in json.loads(batch.to_json("L"))["events"] if event["kind"] == "count"]
    assert [event["delta"] for event in counts] == ([0, *range(1, 30)] if allowed else [0, 1])
    assert device[0].made == (sum(range(1, 30)) if allowed else 0)


def test_check_warns_of_a_handshake_that_can_not_be_acknowledged(tmp_path: Path) -> None:
    """And not of wraps of counters that do not wrap."""
    tags = [counter(**RECORD), pulse(), *companions("number", "ack")]
    links = [{"name": "plc", "host": "x"}]
    odoo = {"url": "http://localhost:1", "database": "d", "login": "l", "key_file": "none"}
    whole = {"stream": "L1", "data_dir": str(tmp_path), "odoo": odoo, "connections": links, "tags": tags}
    said = check_offline(BridgeConfig.model_validate(whole))
    assert len(said) == 2 and "make it so in Odoo" in said[0] and "add it to write of plc" in said[1]


def test_factor_is_counted_once_and_in_the_bounds() -> None:
    """A stroke of a tool with four cavities is four; pieces by product stay Odoo's business."""
    scene = Scene(counter(factor=4))
    scene.poll(total=10)
    (event,) = scene.poll(1000, total=13)
    assert (event.fields["delta"], event.fields["total"], event.fields["raw"]) == (12, 12, 13)
    (event,) = scene.poll(24 * 3_600_000, total=13)
    assert event.fields["bounds"] == [0, 4 * 13 * 65536]
    assert told(scene.poll(1000, total=14), "count", "total") == [16]


def meter(**fields: Any) -> Tag:
    return tag("kwh", "energy", **{"meter": "main", "max_rate": 1.0, "unit": "kWh", "type": "float64", **fields})


ENERGY = ("decision", "delta", "total")


def test_meter_begins_with_its_reading_and_grows_by_the_deadband() -> None:
    scene = Scene(meter(deadband=0.5, resolution=0.01))
    (first,) = [event for event in scene.poll(kwh=1234.56) if event.kind == "energy"]
    assert first.fields == {
        "meter": "main", "counter_epoch": 0, "total": 1234.56, "raw": 1234.56, "delta": 0.0, "decision": "first",
        "unit": "kWh"}  # fmt: skip
    assert scene.poll(1000, kwh=1234.8) == []
    assert told(scene.poll(1000, kwh=1235.1), "energy", *ENERGY) == [("step", 0.54, 1235.1)]
    scene.restart(1000)
    assert told(scene.poll(kwh=1235.7), "energy", *ENERGY) == [("step", 0.6, 1235.7)]


def test_meter_rolls_over_at_its_modulus_and_in_its_unit() -> None:
    scene = Scene(meter(modulus=100_000, scale=0.001, resolution=1.0, max_rate=100.0))
    scene.poll(kwh=99_990.0)
    assert told(scene.poll(1000, kwh=20.0), "energy", *ENERGY) == [("rollover", 0.03, 100.02)]


def test_noise_of_a_meter_is_no_reset_but_a_fall_is() -> None:
    scene = Scene(meter(resolution=0.01))
    scene.poll(kwh=50.0)
    assert scene.poll(1000, kwh=49.99) == []
    assert scene.poll(1000, kwh=0.5) == []
    (event,) = scene.poll(1000, kwh=0.6)
    assert (event.fields["decision"], event.fields["counter_epoch"], event.quality) == ("reset", 1, "uncertain")
    assert event.fields["total"] == 50.6
    assert scene.poll(1000, kwh=float("nan")) == []


@pytest.mark.parametrize(
    ("made", "mend"),
    [
        (lambda: counter(counting="shift_total"), "local times"),
        (lambda: counter(counting="shift_total", reset_times=["25:00"]), "local times"),
        (lambda: counter(counting="shift_total", reset_times=["06:00"], time_zone="Mars"), "Europe/Berlin"),
        (lambda: counter(reset_times=["06:00"]), "shift_total"),
        (lambda: counter(type="string"), "text can't be counted"),
        (lambda: counter(type="uint16", modulus=70_000), "more than a uint16"),
        (lambda: pulse(table="coil", poll_ms=600), "pulses can pass unseen"),
        (lambda: counter(counting="handshake"), "sequence_tag"),
        (lambda: counter(counter=None), "needs its name"),
        (lambda: counter(max_rate=None), "max_rate"),
        (lambda: counter(modulus=None), "needs modulus"),
        (lambda: counter(modulus=10), "wrap unseen"),
        (lambda: counter(type="float32", modulus=2**25), "stands still"),
        (lambda: meter(meter=None), "name of its meter"),
        (lambda: meter(max_rate=None), "max_rate"),
        (lambda: meter(factor=2), "are for counters"),
        (lambda: meter(scale=-1.0), "above 0"),
        (lambda: meter(type="float32", modulus=1_000_000), "coarser resolution"),
    ],
)
def test_counters_that_can_not_work_say_the_mend(made: Any, mend: str) -> None:
    with pytest.raises(ValidationError, match=mend):
        made()


@pytest.mark.parametrize(
    ("tags", "mend"),
    [
        ([counter("a"), counter("b")], "both say"),
        ([counter("a", cavity=1), counter("b", cavity=1)], "cavity 1"),
        ([counter("a", cavity=1), counter("b")], "give the first a cavity too"),
        ([meter(), meter().model_copy(update={"tag": "x"})], "meter main"),
        ([counter(**RECORD)], "add it as a companion"),
    ],
)
def test_sets_that_can_not_work_say_the_mend(tags: list[Tag], mend: str) -> None:
    with pytest.raises(Misconfigured, match=mend):
        check_set(tags, {"plc": lambda tag: None})
    assert check_set(CAVITIES, {"plc": lambda tag: None})


def test_late_rows_of_a_counter_are_in_its_total_already() -> None:
    scene = Scene(counter())
    samples = [
        replace(sample, at=START_MS + at, mono=START_MS + at, historical=True)
        for at, value in ((0, 10), (4000, 20), (2000, 15), (6000, 25))
        for sample in make_samples(scene.clock, {f"{CODE}/total": value})
    ]
    assert told(scene.feed(samples[:2]), "count", "total") == [0, 10]
    assert told(scene.feed(samples[2:]), "count", "total") == [15]


def test_source_whose_clock_was_set_back_goes_on_counting() -> None:
    """Flagged once, at the step; nothing waits until its clock has caught up."""
    scene = Scene(counter())
    scene.poll(total=10)
    base = make_samples(scene.clock, {f"{CODE}/total": 0})[0]
    hour = 3_600_000
    samples = [
        replace(base, value=12 + n, at=base.at - hour + n * 500, mono=base.mono - hour + n * 500) for n in range(3)
    ]
    events = [event for sample in samples for event in scene.feed([sample])]
    assert told(events, "count", *COUNT) == [("gap", 2, 2), ("step", 1, 3), ("step", 1, 4)]
    assert events[0].fields["bounds"] == [2, None]
