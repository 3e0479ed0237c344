"""Why Odoo has this count: the chain of points in the outbox, down to the raw registers.

Acknowledged points are kept for the outbox's ``keep_days``; what is older is known to Odoo alone. Read only:
the running bridge is not disturbed.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .clock import from_rfc3339, to_rfc3339
from .errors import Misconfigured
from .tags.model import Tag

Standing = Literal["in Odoo", "sent, not acknowledged", "waiting", "refused"]


@dataclass(frozen=True, slots=True)
class Point:
    """One count point as it stands in the outbox. bounds, verdict and dropped may say more about it.

    dropped: numbers before it, since the point before, that were declared dropped, with their reasons.
    """

    seq: int
    at: str
    recv: str | None
    tag: str | None
    raw: int
    delta: int
    decision: str
    epoch: int
    total: int
    quality: str
    standing: Standing
    bounds: tuple[int, int | None] | None = None
    verdict: str | None = None
    dropped: tuple[str, ...] = ()

    @property
    def at_ms(self) -> int:
        """Plant ms."""
        return from_rfc3339(self.at)


@dataclass(frozen=True, slots=True)
class Seen:
    """One raw sample out of a recording."""

    tag: str
    value: Any
    at: str
    quality: str


@dataclass(slots=True)
class Trace:
    """What is known of a counter around one point (``points[place]``)."""

    key: str
    stream_epoch: str
    applied: int
    place: int
    points: list[Point]
    whys: list[str] = field(default_factory=list)
    samples: list[list[Seen]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which point: the one that brought the total to ``total``, the one in force at ``at`` (plant ms), the
    event with number ``seq``; none of them: the last."""

    total: int | None = None
    at: int | None = None
    seq: int | None = None


def trace(path: Path, key: str, wanted: Wanted, around: int = 3) -> Trace:
    """The point of counter ``<equipment>/<counter>`` with ``around`` neighbours on both sides.

    Raises Misconfigured when there is no such file, counter or point.
    """
    if not path.exists():
        raise Misconfigured(f"{path} is not there: the bridge has not run yet, or data_dir is another")
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        meta = dict(db.execute("SELECT key, value FROM meta"))
        chain = _chain(db, key, meta)
        known = chain or _known(db)
    except sqlite3.Error as error:
        raise Misconfigured(f"{path} can't be read: {error}") from None
    finally:
        db.close()
    if not chain:
        names = ", ".join(map(str, known[:8])) or "none"
        raise Misconfigured(f"the outbox keeps no point of counter {key!r}; there is {names}")
    place = _find(chain, wanted)
    first = max(0, place - around)
    return Trace(key, meta["epoch"], int(meta["applied"]), place - first, chain[first : place + around + 1])


def explain(found: Trace, tags: Iterable[Tag]) -> None:
    """Add to each point why it books what it books, and the registers that its raw value was."""
    own = {tag.tag: tag for tag in tags}
    for before, point in zip([None, *found.points], found.points, strict=False):
        found.whys.append(_why(before, point, own.get(point.tag or "")))


def add_samples(found: Trace, lines: Iterable[str]) -> None:
    """Add to each point the samples of its tag, out of a recording: from the point before to this one, both."""
    tags = {point.tag for point in found.points}
    seen = sorted((sample for line in lines for sample in _samples(line, tags)), key=lambda sample: sample.at)
    times = [sample.at for sample in seen]
    start = found.points[0].at
    for point in found.points:
        some = seen[bisect_left(times, start) : bisect_right(times, point.at)]
        found.samples.append([sample for sample in some if sample.tag == point.tag])
        start = point.at


def registers(tag: Tag, raw: int) -> str | None:
    """Where the raw value stands and how: ``holding 5 of unit 1 = 0x0004``; None for other protocols."""
    if not tag.table:
        return tag.address
    place = f"{tag.table} {tag.register_} of unit {tag.unit_id}"
    if tag.type == "bool" or tag.counting in ("pulse", "handshake"):
        return place
    from .drivers.modbus.encode import encode

    try:
        words = encode(tag, raw)
    except ValueError:
        return place
    return f"{place} = {' '.join(f'0x{word:04X}' for word in words)}"


def _chain(db: sqlite3.Connection, key: str, meta: dict[str, str]) -> list[Point]:
    rows = db.execute("SELECT seq, body FROM event WHERE kind = 'count' AND key = ? ORDER BY seq", (key,)).fetchall()
    verdicts = {
        seq: f"{code}: {message}"
        for seq, code, message in db.execute("SELECT seq, code, message FROM verdict WHERE epoch = ?", (meta["epoch"],))
    }
    gone = db.execute("SELECT first, last, reason FROM dropped ORDER BY first").fetchall()
    points, before = [], 0
    for seq, text in rows:
        body = json.loads(text)
        dropped = tuple(f"{a}-{b}: {why}" for a, b, why in gone if b > before and a < seq) if before else ()
        points.append(_point(seq, body, meta, verdicts.get(seq), dropped))
        before = seq
    return points


def _point(
    seq: int, body: dict[str, Any], meta: dict[str, str], verdict: str | None, dropped: tuple[str, ...]
) -> Point:
    standing: Standing = "waiting"
    if verdict is not None:
        standing = "refused"
    elif seq <= int(meta["applied"]):
        standing = "in Odoo"
    elif seq <= int(meta["sent"]):
        standing = "sent, not acknowledged"
    bounds = body.get("bounds")
    return Point(
        seq, body["at"], body.get("recv"), body.get("tag"), body["raw"], body["delta"], body["decision"],
        body["counter_epoch"], body["total"], body["quality"], standing,
        None if bounds is None else (bounds[0], bounds[1]), verdict, dropped,
    )  # fmt: skip


def _known(db: sqlite3.Connection) -> list[str]:
    return [key for (key,) in db.execute("SELECT DISTINCT key FROM event WHERE kind = 'count' ORDER BY key LIMIT 9")]


def _find(chain: Sequence[Point], wanted: Wanted) -> int:
    """Place of the wanted point."""
    if wanted.seq is not None:
        places = [place for place, point in enumerate(chain) if point.seq == wanted.seq]
        return _only(places, f"event {wanted.seq} is no point of this counter, or is not kept any more")
    if wanted.total is not None:
        places = [place for place, point in enumerate(chain) if point.total >= wanted.total]
        if places and places[0] == 0 and chain[0].total - chain[0].delta >= wanted.total:
            places = []
        span = f"{chain[0].total - chain[0].delta} to {chain[-1].total}"
        return _only(places, f"total {wanted.total} is not among the points kept: these lead from {span}")
    if wanted.at is not None:
        places = [place for place, point in enumerate(chain) if point.at_ms <= (wanted.at or 0)]
        moment = to_rfc3339(wanted.at)
        return _only(places[-1:], f"the points kept begin at {chain[0].at}: nothing is known here of {moment}")
    return len(chain) - 1


def _only(places: Sequence[int], sentence: str) -> int:
    if not places:
        raise Misconfigured(sentence)
    return places[0]


def _why(before: Point | None, point: Point, tag: Tag | None) -> str:
    """One sentence."""
    said = [_booked(before, point, tag)]
    if point.bounds is not None:
        most = "any number" if point.bounds[1] is None else str(point.bounds[1])
        said.append(f"truly between {point.bounds[0]} and {most}")
    if point.dropped:
        said.append(f"points between were condensed ({'; '.join(point.dropped[:3])})")
    where = registers(tag, point.raw) if tag is not None else None
    if where is not None:
        said.append(where)
    return "; ".join(said)


def _booked(before: Point | None, point: Point, tag: Tag | None) -> str:
    if point.decision == "first":
        return "the first reading ever, the baseline: nothing is booked"
    if before is None:
        return f"{point.delta} booked as {point.decision}; the reading before is not kept any more"
    took = point.at_ms - before.at_ms
    said = f"raw {before.raw} -> {point.raw} in {took / 1000:g} s, {point.delta} booked as {point.decision}"
    if tag is not None and tag.cavity is not None:
        said = f"raw now {point.raw} (one of several cavities), {point.delta} booked as {point.decision}"
    if tag is not None and tag.max_rate is not None and took >= 0:
        allowed = int(tag.max_rate * took / 1000) + tag.tolerance
        said += f" ({allowed * tag.factor} are possible in that time"
        said += f", modulo {tag.wraps_at})" if point.decision == "rollover" else ")"
    if point.total != before.total + point.delta:
        said += f"; {point.total - before.total - point.delta} more were booked by points that are not kept"
    return said


def _samples(line: str, tags: set[str | None]) -> list[Seen]:
    try:
        entry = json.loads(line)
        rows = entry["samples"] if entry.get("do") == "feed" else ()
        return [Seen(row[0], row[1], to_rfc3339(row[2]), row[5]) for row in rows if row[0] in tags]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return []
