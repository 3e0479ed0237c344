"""A damaged outbox: moved aside, up again at once, what can be read is saved, a person is told."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from lane import KEY, config, running

from iot_bridge.errors import Misconfigured
from iot_bridge.events import Event
from iot_bridge.outbox import Outbox
from iot_bridge.outbox.checksum import checksum
from iot_bridge.signals.counter import CounterMemory
from iot_bridge.testing import START_MS, FakeOdoo

EVENTS = 3000
PAGE = 4096


def state(number: int) -> Event:
    return Event("state", "M1", START_MS + number, {"raw": number, "state": "running", "map": 1})


def filled(path: Path) -> Outbox:
    """3 000 events, 500 of them acknowledged; one counter, one note."""
    box = Outbox.open(path)
    for start in range(0, EVENTS, 100):
        box.append([state(start + i) for i in range(100)], {KEY: CounterMemory(start, 1, 2, "b", 0, start)}, {"n": "x"})
    box.acknowledge(500)
    return box


def raws(box: Outbox) -> list[int]:
    batch = box.read(5000)
    return [json.loads(body)["raw"] for _, body in batch.events] if batch is not None else []


def header(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[:100] = b"\xff" * 100
    path.write_bytes(data)


def middle(path: Path) -> None:
    """Twenty pages in the middle of the events are noise."""
    data = bytearray(path.read_bytes())
    start = len(data) // PAGE // 2 * PAGE
    data[start : start + 20 * PAGE] = b"\xa5" * 20 * PAGE
    path.write_bytes(data)


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def text(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").write_text("of somebody")


def roots(path: Path) -> None:
    """The first page but the header: no table can be found any more."""
    data = bytearray(path.read_bytes())
    data[100:PAGE] = b"\x00" * (PAGE - 100)
    path.write_bytes(data)


@pytest.mark.parametrize("harm", [header, middle, cut, emptied, text, folder, roots])
def test_damaged_file_is_moved_aside_and_the_bridge_is_up(harm: Callable[[Path], None], tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path).close()
    harm(path)
    began = time.monotonic()
    box = Outbox.open(path)
    assert time.monotonic() - began < 10
    assert box.healed is not None and "kept as outbox.db.corrupt-" in box.healed
    assert len([part for part in tmp_path.glob("outbox.db.corrupt-*") if not part.name.endswith(("-wal", "-shm"))]) == 1
    saved = raws(box)
    last = box.append([state(9)], {KEY: CounterMemory(1, 1, 1, "b", 0, 1)})
    assert last == len(saved) + 1 and not box.accepted
    box.close()
    # A sound file again: nothing is healed twice.
    again = Outbox.open(path)
    assert again.healed is None and again.last == last
    again.close()


@pytest.mark.parametrize(("harm", "least"), [(middle, 1700), (cut, 1000)])
def test_what_can_be_read_is_saved(harm: Callable[[Path], None], least: int, tmp_path: Path) -> None:
    """Unsent events around the damage, the counters and the notes; none twice, none out of order, none altered."""
    path = tmp_path / "outbox.db"
    old = filled(path)
    epoch = old.epoch
    old.close()
    harm(path)
    box = Outbox.open(path)
    saved = raws(box)
    assert saved == sorted(set(saved)) and set(saved) <= set(range(500, EVENTS))
    assert len(saved) >= least and f"{len(saved)} unsent events" in str(box.healed)
    assert box.epoch != epoch
    box.close()


def test_damage_that_shows_while_running_is_healed_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    box = filled(path)
    box._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    middle(path)
    box._db.execute("PRAGMA cache_size=0")
    box._db.execute("PRAGMA shrink_memory")
    epoch = box.epoch
    while (batch := box.read(500)) is not None and box.healed is None:
        box.acknowledge(batch.last)
    assert box.healed is not None and "kept as" in box.healed and box.epoch != epoch
    assert box.memories()[KEY].total == EVENTS - 100 and box.notes() == {"n": "x"}
    assert box.append([state(1)], {}) == box.last
    box.close()


def test_damage_on_a_disk_that_takes_no_new_file_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "outbox.db"
    box = filled(path)
    box._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    header(path)
    middle(path)
    box._db.execute("PRAGMA cache_size=0")
    box._db.execute("PRAGMA shrink_memory")

    def readonly(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr("iot_bridge.outbox.damage.os.replace", readonly)
        for _ in range(3):
            with pytest.raises(sqlite3.OperationalError, match="Read-only file system"):
                for _ in range(100):
                    box.read(5000)
    assert box.append([state(1)], {}) >= 1 and box.healed is not None
    assert raws(box)[-1] == 1
    box.close()


def test_torn_log_keeps_what_was_whole(tmp_path: Path) -> None:
    """Power goes while the log is written: the last transactions are not whole and never were."""
    path = tmp_path / "outbox.db"
    box = filled(path)
    log_file = path.with_name("outbox.db-wal")
    data, log = path.read_bytes(), log_file.read_bytes()
    box.close()
    assert len(log) > 20 * PAGE
    path.write_bytes(data)
    torn = bytearray(log[: len(log) - 3 * PAGE])
    torn[-2 * PAGE :] = b"\x00" * 2 * PAGE
    log_file.write_bytes(torn)
    again = Outbox.open(path)
    assert again.healed is None
    kept = raws(again)
    assert kept == list(range(kept[0], kept[-1] + 1))
    assert again.append([state(0)], {}) == again.last
    again.close()


def test_unreadable_and_held_files_say_the_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "outbox.db"
    filled(path).close()
    monkeypatch.setattr("iot_bridge.outbox.schema.BUSY_S", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA user_version=1")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Misconfigured, match="another program holds it"):
        Outbox.open(path)
    holder.close()
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(Misconfigured, match="can't be opened"):
        Outbox.open(blocked / "outbox.db")


@pytest.mark.parametrize("column", ["body", "gone"])
def test_altered_event_is_not_sent(column: str, tmp_path: Path) -> None:
    """One event of five hundred is changed, or removed, by something else: told in its batch, the others go."""
    box = Outbox.open(tmp_path / "outbox.db")
    box.append([state(i) for i in range(500)], {})
    if column == "body":
        box._db.execute("UPDATE event SET body = replace(body, 'running', 'stopped') WHERE seq = 321")
    else:
        box._db.execute("DELETE FROM event WHERE seq = 321")
    batch = box.read(500)
    assert batch is not None and len(batch.events) == 499 and len(batch.findings) == 1 and "321" in batch.findings[0]
    assert [(first, last) for first, last, _ in batch.dropped] == [(321, 321)]
    again = box.read(500)
    assert again is not None and again.findings == () and again.events == batch.events
    box.close()


@pytest.mark.parametrize("limit", [1, 2, 5, 8])
def test_altered_events_take_no_sound_one_with_them(limit: int, tmp_path: Path) -> None:
    """Whatever the size of the batches: also one that holds nothing but altered events, also at the end."""
    box = Outbox.open(tmp_path / "outbox.db")
    box.append([state(i) for i in range(8)], {})
    box._db.execute("UPDATE event SET body = replace(body, 'running', 'stopped') WHERE seq IN (1, 2, 5, 8)")
    found, gone = [], []
    while (batch := box.read(limit)) is not None:
        found += [seq for seq, _ in batch.events]
        gone += [seq for first, last, _ in batch.dropped for seq in range(first, last + 1)]
        assert batch.last - batch.first < limit
        box.acknowledge(batch.last)
    assert (found, gone) == ([3, 4, 6, 7], [1, 2, 5, 8]) and box.stats().pending == 0
    box.close()


def test_checksum_of_a_body_is_pinned() -> None:
    """A file of this version must be readable by the next one."""
    assert checksum('{"kind":"state"}') == 2741645463


def test_totals_are_healed_from_odoo_after_damage(odoo: FakeOdoo, tmp_path: Path) -> None:
    """P10 to its end: the file is destroyed while the machine counts on; Odoo's total and the true one are the same."""
    link = config(odoo, tmp_path)
    path = tmp_path / "outbox.db"

    async def first_life() -> None:
        box = Outbox.open(path)
        async with running(box, link) as lane:
            lane.count(100, 0, 0, "first")
            lane.count(150, 50, 50)
            await lane.drained()
            odoo.faults.unavailable = lambda: True
            lane.count(170, 70, 20)
        box.close()

    async def second_life() -> None:
        odoo.faults.unavailable = lambda: False
        box = Outbox.open(path)
        assert box.healed is not None and box.memories() == {}
        async with running(box, link) as lane:
            await lane.drained()
            # What the pipeline does with the memory that Odoo gave back: 180 is 80 more than the first reading.
            assert lane.healed[KEY].raw == 150 and box.memories()[KEY].total == 50
            lane.count(180, 80, 30)
            await lane.drained()
            assert "outbox_damaged" in lane.durable.status.alarms
        box.close()

    asyncio.run(first_life())
    header(path)
    path.with_name("outbox.db-wal").unlink(missing_ok=True)
    asyncio.run(second_life())
    assert odoo.total(KEY) == 80 and odoo.conservation == []


def test_saved_events_come_again_and_change_nothing(odoo: FakeOdoo, tmp_path: Path) -> None:
    """Damage that shows while the lane drains: a new epoch by itself, every total right, no restart."""
    link = config(odoo, tmp_path)
    path = tmp_path / "outbox.db"
    box = Outbox.open(path)
    box.append([state(i) for i in range(EVENTS)], {})
    box._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    middle(path)
    box._db.execute("PRAGMA cache_size=0")
    box._db.execute("PRAGMA shrink_memory")

    async def scene() -> None:
        async with running(box, link, 100) as lane:
            await lane.drained()
            await asyncio.to_thread(odoo.wait, lambda: "outbox_damaged" in lane.durable.status.alarms)
            lane.count(110, 10, 10)
            await lane.drained()

    asyncio.run(scene())
    assert odoo.streams["L1"].epoch == box.epoch and odoo.total(KEY) == 10
    found = {event["raw"] for event in odoo.events("state")}
    assert len(found) > EVENTS - 20 * 40
    box.close()


def test_saved_counts_that_follow_odoos_stay_as_they_are(odoo: FakeOdoo, tmp_path: Path) -> None:
    """Ten days later a wrap more would be possible: what was decided while the machine was watched is not doubted."""
    link = config(odoo, tmp_path)
    path = tmp_path / "outbox.db"
    box = Outbox.open(path)

    async def first_life() -> None:
        async with running(box, link) as lane:
            lane.count(100, 0, 0, "first", at=0)
            lane.count(150, 50, 50, at=10_000)
            await lane.drained()

    asyncio.run(first_life())
    late = START_MS + 10 * 86_400_000
    for total, delta in ((60, 10), (75, 15)):
        fields = {"counter": "total", "counter_epoch": 0, "raw": 100 + total, "total": total, "delta": delta}
        point = Event("count", "M1", late + total, {**fields, "decision": "step"})
        box.append([point], {KEY: CounterMemory(100 + total, late, 0, "b", 0, total)})
    box.append([state(i) for i in range(EVENTS)], {})
    box.close()
    middle(path)
    again = Outbox.open(path)
    assert again.healed is not None

    async def second_life() -> None:
        async with running(again, link, 1000) as lane:
            await lane.drained()

    asyncio.run(second_life())
    assert [(point["total"], point["decision"]) for point in odoo.events("count")][-2:] == [(60, "step"), (75, "step")]
    assert odoo.conservation == [] and "bounds" not in odoo.events("count")[-1]
    again.close()


def test_only_the_last_damaged_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    for _ in range(6):
        filled(path).close()
        text(path)
        Outbox.open(path).close()
    assert len([part for part in tmp_path.glob("outbox.db.corrupt-*") if part.name[-1].isdigit()]) == 3
