"""The SQLite outbox.

One transaction holds the events of a poll cycle and the counter memories they follow from, so a
crash between any two statements leaves both or neither. Readers (uplink) use the same connection
under the lock; every statement is short.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..events import Event
from ..signals.counter import CounterMemory
from . import holes
from .base import Durability, guarded
from .batch import MAX_BYTES, MAX_RANGES, Batch, Stats, fitting
from .bounds import Limits
from .checksum import checksum
from .retention import BoundedFile

NOTHING: Mapping[str, str | None] = {}

class _Row(NamedTuple):
    """An event as it is stored."""

    kind: str
    key: str
    body: str
    crc: int


def _row(event: Event) -> _Row:
    body = event.body()
    return _Row(event.kind, _key(event), body, checksum(body))


class Outbox(BoundedFile):
    """Thread-safe. Open one per process and file."""

    @classmethod
    def open(cls, path: Path, limits: Limits = Limits(), durability: Durability = "commit") -> Outbox:  # noqa: B008
        """Open or create; a file that is no sound database is moved aside and a new epoch begins.

        durability: "commit": what was appended survives a power cut; "second": what was appended more than a
        second ago does (after a mere crash of the bridge nothing is missing either). Raises Misconfigured.
        """
        return cls(path, limits, durability)

    # -- writing

    def append(
        self,
        events: Sequence[Event],
        memories: Mapping[str, CounterMemory],
        notes: Mapping[str, str | None] = NOTHING,
    ) -> int:
        """Store events, memories and notes (None deletes) in one transaction; returns the last sequence number."""
        rows = [_row(event) for event in events]
        # One hold of the lock: a reader between commit and this number would see events beyond the last.
        with self.lock:
            last = self._store(rows, memories, notes)
            self._bounds.appended(len(rows), sum(len(row.body) for row in rows))
            self._keep_bounded(len(rows))
        if self.sync_due:
            # What was appended is stored; that the disk fails is told by the lane, which meets it again.
            with suppress(sqlite3.OperationalError):
                self.sync()
        return last

    def lose(self, count: int, why: str) -> None:
        """So many events could not be stored and will not come again."""
        with self.lock:
            self.lost, self.lost_why = self.lost + count, why

    def replace_memories(self, memories: Mapping[str, CounterMemory]) -> None:
        """Set counter memories without an event (healed from Odoo)."""
        self._store([], memories, NOTHING)

    @guarded
    def rewrite(self, bodies: Mapping[int, str]) -> None:
        """Change events that were never sent (see :mod:`.heal`)."""
        with self._transaction():
            self._db.executemany(
                "UPDATE event SET body = ?, crc = ? WHERE seq = ?",
                [(body, checksum(body), seq) for seq, body in bodies.items()],
            )

    # -- the uplink's side

    @guarded
    def read(self, limit: int, max_bytes: int = MAX_BYTES) -> Batch | None:
        """The next batch after what is applied, at most ``limit`` events and ``max_bytes``; None: nothing waits.

        Marks it as sent. An event whose checksum does not hold is set aside, a hole that nobody declared is
        declared; both are told in the batch's findings.
        """
        first = self.applied + 1
        rows = self._db.execute(
            "SELECT seq, body, crc FROM event WHERE seq >= ? ORDER BY seq LIMIT ?", (first, limit)
        ).fetchall()
        events = [(seq, body) for seq, body, crc in rows if crc is None or crc == checksum(body)]
        findings = self._set_aside(sorted({row[0] for row in rows} - {seq for seq, _ in events}))
        fits = fitting(events, max_bytes)
        if fits < len(events):
            last = events[fits - 1][0]
        else:
            # Nothing was left out at the end: a full read ends at its last row, another at the last number given.
            last = rows[-1][0] if len(rows) == limit else self._last
        if last < first:
            return None
        events = events[:fits]
        findings += self._declare_holes(first, last, [seq for seq, _ in events])
        dropped = holes.declared(self._db, first, last)
        if len(dropped) > MAX_RANGES:
            dropped = dropped[:MAX_RANGES]
            last = dropped[-1][1]
            events = [event for event in events if event[0] <= last]
        if last > self.sent:
            with self._transaction():
                self._set(sent=last)
        return Batch(self.epoch, first, last, events, dropped, tuple(findings))

    @guarded
    def acknowledge(self, applied: int, verdicts: Sequence[Mapping[str, Any]] = ()) -> None:
        """Odoo has everything up to ``applied`` (lower than before after a restore: rewind)."""
        now = int(time.time())
        before = self.applied
        with self._transaction():
            self._set(applied=min(applied, self._last))
            for verdict in verdicts:
                self._db.execute(
                    "INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?, (SELECT body FROM event WHERE seq = ?), ?)",
                    (self.epoch, verdict["seq"], verdict["code"], verdict["message"], verdict["seq"], now),
                )
        if self.applied != before:
            low, high = sorted((before, self.applied))
            moved = self._count("seq > ? AND seq <= ?", low, high)
            self._bounds.acknowledged(moved if before < self.applied else -moved)
        if self.applied == self._last:
            self._ages.nothing_waits()

    @guarded
    def quarantine(self, seq: int, reason: str) -> None:
        """Take one event that Odoo refuses as a whole out of the queue; it is kept with its reason."""
        self._take_out(seq, "quarantined", reason)

    @guarded
    def accept_epoch(self) -> None:
        """Odoo knows this epoch."""
        with self._transaction():
            self._set(accepted=1)

    @guarded
    def new_epoch(self) -> str:
        """Begin a new epoch: what is pending is numbered anew from 1. Returns the old epoch."""
        with self._transaction():
            old, applied, db = self.epoch, self.applied, self._db
            db.execute("DELETE FROM event WHERE seq <= ?", (applied,))
            db.execute("DELETE FROM dropped WHERE last <= ?", (applied,))
            db.execute("UPDATE dropped SET first = ? WHERE first <= ?", (applied + 1, applied))
            if applied:
                db.execute("UPDATE event SET seq = seq - ?", (applied,))
                db.execute("UPDATE dropped SET first = first - ?, last = last - ?", (applied, applied))
            self._last -= applied
            db.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'event'", (self._last,))
            db.execute("INSERT OR REPLACE INTO past_epoch VALUES (?, ?)", (old, int(time.time())))
            self._set(epoch=uuid.uuid4(), applied=0, sent=0, accepted=0, pruned=0)
        self._bounds.forget()
        return old

    # -- looking

    @property
    def epoch(self) -> str:
        """The stream epoch of this file."""
        return self._meta["epoch"]

    @property
    def last(self) -> int:
        """Highest sequence number given."""
        return self._last

    @property
    def accepted(self) -> bool:
        """Whether Odoo has ever accepted this epoch."""
        return self._meta["accepted"] == "1"

    @guarded
    def past_epochs(self) -> set[str]:
        """Epochs of this file that ended."""
        return {epoch for (epoch,) in self._db.execute("SELECT epoch FROM past_epoch")}

    @guarded
    def memories(self) -> dict[str, CounterMemory]:
        """Counter memories by <equipment>/<counter>."""
        rows = self._db.execute("SELECT key, raw, at, mono, boot_id, epoch, total, flag FROM counter")
        return {key: CounterMemory(*rest) for key, *rest in rows}

    @guarded
    def notes(self) -> dict[str, str]:
        """What signals and drivers keep, by key."""
        return dict(self._db.execute("SELECT key, value FROM note"))

    @guarded
    def pending_counts(self, key: str) -> list[tuple[int, dict[str, Any]]]:
        """Pending count events of one counter, in order: (seq, body)."""
        rows = self._db.execute(
            "SELECT seq, body FROM event WHERE seq > ? AND kind = 'count' AND key = ? ORDER BY seq",
            (self.applied, key),
        )
        return [(seq, json.loads(body)) for seq, body in rows]

    @guarded
    def stats(self) -> Stats:
        """One look at the queue."""
        first = self._db.execute("SELECT min(seq) FROM event").fetchone()[0] or self._last + 1
        oldest = self._db.execute(
            "SELECT stored FROM event WHERE seq > ? ORDER BY seq LIMIT 1", (self.applied,)
        ).fetchone()
        pending = max(self._bounds.rows, int(self._last > self.applied))
        stored = self._ages.wall_time(oldest[0]) if oldest else None
        return Stats(self.epoch, first, self._last, self.applied, pending, int(self._meta["dropped"]), stored)

    @guarded
    def verdicts(self, limit: int = 100) -> list[tuple[int, str, str]]:
        """Latest verdicts: (seq, code, message)."""
        return self._db.execute(
            "SELECT seq, code, message FROM verdict WHERE epoch = ? ORDER BY seq DESC LIMIT ?", (self.epoch, limit)
        ).fetchall()

    # -- inside

    @guarded
    def _store(
        self, rows: Sequence[_Row], memories: Mapping[str, CounterMemory], notes: Mapping[str, str | None]
    ) -> int:
        if rows and self._bounds.refuses():
            raise sqlite3.OperationalError("the disk is full: the rest is kept so that the queue can drain")
        stored = self._ages.now()
        with self._transaction():
            self._db.executemany(
                "INSERT INTO event (seq, kind, key, stored, body, crc) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (seq, row.kind, row.key, stored, row.body, row.crc)
                    for seq, row in enumerate(rows, start=self._last + 1)
                ],
            )
            self._remember(memories)
            self._note(notes)
            self._last += len(rows)
        return self._last

    def _remember(self, memories: Mapping[str, CounterMemory]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO counter (key, raw, at, mono, boot_id, epoch, total, flag) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (key, one.raw, one.at, one.mono, one.boot_id, one.epoch, one.total, one.flag)
                for key, one in memories.items()
            ],
        )

    def _note(self, notes: Mapping[str, str | None]) -> None:
        for key, value in notes.items():
            if value is None:
                self._db.execute("DELETE FROM note WHERE key = ?", (key,))
            else:
                self._db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (key, value))

    def _declare_holes(self, first: int, last: int, present: Sequence[int]) -> list[str]:
        """Every number without event must lie in a dropped range: declare what does not, and tell of what
        nobody here has deleted."""
        if len(present) == last - first + 1:
            return []
        known = [(start, end) for start, end, _ in holes.declared(self._db, first, last)]
        findings = []
        pruned = int(self._meta["pruned"])
        with self._transaction():
            for start, end in holes.undeclared(first, last, present, known):
                self._declared(range(start, min(end, pruned) + 1), holes.TOO_OLD)
                lost = range(max(start, pruned + 1), end + 1)
                self._declared(lost, holes.MISSING)
                if lost:
                    findings.append(f"events {lost[0]} to {lost[-1]} are {holes.MISSING}")
        return findings

    def _set_aside(self, altered: Sequence[int]) -> list[str]:
        """Events that are not what was stored: they are not sent, but kept for a person to see."""
        reason = "its checksum does not hold: it was altered in the outbox's file"
        for seq in altered:
            self._take_out(seq, "altered", reason)
        return [f"event {seq}: {reason}; it was not sent and lies in the table verdict" for seq in altered]

    def _take_out(self, seq: int, code: str, reason: str) -> None:
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO verdict SELECT ?, seq, ?, ?, body, ? FROM event WHERE seq = ?",
                (self.epoch, code, reason, int(time.time()), seq),
            )
            self._db.execute("DELETE FROM event WHERE seq = ?", (seq,))
            self._declared([seq], f"{code}: {reason}")
        self._bounds.rows -= 1
        self._bounds.forget()


def _key(event: Event) -> str:
    if event.kind == "count":
        return f"{event.equipment}/{event.fields['counter']}"
    if event.kind == "measurement":
        return event.tag or event.equipment
    return event.equipment
