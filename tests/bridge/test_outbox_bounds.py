"""The outbox on a small disk, for a long time, under a clock that jumps: what is thinned, what stays, what is told."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from iot_bridge.clock import to_rfc3339
from iot_bridge.events import Event
from iot_bridge.outbox import Durability, Limits, Outbox, Stores
from iot_bridge.outbox.ages import DAY_S, Ages
from iot_bridge.signals.counter import CounterMemory
from iot_bridge.testing import START_MS

# BRIDGE_EVENTS=1000000 for the acceptance run.
EVENTS = int(os.environ.get("BRIDGE_EVENTS", "120000"))
DISK = 8 << 20
MACHINES = [f"P/A/L1/M{i}" for i in range(10)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 8 MB; without the right to mount one, a folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and (
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(folder)], check=False).returncode == 0
    )
    yield folder
    if mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def limits(disk: Path) -> Limits:
    """As the bridge has them on a real disk, which is the limit; a folder gets it by the setting."""
    return Limits() if os.path.ismount(disk) else Limits(max_bytes=DISK)


class Plant:
    """Ten machines with two counters and seven measurements each; remembers what it made."""

    def __init__(self, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.totals: dict[str, int] = {}
        self.made: Counter[str] = Counter()
        self.cycle = 0

    def events(self, states: float = 0.05) -> tuple[list[Event], dict[str, CounterMemory]]:
        """One poll cycle of all machines, and the memories that go with it."""
        at = START_MS + self.cycle * 1000
        self.cycle += 1
        out, memories = [], {}
        for machine in MACHINES:
            for k in range(7):
                fields: dict[str, Any] = {"name": f"t{k}", "value": self.chance.random()}
                out.append(Event("measurement", machine, at, fields, tag=f"{machine}/t{k}"))
            for name in ("total", "good"):
                key, delta = f"{machine}/{name}", self.chance.randrange(3)
                total = self.totals[key] = self.totals.get(key, 0) + delta
                fields = {"counter": name, "counter_epoch": 0, "raw": total, "total": total, "delta": delta}
                out.append(Event("count", machine, at, {**fields, "decision": "step"}, tag=key))
                memories[key] = CounterMemory(total, at, at, "b", 0, total)
            if self.chance.random() < states:
                out.append(Event("state", machine, at, {"raw": 1, "state": "running", "map": 1}))
            if self.cycle % 2:
                span = {"from": to_rfc3339(at - 1000), "until": to_rfc3339(at + 5000)}
                out.append(Event("evidence", machine, at, span))
        self.made.update(event.kind for event in out)
        return out, memories


class Drained:
    """All that an outbox still had, as Odoo would see it."""

    def __init__(self, box: Outbox) -> None:
        self.kinds: Counter[str] = Counter()
        self.totals: dict[str, int] = {}
        self.spans: dict[str, list[tuple[str, str]]] = {}
        self.dropped: Counter[str] = Counter()
        numbers = last = box.applied
        while (batch := box.read(5000)) is not None:
            assert batch.first == last + 1 and not batch.findings
            for _, body in batch.events:
                self._take(json.loads(body))
            self.dropped.update({reason: end - start + 1 for start, end, reason in batch.dropped})
            numbers += len(batch.events) + sum(end - start + 1 for start, end, _ in batch.dropped)
            last = batch.last
            box.acknowledge(last)
        # Every number is either an event or declared, none both.
        assert numbers == last == box.last

    def _take(self, event: dict[str, Any]) -> None:
        self.kinds[event["kind"]] += 1
        if event["kind"] == "count":
            before = self.totals.get(event["tag"], 0)
            assert event["total"] == before + event["delta"]
            self.totals[event["tag"]] = event["total"]
        elif event["kind"] == "evidence":
            self.spans.setdefault(event["equipment"], []).append((event["from"], event["until"]))


def fill(box: Outbox, plant: Plant, events: int, states: float = 0.05) -> None:
    while sum(plant.made.values()) < events:
        box.append(*plant.events(states))


@pytest.mark.parametrize("durability", ["commit", "second"])
def test_small_disk_with_odoo_away(durability: Durability, disk: Path) -> None:
    """A disk of 8 MB takes far more events than fit: totals, states and evidence are all there after the drain."""
    box = Outbox.open(disk / "outbox.db", limits(disk), durability)
    plant = Plant()
    fill(box, plant, EVENTS if durability == "commit" else EVENTS // 2)
    assert sum(part.stat().st_size for part in disk.iterdir()) <= DISK
    found = Drained(box)
    assert found.totals == plant.totals == {key: memory.total for key, memory in box.memories().items()}
    assert found.kinds["state"] == plant.made["state"]
    for spans in found.spans.values():
        assert all(begin <= end for (_, end), (begin, _) in pairwise(spans))
        assert spans[0][0] == to_rfc3339(START_MS - 1000)
    # Measurements first: of them a smaller part is left than of the counts.
    assert found.kinds["measurement"] * 4 < plant.made["measurement"]
    assert found.kinds["count"] / plant.made["count"] > found.kinds["measurement"] / plant.made["measurement"]
    assert set(found.dropped) == {"condensed: the queue was full"}
    # What Odoo has can be deleted on a disk that is nearly full.
    while box.prune(keep_days=0, keep_max=0):
        pass
    assert box.stats().first == box.last + 1
    box.close()


def test_unsent_counts_collapse_to_one_point_a_counter(disk: Path) -> None:
    """More states than the limit: all else that can go has gone, and the totals are right."""
    box = Outbox.open(disk / "outbox.db", Limits(max_pending=500))
    plant = Plant()
    fill(box, plant, 15_000, states=0.7)
    for _ in range(100):
        box.append([], {})
    found = Drained(box)
    assert found.totals == plant.totals and found.kinds["state"] == plant.made["state"] > 500
    # One point a counter, and what came after the last walk.
    assert found.kinds["count"] <= 20 + found.kinds["state"] / 10
    box.close()


def test_telemetry_that_can_take_no_more_stops_no_state(tmp_path: Path) -> None:
    """Parameters are never thinned: their file is full of them."""
    telemetry = Outbox.open(tmp_path / "t.db", Limits(max_bytes=1 << 20))
    stores = Stores(Outbox.open(tmp_path / "o.db"), telemetry)
    cycles = 0
    while not telemetry.lost:
        cycles += 1
        parameter = Event("parameter", "M", START_MS + cycles, {"name": "p", "value": "x" * 1000})
        stores.append([parameter, Event("state", "M", START_MS + cycles, {"raw": cycles})], {}, {})
    assert stores.main.last == cycles > telemetry.last == cycles - 1
    assert "disk is full" in telemetry.lost_why
    telemetry.close()
    stores.main.close()


def test_streams_by_kind_and_memories_with_the_counts(tmp_path: Path) -> None:
    telemetry = Outbox.open(tmp_path / "t.db", durability="second")
    stores = Stores(Outbox.open(tmp_path / "o.db"), telemetry)
    events, memories = Plant().events()
    energy = Event("energy", "M", START_MS, {"meter": "e", "counter_epoch": 0, "total": 1.5})
    stores.append([*events, energy], memories, {"k": "v", "gone": None})
    assert stores.memories() == memories and stores.notes() == {"k": "v"}
    assert set(Drained(telemetry).kinds) == {"measurement"}
    assert {"count", "energy", "evidence"} <= set(Drained(stores.main).kinds) and telemetry.memories() == {}
    stores.append([], {}, {"k": None})
    assert stores.notes() == {}
    telemetry.close()
    stores.main.close()


def test_telemetry_gives_the_room_of_a_backlog_back_to_the_disk(tmp_path: Path) -> None:
    """States may need it: what measurements took in an outage is the disk's again when they are gone."""
    path = tmp_path / "t.db"
    box = Outbox.open(path, durability="second")
    event = Event("measurement", "M", START_MS, {"name": "p", "value": 1}, tag="M/p")
    for _ in range(100):
        box.append([event] * 200, {})
    box._bounds.space.fold()
    full = path.stat().st_size
    box.acknowledge(20_000)
    while box.prune(keep_days=7, keep_max=100):
        pass
    box._bounds.space.fold()
    assert full > 2_000_000 and path.stat().st_size < full / 5
    assert box.append([event], {}) == 20_001 and box._db.execute("PRAGMA quick_check").fetchone() == ("ok",)
    box.close()


def test_measurements_reach_the_disk_within_a_second_without_a_flush_for_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Durability "second": commits are not flushed one by one, but all of them once a second."""
    flushed: list[int] = []
    now = [0.0]
    monkeypatch.setattr("iot_bridge.outbox.base.os.fdatasync", flushed.append)
    monkeypatch.setattr("iot_bridge.outbox.base.time.monotonic", lambda: now[0])
    box = Outbox.open(tmp_path / "t.db", durability="second")
    event = Event("measurement", "M", START_MS, {"name": "p", "value": 1})
    for _ in range(10):
        box.append([event], {})
        now[0] += 0.05
    assert flushed == [] and not box.sync_due
    now[0] += 1
    assert box.sync_due
    box.append([event], {})
    assert len(flushed) == 1
    box.sync()
    assert len(flushed) == 1, "nothing new"

    def broken(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("iot_bridge.outbox.base.os.fdatasync", broken)
    now[0] += 2
    assert box.append([event], {}) == 12, "it is stored"
    with pytest.raises(sqlite3.OperationalError, match="Input/output error: look at the disk"):
        box.sync()
    box.close()


def test_disk_filled_by_others_and_emptied_again(disk: Path) -> None:
    box = Outbox.open(disk / "outbox.db", limits(disk))
    plant = Plant()
    fill(box, plant, 15_000)
    other = disk / "other"
    try:
        with other.open("wb") as file:
            while os.path.ismount(disk):
                file.write(bytes(16 << 10))
                file.flush()
    except OSError:
        pass
    fill(box, plant, 40_000)
    # Odoo is back while the disk is still full.
    batch = box.read(1000)
    assert batch is not None
    box.acknowledge(batch.last)
    other.unlink(missing_ok=True)
    fill(box, plant, 60_000)
    box.acknowledge(0)
    assert {key: memory.total for key, memory in box.memories().items()} == plant.totals
    assert box.append(*plant.events()) == box.last
    box.close()
    assert (disk / "outbox.db.ballast").exists()


def test_disk_full_of_states_refuses_more_but_drains(disk: Path) -> None:
    """States are never thinned. When nothing else is left to go, storing fails loudly, and draining makes room."""
    box = Outbox.open(disk / "outbox.db", Limits(max_bytes=1 << 20))
    stored = 0
    running = Event("state", "M", START_MS, {"raw": 1, "state": "running", "map": 1})
    with pytest.raises(sqlite3.OperationalError, match="disk is full"):
        while True:
            box.append([running] * 20, {})
            stored += 1
    assert box.last == stored * 20 > 1000
    batch = box.read(box.last // 2)
    assert batch is not None and len(batch.events) == box.last // 2
    box.acknowledge(batch.last)
    assert box.append([running] * 20, {}) == stored * 20 + 20
    found = Drained(box)
    assert found.kinds["state"] == box.last - batch.last
    box.close()


def test_unsent_measurements_are_dropped_by_age_states_and_counts_are_not(tmp_path: Path) -> None:
    box = Outbox.open(tmp_path / "o.db")
    plant = Plant()
    fill(box, plant, 3000)
    made = dict(plant.made)
    box.read(100)
    while box.prune(keep_days=7, keep_max=9, max_age_days=-1):
        pass
    fill(box, plant, 3500)
    found = Drained(box)
    assert found.totals == plant.totals
    for kind in ("state", "evidence", "count"):
        assert found.kinds[kind] == plant.made[kind]
    # What was handed out before is not touched.
    assert found.kinds["measurement"] == plant.made["measurement"] - made["measurement"] + 70
    assert list(found.dropped) == ["too old: unsent for longer than outbox.max_age_days"]
    box.close()


class Clocks:
    """A wall clock that can be set, and a monotonic one that can't."""

    def __init__(self, wall: float) -> None:
        self.offset, self.seconds = wall, 0.0

    def ages(self, last: int | None, waiting: bool) -> Ages:
        return Ages(last, waiting, lambda: self.offset + self.seconds, lambda: self.seconds)


@pytest.mark.parametrize("step", [-DAY_S, -3600, 3600, DAY_S, 400 * DAY_S, -50 * 365 * DAY_S])
def test_clock_set_while_events_wait_changes_no_age(step: int) -> None:
    clocks = Clocks(1.8e9)
    ages = clocks.ages(None, False)
    stamp = ages.now()
    clocks.offset += step
    clocks.seconds += 60
    assert ages.now() - stamp == 60
    assert ages.wall_time(stamp) == int(1.8e9 + step)
    ages.nothing_waits()
    assert ages.now() == int(1.8e9 + step + 60)


@pytest.mark.parametrize(
    ("wall", "after"), [(1.8e9 + 3600, 3600), (1.8e9 + 90 * DAY_S, DAY_S), (1.8e9 - 3600, 0), (0.0, 0)]
)
def test_restart_under_another_clock_ages_what_waits_by_a_day_at_most(wall: float, after: int) -> None:
    ages = Clocks(wall).ages(1_800_000_000, True)
    assert ages.now() - 1_800_000_000 == after


def test_clock_set_forward_by_years_drops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Outbox.open(tmp_path / "o.db")
    plant = Plant()
    fill(box, plant, 1000)
    box.close()
    monkeypatch.setattr("iot_bridge.outbox.ages.time.time", lambda: 4e9)
    again = Outbox.open(tmp_path / "o.db")
    while again.prune(keep_days=7, keep_max=10**6, max_age_days=30):
        pass
    fill(again, plant, 1500)
    assert Drained(again).kinds == plant.made
    again.close()
