"""Numbers that will never be sent: every one of them lies in a declared range with its reason."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

TOO_OLD = "not kept any more: older than the outbox keeps"
MISSING = "missing: the event was removed from the outbox's file by something else"


def declare(db: sqlite3.Connection, numbers: Iterable[int], reason: str) -> int:
    """Enter numbers as dropped ranges, merged with neighbours of the same reason; returns how many numbers."""
    count = 0
    for first, last in ranges(sorted(numbers)):
        count += last - first + 1
        start, end = first, last
        before = db.execute(
            "SELECT first, last, reason FROM dropped WHERE first < ? ORDER BY first DESC LIMIT 1", (first,)
        ).fetchone()
        if before is not None and before[1] == first - 1 and before[2] == reason:
            start = before[0]
        after = db.execute("SELECT last, reason FROM dropped WHERE first = ?", (last + 1,)).fetchone()
        if after is not None and after[1] == reason:
            end = after[0]
            db.execute("DELETE FROM dropped WHERE first = ?", (last + 1,))
        db.execute("INSERT OR REPLACE INTO dropped VALUES (?, ?, ?)", (start, end, reason))
    return count


def declared(db: sqlite3.Connection, first: int, last: int) -> list[tuple[int, int, str]]:
    """The declared ranges that touch first..last, cut to it."""
    rows = db.execute(
        "SELECT max(first, :first), min(last, :last), reason FROM dropped "
        "WHERE first >= coalesce((SELECT max(first) FROM dropped WHERE first <= :first), 0) "
        "AND first <= :last AND last >= :first ORDER BY first",
        {"first": first, "last": last},
    )
    return rows.fetchall()


def ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Sorted numbers as inclusive ranges: [1, 2, 5] -> [(1, 2), (5, 5)]."""
    out: list[tuple[int, int]] = []
    for number in numbers:
        if out and out[-1][1] == number - 1:
            out[-1] = (out[-1][0], number)
        else:
            out.append((number, number))
    return out


def undeclared(
    first: int, last: int, present: Sequence[int], known: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
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
