"""The file under the outbox: connection, lock, transactions; and what is done on a full disk or a damaged file."""

from __future__ import annotations

import functools
import logging
import os
import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from . import damage
from .ages import Ages
from .bounds import Bounds, Limits

log = logging.getLogger(__name__)

# With durability "second" a power cut may cost so much of the latest.
SYNC_EVERY_S = 1.0

Durability = Literal["commit", "second"]
P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="OutboxFile")


def guarded(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Hold the lock; on a full disk make room, on a damaged file begin a new one, then do it once more."""

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            try:
                return method(self, *args, **kwargs)
            except sqlite3.DatabaseError as error:
                if not self.mended(error):
                    raise
            return method(self, *args, **kwargs)

    return call


class OutboxFile(ABC):
    """One database file, its meta values, and what keeps it sound and bounded."""

    def __init__(self, path: Path, limits: Limits, durability: Durability) -> None:
        self._path = path
        self._limits = limits
        self._durability = durability
        self._synchronous = "FULL" if durability == "commit" else "NORMAL"
        self.lock = threading.RLock()
        self._dirty, self._synced = False, time.monotonic()
        # A damaged file could not be replaced yet.
        self._broken = False
        # Events that could not be stored since the start, and why.
        self.lost, self.lost_why = 0, ""
        opened = damage.open_sound(path, self._synchronous)
        # A sentence when a damaged file was moved aside, at the start or later.
        self.healed = opened.healed
        self._attach(opened.db)

    def close(self) -> None:
        """Close the file; committed events stay."""
        with self.lock:
            self._db.close()

    def sync(self) -> None:
        """Bring what was committed to the disk itself; nothing to do with durability "commit".

        Raises sqlite3.OperationalError when the disk fails.
        """
        with self.lock:
            if self._durability == "commit" or not self._dirty:
                return
            self._dirty, self._synced = False, time.monotonic()
        # Not under the lock: a slow disk must not hold the appends up. A log that was just folded in is no loss.
        try:
            with suppress(FileNotFoundError), open(f"{self._path}-wal", "rb") as log_file:
                os.fdatasync(log_file.fileno())
        except OSError as error:
            self._dirty = True
            raise sqlite3.OperationalError(f"{self._path.name}: {error.strerror}: look at the disk") from None

    @property
    def sync_due(self) -> bool:
        """Whether :meth:`sync` has something to do and it is time."""
        return self._durability == "second" and self._dirty and time.monotonic() - self._synced >= SYNC_EVERY_S

    @property
    def applied(self) -> int:
        """Highest sequence number that Odoo has."""
        return int(self._meta["applied"])

    @property
    def sent(self) -> int:
        """Highest sequence number that was ever handed to the uplink."""
        return int(self._meta["sent"])

    @abstractmethod
    def condense_step(self) -> None:
        """Make the queue a little smaller (see :mod:`.bounds`)."""

    def mended(self, error: sqlite3.DatabaseError) -> bool:
        """Do what lets a call that failed be repeated; False when nothing can be done."""
        if damage.is_full(error):
            self._make_room()
            return True
        if damage.is_damage(error) or self._broken:
            self._begin_anew(str(error))
            return True
        return False

    def _begin_anew(self, why: str) -> None:
        """Replace the damaged file; raises sqlite3.OperationalError when the disk takes no new one, and tries again
        with the next call.
        """
        self._broken = True
        with suppress(sqlite3.Error):
            self._db.close()
        try:
            opened = damage.replace(self._path, self._synchronous, why)
        except (OSError, sqlite3.DatabaseError) as error:
            sentence = f"{self._path.name} is damaged, and no new one can be made: {error}"
            raise sqlite3.OperationalError(sentence) from None
        self._broken = False
        self.healed = opened.healed
        self._attach(opened.db)

    def _make_room(self) -> None:
        """The disk is full: give the ballast up and condense in small steps, each folded in at once."""
        bounds = self._bounds
        if bounds.space.release():
            log.warning("outbox %s: the disk is full; condensing", self._path.name)
        try:
            bounds.space.fold()
            while bounds.must() and not bounds.space.breathes() and not bounds.exhausted():
                self.condense_step()
                bounds.space.fold()
        except sqlite3.OperationalError as error:
            log.debug("outbox %s: no room could be made: %s", self._path.name, error)
        finally:
            bounds.space.refill()

    def _attach(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._meta: dict[str, str] = dict(db.execute("SELECT key, value FROM meta"))
        row = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        self._last = int(row[0]) if row else 0
        waiting = self._count("seq > ?", self.applied)
        latest = db.execute("SELECT stored FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        self._ages = Ages(latest[0] if latest else None, bool(waiting))
        self._bounds = Bounds(db, self._path, self._limits, waiting)
        # Up to here unsent events were looked at for their age.
        self._aged = 0

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self.lock:
            self._db.execute("BEGIN IMMEDIATE")
            before = dict(self._meta), self._last
            try:
                yield
                self._db.execute("COMMIT")
                self._dirty = True
            except BaseException:
                self._meta, self._last = before
                with suppress(sqlite3.Error):
                    if self._db.in_transaction:
                        self._db.execute("ROLLBACK")
                raise

    def _set(self, **values: object) -> None:
        for key, value in values.items():
            self._meta[key] = str(value)
            self._db.execute("UPDATE meta SET value = ? WHERE key = ?", (str(value), key))

    def _count(self, where: str, *values: int) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM event WHERE {where}", values).fetchone()[0])
