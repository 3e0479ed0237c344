"""Reading what is still readable of a damaged outbox into a new one.

The new file has an epoch of its own, and what was unsent is numbered anew. An event that Odoo has
already got comes again and changes nothing: facts are keyed by what they say, not by their number.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from .checksum import checksum

log = logging.getLogger(__name__)

# The bridge must be up again soon: after so many seconds the rest stays in the file moved aside.
PATIENCE_S = 5.0
ROWS = 500
# Numbers passed over where a page can't be read; a fifth more each time, so that little that is sound is lost after it.
FIRST_LEAP = 4
GROWTH = 1.2
PAGE_COUNT_AT, HEADER = 28, 100
LONGEST = 1 << 36


def salvage(damaged: Path, db: sqlite3.Connection) -> str:
    """Copy counters, notes and unsent events of ``damaged`` into the fresh ``db``; says what was saved."""
    try:
        _lengthen(damaged)
        old = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    except (sqlite3.Error, OSError):
        return "nothing in it could be read"
    try:
        db.execute("BEGIN IMMEDIATE")
        counters = _copy(old, db, "counter")
        _copy(old, db, "note")
        _copy(old, db, "past_epoch")
        events = _events(old, db)
        db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        # The new file is full, or the old one does not open at all.
        if db.in_transaction:
            db.execute("ROLLBACK")
        log.warning("salvage: %s", error)
        return "nothing in it could be read"
    finally:
        old.close()
    return f"{events} unsent events and {counters} counters of it were saved" if events or counters else "it held none"


def _lengthen(damaged: Path) -> None:
    """SQLite reads nothing of a file that is shorter than its header says: give it the missing pages, empty."""
    with damaged.open("r+b") as file:
        head = file.read(HEADER)
        size, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[PAGE_COUNT_AT : PAGE_COUNT_AT + 4], "big")
        whole = (1 << 16 if size == 1 else size) * pages
        if head.startswith(b"SQLite format 3") and file.seek(0, os.SEEK_END) < whole <= LONGEST:
            file.truncate(whole)


def _copy(old: sqlite3.Connection, db: sqlite3.Connection, table: str) -> int:
    """Rows up to the first that can't be read."""
    count = 0
    try:
        columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
        for row in old.execute(f"SELECT {', '.join(columns)} FROM {table}"):
            db.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(columns))})", row)
            count += 1
    except (sqlite3.DatabaseError, UnicodeError):
        return count
    return count


def _events(old: sqlite3.Connection, db: sqlite3.Connection) -> int:
    """Every sound event that was not acknowledged, numbered from 1."""
    count = 0
    for _seq, kind, key, stored, body in _readable(old, _applied(old)):
        count += 1
        db.execute(
            "INSERT INTO event (seq, kind, key, stored, body, crc) VALUES (?, ?, ?, ?, ?, ?)",
            (count, kind, key, stored, body, checksum(body)),
        )
    return count


def _applied(old: sqlite3.Connection) -> int:
    try:
        return int(old.execute("SELECT value FROM meta WHERE key = 'applied'").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError, ValueError, UnicodeError):
        return 0


def _readable(old: sqlite3.Connection, applied: int) -> Iterator[tuple[Any, ...]]:
    """Rows beyond ``applied`` whose checksum holds, leaping over pages that can't be read."""
    deadline = time.monotonic() + PATIENCE_S
    crc = "crc" if any(row[1] == "crc" for row in _info(old)) else "NULL"
    cursor, last, leap = applied, _last(old), float(FIRST_LEAP)
    rows = ROWS
    while cursor < last and time.monotonic() < deadline:
        try:
            found = old.execute(
                f"SELECT seq, kind, key, stored, body, {crc} FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
                (cursor, rows),
            ).fetchall()
        except (sqlite3.DatabaseError, UnicodeError):
            found = [(cursor,)]
        if not found:
            return
        if not _rising(cursor, found):
            # First one by one up to the page that is broken, then over it.
            if rows > 1:
                rows = 1
            else:
                cursor, leap = cursor + int(leap), leap * GROWTH
            continue
        yield from (row[:5] for row in found if _sound(*row))
        cursor, leap, rows = found[-1][0], FIRST_LEAP, min(rows * 2, ROWS)


def _rising(cursor: int, found: list[tuple[Any, ...]]) -> bool:
    """A page of noise may be read as rows out of order."""
    numbers = [cursor, *(row[0] for row in found)]
    return all(isinstance(n, int) for n in numbers) and all(a < b for a, b in pairwise(numbers))


def _sound(seq: object, kind: object, key: object, stored: object, body: object, crc: object) -> bool:
    if not (isinstance(seq, int) and isinstance(kind, str) and isinstance(key, str) and isinstance(stored, int)):
        return False
    return isinstance(body, str) and (crc is None or crc == checksum(body))


def _info(old: sqlite3.Connection) -> list[Any]:
    try:
        return old.execute("PRAGMA table_info(event)").fetchall()
    except sqlite3.DatabaseError:
        return []


def _last(old: sqlite3.Connection) -> int:
    """The highest number that can be, or a bound that salvage gives up before."""
    for query in ("SELECT seq FROM sqlite_sequence WHERE name = 'event'", "SELECT max(seq) FROM event"):
        try:
            row = old.execute(query).fetchone()
        except (sqlite3.DatabaseError, UnicodeError):
            continue
        if row is not None and isinstance(row[0], int):
            return row[0]
    return 2**62
