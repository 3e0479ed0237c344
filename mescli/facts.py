"""What ``./mes demo --check`` compares: the simulator's truth file, and Odoo's facts as they lie in its tables."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import database, postgres
from .compare import Counter, Machine, Span

POINTS = """
SELECT w.mes_code, (extract(epoch FROM p.at) * 1000)::int8, concat_ws(' ', p.value, p.code, p.interlock)
  FROM mes_state_point p JOIN mrp_workcenter w ON w.id = p.workcenter_id
 WHERE p.lane = 'state' ORDER BY 1, 2
"""
EVIDENCE = """
SELECT w.mes_code, (extract(epoch FROM e.at_from) * 1000)::int8, (extract(epoch FROM e.at_until) * 1000)::int8
  FROM mes_evidence_span e JOIN mrp_workcenter w ON w.id = e.workcenter_id ORDER BY 1, 2
"""
BOOKED = """
SELECT w.mes_code, c.name, max(p.total) - min(p.total)
  FROM mes_count_point p JOIN mes_counter c ON c.id = p.counter_id JOIN mrp_workcenter w ON w.id = c.workcenter_id
 GROUP BY 1, 2
"""
# Until a room for energy is installed, Odoo keeps these events as they came.
ENERGY = """
SELECT equipment || '/' || (raw::jsonb ->> 'meter'), (raw::jsonb ->> 'total')::numeric
  FROM mes_event_pending WHERE kind = 'energy' ORDER BY id
"""
REJECTED = "SELECT code, count(*) FROM mes_event_rejection GROUP BY 1"


@dataclass
class Truth:
    """What the simulated plant really did; times are plant ms.

    ``start`` is the first instant at which parts could be made, ``end`` the one after which nothing
    changes any more (``None`` while the plant still produces). ``energy``: watt-hours used since the start,
    by equipment/meter, known at the end.
    """

    start: int | None = None
    end: int | None = None
    states: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    made: dict[tuple[str, str], int] = field(default_factory=dict)
    parts: list[int] = field(default_factory=list)
    energy: dict[str, int] = field(default_factory=dict)


def read_truth(lines: Iterable[str]) -> Truth:
    """The truth file so far; a last line that is still being written is left for the next reading."""
    truth = Truth()
    for line in lines:
        if not line.endswith("\n"):
            break
        entry = json.loads(line)
        _take(truth, entry["t"], entry)
    return truth


def _take(truth: Truth, kind: str, entry: dict[str, Any]) -> None:
    if kind == "production":
        truth.start = entry["at"]
    elif kind == "state":
        value = words(entry["state"], entry.get("code"), entry.get("interlock"))
        truth.states.setdefault(entry["equipment"], []).append((entry["at"], value))
    elif kind == "count":
        truth.made[entry["equipment"], entry["counter"]] = entry["total"]
        truth.parts.append(entry["at"])
    elif kind == "end":
        truth.end = entry["at"]
        totals = entry["totals"].items()
        truth.made = {(code, name): made for code, counters in totals for name, made in counters.items()}
        truth.energy = entry.get("energy", {})


def words(*parts: str | None) -> str:
    """State, stop code and interlock as one value, so that all three are compared."""
    return " ".join(part for part in parts if part)


def truth_of(path: Path) -> Truth:
    if not path.exists():
        return Truth()
    with path.open(encoding="utf-8") as lines:
        return read_truth(lines)


def _table(statement: str, name: str) -> list[list[str]]:
    return [line.split("|") for line in database.sql(statement, name)]


def machines(truth: Truth, name: str) -> list[Machine]:
    """Each machine's truth beside Odoo's points and evidence of database ``name``."""
    points: dict[str, list[tuple[int, str]]] = {}
    spans: dict[str, list[Span]] = {}
    for code, at, value in _table(POINTS, name):
        points.setdefault(code, []).append((int(at), value))
    for code, start, end in _table(EVIDENCE, name):
        spans.setdefault(code, []).append((int(start), int(end)))
    codes = sorted({*truth.states, *points, *spans})
    return [Machine(code, truth.states.get(code, []), points.get(code, []), spans.get(code, [])) for code in codes]


def counters(truth: Truth, name: str) -> list[Counter]:
    """Each counter: pieces made since production began, and pieces booked since its first point."""
    booked = {(code, counter): int(total) for code, counter, total in _table(BOOKED, name)}
    keys = sorted({*truth.made, *booked})
    return [Counter(*key, made=truth.made.get(key, 0), booked=booked.get(key, 0)) for key in keys]


def energy(truth: Truth, name: str) -> dict[str, tuple[float, float]]:
    """Each meter: kilowatt-hours truly used, and those between the first and the last reading in Odoo."""
    readings: dict[str, list[float]] = {}
    for meter, total in _table(ENERGY, name):
        readings.setdefault(meter, []).append(float(total))
    meters = sorted({*truth.energy, *readings})
    booked = {meter: values[-1] - values[0] for meter, values in readings.items()}
    return {meter: (truth.energy.get(meter, 0) / 1000, booked.get(meter, 0.0)) for meter in meters}


def rejections(name: str) -> dict[str, int]:
    """Events that Odoo put aside, by their verdict."""
    return {code: int(count) for code, count in _table(REJECTED, name)}


class Arrivals(threading.Thread):
    """Watches the tables from outside: for each fact its source time and when it was first seen, plant ms.

    One look each ``period_s`` of real time in a session of its own, so a lag is measured at most that
    much too long and never too short.
    """

    LOOK = (
        "SELECT '{kind}', id, (extract(epoch FROM at) * 1000)::int8 FROM {table}"
        " WHERE id > {last} ORDER BY id;\n"
    )
    TABLES = {"s": "mes_state_point", "c": "mes_count_point"}
    MARK = "seen"

    def __init__(self, name: str, now_ms: Callable[[], int], period_s: float = 0.1) -> None:
        super().__init__(daemon=True)
        self.seen: list[tuple[int, int]] = []
        self._now_ms = now_ms
        self._period_s = period_s
        self._last = dict.fromkeys(self.TABLES, 0)
        self._over = threading.Event()
        command = [str(postgres.programs() / "psql"), "-X", "-q", "-A", "-t", "-d", name]
        self._psql = subprocess.Popen(
            command, env=postgres.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self) -> None:
        while not self._over.is_set():
            self._look()
            time.sleep(self._period_s)

    def finish(self) -> list[tuple[int, int]]:
        """End the watching; give what was seen."""
        self._over.set()
        self.join()
        self._psql.communicate()
        return self.seen

    def _look(self) -> None:
        looks = [self.LOOK.format(kind=k, table=t, last=self._last[k]) for k, t in self.TABLES.items()]
        assert self._psql.stdin and self._psql.stdout  # pipes, as asked for
        self._psql.stdin.write("".join(looks) + f"\\echo {self.MARK}\n")
        self._psql.stdin.flush()
        for line in self._psql.stdout:
            if line.strip() == self.MARK:
                return
            kind, number, at = line.strip().split("|")
            self._last[kind] = max(self._last[kind], int(number))
            self.seen.append((int(at), self._now_ms()))
