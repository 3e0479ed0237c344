"""Cavities: several counters that add into one."""

from __future__ import annotations

from counter_bench import CAVITIES, COUNT, Scene
from scene import CODE, told

from iot_bridge.outbox import Outbox
from iot_bridge.outbox.heal import heal
from iot_bridge.testing import START_MS


def test_cavities_add_into_one_counter() -> None:
    scene = Scene(*CAVITIES)
    assert told(scene.poll(c1=998, c2=50), "count", *COUNT) == [("first", 0, 0)]
    assert told(scene.poll(500, c1=999, c2=52), "count", *COUNT) == [("step", 3, 3)]
    (event,) = scene.poll(500, c1=1, c2=52)
    assert (event.fields["decision"], event.fields["total"]) == ("rollover", 5)
    assert scene.machine.counts() == {"total": 5}
    scene.restart(1000)
    assert told(scene.poll(c1=3, c2=53), "count", *COUNT) == [("step", 3, 8)]


def test_one_doubtful_cavity_flags_the_common_point() -> None:
    scene = Scene(*CAVITIES)
    scene.poll(c1=500, c2=50)
    (event,) = scene.poll(150_000, c1=501, c2=51)
    assert event.fields["bounds"] == [2, 2002] and event.quality == "uncertain"
    assert event.fields["decision"] == "gap" and event.fields["delta"] == 2


def test_lost_memory_of_cavities_goes_on_from_odoos_total(outbox: Outbox) -> None:
    scene = Scene(*CAVITIES)
    point = {"epoch": 2, "raw": 77, "total": 900, "at": "2026-11-22T09:00:00.000Z"}
    changed = heal(outbox, scene.machine.specs, {f"{CODE}/total": point}, START_MS, True)
    scene.machine.remember(changed)
    (event,) = scene.poll(c1=1, c2=2)
    assert (event.fields["total"], event.fields["counter_epoch"], event.fields["decision"]) == (900, 2, "first")
    assert event.fields["bounds"] == [0, None] and event.quality == "uncertain"


def test_restored_snapshot_of_cavities_counts_nothing_twice(outbox: Outbox) -> None:
    """V28: Odoo is ahead of the readings on this disk; what they would book, it has already."""
    scene = Scene(*CAVITIES)
    outbox.append(scene.poll(c1=10, c2=10), scene.memories)
    outbox.append(scene.poll(500, c1=12, c2=12), scene.memories)
    outbox.accept_epoch()
    outbox.acknowledge(outbox.last)
    point = {"epoch": 0, "raw": 32, "total": 44, "at": "2026-11-22T10:05:00.000Z"}
    changed = heal(outbox, scene.machine.specs, {f"{CODE}/total": point}, START_MS, False)
    assert set(changed) == {f"{CODE}/total", f"{CODE}/total#1", f"{CODE}/total#2"}
    scene.restart()
    scene.machine.remember(outbox.memories())
    assert told(scene.poll(400_000, c1=33, c2=33), "count", *COUNT) == [("first", 0, 44)]
    assert told(scene.poll(500, c1=34, c2=35), "count", *COUNT) == [("step", 3, 47)]


def test_cavities_counted_before_odoo_was_heard_are_moved_onto_its_total(outbox: Outbox) -> None:
    scene = Scene(*CAVITIES)
    for n in range(3):
        outbox.append(scene.poll(500, c1=n, c2=n), scene.memories)
    point = {"epoch": 2, "raw": 77, "total": 900, "at": "2026-11-22T09:00:00.000Z"}
    changed = heal(outbox, scene.machine.specs, {f"{CODE}/total": point}, START_MS, True)
    scene.machine.remember(changed)
    assert [body["total"] for _, body in outbox.pending_counts(f"{CODE}/total")] == [900, 902, 904]
    assert told(scene.poll(500, c1=3, c2=3), "count", "total", "counter_epoch") == [(906, 2)]
