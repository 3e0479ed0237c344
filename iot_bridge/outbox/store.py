"""The SQLite outbox.

One transaction holds the events of a poll cycle and the counter memories they follow from, so a
crash between any two statements leaves both or neither. Readers (uplink) use the same connection
under the lock; every statement is short.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from ..events import Event
from ..signals.counter import CounterMemory
from . import condense
from .schema import open_database

# Rows deleted at once by the retention, so that no append waits long.
PRUNE_ROWS = 2000
VERDICT_DAYS = 90
NOTHING: Mapping[str, str | None] = {}


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequence numbers first..last: events (seq, body) and the ranges declared dropped."""

    epoch: str
    first: int
    last: int
    events: list[tuple[int, str]]
    dropped: list[tuple[int, int, str]]

    def to_json(self, stream: str) -> str:
        """The batch of the schema; bodies are spliced, not parsed."""
        head = json.dumps(
            {
                "v": 1, "stream": stream, "epoch": self.epoch, "from": self.first, "to": self.last,
                "dropped": [{"from": a, "to": b, "reason": reason} for a, b, reason in self.dropped],
            }
        )  # fmt: skip
        events = ",".join(f'{{"seq":{seq},{body[1:]}' for seq, body in self.events)
        return f'{head[:-1]}, "events":[{events}]}}'


@dataclass(frozen=True, slots=True)
class Stats:
    """State of the queue; oldest_stored is real time in s, None when nothing is pending."""

    epoch: str
    first: int
    last: int
    applied: int
    pending: int
    dropped: int
    oldest_stored: int | None


class Outbox:
    """Thread-safe. Open one per process and file."""

    def __init__(self, db: sqlite3.Connection, max_pending: int = 1_000_000, healed: str | None = None) -> None:
        self._db = db
        self._lock = threading.RLock()
        self._max_pending = max_pending
        self._meta: dict[str, str] = dict(db.execute("SELECT key, value FROM meta"))
        self._last = self._sequence()
        # A sentence when a corrupt file was moved aside.
        self.healed = healed

    @classmethod
    def open(cls, path: Path, max_pending: int = 1_000_000) -> Outbox:
        """Open or create; a file that is no sound database is moved aside and a new epoch begins."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            db = open_database(str(path))
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                raise sqlite3.DatabaseError("quick_check failed")
            return cls(db, max_pending)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            aside = path.with_name(f"{path.name}.corrupt-{int(time.time())}")
            for suffix in ("", "-wal", "-shm"):
                part = path.with_name(path.name + suffix)
                if part.exists():
                    part.rename(aside.with_name(aside.name + suffix))
            sentence = f"outbox was damaged ({error}): kept as {aside.name}, totals are healed from Odoo"
            return cls(open_database(str(path)), max_pending, sentence)

    def close(self) -> None:
        """Close the file; committed events stay."""
        with self._lock:
            self._db.close()

    # -- writing

    def append(
        self,
        events: Sequence[Event],
        memories: Mapping[str, CounterMemory],
        notes: Mapping[str, str | None] = NOTHING,
    ) -> int:
        """Store events, memories and notes (None deletes) in one transaction; returns the last sequence number."""
        stored = int(time.time())
        rows = [(event.kind, _key(event), stored, event.body()) for event in events]
        with self._lock:
            # One hold of the lock: a reader between commit and this number would see events beyond the last.
            with self._transaction():
                self._db.executemany("INSERT INTO event (kind, key, stored, body) VALUES (?, ?, ?, ?)", rows)
                self._remember(memories)
                self._note(notes)
            self._last += len(rows)
            if self._last - self.applied > self._max_pending:
                self._condense()
            return self._last

    def replace_memories(self, memories: Mapping[str, CounterMemory]) -> None:
        """Set counter memories without an event (healed from Odoo)."""
        with self._transaction():
            self._remember(memories)

    def rewrite(self, bodies: Mapping[int, str]) -> None:
        """Change events that were never sent (see :mod:`.heal`)."""
        with self._transaction():
            self._db.executemany(
                "UPDATE event SET body = ? WHERE seq = ?", [(body, seq) for seq, body in bodies.items()]
            )

    # -- the uplink's side

    def read(self, limit: int) -> Batch | None:
        """The next batch after what is applied, at most ``limit`` events; None when nothing is pending.

        Marks it as sent. A hole that was never declared (older than what is kept) is declared here.
        """
        with self._lock:
            first = self.applied + 1
            events = self._db.execute(
                "SELECT seq, body FROM event WHERE seq >= ? ORDER BY seq LIMIT ?", (first, limit)
            ).fetchall()
            last = events[-1][0] if len(events) == limit else self._last
            if last < first:
                return None
            self._declare_holes(first, last, [seq for seq, _ in events])
            dropped = self._db.execute(
                "SELECT max(first, ?), min(last, ?), reason FROM dropped WHERE first <= ? AND last >= ? ORDER BY first",
                (first, last, last, first),
            ).fetchall()
            if last > self.sent:
                self._set(sent=last)
            return Batch(self.epoch, first, last, events, dropped)

    def acknowledge(self, applied: int, verdicts: Sequence[Mapping[str, Any]] = ()) -> None:
        """Odoo has everything up to ``applied`` (lower than before after a restore: rewind)."""
        now = int(time.time())
        with self._transaction():
            self._set(applied=min(applied, self._last))
            for verdict in verdicts:
                self._db.execute(
                    "INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?, (SELECT body FROM event WHERE seq = ?), ?)",
                    (self.epoch, verdict["seq"], verdict["code"], verdict["message"], verdict["seq"], now),
                )

    def quarantine(self, seq: int, reason: str) -> None:
        """Take one event that Odoo refuses as a whole out of the queue; it is kept with its reason."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO verdict SELECT ?, seq, 'quarantined', ?, body, ? FROM event WHERE seq = ?",
                (self.epoch, reason, int(time.time()), seq),
            )
            self._db.execute("DELETE FROM event WHERE seq = ?", (seq,))
            self._db.execute("INSERT OR REPLACE INTO dropped VALUES (?, ?, ?)", (seq, seq, f"quarantined: {reason}"))

    def accept_epoch(self) -> None:
        """Odoo knows this epoch."""
        with self._transaction():
            self._set(accepted=1)

    def new_epoch(self) -> str:
        """Begin a new epoch: what is pending is numbered anew from 1. Returns the old epoch."""
        with self._transaction():
            old = self.epoch
            pending = self._db.execute(
                "SELECT kind, key, stored, body FROM event WHERE seq > ? ORDER BY seq", (self.applied,)
            ).fetchall()
            for statement in ("DELETE FROM event", "DELETE FROM dropped", "DELETE FROM sqlite_sequence"):
                self._db.execute(statement)
            self._db.executemany("INSERT INTO event (kind, key, stored, body) VALUES (?, ?, ?, ?)", pending)
            self._db.execute("INSERT OR REPLACE INTO past_epoch VALUES (?, ?)", (old, int(time.time())))
            self._set(epoch=uuid.uuid4(), applied=0, sent=0, accepted=0)
            self._last = len(pending)
            return old

    def prune(self, keep_days: float, keep_max: int) -> bool:
        """Delete some acknowledged events older than ``keep_days`` or beyond ``keep_max``, and old verdicts.

        True when there may be more to delete.
        """
        now = time.time()
        with self._transaction():
            gone = self._db.execute(
                "DELETE FROM event WHERE seq IN (SELECT seq FROM (SELECT seq, stored FROM event WHERE seq <= ? "
                "ORDER BY seq LIMIT ?) WHERE stored < ? OR seq <= ?)",
                (self.applied, PRUNE_ROWS, int(now - keep_days * 86_400), self.applied - keep_max),
            )
            self._db.execute("DELETE FROM verdict WHERE stored < ?", (int(now - VERDICT_DAYS * 86_400),))
            return gone.rowcount == PRUNE_ROWS

    # -- looking

    @property
    def epoch(self) -> str:
        """The stream epoch of this file."""
        return self._meta["epoch"]

    @property
    def applied(self) -> int:
        """Highest sequence number that Odoo has."""
        return int(self._meta["applied"])

    @property
    def last(self) -> int:
        """Highest sequence number given."""
        return self._last

    @property
    def sent(self) -> int:
        """Highest sequence number that was ever handed to the uplink."""
        return int(self._meta["sent"])

    @property
    def accepted(self) -> bool:
        """Whether Odoo has ever accepted this epoch."""
        return self._meta["accepted"] == "1"

    def past_epochs(self) -> set[str]:
        """Epochs of this file that ended."""
        with self._lock:
            return {epoch for (epoch,) in self._db.execute("SELECT epoch FROM past_epoch")}

    def memories(self) -> dict[str, CounterMemory]:
        """Counter memories by <equipment>/<counter>."""
        with self._lock:
            rows = self._db.execute("SELECT key, raw, at, mono, boot_id, epoch, total, flag FROM counter")
            return {key: CounterMemory(*rest) for key, *rest in rows}

    def notes(self) -> dict[str, str]:
        """What signals and drivers keep, by key."""
        with self._lock:
            return dict(self._db.execute("SELECT key, value FROM note"))

    def pending_counts(self, key: str) -> list[tuple[int, dict[str, Any]]]:
        """Pending count events of one counter, in order: (seq, body)."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, body FROM event WHERE seq > ? AND kind = 'count' AND key = ? ORDER BY seq",
                (self.applied, key),
            )
            return [(seq, json.loads(body)) for seq, body in rows]

    def stats(self) -> Stats:
        """One look at the queue."""
        with self._lock:
            first = self._db.execute("SELECT min(seq) FROM event").fetchone()[0] or self._last + 1
            oldest = self._db.execute(
                "SELECT stored FROM event WHERE seq > ? ORDER BY seq LIMIT 1", (self.applied,)
            ).fetchone()
            dropped = self._db.execute("SELECT coalesce(sum(last - first + 1), 0) FROM dropped").fetchone()[0]
            pending = self._last - self.applied
            return Stats(self.epoch, first, self._last, self.applied, pending, dropped, oldest[0] if oldest else None)

    def verdicts(self, limit: int = 100) -> list[tuple[int, str, str]]:
        """Latest verdicts: (seq, code, message)."""
        with self._lock:
            return self._db.execute(
                "SELECT seq, code, message FROM verdict WHERE epoch = ? ORDER BY seq DESC LIMIT ?",
                (self.epoch, limit),
            ).fetchall()

    # -- inside

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            before = dict(self._meta), self._last
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._meta, self._last = before
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _set(self, **values: object) -> None:
        for key, value in values.items():
            self._meta[key] = str(value)
            self._db.execute("UPDATE meta SET value = ? WHERE key = ?", (str(value), key))

    def _remember(self, memories: Mapping[str, CounterMemory]) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO counter (key, raw, at, mono, boot_id, epoch, total, flag) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(key, *astuple(memory)) for key, memory in memories.items()],
        )

    def _note(self, notes: Mapping[str, str | None]) -> None:
        for key, value in notes.items():
            if value is None:
                self._db.execute("DELETE FROM note WHERE key = ?", (key,))
            else:
                self._db.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (key, value))

    def _sequence(self) -> int:
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        return int(row[0]) if row else 0

    def _declare_holes(self, first: int, last: int, present: Sequence[int]) -> None:
        """Every number without event must lie in a dropped range: declare what does not."""
        if len(present) == last - first + 1:
            return
        known = self._db.execute("SELECT first, last FROM dropped WHERE last >= ? AND first <= ?", (first, last))
        holes = condense.holes(first, last, present, known.fetchall())
        with self._transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO dropped VALUES (?, ?, 'not kept any more: older than the outbox keeps')", holes
            )

    def _condense(self) -> None:
        """Bounded store: thin what was never sent; totals stay exact."""
        sent = max(self.applied, self.sent)
        with self._transaction():
            condense.condense(self._db, sent)
        left = self._db.execute("SELECT count(*) FROM event WHERE seq > ?", (self.applied,)).fetchone()[0]
        # Not again before as much has come in anew: condensing walks the whole queue.
        self._max_pending = max(self._max_pending, left * 2)


def _key(event: Event) -> str:
    return f"{event.equipment}/{event.fields['counter']}" if event.kind == "count" else event.equipment
