"""The outbox: what is committed stays, in order, once; what goes is declared."""

from __future__ import annotations

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from iot_bridge.clock import to_rfc3339
from iot_bridge.errors import Misconfigured
from iot_bridge.events import Event
from iot_bridge.outbox import Batch, Limits, Outbox
from iot_bridge.outbox.holes import ranges, undeclared
from iot_bridge.outbox.schema import VERSION, downgrade
from iot_bridge.signals.counter import CounterMemory
from iot_bridge.testing import START_MS


def state(at: int = 0) -> Event:
    return Event("state", "M1", START_MS + at, {"raw": 1, "state": "running", "map": 1})


def count(total: int, delta: int = 1, decision: str = "step", **more: Any) -> Event:
    fields = {"counter": "total", "counter_epoch": 0, "raw": total, "total": total, "delta": delta}
    return Event("count", "M1", START_MS + total, {**fields, "decision": decision, **more})


def measurement(value: int, at: int | None = None) -> Event:
    fields = {"name": "p", "value": value}
    return Event("measurement", "M1", START_MS + (value if at is None else at), fields, tag="M1/p")


def clock(seconds: int) -> str:
    return to_rfc3339(START_MS + 1000 * seconds)


def evidence(start: int, end: int) -> Event:
    return Event("evidence", "M1", START_MS + 1000 * end, {"from": clock(start), "until": clock(end)})


def memory(total: int) -> CounterMemory:
    return CounterMemory(total, START_MS + total, total, "b", 0, total, None)


def numbers(batch: Batch | None) -> list[int]:
    assert batch is not None
    return [seq for seq, _ in batch.events]


def read(box: Outbox, limit: int = 100) -> Batch:
    batch = box.read(limit)
    assert batch is not None
    return batch


def test_events_get_numbers_without_holes_and_survive_reopening(tmp_path: Path) -> None:
    box = Outbox.open(tmp_path / "o.db")
    assert box.append([state(), count(1)], {"M1/total": memory(1)}) == 2
    box.append([state(5)], {})
    box.close()
    again = Outbox.open(tmp_path / "o.db")
    batch = read(again)
    assert (batch.first, batch.last, numbers(batch)) == (1, 3, [1, 2, 3])
    assert again.memories() == {"M1/total": memory(1)}
    assert again.epoch == box.epoch
    again.close()


def test_batch_is_valid_json_of_the_schema(outbox: Outbox, validate: Any) -> None:
    outbox.append([state(), count(1, bounds=[1, None])], {})
    message = json.loads(read(outbox).to_json("LINE1"))
    validate("batch", message)
    assert [event["seq"] for event in message["events"]] == [1, 2]
    assert message["events"][0]["at"] == "2026-11-22T10:00:00.000Z"


def test_read_goes_on_after_what_is_applied_and_rewinds(outbox: Outbox) -> None:
    outbox.append([state(i) for i in range(10)], {})
    assert numbers(outbox.read(4)) == [1, 2, 3, 4]
    outbox.acknowledge(4)
    assert numbers(outbox.read(4)) == [5, 6, 7, 8]
    outbox.acknowledge(2)
    assert numbers(outbox.read(2)) == [3, 4]
    outbox.acknowledge(10)
    assert outbox.read(4) is None


def test_event_and_memory_are_one_transaction(outbox: Outbox) -> None:
    outbox.append([count(1)], {"M1/total": memory(1)})
    broken = CounterMemory(2, 2, 2, "b", 0, 2**80, None)  # does not fit into the column
    with pytest.raises(OverflowError):
        outbox.append([count(2)], {"M1/total": broken})
    assert outbox.memories() == {"M1/total": memory(1)}
    assert outbox.last == 1 and numbers(outbox.read(9)) == [1]
    assert outbox.append([count(2)], {"M1/total": memory(2)}) == 2


def test_every_commit_reaches_the_disk(tmp_path: Path) -> None:
    box = Outbox.open(tmp_path / "o.db")
    assert box._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert box._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    box.close()


def test_reader_never_sees_events_beyond_the_batch_end(outbox: Outbox) -> None:
    """Appends in one thread, reads in another: every batch is covered exactly."""
    done = threading.Event()

    def write() -> None:
        for i in range(300):
            outbox.append([state(i)] * (i % 3 + 1), {})
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set() or outbox.applied < outbox.last:
        batch = outbox.read(50)
        if batch is None:
            continue
        assert numbers(batch) == list(range(batch.first, batch.last + 1))
        outbox.acknowledge(batch.last)
    writer.join()
    assert outbox.applied == 600


def test_new_epoch_numbers_what_is_pending_anew(outbox: Outbox) -> None:
    outbox.append([count(i, i) for i in range(1, 6)], {"M1/total": memory(5)})
    outbox.accept_epoch()
    outbox.acknowledge(3)
    old = outbox.epoch
    assert outbox.new_epoch() == old != outbox.epoch
    batch = read(outbox)
    assert (batch.first, batch.last) == (1, 2)
    assert [json.loads(body)["total"] for _, body in batch.events] == [4, 5]
    assert outbox.past_epochs() == {old} and not outbox.accepted
    assert outbox.append([state()], {}) == 3
    assert outbox.memories() == {"M1/total": memory(5)}


def test_acknowledged_events_stay_until_their_time_then_the_gap_is_declared(outbox: Outbox) -> None:
    outbox.append([state(i) for i in range(5)], {})
    outbox.acknowledge(3)
    assert not outbox.prune(keep_days=1, keep_max=3) and outbox.stats().first == 1
    assert not outbox.prune(keep_days=1, keep_max=2) and outbox.stats().first == 2
    assert not outbox.prune(keep_days=-1, keep_max=9) and outbox.stats().first == 4
    outbox.acknowledge(0)
    batch = read(outbox)
    assert (batch.first, batch.last, numbers(batch)) == (1, 5, [4, 5])
    assert [(first, last) for first, last, _ in batch.dropped] == [(1, 3)]
    assert "older" in batch.dropped[0][2]


def test_quarantined_event_is_declared_and_kept(outbox: Outbox) -> None:
    outbox.append([state(i) for i in range(3)], {})
    outbox.acknowledge(1)
    outbox.quarantine(2, "batch_invalid: no")
    batch = read(outbox)
    assert numbers(batch) == [3]
    assert batch.dropped == [(2, 2, "quarantined: batch_invalid: no")]
    assert outbox.verdicts() == [(2, "quarantined", "batch_invalid: no")]


def settle(box: Outbox) -> None:
    """Append nothing until the queue is no longer condensed: a step goes with each append."""
    for _ in range(50):
        box.append([], {})


def test_full_queue_is_condensed_and_totals_stay(tmp_path: Path) -> None:
    """Measurements thin out first; then plain counts collapse, flagged counts and states stay, all else is declared."""
    box = Outbox.open(tmp_path / "o.db", Limits(max_pending=40))
    events = []
    for i in range(1, 31):
        events += [count(i), measurement(i)]
    events.insert(20, state())
    events.insert(30, count(999, 5, "gap", bounds=[5, 9], quality="uncertain"))
    box.append(events, {"M1/total": memory(30)})
    settle(box)
    batch = read(box, 1000)
    assert (batch.first, batch.last) == (1, 62)
    bodies = [json.loads(body) for _, body in batch.events]
    counts = [body for body in bodies if body["kind"] == "count"]
    assert sum(body["delta"] for body in counts) == 30 + 5
    assert [body["decision"] for body in counts] == ["step", "gap", "step"]
    assert counts[-1]["total"] == 30 and sum(body["kind"] == "state" for body in bodies) == 1
    left = [body["value"] for body in bodies if body["kind"] == "measurement"]
    assert len(left) <= 8 and left[-1] == 30
    gone = {n for first, last, _ in batch.dropped for n in range(first, last + 1)}
    assert gone | set(numbers(batch)) == set(range(1, 63)) and not gone & set(numbers(batch))
    assert {reason for _, _, reason in batch.dropped} == {"condensed: the queue was full"}
    assert box.stats().dropped == len(gone) and box.stats().pending == len(numbers(batch))
    box.close()


def test_counts_stay_while_thinning_the_measurements_is_enough(tmp_path: Path) -> None:
    box = Outbox.open(tmp_path / "o.db", Limits(max_pending=100))
    box.append([event for i in range(1, 41) for event in (count(i), measurement(2 * i), measurement(2 * i + 1))], {})
    settle(box)
    kinds = [json.loads(body)["kind"] for _, body in read(box, 1000).events]
    assert kinds.count("count") == 40 and 1 <= kinds.count("measurement") <= 40
    box.close()


def test_queue_is_bounded_again_and_again(tmp_path: Path) -> None:
    """The bound is the same after the hundredth time as after the first."""
    box = Outbox.open(tmp_path / "o.db", Limits(max_pending=1000))
    for i in range(200):
        box.append([count(100 * i + k, 100 if k == 0 else 1) for k in range(100)], {})
        assert box.stats().pending <= 1200
    settle(box)
    assert box.stats().pending <= 1000 and box.stats().last == 20_000
    box.close()


def test_evidence_spans_that_touch_become_one(tmp_path: Path) -> None:
    box = Outbox.open(tmp_path / "o.db", Limits(max_pending=10))
    spans = [(0, 10), (8, 20), (20, 30), (50, 60), (55, 65), (60, 70)]
    spans += [(100 * i, 100 * i + 10) for i in range(1, 8)]
    box.append([evidence(start, end) for start, end in spans], {})
    settle(box)
    found = [json.loads(body) for _, body in read(box, 1000).events]
    assert [(body["from"], body["until"]) for body in found][:2] == [(clock(0), clock(30)), (clock(50), clock(70))]
    assert len(found) == 2 + 7
    box.close()


def test_what_was_sent_is_not_rewritten(tmp_path: Path) -> None:
    box = Outbox.open(tmp_path / "o.db", Limits(max_pending=10))
    box.append([count(i) for i in range(1, 9)], {})
    sent = read(box, 4)
    box.append([count(i) for i in range(9, 13)], {})
    settle(box)
    assert read(box, 4).events == sent.events
    assert [json.loads(body)["delta"] for _, body in read(box, 1000).events] == [1, 1, 1, 1, 8]
    box.close()


def test_what_was_sent_between_two_condensings_is_not_rewritten(tmp_path: Path) -> None:
    """The end of the first walk was handed out before the second: nothing is folded into or out of it."""
    box = Outbox.open(tmp_path / "o.db", Limits(max_pending=10))
    box.append([count(i) for i in range(1, 21)] + [evidence(0, 5)], {})
    settle(box)
    sent = read(box, 100)
    assert len(sent.events) == 2
    box.append([count(i) for i in range(21, 41)] + [evidence(i, i + 5) for i in range(1, 9)], {})
    settle(box)
    batch = read(box, 100)
    assert batch.events[:2] == sent.events
    assert [json.loads(body).get("delta") for _, body in batch.events] == [20, None, 20, None]
    box.close()


def test_damaged_file_is_moved_aside(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    path.write_bytes(b"this is no database" * 1000)
    box = Outbox.open(path)
    assert box.healed and "kept as" in box.healed
    assert box.append([state()], {}) == 1
    assert len(list(tmp_path.glob("o.db.corrupt-*"))) == 1
    box.close()


def test_file_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    Outbox.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    before = path.read_bytes()
    with pytest.raises(Misconfigured, match="newer version"):
        Outbox.open(path)
    assert path.read_bytes() == before


def test_file_of_an_older_version_is_migrated_with_its_backlog(tmp_path: Path) -> None:
    path = tmp_path / "o.db"
    box = Outbox.open(path)
    box.append([state(1), state(2)], {"M1/total": memory(7)})
    box.close()
    assert downgrade(str(path), 1) == VERSION
    again = Outbox.open(path)
    assert again.healed is None and numbers(again.read(9)) == [1, 2]
    assert again.memories() == {"M1/total": memory(7)} and again.epoch == box.epoch
    again.acknowledge(1, [{"seq": 1, "code": "x", "message": "y"}])
    assert again.verdicts() == [(1, "x", "y")]
    again.close()


def test_ranges_and_holes() -> None:
    assert ranges([1, 2, 5, 6, 7, 9]) == [(1, 2), (5, 7), (9, 9)]
    assert undeclared(1, 10, [2, 3, 8], [(5, 6)]) == [(1, 1), (4, 4), (7, 7), (9, 10)]
    assert undeclared(4, 10, [8], [(1, 7), (9, 20)]) == []
