"""How fast events become facts: a real server, one XML-RPC connection, tables that hold a million rows.

    ./mes bench ingest [--events N] [--batch N] [--singles N]

100 machines; 60 % counts, 25 % states, 15 % measurements; 5 % late (between points of the past),
2 % sent twice. Beside it, in the same run and over the same kind of connection and key: `create` of
one record a call, and `create` of 1000 records a call, in a plain model of the same width; and
`create` of 1000 inside the server, without any transport. The facts are compared afterwards with
what was sent. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import uuid
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psycopg2
from ingest_load import FACTS_SQL, PAST_MS, PAST_SQL, ROWS_SQL, SETUP, UNTILED_SQL, Load, make_load

from mescli import odoo

PORT = int(os.environ.get("MES_BENCH_PORT", "18329"))
HERE = Path(__file__).resolve().parent
WARM_UP = 2  # batches before the clock runs: the registry, the plans and the caches are warm
ROUNDS = 10
INSIDE = """
import time
rows = {rows!r}
env["x_mes_plain"].create(rows)
env.flush_all()
began = time.perf_counter()
for _ in range({times}):
    env["x_mes_plain"].create(rows)
    env.flush_all()
env.cr.commit()
answer(time.perf_counter() - began)
"""


def caller(url: str, database: str, user: int, key: str) -> Callable[..., Any]:
    """``call(model, method, *args)`` through one XML-RPC connection."""
    proxy = xmlrpc.client.ServerProxy(f"{url}/xmlrpc/2/object")

    def call(model: str, method: str, *args: Any) -> Any:
        return proxy.execute_kw(database, user, key, model, method, list(args))

    return call


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and result of ``work``."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def plain_row(setup: dict[str, Any], number: int) -> dict[str, Any]:
    """A record as wide as a count point."""
    integers = ("counter_epoch", "raw", "total", "delta", "low", "high", "priority", "seq")
    texts = {"decision": "step", "quality": "good", "stream": "BENCH", "state": "running", "unit": "C"}
    at = (datetime(2026, 1, 1) + timedelta(seconds=number)).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "x_workcenter_id": setup["workcenter"],
        "x_company_id": setup["company"],
        "x_at": at,
        "x_recv": at,
        **{f"x_{name}": number for name in integers},
        **{f"x_{name}": text for name, text in texts.items()},
    }


def send(call: Callable[..., Any], batches: list[str]) -> list[float]:
    """Send the batches; seconds of each. Anything that is not applied whole is an error."""
    seconds = []
    for batch in batches:
        took, answer = timed(lambda batch=batch: json.loads(call("mes.gateway", "ingest", batch)))
        if answer["verdicts"]:
            raise SystemExit(f"bench ingest: not applied as sent: {answer['verdicts'][:3]}")
        seconds.append(took)
    return seconds


def compare(load: Load, database: str) -> dict[str, int]:
    """How many facts are missing and how many are there that should not be."""
    found = {"missing": 0, "extra": 0}
    with psycopg2.connect(dbname=database) as connection, connection.cursor() as cursor:
        for kind, statement in FACTS_SQL.items():
            cursor.execute(statement)
            rows = cursor.fetchall()
            stored = set(rows)
            found["missing"] += len(load.facts[kind] - stored)
            found["extra"] += len(stored - load.facts[kind]) + len(rows) - len(stored)
        cursor.execute(UNTILED_SQL)
        found["untiled"] = cursor.fetchone()[0]
    return found


def fill(database: str, begin_ms: int) -> int:
    """Put the past into the tables; their rows."""
    begin = datetime.fromtimestamp(begin_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(PAST_SQL % {"begin": begin})
        cursor.execute(ROWS_SQL)
        rows = cursor.fetchone()[0]
    connection.close()
    return int(rows)


def main() -> int:
    """Measure, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=5000)
    parser.add_argument("--singles", type=int, default=300)
    options = parser.parse_args()
    database = os.environ["MES_BENCH_DB"]
    begin_ms = (int(time.time() * 1000) - PAST_MS) // 86_400_000 * 86_400_000 - 86_400_000

    days = f"DAYS = range({begin_ms // 86_400_000}, {begin_ms // 86_400_000 + 4})\n"
    setup = json.loads(odoo.script(database, f"import json, sys\nsys.path.insert(0, {str(HERE)!r})\n" + days + SETUP))
    rows_before = fill(database, begin_ms)
    load = make_load(begin_ms, options.events + WARM_UP * options.batch)
    epoch = str(uuid.uuid4())
    batches = list(load.batches("BENCH", epoch, options.batch))
    print(f"{rows_before} rows before; {len(load.events)} events in batches of {options.batch}", flush=True)

    # Without the scheduler: what stops and rollups make of the facts later is not part of ingest.
    server = odoo.start_odoo(database, PORT, arguments=["--max-cron-threads=0"])
    try:
        call = caller(server.url, database, setup["user"], setup["key"])
        admin = caller(server.url, database, setup["admin"], setup["admin_key"])
        hello = {"stream": "BENCH", "epoch": epoch, "first": 1, "last": len(load.events)}
        call("mes.gateway", "hello", json.dumps(hello))
        measured = measure(call, admin, batches, setup, options.singles)
    finally:
        server.stop()
    events_per_s = (len(load.events) - WARM_UP * options.batch) / sum(measured.batches)
    single_per_s, batch_per_s = len(measured.singles) / sum(measured.singles), 1000 * ROUNDS / sum(measured.thousands)
    inside_per_s = measure_inside(database, setup)
    difference = compare(load, database)
    print(
        f"ingest: {events_per_s:.0f}/s; create of one: {single_per_s:.0f}/s; of 1000: {batch_per_s:.0f}/s; "
        f"of 1000 inside the server: {inside_per_s:.0f}/s"
    )
    print(
        json.dumps(
            {
                "events_per_s": round(events_per_s),
                "ratio_vs_single": round(events_per_s / single_per_s, 1),
                "ratio_vs_batch": round(events_per_s / batch_per_s, 2),
                "ratio_vs_batch_inside": round(events_per_s / inside_per_s, 2),
                "single_per_s": round(single_per_s, 1),
                "batch_per_s": round(batch_per_s),
                "batch_ms_median": round(statistics.median(measured.batches) * 1000),
                "batch_ms_max": round(max(measured.batches) * 1000),
                "rows_before": rows_before,
                "events": len(load.events),
                **difference,
            }
        )
    )
    return 1 if any(difference.values()) else 0


@dataclass
class Measured:
    """Seconds of each call."""

    batches: list[float] = field(default_factory=list)
    singles: list[float] = field(default_factory=list)
    thousands: list[float] = field(default_factory=list)


def measure(
    ingest: Callable[..., Any], admin: Callable[..., Any], batches: list[str], setup: dict[str, Any], singles: int
) -> Measured:
    """The three ways in turns, so that whatever else the machine does weighs on all of them alike."""
    measured = Measured()
    thousand = [plain_row(setup, number) for number in range(1000)]
    send(ingest, batches[:WARM_UP])
    admin("x_mes_plain", "create", thousand)
    for turn in range(ROUNDS):
        measured.batches += send(ingest, in_turn(batches[WARM_UP:], turn))
        for number in range(singles // ROUNDS):
            row = plain_row(setup, number)
            measured.singles.append(timed(lambda row=row: admin("x_mes_plain", "create", row))[0])
        measured.thousands.append(timed(lambda: admin("x_mes_plain", "create", thousand))[0])
    return measured


def in_turn(batches: list[str], turn: int) -> list[str]:
    """The batches of one round, in the order of their numbers."""
    share = len(batches) / ROUNDS
    return batches[round(turn * share) : round((turn + 1) * share)]


def measure_inside(database: str, setup: dict[str, Any]) -> float:
    """Records a second of `create` of 1000 in a process of Odoo, without transport or key."""
    rows = [plain_row(setup, number) for number in range(1000)]
    return 1000 * ROUNDS / float(odoo.script(database, INSIDE.format(rows=rows, times=ROUNDS)))


if __name__ == "__main__":
    sys.exit(main())
