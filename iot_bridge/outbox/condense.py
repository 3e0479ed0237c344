"""Keeping the queue bounded while Odoo is away: what may go, in which order, and how it is declared.

A walk goes from the oldest unsent event to the newest, some hundred rows a step, and ends as soon as
there is room again; the next one begins at the oldest anew, so that what is old gets thinner and
thinner. In this order:

1. Evidence spans of a machine that touch become one. Nothing is lost by it.
2. Of the measurements of a tag every second one goes; again and again while that frees much.
3. Counts: a plain point goes when a later one of the same counter and epoch takes over its delta; in
   the end each counter has its last point and every flagged one. Their totals say it all. Energy meters alike.

States, modes, alarms, parameters and all the rest stay. Every number that goes is declared.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from .checksum import checksum
from .holes import declare

REASON = "condensed: the queue was full"
# Rows looked at in one step: some milliseconds, and few enough pages for a disk that is nearly full.
STEP_ROWS = 500
# A walk through the measurements that frees a smaller part than this is the last one before the counts.
WORTH = 8

Row = tuple[int, str, str, str]


@dataclass(slots=True)
class Change:
    """What one step does: numbers that go, and new bodies of numbers that stay."""

    gone: list[int] = field(default_factory=list)
    bodies: dict[int, dict[str, Any]] = field(default_factory=dict)


# (rows, sent) -> what goes; an event with seq <= sent was handed out and stays as it is.
Pass = Callable[[Sequence[Row], int], Change]


class Condenser:
    """One walk after the other; remembers where it is between the steps. ``step`` runs inside a transaction."""

    def __init__(self) -> None:
        self._passes: list[Pass] = []
        self._cursor = 0
        self._seen = self._freed = 0
        self.exhausted = False

    def restart(self) -> None:
        """Begin at the oldest the next time."""
        self._passes, self._cursor, self.exhausted = [], 0, False

    def step(self, db: sqlite3.Connection, sent: int) -> list[int]:
        """Condense some events with seq > ``sent``; returns the numbers that went.

        ``exhausted`` is set when all passes are through.
        """
        if not self._passes:
            self._begin([EvidenceMerge(), MeasurementThinning(), CountCollapse()])
        rows = db.execute(
            "SELECT seq, kind, key, body, stored, crc FROM event WHERE seq > ? ORDER BY seq LIMIT ?",
            (max(self._cursor, sent), STEP_ROWS),
        ).fetchall()
        if not rows:
            self._next_pass()
            return []
        change = self._passes[0]([row[:4] for row in rows], sent)
        _apply(db, change, rows)
        self._cursor = rows[-1][0]
        self._seen += len(rows)
        self._freed += len(change.gone)
        return change.gone

    def _begin(self, passes: list[Pass]) -> None:
        self._passes, self._cursor, self._seen, self._freed = passes, 0, 0, 0

    def _next_pass(self) -> None:
        if isinstance(self._passes[0], MeasurementThinning) and self._freed * WORTH > self._seen:
            self._begin([MeasurementThinning(), *self._passes[1:]])
            return
        self._begin(self._passes[1:])
        self.exhausted = not self._passes


class EvidenceMerge:
    """Spans of one machine that touch become the later one."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, dict[str, Any]]] = {}

    def __call__(self, rows: Sequence[Row], sent: int) -> Change:
        change = Change()
        for seq, kind, key, text in rows:
            if kind != "evidence":
                continue
            body = json.loads(text)
            before = self._last.get(key)
            if before is not None and before[0] > sent and _touch(before[1], body):
                body["from"] = min(before[1]["from"], body["from"])
                change.gone.append(before[0])
                change.bodies.pop(before[0], None)
                change.bodies[seq] = body
            self._last[key] = seq, body
        return change


def _touch(before: dict[str, Any], body: dict[str, Any]) -> bool:
    # All times have one format, so that texts compare as times do.
    reaches = before["from"] <= body["from"] <= before["until"] <= body["until"]
    return bool(reaches and before["quality"] == body["quality"])


class MeasurementThinning:
    """Of each tag's measurements every second one goes, beginning with the oldest; the newest stays."""

    def __init__(self) -> None:
        self._waiting: dict[str, int] = {}

    def __call__(self, rows: Sequence[Row], sent: int) -> Change:
        change = Change()
        for seq, kind, key, _ in rows:
            if kind == "measurement":
                before = self._waiting.pop(key, None)
                if before is None or before <= sent:
                    self._waiting[key] = seq
                else:
                    change.gone.append(before)
        return change


class CountCollapse:
    """A plain point goes when a later plain one of the same counter and counter epoch takes over its delta."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, dict[str, Any]]] = {}

    def __call__(self, rows: Sequence[Row], sent: int) -> Change:
        change = Change()
        for seq, kind, key, text in rows:
            if kind not in ("count", "energy"):
                continue
            body = json.loads(text)
            meter = f"{kind} {key} {body.get('counter') or body.get('meter')}"
            if not _plain(kind, body):
                self._last.pop(meter, None)
                continue
            before = self._last.get(meter)
            if before is not None and before[0] > sent and before[1]["counter_epoch"] == body["counter_epoch"]:
                change.gone.append(before[0])
                change.bodies.pop(before[0], None)
                if kind == "count":
                    body["delta"] += before[1]["delta"]
                    change.bodies[seq] = body
            self._last[meter] = seq, body
        return change


def _plain(kind: str, body: dict[str, Any]) -> bool:
    """Whether nobody will ever ask for this very point: nothing was decided, nothing is in doubt."""
    if kind == "count" and body["decision"] not in ("step", "rollover"):
        return False
    return "bounds" not in body and body["quality"] == "good"


def _apply(db: sqlite3.Connection, change: Change, rows: Sequence[tuple[Any, ...]]) -> None:
    if not change.gone:
        return
    declare(db, change.gone, REASON)
    gone = set(change.gone)
    earlier = [(seq,) for seq in gone if seq < rows[0][0]]
    db.executemany("DELETE FROM event WHERE seq = ?", earlier)
    # What stays is written anew: SQLite gives no page back before two thirds of it are empty.
    db.execute("DELETE FROM event WHERE seq BETWEEN ? AND ?", (rows[0][0], rows[-1][0]))
    db.executemany(
        "INSERT INTO event (seq, kind, key, body, stored, crc) VALUES (?, ?, ?, ?, ?, ?)",
        [_changed(row, change.bodies.get(row[0])) for row in rows if row[0] not in gone],
    )


def _changed(row: tuple[Any, ...], body: dict[str, Any] | None) -> tuple[Any, ...]:
    if body is None:
        return row
    text = json.dumps(body, separators=(",", ":"))
    return (*row[:3], text, row[4], checksum(text))
