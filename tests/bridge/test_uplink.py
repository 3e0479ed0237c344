"""The durable lane: exactly once whatever the link and both sides' disks do."""

from __future__ import annotations

import asyncio
import random
import shutil
from pathlib import Path

import pytest
from lane import KEY, config, running

from iot_bridge.outbox import Outbox
from iot_bridge.testing import FakeOdoo, Stream


def seqs(odoo: FakeOdoo) -> list[int]:
    return [event["seq"] for event in odoo.events()]


@pytest.mark.parametrize("transport", ["xmlrpc", "json2"])
def test_cut_replies_503_and_slow_answers(transport: str, odoo: FakeOdoo, outbox: Outbox, tmp_path: Path) -> None:
    """A third of the replies are cut, a fifth are 503, one in ten comes after the timeout: each event once."""
    chance = random.Random(3)
    odoo.faults.cut = lambda: chance.random() < 0.3
    odoo.faults.unavailable = lambda: chance.random() < 0.2
    odoo.faults.slow_s = lambda: 0.6 if chance.random() < 0.1 else 0.0

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path, transport=transport), 10, timeout_s=0.3) as lane:
            for _ in range(20):
                lane.states(5)
                await asyncio.sleep(0)
            await lane.drained(60)

    asyncio.run(scene())
    assert seqs(odoo) == list(range(1, 101))
    assert odoo.streams["L1"].dropped == []


@pytest.mark.parametrize("position", [0, 1, 24, 49, 50, 99])
def test_poison_goes_to_quarantine_and_blocks_nothing(
    position: int, odoo: FakeOdoo, outbox: Outbox, tmp_path: Path
) -> None:
    bad = position + 1
    odoo.faults.reject = lambda event: "no such thing" if event["seq"] == bad else None

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.states(100)
            await lane.drained()
            assert "quarantined" in lane.durable.status.alarms

    asyncio.run(scene())
    assert seqs(odoo) == [seq for seq in range(1, 101) if seq != bad]
    assert [(gap["from"], gap["to"]) for gap in odoo.streams["L1"].dropped] == [(bad, bad)]
    assert [(seq, code) for seq, code, _ in outbox.verdicts()] == [(bad, "quarantined")]


def test_verdicts_are_kept_and_the_rest_goes_on(odoo: FakeOdoo, outbox: Outbox, tmp_path: Path) -> None:
    odoo.faults.verdict = lambda event: "is not mapped" if event["seq"] == 4 else None

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.states(9)
            await lane.drained()
            assert lane.durable.status.rejected == 1

    asyncio.run(scene())
    assert outbox.verdicts() == [(4, "bad_value", "is not mapped")]
    assert seqs(odoo) == [1, 2, 3, 5, 6, 7, 8, 9]


def test_an_event_that_waits_for_its_room_is_no_trouble(odoo: FakeOdoo, outbox: Outbox, tmp_path: Path) -> None:
    """A meter sends thousands of them while nobody has installed what uses them."""
    odoo.faults.verdict = lambda event: "pending_kind: kept until its room is there" if event["seq"] % 2 else None

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.states(9)
            await lane.drained()
            assert lane.durable.status.rejected == 0 and outbox.verdicts() == []

    asyncio.run(scene())


def test_odoo_restored_from_a_backup_gets_all_again(odoo: FakeOdoo, outbox: Outbox, tmp_path: Path) -> None:
    """V27."""

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.states(40)
            await lane.drained()
            with odoo._lock:
                stream = odoo.streams["L1"]
                stream.applied, stream.events = 15, stream.events[:15]
            lane.states(1)
            # The answer says 15 where 41 was sent: hello, then everything from 16.
            await asyncio.to_thread(odoo.wait, lambda: odoo.streams["L1"].applied == 41)
            await lane.drained()
            assert "odoo_restored" in lane.durable.status.alarms

    asyncio.run(scene())
    assert seqs(odoo) == list(range(1, 42))


def test_outbox_restored_from_an_old_snapshot(odoo: FakeOdoo, tmp_path: Path) -> None:
    """V28: Odoo is ahead of the disk: a new epoch, totals go on from Odoo's point, nothing twice."""
    path = tmp_path / "o.db"
    link = config(odoo, tmp_path)

    async def first_life() -> None:
        box = Outbox.open(path)
        async with running(box, link) as lane:
            lane.count(100, 0, 0, "first")
            lane.count(110, 10, 10)
            await lane.drained()
            box._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(path, tmp_path / "snapshot.db")
            lane.count(150, 50, 40)
            await lane.drained()
        box.close()

    async def second_life() -> None:
        for part in tmp_path.glob("o.db*"):
            part.unlink()
        shutil.copy(tmp_path / "snapshot.db", path)
        box = Outbox.open(path)
        old = box.epoch
        async with running(box, link) as lane:
            await lane.drained()
            assert lane.healed[KEY].total == 50 and lane.healed[KEY].raw == 150
            assert box.memories()[KEY].total == 50
            assert box.epoch != old and "outbox_restored" in lane.durable.status.alarms
            lane.count(170, 70, 20)
            await lane.drained()
        box.close()

    asyncio.run(first_life())
    asyncio.run(second_life())
    assert [point["total"] for point in odoo.events("count")] == [0, 10, 50, 70]
    assert odoo.conservation == []


@pytest.mark.parametrize("applied", [1, 40])
def test_snapshot_that_counted_on_offline_is_moved_onto_odoos_total(
    applied: int, odoo: FakeOdoo, tmp_path: Path
) -> None:
    """V28 with a backlog: the points that were never sent continue Odoo's total, although their numbers did run on."""
    link = config(odoo, tmp_path)
    box = Outbox.open(tmp_path / "o.db")
    odoo.streams["L1"] = Stream(box.epoch, applied)
    at = "2026-11-22T10:00:50.000Z"
    odoo._points["L1"] = {KEY: {"epoch": 0, "raw": 150, "total": 50, "at": at}}
    odoo._totals[KEY] = 50

    async def scene() -> None:
        async with running(box, link) as lane:
            # The old disk knew 110 (total 10), then the bridge saw 160 and 170.
            lane.count(160, 60, 50, at=60_000)
            lane.count(170, 70, 10, at=70_000)
            await lane.drained()

    box.accept_epoch()
    asyncio.run(scene())
    points = odoo.events("count")
    assert [(point["total"], point["delta"]) for point in points] == [(60, 10), (70, 10)]
    assert odoo.conservation == [] and box.memories()[KEY].total == 70
    box.close()


def test_lost_outbox_takes_over_and_totals_continue(odoo: FakeOdoo, tmp_path: Path) -> None:
    """A new disk: baseline and first counts were made before Odoo answered; they are moved onto its total."""
    link = config(odoo, tmp_path)
    old, new = Outbox.open(tmp_path / "old.db"), Outbox.open(tmp_path / "new.db")

    async def first_life() -> None:
        async with running(old, link) as lane:
            lane.count(100, 0, 0, "first", at=0)
            lane.count(150, 50, 50, at=10_000)
            await lane.drained()

    async def second_life() -> None:
        odoo.faults.unavailable = lambda: new.last < 2
        async with running(new, link) as lane:
            lane.count(180, 0, 0, "first", at=20_000)
            lane.count(185, 5, 5, at=21_000)
            await lane.drained()
            assert new.memories()[KEY].total == 85

    asyncio.run(first_life())
    asyncio.run(second_life())
    points = odoo.events("count")
    assert [(point["total"], point["delta"]) for point in points] == [(0, 0), (50, 50), (80, 30), (85, 5)]
    assert odoo.conservation == [] and odoo.streams["L1"].epoch == new.epoch
    old.close()
    new.close()


def test_copied_machine_is_refused_with_an_alarm(odoo: FakeOdoo, tmp_path: Path) -> None:
    link = config(odoo, tmp_path)
    box = Outbox.open(tmp_path / "o.db")

    async def scene() -> None:
        async with running(box, link) as lane:
            lane.states(3)
            await lane.drained()
            odoo.streams["L1"] = Stream("00000000-0000-4000-8000-000000000000", applied=7)
            lane.states(2)
            await asyncio.to_thread(odoo.wait, lambda: "epoch_conflict" in lane.durable.status.alarms)

    asyncio.run(scene())
    assert odoo.streams["L1"].applied == 7 and odoo.streams["L1"].events == []
    assert box.last == 5 and box.applied == 3
    box.close()


@pytest.mark.parametrize("transport", ["xmlrpc", "json2"])
def test_wrong_key_is_an_alarm_that_says_the_mend(
    transport: str, odoo: FakeOdoo, outbox: Outbox, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path, transport=transport, key="wrong")) as lane:
            lane.states(3)
            await asyncio.to_thread(odoo.wait, lambda: "access_denied" in lane.durable.status.alarms)

    asyncio.run(scene())
    assert odoo.events() == [] and outbox.applied == 0 and outbox.last == 3


def test_epoch_superseded_by_a_restored_odoo_is_taken_over_again(odoo: FakeOdoo, tmp_path: Path) -> None:
    """Odoo is restored to a time before our new epoch: it names an epoch that was ours."""
    link = config(odoo, tmp_path)
    box = Outbox.open(tmp_path / "o.db")
    box.accept_epoch()
    old = box.new_epoch()
    box.accept_epoch()
    odoo.streams["L1"] = Stream(old, applied=5)

    async def scene() -> None:
        async with running(box, link) as lane:
            lane.states(2)
            await lane.drained()

    asyncio.run(scene())
    assert odoo.streams["L1"].epoch == box.epoch and seqs(odoo) == [1, 2]
    box.close()


def test_event_altered_in_the_queue_is_noticed_within_its_batch(odoo: FakeOdoo, outbox: Outbox, tmp_path: Path) -> None:
    """Its checksum does not hold: it is not sent, a person is told, the rest goes on."""

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.count(100, 0, 0, "first")
            await lane.drained()
            odoo.faults.unavailable = lambda: True
            lane.count(110, 10, 10)
            lane.count(115, 15, 5)
            lane.count(118, 18, 3)
            outbox._db.execute("UPDATE event SET body = replace(body, '\"total\":15', '\"total\":17') WHERE seq = 3")
            odoo.faults.unavailable = lambda: False
            await lane.drained()
            assert "event 3" in lane.durable.status.alarms["queue_altered"]
            assert "count_mismatch" not in lane.durable.status.alarms

    asyncio.run(scene())
    assert [point["total"] for point in odoo.events("count")] == [0, 10, 18]
    assert [(gap["from"], gap["to"]) for gap in odoo.streams["L1"].dropped] == [(3, 3)]
    assert [(seq, code) for seq, code, _ in outbox.verdicts()] == [(3, "altered")]


@pytest.mark.parametrize("way", ["total", "delta", "gone"])
def test_count_that_does_not_follow_is_noticed_on_both_sides(
    way: str, odoo: FakeOdoo, outbox: Outbox, tmp_path: Path
) -> None:
    """Conservation, where the checksum is right: a total or delta that is wrong from the start, an event removed."""

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path)) as lane:
            lane.count(100, 0, 0, "first")
            await lane.drained()
            odoo.faults.unavailable = lambda: True
            lane.count(110, 10, 10)
            lane.count(115, 17 if way == "total" else 15, 6 if way == "delta" else 5)
            if way == "gone":
                outbox._db.execute("DELETE FROM event WHERE seq = 2")
            odoo.faults.unavailable = lambda: False
            await lane.drained()
            alarms = lane.durable.status.alarms
            if way == "gone":
                assert "events 2 to 2 are missing" in alarms["queue_altered"]
            else:
                assert "event 3" in alarms["count_mismatch"]

    asyncio.run(scene())
    assert len(odoo.conservation) == 1 and "seq 3" in odoo.conservation[0]
