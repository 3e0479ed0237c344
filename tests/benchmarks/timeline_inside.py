"""The part of the timeline benchmark that runs inside Odoo; `main` gets the environment and gives the figures."""

import json
import statistics
import time
from datetime import datetime, timedelta
from pathlib import Path

import oee_inside
from odoo.addons.mes_base.tests import common
from odoo.addons.mes_base.tools import clock

HERE = Path(__file__).resolve().parent
DAYS = 2
PIXEL_MS = 60_000


def main(env, machines, repeats):
    """Fill a plant, fold its stops, ask for a day of all machines; times in seconds, sizes in bytes."""
    site = oee_inside._plant(env, machines)
    begin = datetime.combine(oee_inside.FIRST_DAY, datetime.min.time())
    statements = (HERE / "oee_plant.sql").read_text()
    env.cr.execute(statements, {"machines": machines, "days": DAYS, "begin": begin})
    end = clock.to_ms(begin + timedelta(days=DAYS))
    env = common.at_time(env["base"], end).env
    ids = env["mes.oee"]._machines("site_id", site.ids)
    env["mes.stop"]._fold({wc: [(clock.to_ms(begin), end)] for wc in ids})
    common.make_user(env, "operator", "bench-operator", password="bench-operator")
    env["ir.cron"].search([]).active = False  # no job works beside what is measured
    env.cr.commit()
    start = end - common.DAY
    took = []
    for _repeat in range(repeats):
        env.invalidate_all()
        began = time.perf_counter()
        answer = env["mes.timeline.screen"].draw(f"site-{site.id}", start, end, PIXEL_MS)
        took.append(time.perf_counter() - began)
        assert len(answer["machines"]) == machines and not answer["left_out"]
    return {
        "machines": machines,
        "states": sum(len(row["state"]) // 4 for row in answer["machines"]),
        "stops": sum(len(row["stops"]) // 6 for row in answer["machines"]),
        "answer_bytes": len(json.dumps(answer)),
        "answer_s": round(statistics.median(took), 3),
        "scope": f"site-{site.id}",
        "start": start,
        "end": end,
    }
