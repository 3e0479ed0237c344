"""The outbox's tables go up and down with a backlog: neither a new nor an old bridge loses or repeats an event."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

import pytest

from iot_bridge.errors import Misconfigured
from iot_bridge.events import Event
from iot_bridge.lock import lock
from iot_bridge.outbox import Outbox
from iot_bridge.outbox.__main__ import main
from iot_bridge.outbox.schema import OLDEST, VERSION, downgrade
from iot_bridge.signals.counter import CounterMemory
from iot_bridge.testing import START_MS


def state(number: int) -> Event:
    return Event("state", "M1", START_MS + number, {"raw": number, "state": "running", "map": 1})


def count(total: int, delta: int = 1) -> Event:
    fields = {"counter": "total", "counter_epoch": 0, "raw": total, "total": total, "delta": delta}
    return Event("count", "M1", START_MS + total, {**fields, "decision": "step"})


def memory(total: int) -> CounterMemory:
    return CounterMemory(total, START_MS + total, total, "b", 0, total, None)


class OldBridge:
    """What the bridges before did with the file: version 1 is the first one's, version 2 the walking skeleton's."""

    def __init__(self, path: Path, version: int) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.version = version
        found = self.db.execute("PRAGMA user_version").fetchone()[0]
        assert found == version, "an older bridge refuses a file of a newer version"
        self.meta = dict(self.db.execute("SELECT key, value FROM meta"))

    def append(self, events: list[Event], total: int) -> None:
        self.db.execute("BEGIN IMMEDIATE")
        rows = [(e.kind, f"M1/{e.fields.get('counter', '')}", int(time.time()), e.body()) for e in events]
        self.db.executemany("INSERT INTO event (kind, key, stored, body) VALUES (?, ?, ?, ?)", rows)
        columns = "key, raw, at, mono, boot_id, epoch, total, flag"
        point = ("M1/total", total, START_MS, 1, "b", 0, total, None)
        self.db.execute(f"INSERT OR REPLACE INTO counter ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", point)
        self.db.execute("COMMIT")

    def read(self) -> list[tuple[int, int]]:
        """(seq, raw) after what is applied; marks it as sent."""
        applied = int(self.meta["applied"])
        rows = self.db.execute("SELECT seq, body FROM event WHERE seq > ? ORDER BY seq", (applied,)).fetchall()
        self.db.execute("UPDATE meta SET value = ? WHERE key = 'sent'", (str(rows[-1][0]),))
        return [(seq, json.loads(body)["raw"]) for seq, body in rows]

    def acknowledge(self, applied: int) -> None:
        self.db.execute("UPDATE meta SET value = ? WHERE key = 'applied'", (str(applied),))
        stored = ", 0" if self.version > 1 else ""
        self.db.execute(f"INSERT OR REPLACE INTO verdict VALUES ('e', {applied}, 'x', 'y', NULL{stored})")

    def close(self) -> None:
        self.db.close()


def backlog(path: Path) -> Outbox:
    """Twenty events: five acknowledged, three lost and declared, a note, a verdict."""
    box = Outbox.open(path)
    box.append([state(i) for i in range(19)], {})
    box.append([count(1)], {"M1/total": memory(1)}, {"window": "[1]"})
    box.accept_epoch()
    box.acknowledge(5, [{"seq": 5, "code": "bad_value", "message": "no"}])
    box.quarantine(9, "batch_invalid: no")
    return box


@pytest.mark.parametrize("version", range(OLDEST, VERSION))
def test_down_and_up_again_with_a_backlog(version: int, tmp_path: Path) -> None:
    """An older bridge goes on with the file, and a newer one after it: every number once, in order."""
    path = tmp_path / "outbox.db"
    box = backlog(path)
    epoch, waiting = box.epoch, [seq for seq, _ in box.read(100).events]  # type: ignore[union-attr]
    box.close()
    assert main(["downgrade", str(path), str(version)]) == 0

    old = OldBridge(path, version)
    assert old.meta["epoch"] == epoch and [seq for seq, _ in old.read()] == waiting
    old.append([state(100), count(2)], 2)
    old.acknowledge(8)
    old.close()

    again = Outbox.open(path)
    assert again.healed is None and again.epoch == epoch and again.accepted and again.applied == 8
    batch = again.read(100)
    assert batch is not None and batch.findings == ()
    assert [seq for seq, _ in batch.events] == list(range(10, 23)) and batch.dropped[0][:2] == (9, 9)
    assert again.memories()["M1/total"].total == 2
    assert {seq for seq, *_ in again.verdicts()} == {5, 9}
    assert again.append([state(101)], {}) == 23
    # What the version before had already deleted is old, not missing.
    again.acknowledge(3)
    again.close()


def test_events_pruned_by_an_older_bridge_are_not_called_missing(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    backlog(path).close()
    downgrade(str(path), 2)
    old = OldBridge(path, 2)
    old.db.execute("DELETE FROM event WHERE seq <= 5")
    old.close()
    again = Outbox.open(path)
    again.acknowledge(0)
    batch = again.read(100)
    assert batch is not None and batch.findings == () and batch.dropped[0][:2] == (1, 5)
    assert "older" in batch.dropped[0][2]
    again.close()


@pytest.mark.parametrize("version", [0, VERSION + 1, -1])
def test_impossible_version_changes_nothing(version: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "outbox.db"
    backlog(path).close()
    before = path.read_bytes()
    assert main(["downgrade", str(path), str(version)]) == 2
    assert f"{version} can't be" in capsys.readouterr().err and path.read_bytes() == before


def test_running_bridge_and_missing_file_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "outbox.db"
    assert main(["downgrade", str(path), "1"]) == 2
    assert "is not there" in capsys.readouterr().err and not path.exists()
    backlog(path).close()
    held = lock(tmp_path)
    assert main(["downgrade", str(path), "1"]) == 2
    assert "in use by another bridge" in capsys.readouterr().err
    held.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_step_down_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    backlog(path).close()
    with sqlite3.connect(path) as db:
        # A view that needs the column which the step takes away.
        db.execute("CREATE VIEW seen AS SELECT crc FROM event")
    with pytest.raises(Misconfigured, match="stop the bridge"):
        downgrade(str(path), 1)
    box = Outbox.open(path)
    assert len(box.read(100).events) == 14 and box.notes() == {"window": "[1]"}  # type: ignore[union-attr]
    box.close()
