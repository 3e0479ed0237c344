"""What leaves the file: acknowledged events after their time, unsent ones when there is no room or they are too old."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress

from . import holes
from .ages import DAY_S
from .base import OutboxFile, guarded
from .condense import STEP_ROWS

# Rows deleted at once by the retention: no append waits long, and it fits on a disk that is nearly full.
PRUNE_ROWS = STEP_ROWS
VERDICT_DAYS = 90
# Steps of condensing that one append waits for: some milliseconds.
STEPS_PER_APPEND = 20


class BoundedFile(OutboxFile):
    """An outbox file that deletes what may go."""

    @guarded
    def prune(self, keep_days: float, keep_max: int, max_age_days: float | None = None) -> bool:
        """Delete some acknowledged events older than ``keep_days`` or beyond ``keep_max``, some unsent
        measurements older than ``max_age_days``, and old verdicts; give room back to the disk. True: perhaps more.
        """
        self._bounds.space.refill()
        now = self._ages.now()
        with self._transaction():
            more = self._forget(int(now - keep_days * DAY_S), self.applied - keep_max)
            self._db.execute("DELETE FROM verdict WHERE stored < ?", (int(time.time() - VERDICT_DAYS * DAY_S),))
            self._db.execute(
                "DELETE FROM dropped WHERE last <= ?", (min(self.applied, int(self._meta["pruned"])),)
            )
        if max_age_days is not None:
            more |= self._drop_old(int(now - max_age_days * DAY_S))
        return self._bounds.space.give_back() or more

    def _forget(self, stored: int, seq: int) -> bool:
        """Delete some acknowledged events that were stored before ``stored`` or have at most ``seq``."""
        rows = self._db.execute(
            "SELECT seq FROM (SELECT seq, stored FROM event WHERE seq <= ? ORDER BY seq LIMIT ?) "
            "WHERE stored < ? OR seq <= ?",
            (self.applied, PRUNE_ROWS, stored, seq),
        ).fetchall()
        self._db.executemany("DELETE FROM event WHERE seq = ?", rows)
        if rows:
            self._set(pruned=max(int(self._meta["pruned"]), rows[-1][0]))
        return len(rows) == PRUNE_ROWS

    def _drop_old(self, stored: int) -> bool:
        """Drop some unsent measurements that were stored before ``stored``."""
        rows = self._db.execute(
            "SELECT seq, kind, stored FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
            (max(self._aged, self.applied, self.sent), PRUNE_ROWS),
        ).fetchall()
        old = [row for row in rows if row[2] < stored]
        gone = [seq for seq, kind, _ in old if kind == "measurement"]
        with self._transaction():
            self._db.executemany("DELETE FROM event WHERE seq = ?", [(seq,) for seq in gone])
            self._declared(gone, "too old: unsent for longer than outbox.max_age_days")
        if gone:
            self._bounds.rows -= len(gone)
            self._bounds.forget()
        self._aged = max(self._aged, old[-1][0]) if old else self._aged
        return len(old) == PRUNE_ROWS

    def _keep_bounded(self, added: int) -> None:
        """Some steps of condensing, until twice of what was added went. What was appended is stored: a disk too full
        to condense on, or damage that shows now, is no failure of that. The next call meets it again.
        """
        before = self._bounds.rows
        with suppress(sqlite3.DatabaseError):
            for _ in range(STEPS_PER_APPEND):
                if not self._bounds.too_much() or before - self._bounds.rows > 2 * added:
                    return
                self.condense_step()

    def condense_step(self) -> None:
        """First what Odoo has goes, then what :mod:`.condense` chooses."""
        bounds = self._bounds
        gone: list[int] = []
        try:
            with self._transaction():
                if not self._forget(0, self.applied):
                    gone = bounds.condenser.step(self._db, max(self.applied, self.sent), self._last, bounds.rows)
                    self._set(dropped=int(self._meta["dropped"]) + len(gone))
        except sqlite3.DatabaseError:
            # It remembers what was undone.
            bounds.forget()
            raise
        bounds.rows -= len(gone)

    def _declared(self, numbers: Sequence[int], reason: str) -> None:
        """Inside a transaction: these numbers will never be sent."""
        if numbers:
            self._set(dropped=int(self._meta["dropped"]) + holes.declare(self._db, numbers, reason))
