"""How fast telemetry is stored and read: partitions beside the plain table they replace, trends of millions of rows.

    ./mes bench telemetry [--rows N] [--batches N]

In one run: batches of 5000 values of 500 tags into the partitioned table (with the marks of its rollups) and into a
plain table of the same columns and keys, in turns; the same batches through the public call over XML-RPC; rolling up;
then ``--rows`` values of 30 days (as many as load in two minutes), and the time of a tag's trend over each span. The
last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import uuid
import xmlrpc.client
from typing import Any

from ingest_load import rfc3339

from mescli import odoo

PORT = int(os.environ.get("MES_BENCH_PORT", "18329"))
TAGS = 500
SIZE = 5000
LOAD_S = 120

SETUP = f"""
import json
from odoo.addons.mes_base.tests import common
site = common.make_site(env, "BENCH")
area = common.make_area(env, site, "A")
machine = common.make_work_center(env, area, "M1")
stream = (0, 0, {{"code": "BENCH"}})
gateway = env["mes.gateway"].create({{"name": "Bench", "site_id": site.id, "stream_ids": [stream]}})
tags = env["mes.gateway.tag"].create([{{"gateway_id": gateway.id, "workcenter_id": machine.id, "name": f"t{{n}}",
    "signal": "measurement", "unit": "C", "connection": "plc", "register": n}} for n in range({TAGS})])
given = gateway.action_new_key()["context"]
answer(json.dumps({{"uid": given["default_user"], "key": given["default_key"], "code": machine.mes_code}}))
"""

STORE = """
import json, time
from odoo.addons.mes_gateway.models import mes_measurement
stream = env["mes.gateway.stream"].search([("code", "=", "BENCH")])
source = stream._source("00000000-0000-4000-8000-000000000001")
tags = env["mes.gateway.tag"].search([("gateway_id", "=", stream.gateway_id.id)]).sorted("id")
machine = tags[0].workcenter_id.id
env.cr.execute("CREATE TABLE plain_measurement (LIKE mes_measurement INCLUDING DEFAULTS)")
env.cr.execute("ALTER TABLE plain_measurement ADD PRIMARY KEY (id), ADD UNIQUE (tag_id, at)")
now = env["mes.clock"].now_ms() // 60000 * 60000 - 3_600_000
def batch(number):
    return [(number * SIZE + i, machine, now + (number * SIZE + i) // TAGS * 1000, None, "good",
             tags[i % TAGS].id, 20.0 + i % 17, None, None, None, None, None, "C") for i in range(SIZE)]
model = env["mes.measurement"]
def partitioned(rows):
    model.store(source, rows)
class Plain:
    # The same statement into the plain table, without partitions and marks.
    def __init__(self, cr): self.cr = cr
    def execute(self, statement, *rest):
        from odoo.tools import SQL
        if isinstance(statement, SQL) and "INSERT INTO mes_measurement AS" in statement.code:
            code = statement.code.replace("INSERT INTO mes_measurement AS", "INSERT INTO plain_measurement AS")
            return self.cr.execute(code, statement.params)
def plain(rows):
    class Env:
        cr = Plain(env.cr)
        def __getitem__(self, name): return self
        def mark(self, *given): pass
    class Self:
        def prepare_days(self, days): pass
        def invalidate_model(self): pass
    one = Self(); one.env = Env()
    mes_measurement.MesMeasurement.store(one, source, rows)
took = {"partitioned": [], "plain": []}
for number in range(BATCHES + 2):
    rows = batch(number)
    ways = (("partitioned", partitioned), ("plain", plain))
    for name, way in (ways if number % 2 else ways[::-1]):
        began = time.perf_counter(); way(rows); env.cr.commit()
        if number >= 2: took[name].append(time.perf_counter() - began)
env.cr.execute("SELECT (SELECT count(*) FROM plain_measurement), (SELECT count(*) FROM mes_measurement)")
assert len(set(env.cr.fetchone())) == 1, "the two tables differ"
began = time.perf_counter()
env["mes.telemetry"]._cron_roll_up()
took["roll_up"] = time.perf_counter() - began
env.cr.execute("SELECT sum(n) FROM mes_measurement_hour")
took["rolled"] = int(env.cr.fetchone()[0])
env.cr.execute("DROP TABLE plain_measurement"); env.cr.commit()
answer(json.dumps(took))
"""

FILL = """
import json, time
from odoo.addons.mes_base.tools import clock
gateway = env["mes.gateway"].search([("name", "=", "Bench")])
tags = env["mes.gateway.tag"].search([("gateway_id", "=", gateway.id)]).sorted("id")[:TAGS]
now = env["mes.clock"].now_ms()
today = now // 86_400_000
per_day = ROWS // 30
began, loaded, days = time.perf_counter(), 0, 0
while loaded < ROWS and time.perf_counter() - began < LOAD_S:
    day = today - 1 - days
    env["mes.measurement"].prepare_days([day])
    env.cr.execute("INSERT INTO mes_measurement (tag_id, workcenter_id, company_id, at, value, unit, quality, priority,"
        " stream, seq) SELECT (%s::int[])[1 + i %% %s], %s, %s, %s::timestamp + i / %s * (interval '1 day' *"
        " %s / %s), 20 + sin(i), 'C', 'good', 0, 'PAST', i FROM generate_series(0, %s) i ON CONFLICT DO NOTHING",
        [tags.ids, TAGS, tags[0].workcenter_id.id, gateway.company_id.id, clock.from_ms(day * 86_400_000), TAGS, TAGS,
         per_day, per_day - 1])
    env.cr.commit()
    loaded += per_day
    days += 1
load_s = time.perf_counter() - began
env.cr.execute("ANALYZE mes_measurement")
# The rollups of one tag are enough for its trend; all tags would only measure the rollup again.
env["mes.telemetry"].roll_up([(tags[7].id, hour * 3_600_000, (hour + 1) * 3_600_000)
                              for hour in range((today - days) * 24, (today + 1) * 24)])
env.cr.commit()
times = {}
for span in ("1h", "8h", "1d", "7d", "30d", "1y"):
    seconds = []
    for until in [now, *[(today - n) * 86_400_000 for n in range(9)]]:
        began = time.perf_counter()
        answered = tags[7].read_trend(span, until)
        seconds.append(time.perf_counter() - began)
        assert len(answered["points"]) <= 1000
    times[span] = [sorted(seconds)[5] * 1000, max(seconds) * 1000, len(answered["points"])]
env.cr.execute("SELECT count(*), pg_size_pretty(sum(pg_total_relation_size(inhrelid))) FROM pg_inherits"
               " WHERE inhparent = 'mes_measurement'::regclass")
answer(json.dumps({"loaded": loaded, "load_s": load_s, "trend_ms": times, "partitions": env.cr.fetchone()}))
"""


def through_the_door(database: str, made: dict[str, Any], batches: int) -> list[float]:
    """Seconds of each batch of measurements through the public call."""
    server = odoo.start_odoo(database, PORT, arguments=["--max-cron-threads=0"])
    epoch, begin = str(uuid.uuid4()), int(time.time() * 1000) - 7_200_000
    try:
        proxy = xmlrpc.client.ServerProxy(f"{server.url}/xmlrpc/2/object")

        def call(method: str, message: dict[str, Any]) -> Any:
            text = json.dumps(message)
            return json.loads(proxy.execute_kw(database, made["uid"], made["key"], "mes.gateway", method, [text]))  # type: ignore[arg-type]

        call("hello", {"stream": "BENCH", "epoch": epoch, "first": 1, "last": 0})
        seconds = []
        for number in range(batches + 2):
            first = number * SIZE + 1
            events = [
                {
                    "seq": first + i, "kind": "measurement", "equipment": made["code"], "quality": "good",
                    "at": rfc3339(begin + (first + i) // TAGS * 1000), "tag": f"{made['code']}/t{i % TAGS}",
                    "value": 20.5 + i % 13, "unit": "C",
                }
                for i in range(SIZE)
            ]  # fmt: skip
            head = {"v": 1, "stream": "BENCH", "epoch": epoch, "from": first, "to": first + SIZE - 1}
            began = time.perf_counter()
            answer = call("ingest", {**head, "events": events})
            seconds.append(time.perf_counter() - began)
            assert not answer["verdicts"], answer["verdicts"][:3]
        return seconds[2:]
    finally:
        server.stop()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--batches", type=int, default=20)
    options = parser.parse_args()
    database = os.environ["MES_BENCH_DB"]
    given = f"TAGS, SIZE, LOAD_S, BATCHES, ROWS = {TAGS}, {SIZE}, {LOAD_S}, {options.batches}, {options.rows}\n"
    made = json.loads(odoo.script(database, SETUP))
    took = json.loads(odoo.script(database, given + STORE))
    rate = {name: SIZE * len(took[name]) / sum(took[name]) for name in ("partitioned", "plain")}
    door = through_the_door(database, made, options.batches)
    print(
        f"stored: {rate['partitioned']:.0f}/s partitioned, {rate['plain']:.0f}/s plain; by ingest: "
        f"{SIZE * len(door) / sum(door):.0f}/s; rolled up: {took['rolled'] / took['roll_up']:.0f}/s",
        flush=True,
    )
    filled = json.loads(odoo.script(database, given + FILL))
    print(
        json.dumps(
            {
                "partitioned_per_s": round(rate["partitioned"]),
                "plain_per_s": round(rate["plain"]),
                "ratio_vs_plain": round(rate["partitioned"] / rate["plain"], 2),
                "ingest_per_s": round(SIZE * len(door) / sum(door)),
                "ingest_batch_ms_median": round(statistics.median(door) * 1000),
                "roll_up_per_s": round(took["rolled"] / took["roll_up"]),
                "rows": filled["loaded"],
                "load_s": round(filled["load_s"], 1),
                "partitions": filled["partitions"],
                "trend_ms_median_max_points": {
                    span: [round(median, 1), round(most, 1), points]
                    for span, (median, most, points) in filled["trend_ms"].items()
                },
            }
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
