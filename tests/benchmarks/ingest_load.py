"""The load of the ingest benchmark: what is in the tables before, what is sent, what must be there after.

A plant of 100 machines, each with one counter and one measurement tag. Its past is regular, so that a
late event can be made to fit between two points of it: state, count and measurement number i of a
machine lie at ``BEGIN + i * period``.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

MACHINES = 100
PAST = {"state": 2500, "count": 6000, "measurement": 1500}  # points a machine: a million rows in all
PERIOD_MS = {"state": 24_000, "count": 10_000, "measurement": 40_000}  # each kind's past spans 1000 min
SHARES = {"count": 0.60, "state": 0.25, "measurement": 0.15}
LATE, DOUBLE = 0.05, 0.02
STATES = ("running", "idle", "down", "setup")
PAST_MS = 60_000_000
STEP_MS = 25  # time between two live events of the plant


def code_of(machine: int) -> str:
    """The stable code of a machine by its number."""
    return f"BENCH/A/L/M{machine:03d}"


def rfc3339(ms: int) -> str:
    """A time of the contract."""
    return datetime.fromtimestamp(ms // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}Z"


@dataclass
class Load:
    """Events in the order of sending, and the facts that they must leave: each fact once."""

    begin_ms: int
    events: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, set[tuple[Any, ...]]] = field(
        default_factory=lambda: {"state": set(), "count": set(), "measurement": set()}
    )

    def batches(self, stream: str, epoch: str, size: int) -> Iterator[str]:
        """The events as numbered batches of the contract, as JSON texts."""
        for start in range(0, len(self.events), size):
            events = [dict(event, seq=start + i + 1) for i, event in enumerate(self.events[start : start + size])]
            head = {"v": 1, "stream": stream, "epoch": epoch, "from": start + 1, "to": start + len(events)}
            yield json.dumps({**head, "events": events}, separators=(",", ":"))


class _Writer:
    """Makes events that continue the past, or fit into it."""

    def __init__(self, begin_ms: int, seed: int) -> None:
        self.load = Load(begin_ms)
        self.random = random.Random(seed)
        self.totals = [10 * (PAST["count"] - 1)] * MACHINES
        self.used: set[tuple[str, int, int]] = set()

    def add(self, live_ms: int) -> None:
        """One more event: live, late, or a repeat of the one before."""
        draw = self.random.random()
        if draw < DOUBLE and self.load.events:
            self.load.events.append(self.load.events[-self.random.randint(1, min(50, len(self.load.events)))])
            return
        kind = self.random.choices(list(SHARES), list(SHARES.values()))[0]
        machine = self.random.randrange(MACHINES)
        if draw < DOUBLE + LATE:
            self._late(kind, machine)
        else:
            self._event(kind, machine, live_ms, self._count_step(machine) if kind == "count" else None)

    def _count_step(self, machine: int) -> tuple[int, int]:
        delta = self.random.randint(1, 9)
        self.totals[machine] += delta
        return self.totals[machine], delta

    def _late(self, kind: str, machine: int) -> None:
        """An event a third of the way between two points of the past, each place used once."""
        place = self.random.randrange(PAST[kind] - 1)
        if (kind, machine, place) in self.used:
            return
        self.used.add((kind, machine, place))
        at = self.load.begin_ms + place * PERIOD_MS[kind] + PERIOD_MS[kind] // 3
        self._event(kind, machine, at, (10 * place + 3, 3))

    def _event(self, kind: str, machine: int, at: int, count: tuple[int, int] | None) -> None:
        code = code_of(machine)
        common = {"kind": kind, "equipment": code, "at": rfc3339(at), "quality": "good", "recv": rfc3339(at + 20)}
        if kind == "count" and count is not None:
            total, delta = count
            fact: tuple[Any, ...] = (code, at, 1, total % 65536, total)
            more: dict[str, Any] = {"counter": "total", "counter_epoch": 1, "raw": total % 65536, "total": total}
            more |= {"delta": delta, "decision": "step", "tag": f"{code}/total"}
        elif kind == "state":
            raw = self.random.randrange(len(STATES))
            fact = (code, at, str(raw), STATES[raw])
            more = {"raw": raw, "state": STATES[raw], "map": 1, "code": None, "tag": f"{code}/state"}
        else:
            value = round(self.random.uniform(18.0, 90.0), 3)
            fact = (code, at, value)
            more = {"value": value, "unit": "C", "tag": f"{code}/temp"}
        self.load.facts[kind].add(fact)
        self.load.events.append(common | more)


def make_load(begin_ms: int, events: int, seed: int = 1) -> Load:
    """``events`` events after the past that begins at ``begin_ms``."""
    writer = _Writer(begin_ms, seed)
    live_ms = begin_ms + PAST_MS
    while len(writer.load.events) < events:
        writer.add(live_ms)
        live_ms += STEP_MS
    return writer.load


SETUP = """
from odoo.addons.mes_base.tests import common
from ingest_load import MACHINES, code_of
site = common.make_site(env, "BENCH")
area = common.make_area(env, site, "A")
line = common.make_line(env, area, "L")
machines = [common.make_work_center(env, area, code_of(i).split("/")[-1], line=line) for i in range(MACHINES)]
assert [machine.mes_code for machine in machines] == [code_of(i) for i in range(MACHINES)]
env["mes.counter"]._ensure([(machine.id, "total", "total", None) for machine in machines])
gateway = env["mes.gateway"].create({"name": "Bench", "site_id": site.id, "stream_ids": [(0, 0, {"code": "BENCH"})]})
env["mes.gateway.tag"].create([{"gateway_id": gateway.id, "workcenter_id": machine.id, "name": "temp",
    "signal": "measurement", "unit": "C", "connection": "plc", "register": 1} for machine in machines])
env["mes.measurement"].prepare_days(DAYS)
key = gateway.action_new_key()["context"]["default_key"]
columns = ("counter_epoch raw total delta low high priority seq", "decision quality stream state unit", "at recv")
kinds = ("integer", "char", "datetime")
plain = env["ir.model"].create({"name": "Plain", "model": "x_mes_plain", "field_id": [
    (0, 0, {"name": "x_workcenter_id", "ttype": "many2one", "relation": "mrp.workcenter"}),
    (0, 0, {"name": "x_company_id", "ttype": "many2one", "relation": "res.company"}),
    *[(0, 0, {"name": "x_" + name, "ttype": kind})
      for names, kind in zip(columns, kinds, strict=True) for name in names.split()]]})
env["ir.model.access"].create({"name": "plain", "model_id": plain.id, "group_id": env.ref("base.group_system").id,
    "perm_read": 1, "perm_create": 1, "perm_write": 1, "perm_unlink": 1})
admin = env.ref("base.user_admin")
admin_key = env["res.users.apikeys"].with_user(admin).sudo()._generate("rpc", "bench", False)
answer(json.dumps({"user": gateway.user_id.id, "key": key, "admin": admin.id, "admin_key": admin_key,
    "workcenter": machines[0].id, "company": site.company_id.id}))
"""
"""Makes the plant, the gateway with its key and the plain model; run inside Odoo."""

PAST_SQL = f"""
INSERT INTO mes_state_point (workcenter_id, company_id, lane, at, until, raw, value, map_revision, quality,
       priority, stream, seq)
SELECT w.id, w.company_id, 'state', b.at + i * interval '24 s',
       CASE WHEN i < {PAST["state"] - 1} THEN b.at + (i + 1) * interval '24 s' END,
       (i %% 2)::text, CASE i %% 2 WHEN 0 THEN 'running' ELSE 'idle' END, 1, 'good', 0, 'PAST', i + 1
  FROM mrp_workcenter w, generate_series(0, {PAST["state"] - 1}) i, (SELECT timestamp '%(begin)s' AS at) b
 WHERE w.mes_code LIKE 'BENCH/A/L/M%%';
INSERT INTO mes_count_point (counter_id, workcenter_id, company_id, counter_epoch, at, raw, total, delta, decision,
       quality, priority, stream, seq)
SELECT c.id, w.id, w.company_id, 1, b.at + i * interval '10 s', (10 * i) %% 65536, 10 * i, 10, 'step', 'good', 0,
       'PAST', i + 1
  FROM mrp_workcenter w JOIN mes_counter c ON c.workcenter_id = w.id,
       generate_series(0, {PAST["count"] - 1}) i, (SELECT timestamp '%(begin)s' AS at) b
 WHERE w.mes_code LIKE 'BENCH/A/L/M%%';
INSERT INTO mes_measurement (tag_id, workcenter_id, company_id, at, value, unit, quality, priority, stream, seq)
SELECT t.id, w.id, w.company_id, b.at + i * interval '40 s', 20 + i %% 50, 'C', 'good', 0, 'PAST', i + 1
  FROM mrp_workcenter w JOIN mes_gateway_tag t ON t.workcenter_id = w.id,
       generate_series(0, {PAST["measurement"] - 1}) i, (SELECT timestamp '%(begin)s' AS at) b
 WHERE w.mes_code LIKE 'BENCH/A/L/M%%';
ANALYZE mes_state_point; ANALYZE mes_count_point; ANALYZE mes_measurement;
"""
"""Fills the tables with the past; ``%(begin)s`` is its first instant."""

FACTS_SQL = {
    "state": "SELECT w.mes_code, (extract(epoch FROM p.at) * 1000)::int8, p.raw, p.value"
    " FROM mes_state_point p JOIN mrp_workcenter w ON w.id = p.workcenter_id WHERE p.stream = 'BENCH'",
    "count": "SELECT w.mes_code, (extract(epoch FROM p.at) * 1000)::int8, p.counter_epoch, p.raw, p.total"
    " FROM mes_count_point p JOIN mrp_workcenter w ON w.id = p.workcenter_id WHERE p.stream = 'BENCH'",
    "measurement": "SELECT w.mes_code, (extract(epoch FROM p.at) * 1000)::int8, p.value"
    " FROM mes_measurement p JOIN mrp_workcenter w ON w.id = p.workcenter_id WHERE p.stream = 'BENCH'",
}
"""The facts that the stream has left, in the shape of ``Load.facts``."""

ROWS_SQL = (
    "SELECT (SELECT count(*) FROM mes_state_point) + (SELECT count(*) FROM mes_count_point)"
    " + (SELECT count(*) FROM mes_measurement)"
)
UNTILED_SQL = (
    "SELECT count(*) FROM (SELECT until, lead(at) OVER (PARTITION BY workcenter_id, lane ORDER BY at) AS next"
    " FROM mes_state_point) p WHERE until IS DISTINCT FROM next"
)
"""Lanes tile: points whose cached end is not where the next one begins."""
