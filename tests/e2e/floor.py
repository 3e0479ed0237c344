"""A plant for end-to-end tests: a real Odoo server on a database of its own, and a gateway's client for it.

The data are committed, the server is a process, the calls are XML-RPC with the key of the gateway's user:
nothing here reaches into Odoo but the set-up script. Times are integer milliseconds since the epoch, UTC.
"""

from __future__ import annotations

import json
import os
import random
import time
import uuid
import xmlrpc.client
from collections.abc import Callable, Sequence
from typing import Any

import psycopg2

from mescli import database, odoo, postgres, processes, template

MACHINES = ("M1", "M2", "M3", "M4", "M5", "M6")
STREAMS = ("S1", "S2", "S3")
#: More streams of the same gateway, for tests that share a floor.
SPARE = ("T1", "T2", "T3", "T4", "T5", "T6")
PREFIX = f"mes_e2e_{os.getpid()}_"
PATIENCE_S = 60.0

SETUP = f"""
import json
from odoo.addons.mes_base.tests import common
site = common.make_site(env, "E2E")
line = common.make_line(env, common.make_area(env, site, "HALL"), "L1")
machines = [common.make_work_center(env, line.mes_area_id, code, line=line) for code in {MACHINES!r}]
common.make_shift_pattern(env, site)
product = common.make_product(env)
env["mes.order.run"].create({{"workcenter_id": line.id, "product_id": product.id, "at_from": "2026-01-01 00:00:00"}})
env["mes.counter"]._ensure([(m.id, name, None, None) for m in machines for name in ("total", "reject")])
def gateway(name, streams):
    made = env["mes.gateway"].create({{"name": name, "site_id": site.id}})
    env["mes.gateway.stream"].create([{{"gateway_id": made.id, "code": code}} for code in streams])
    given = made.action_new_key()["context"]
    return {{"uid": given["default_user"], "key": given["default_key"]}}
answer(json.dumps({{"own": gateway("Floor", {STREAMS + SPARE!r}), "other": gateway("Stranger", ["X1"]),
                   "codes": [m.mes_code for m in machines]}}))
"""


def some_port() -> int:
    """A free port that another run of these tests on this machine will hardly choose at the same moment."""
    return processes.free_port(random.randrange(20_200, 32_000))


def make_base(name: str) -> dict[str, Any]:
    """A database with the plant, to copy floors from; gives the gateways' users and keys."""
    database.copy(os.environ.get("MES_TEMPLATE") or template.ensure(), name)
    made: dict[str, Any] = json.loads(odoo.script(name, SETUP, what="The end-to-end plant"))
    return made


def wait(what: str, condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """The condition's first true answer; fails by name when there is none in time."""
    deadline = time.monotonic() + patience_s
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain for {what}"
        time.sleep(0.05)
    return answer


class Client:
    """Speaks for one gateway; each call on a connection of its own."""

    def __init__(self, port: int, name: str, uid: int, key: str) -> None:
        self.port, self.database, self.uid, self.key = port, name, uid, key

    def call(self, method: str, message: Any, port: int | None = None) -> dict[str, Any]:
        """One gateway call; ``message`` is what becomes JSON, or a text that goes as it is."""
        text = message if isinstance(message, str) else json.dumps(message)
        with xmlrpc.client.ServerProxy(f"http://127.0.0.1:{port or self.port}/xmlrpc/2/object") as proxy:
            answer = proxy.execute_kw(self.database, self.uid, self.key, "mes.gateway", method, [text])
        assert isinstance(answer, str)
        told: dict[str, Any] = json.loads(answer)
        return told

    def hello(self, stream: str, epoch: str, last: int, **more: Any) -> dict[str, Any]:
        return self.call("hello", {"v": 1, "stream": stream, "epoch": epoch, "first": 1, "last": last, **more})


class Outbox:
    """One stream as a bridge keeps it: events numbered from 1, an epoch, and what Odoo has acknowledged."""

    def __init__(self, stream: str, events: Sequence[dict[str, Any]], epoch: str | None = None) -> None:
        self.stream, self.epoch = stream, epoch or str(uuid.uuid4())
        self.events = [{**event, "seq": number} for number, event in enumerate(events, 1)]

    def __len__(self) -> int:
        return len(self.events)

    def batch(self, first: int, last: int) -> dict[str, Any]:
        """The batch ``first..last``, cut at the end of the outbox."""
        last = min(last, len(self))
        events = self.events[first - 1 : last]
        return {"v": 1, "stream": self.stream, "epoch": self.epoch, "from": first, "to": last, "events": events}

    def deliver(self, client: Client, *, until: int | None = None, size: int = 500) -> int:
        """Say hello and send in order, from what Odoo says it has, up to ``until``; gives what it has then."""
        applied: int = client.hello(self.stream, self.epoch, len(self))["applied"]
        goal = len(self) if until is None else until
        while applied < goal:
            answer = client.call("ingest", self.batch(applied + 1, min(applied + size, goal)))
            assert answer["applied"] > applied, "a batch that continues was not taken"
            applied = answer["applied"]
        return applied


class Floor:
    """A copy of the plant with a server on it."""

    def __init__(self, name: str, made: dict[str, Any], source: str) -> None:
        self.name, self.made = PREFIX + name, made
        self.port = some_port()
        self.server: odoo.OdooServer | None = None
        database.copy(source, self.name)

    @property
    def codes(self) -> list[str]:
        codes: list[str] = self.made["codes"]
        return codes

    def client(self, who: str = "own", key: str | None = None) -> Client:
        told = self.made[who]
        return Client(self.port, self.name, told["uid"], key or told["key"])

    def start(self) -> Floor:
        # Crons are off: what is compared is what the calls have done.
        name = f"e2e-{self.port}"
        self.server = odoo.start_odoo(self.name, self.port, name=name, arguments=["--max-cron-threads=0"])
        return self

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        assert self.server
        self.server.kill()
        self.server = None

    def close(self) -> None:
        """Nothing is worth an orderly stop of seconds: the database goes too."""
        if self.server:
            self.kill()
        database.drop(self.name)

    def sql(self, statement: str) -> list[list[str]]:
        return [line.split("|") for line in database.sql(statement, self.name)]

    def connect(self) -> Any:
        """A session of the test's own in this database, each statement committed."""
        known = postgres.connection()
        session = psycopg2.connect(
            dbname=self.name, host=known["PGHOST"], port=known.get("PGPORT"), user=known["PGUSER"]
        )
        session.autocommit = True
        return session

    # -- what lies in the tables

    def facts(self, *streams: str) -> dict[str, list[list[str]]]:
        """Facts (of these streams, or all) without what two good deliveries may differ in: ids, numbers, receipt."""
        told = {kind: self.sql(statement) for kind, statement in FACTS.items()}
        if streams:
            told = {kind: [row for row in rows if row[STREAM_AT[kind]] in streams] for kind, rows in told.items()}
        return told

    def ask(self, code: str) -> Any:
        """Run Python in a shell of this database, committed; what it gives to ``answer`` comes back from JSON."""
        return json.loads(odoo.script(self.name, f"import json\n{code}", what="The question"))

    def timelines(self, start: int, end: int) -> Any:
        """The effective timeline of each machine and the stops that follow from it, as all rooms see them.

        Facts are folded first, as the cron would do: ends of points, stops and their causes.
        """
        return self.ask(TIMELINES.format(start=start, end=end))

    def applied(self) -> dict[str, int]:
        rows = self.sql("SELECT code, coalesce(applied, 0) FROM mes_gateway_stream ORDER BY 1")
        return {code: int(number) for code, number in rows}


TIMELINES = """
machines = env["mrp.workcenter"].search([("mes_level", "=", "unit")])
env["mes.stop"]._cron_fold()
code = {{machine.id: machine.mes_code for machine in machines}}
made = env["mes.timeline"].timelines(machines, {start}, {end}, now_ms={end})
stops = env["mes.stop"].search([]).sorted(lambda stop: (stop.workcenter_id.mes_code, stop.at_from))
answer(json.dumps({{
    "slices": {{code[wc]: [repr(piece) for piece in line.slices] for wc, line in made.items()}},
    "pieces": {{code[wc]: [[q.total, q.good, q.reject] for q in line.quantities] for wc, line in made.items()}},
    "stops": [[stop.workcenter_id.mes_code, str(stop.at_from), str(stop.at_until), stop.codes] for stop in stops],
}}))
"""


def _ms(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000)::int8"


STREAM_AT = {"states": -1, "counts": -1, "evidence": 1}
FACTS = {
    "states": f"""
        SELECT w.mes_code, p.lane, {_ms("p.at")}, p.raw, p.value, p.code, p.interlock, p.quality, p.stream
          FROM mes_state_point p JOIN mrp_workcenter w ON w.id = p.workcenter_id ORDER BY 1, 2, 3""",
    "counts": f"""
        SELECT w.mes_code, c.name, p.counter_epoch, {_ms("p.at")}, p.raw, p.total, p.delta, p.decision, p.stream
          FROM mes_count_point p JOIN mes_counter c ON c.id = p.counter_id
          JOIN mrp_workcenter w ON w.id = c.workcenter_id ORDER BY 1, 2, 3, 4""",
    "evidence": f"""
        SELECT w.mes_code, e.stream, {_ms("e.at_from")}, {_ms("e.at_until")}
          FROM mes_evidence_span e JOIN mrp_workcenter w ON w.id = e.workcenter_id ORDER BY 1, 2, 3""",
}
