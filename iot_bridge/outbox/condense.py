"""Keeping the queue bounded while Odoo is away: what may go, and how it is declared.

Measurements go first (every other one), then the plain counts between the newest points: a counter
keeps its last point and every flagged one, their totals say it all. States, evidence and alarms
stay. Every number that goes is inside a declared ``dropped`` range.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

REASON = "condensed: the queue was full"


def condense(db: sqlite3.Connection, sent: int) -> int:
    """Thin events with seq > ``sent`` inside the caller's transaction; returns how many went."""
    gone = _thin_measurements(db, sent)
    gone += _collapse_counts(db, sent)
    declare(db, gone)
    return len(gone)


def declare(db: sqlite3.Connection, gone: Sequence[int]) -> None:
    """Enter single numbers as dropped ranges, merged with the neighbours of the same reason."""
    for first, last in ranges(sorted(gone)):
        before = db.execute("SELECT first FROM dropped WHERE last = ? AND reason = ?", (first - 1, REASON)).fetchone()
        after = db.execute("SELECT last FROM dropped WHERE first = ? AND reason = ?", (last + 1, REASON)).fetchone()
        start, end = (before[0] if before else first), (after[0] if after else last)
        db.execute("DELETE FROM dropped WHERE first BETWEEN ? AND ?", (start, end))
        db.execute("INSERT INTO dropped VALUES (?, ?, ?)", (start, end, REASON))


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted numbers as inclusive ranges: [1, 2, 5] -> [(1, 2), (5, 5)]."""
    out: list[tuple[int, int]] = []
    for number in numbers:
        if out and out[-1][1] == number - 1:
            out[-1] = (out[-1][0], number)
        else:
            out.append((number, number))
    return out


def holes(first: int, last: int, present: Sequence[int], known: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges of first..last that are neither present nor in a known range."""
    covered = sorted([*((seq, seq) for seq in present), *known])
    out: list[tuple[int, int]] = []
    next_free = first
    for start, end in covered:
        if start > next_free:
            out.append((next_free, min(start - 1, last)))
        next_free = max(next_free, end + 1)
    if next_free <= last:
        out.append((next_free, last))
    return out


def _thin_measurements(db: sqlite3.Connection, sent: int) -> list[int]:
    rows = db.execute("SELECT seq FROM event WHERE seq > ? AND kind = 'measurement' ORDER BY seq", (sent,)).fetchall()
    gone = [seq for (seq,) in rows[::2]]
    db.executemany("DELETE FROM event WHERE seq = ?", [(seq,) for seq in gone])
    return gone


def _collapse_counts(db: sqlite3.Connection, sent: int) -> list[int]:
    """A step or rollover goes when a later point of the same counter and epoch takes over its delta."""
    gone: list[int] = []
    carried: dict[str, int] = {}
    previous: dict[str, tuple[int, int]] = {}
    rows = db.execute("SELECT seq, key, body FROM event WHERE seq > ? AND kind = 'count' ORDER BY seq", (sent,))
    for seq, key, text in rows.fetchall():
        body = json.loads(text)
        plain = body["decision"] in ("step", "rollover") and "bounds" not in body
        if plain and key in previous and previous[key][1] == body["counter_epoch"]:
            gone.append(previous[key][0])
            body["delta"] += carried.get(key, 0)
            text = json.dumps(body, separators=(",", ":"))
            db.execute("UPDATE event SET body = ? WHERE seq = ?", (text, seq))
        if plain:
            previous[key] = (seq, body["counter_epoch"])
            carried[key] = body["delta"]
        else:
            previous.pop(key, None)
            carried.pop(key, None)
    db.executemany("DELETE FROM event WHERE seq = ?", [(seq,) for seq in gone])
    return gone
