"""Room on the disk: how much the outbox may take, how much is left, and a reserve for when it is full.

SQLite can delete nothing on a full disk: a deletion is written to the log first. So a file of no use,
the ballast, holds some space; on a full disk it goes, the queue is condensed, and it comes back.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

PAGE = 4096
# Of all that the outbox may take, these parts are for the log and for the ballast; the rest is the file.
LOG_PART = 8
BALLAST_PART = 16
BALLAST_MOST = 8 << 20
BALLAST_LEAST = 128 << 10
LOG_MOST = 16 << 20
LOG_LEAST = 128 << 10
# A file at its limit may grow by so many pages while it is condensed: what goes must be declared somewhere.
SPARE_PAGES = 64
# Pages given back at once; a file keeps this part idle for what comes next.
GIVEN_BACK = 64
IDLE_PART = 10
INCREMENTAL = 2
# The queue is condensed from this share of the room on, until it is below the other one.
HIGH, LOW = 0.85, 0.70


class Space:
    """Of one outbox file. All sizes in bytes."""

    def __init__(self, db: sqlite3.Connection, path: Path, max_bytes: int) -> None:
        self._path = path
        self._ballast = self.ballast_of(path)
        self._max_bytes = max_bytes
        self.attach(db)

    @staticmethod
    def ballast_of(path: Path) -> Path:
        """Where the ballast of an outbox file lies."""
        return path.with_name(path.name + ".ballast")

    def attach(self, db: sqlite3.Connection) -> None:
        """Use this connection, also after the file was replaced."""
        self._db = db
        self._log = self._most = 0
        # What file, log and ballast may take together.
        self.budget = self._max_bytes
        self._budget()
        self.refill()

    def share(self) -> float:
        """How much of the room is taken, 0..1: of ``max_bytes`` or of the disk, whichever is the tighter."""
        used, room = self._look()
        return used / max(used + room, 1)

    def used(self) -> int:
        """Bytes of the file's pages in use."""
        return self._look()[0]

    def breathes(self) -> bool:
        """Whether what comes next can be stored: there is more room than one step of condensing needs."""
        used, room = self._look()
        return room > max(SPARE_PAGES * PAGE, used // 50)

    def whole(self) -> int:
        """Bytes on the disk: file, log and ballast."""
        return self._size(self._path) + self._log_size() + self._size(self._ballast)

    def release(self) -> bool:
        """Give the ballast up, on the disk and in the file's limit; True when there was one."""
        self._db.execute(f"PRAGMA max_page_count={self._most + SPARE_PAGES}").fetchone()
        try:
            self._ballast.unlink()
        except OSError:
            return False
        return True

    def refill(self) -> bool:
        """Have the ballast again if the disk has room for it; True when it is there."""
        self._limit()
        if self._ballast.exists():
            return True
        size = self._ballast_size()
        if self._free() < 3 * size:
            return False
        fresh = self._ballast.with_suffix(".new")
        try:
            with fresh.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
            os.replace(fresh, self._ballast)
        except OSError:
            fresh.unlink(missing_ok=True)
            return False
        return True

    def give_back(self) -> bool:
        """Give some idle pages back to the disk, where the file can: others may need them more. True: perhaps more."""
        idle, pages = self._pragma("freelist_count"), self._pragma("page_count")
        if self._pragma("auto_vacuum") != INCREMENTAL or idle < max(pages // IDLE_PART, GIVEN_BACK):
            return False
        self._db.execute(f"PRAGMA incremental_vacuum({GIVEN_BACK})").fetchall()
        return True

    def fold(self) -> None:
        """Bring the log's content into the file, so that the log can be empty."""
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

    # -- inside

    def _look(self) -> tuple[int, int]:
        """(bytes in use, bytes that more can be stored in)."""
        self._budget()
        pages = self._pragma("page_count")
        idle = self._pragma("freelist_count")
        # What the log may still take, what of it the file will take when it is folded in, and a ballast that is away.
        spoken_for = max(self._log - self._log_size(), 0) + max(pages * PAGE - self._size(self._path), 0)
        if not self._ballast.exists():
            spoken_for += self._ballast_size()
        growth = min((self._most - pages) * PAGE, self._free() - spoken_for)
        return (pages - idle) * PAGE, max(idle * PAGE + growth, 0)

    def _budget(self) -> None:
        """Divide what the setting and the disk allow. A disk that others fill makes it smaller, and back."""
        whole = self.budget = min(self._max_bytes, self.whole() + self._free())
        log = min(max(whole // LOG_PART, LOG_LEAST), LOG_MOST)
        if abs(log - self._log) * 4 > log:
            self._log = log
            # The log is folded in at half its size; one transaction may write the other half.
            self._db.execute(f"PRAGMA wal_autocheckpoint={max(log // 2 // PAGE, 16)}")
            self._db.execute(f"PRAGMA journal_size_limit={log}")

    def _limit(self) -> None:
        self._most = max(self._max_bytes - self._log - self._ballast_size(), SPARE_PAGES * PAGE) // PAGE
        # SQLite takes no limit below the present size.
        self._db.execute(f"PRAGMA max_page_count={self._most}").fetchone()

    def _ballast_size(self) -> int:
        return min(max(self.budget // BALLAST_PART, BALLAST_LEAST), BALLAST_MOST)

    def _free(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    def _log_size(self) -> int:
        return self._size(self._path.with_name(self._path.name + "-wal"))

    @staticmethod
    def _size(path: Path) -> int:
        try:
            return path.stat().st_size
        except OSError:
            return 0

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])
