"""Keeping the queue bounded while Odoo is away: what may go, in which order, and how it is declared.

A walk goes in small steps from the oldest unsent event to the newest, for one kind after the other, and
ends as soon as there is room again:

1. Evidence spans of a machine that touch become one. Nothing is lost by it.
2. Of the measurements of a tag every second one goes, the oldest first; again and again while that frees
   much. Each walk begins with the oldest, so that what is old gets thinner and thinner.
3. Counts: a plain point goes when a later one of the same counter and epoch takes over its delta; in
   the end each counter has its last point and every flagged one. Their totals say it all. Energy meters alike.

States, modes, alarms, parameters and all the rest stay. Every number that goes is declared.
"""

from __future__ import annotations

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .checksum import checksum
from .holes import declare

REASON = "condensed: the queue was full"
# Neighbouring rows looked at in one step: a millisecond or two, and few enough pages for a disk that is nearly full.
STEP_ROWS = 600
# A walk through the measurements that frees a smaller part of them, or of all, is the last one before the counts.
WORTH_OF_THEM, WORTH_OF_ALL = 4, 50
# SQLite gives no page back before two thirds of it are empty: rows are written anew where at least this part went.
REPACK = 6

Row = tuple[int, str, str, str]


@dataclass(slots=True)
class Change:
    """What one step does: numbers that go, and new bodies of numbers that stay."""

    gone: list[int] = field(default_factory=list)
    bodies: dict[int, dict[str, Any]] = field(default_factory=dict)


class Pass(ABC):
    """One way through the queue. ``cursor``: looked at so far; ``seen`` and ``freed``: events, since the restart."""

    kinds: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.cursor = self.seen = self.freed = 0

    @abstractmethod
    def look(self, rows: Sequence[Row], sent: int) -> Change:
        """What goes of these rows (seq, kind, key, body) and of rows seen before; not what has seq <= sent."""


class Condenser:
    """One walk after the other; remembers where it is between the steps. ``step`` runs inside a transaction."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """The queue was changed by something else: know nothing of it any more."""
        self._evidence = EvidenceMerge()
        self._counts = CountCollapse()
        self.restart()

    def restart(self) -> None:
        """Begin a new walk; what was merged or collapsed to the end needs no second look."""
        self._walk: list[Pass] = [self._evidence, MeasurementThinning(), self._counts]

    @property
    def exhausted(self) -> bool:
        """Whether the walk is through: nothing more can go."""
        return not self._walk

    def step(self, db: sqlite3.Connection, sent: int, last: int, waiting: int) -> list[int]:
        """Condense some of ``waiting`` events with sent < seq <= last; returns the numbers that went."""
        if not self._walk:
            self.restart()
        way = self._walk[0]
        start = max(way.cursor, sent)
        far = db.execute("SELECT seq FROM event WHERE seq > ? ORDER BY seq LIMIT 1 OFFSET ?", (start, STEP_ROWS - 1))
        way.cursor = (far.fetchone() or (last,))[0]
        rows = db.execute(
            "SELECT seq, kind, key, body FROM event WHERE seq > ? AND seq <= ? "
            f"AND kind IN ({', '.join('?' * len(way.kinds))}) ORDER BY seq",
            (start, way.cursor, *way.kinds),
        ).fetchall()
        change = way.look(rows, sent)
        _apply(db, change, start, way.cursor)
        way.seen += len(rows)
        way.freed += len(change.gone)
        if way.cursor >= last:
            self._next(way, waiting)
        return change.gone

    def _next(self, way: Pass, waiting: int) -> None:
        worth = way.freed * WORTH_OF_THEM > way.seen and way.freed * WORTH_OF_ALL > waiting
        if isinstance(way, MeasurementThinning) and worth:
            self._walk[0] = MeasurementThinning()
        else:
            del self._walk[0]


class EvidenceMerge(Pass):
    """Spans of one machine that touch become the later one."""

    kinds = ("evidence",)

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, tuple[int, dict[str, Any]]] = {}

    def look(self, rows: Sequence[Row], sent: int) -> Change:
        change = Change()
        for seq, _, key, text in rows:
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


class MeasurementThinning(Pass):
    """Of each tag's measurements every second one goes; the newest stays."""

    kinds = ("measurement",)

    def __init__(self) -> None:
        super().__init__()
        self._waiting: dict[str, int] = {}

    def look(self, rows: Sequence[Row], sent: int) -> Change:
        change = Change()
        for seq, _, key, _ in rows:
            before = self._waiting.pop(key, None)
            if before is None or before <= sent:
                self._waiting[key] = seq
            else:
                change.gone.append(before)
        return change


class CountCollapse(Pass):
    """A plain point goes when a later plain one of the same counter and counter epoch takes over its delta."""

    kinds = ("count", "energy")

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, tuple[int, dict[str, Any]]] = {}

    def look(self, rows: Sequence[Row], sent: int) -> Change:
        change = Change()
        for seq, kind, key, text in rows:
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


def _apply(db: sqlite3.Connection, change: Change, start: int, end: int) -> None:
    if not change.gone:
        return
    declare(db, change.gone, REASON)
    db.executemany("DELETE FROM event WHERE seq = ?", [(seq,) for seq in change.gone])
    texts = [(json.dumps(body, separators=(",", ":")), seq) for seq, body in change.bodies.items()]
    db.executemany("UPDATE event SET body = ?, crc = ? WHERE seq = ?", [(t, checksum(t), seq) for t, seq in texts])
    span = (start, end)
    left = db.execute("SELECT count(*) FROM event WHERE seq > ? AND seq <= ?", span).fetchone()[0]
    if left and left < len(change.gone) * REPACK:
        rows = db.execute("SELECT * FROM event WHERE seq > ? AND seq <= ?", span).fetchall()
        db.execute("DELETE FROM event WHERE seq > ? AND seq <= ?", span)
        db.executemany(f"INSERT INTO event VALUES ({', '.join('?' * len(rows[0]))})", rows)
