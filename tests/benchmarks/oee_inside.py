"""The part of the OEE benchmark that runs inside Odoo; `main` gets the environment and gives the figures."""

import statistics
import time
from datetime import date, datetime, timedelta
from pathlib import Path

from odoo.addons.mes_base.tests import common
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_oee.models.mes_oee import OEE_ONLY
from odoo.addons.mes_oee.models.mes_oee_shift import GLANCE

HERE = Path(__file__).resolve().parent
SHIFTS = (("E", 6, 14, [(10, 30)]), ("L", 14, 22, [(18, 30)]), ("N", 22, 6, [(2, 30)]))
FIRST_DAY = date(2026, 6, 1)


def main(env, machines, days, repeats):
    """Fill the plant, rebuild it, ask; a dictionary of seconds and sizes."""
    site = _plant(env, machines)
    begin = datetime.combine(FIRST_DAY, datetime.min.time())
    began = time.perf_counter()
    statements = (HERE / "oee_plant.sql").read_text()
    env.cr.execute(statements, {"machines": machines, "days": days, "begin": begin})
    env.cr.commit()
    fill_s = time.perf_counter() - began
    now = clock.to_ms(begin + timedelta(days=days, minutes=30))
    env = common.at_time(env["base"], now).env
    fold = _fold_stops(env, site, begin)
    rebuild = _rebuild(env, site, begin, days)
    query = _query(env, site.with_env(env), begin, days, repeats, now)
    return {"fill_s": round(fill_s, 1), **query, **rebuild, **fold, **_sizes(env, machines, days)}


def _plant(env, machines):
    """Site, lines, machines, counters, products and their ideal cycles."""
    site = common.make_site(env, "BENCH", "Europe/Berlin")
    area = common.make_area(env, site)
    common.make_shift_pattern(env, site, SHIFTS)
    lines = [common.make_line(env, area, f"L{number:02d}") for number in range(max(1, machines // 10))]
    products = [common.make_product(env, f"Bottle {n}", default_code=f"BENCH{n}") for n in range(5)]
    env.cr.execute("CREATE TABLE bench_machine (id int4, company_id int4, number int4)")
    for number in range(machines):
        machine = common.make_work_center(env, area, f"M{number:03d}", line=lines[number % len(lines)])
        for product in products:
            common.set_ideal_cycle(env, machine, 1.0 + products.index(product) / 100, product)
        common.make_counter(env, machine, "total")
        common.make_counter(env, machine, "reject")
        env.flush_all()
        env.cr.execute(
            "INSERT INTO bench_machine VALUES (%s, %s, %s)", (machine.id, machine.company_id.id, number)
        )
    env.cr.execute("DELETE FROM mes_dirty_span")
    env.cr.commit()
    return site


def _fold_stops(env, site, begin):
    """The stops of the first two days of all machines: made, and once more when all of them are known."""
    machines = env["mes.oee"]._machines("site_id", site.ids)
    start = clock.to_ms(begin)
    took = {}
    for name in ("fold_two_days_s", "fold_two_days_again_s"):
        began = time.perf_counter()
        env["mes.stop"]._fold({machine: [(start, start + 2 * common.DAY)] for machine in machines})
        env.cr.commit()
        took[name] = round(time.perf_counter() - began, 2)
        env.invalidate_all()
    return {**took, "stops": env["mes.stop"].search_count([])}


def _rebuild(env, site, begin, days):
    """Rebuild day by day, each in a transaction: the median and the worst."""
    machines = env["mes.oee"]._machines("site_id", site.ids)
    took, rows = [], 0
    for day in range(days):
        start = clock.to_ms(begin + timedelta(days=day))
        began = time.perf_counter()
        rows += env["mes.oee.refresh"].rebuild(machines, start, start + common.DAY)
        env.cr.commit()
        took.append(time.perf_counter() - began)
        print(f"day {day + 1} of {days}: {took[-1]:.2f} s", flush=True)
    env.cr.execute("ANALYZE mes_oee_rollup")
    env.cr.commit()
    return {
        "rebuild_day_s": round(statistics.median(took), 3),
        "rebuild_day_worst_s": round(max(took), 3),
        "rollup_rows": rows,
    }


def _query(env, site, begin, days, repeats, now):
    """OEE of every machine and shift, with the hour that is running computed on the fly; and other questions."""
    start = clock.to_ms(begin)
    ask = {
        "query": (("machine", "shift"), OEE_ONLY),
        "query_with_apq": (("machine", "shift"), GLANCE),
        "query_plant_by_shift": (("shift",), GLANCE),
        "query_machines": (("machine",), GLANCE),
    }
    answer = {}
    for name, (by, registry) in ask.items():
        took = []
        for _ in range(repeats):
            env.cr.commit()
            env.invalidate_all()
            began = time.perf_counter()
            parts = env["mes.oee"].figures(site, start, now, by=by, registry=registry)
            took.append(time.perf_counter() - began)
        answer[f"{name}_s"] = round(statistics.median(took), 3)
        with_value = [part for part in parts if part.figures["oee"].value is not None]
        assert len(with_value) >= len(parts) * 0.9, f"{len(with_value)} of {len(parts)} parts have an OEE"
        answer.setdefault("query_figures", len(with_value))
    return answer


def _sizes(env, machines, days):
    """How much was worked on."""
    env.cr.execute("SELECT (SELECT count(*) FROM mes_state_point), (SELECT count(*) FROM mes_count_point)")
    states, counts = env.cr.fetchone()
    return {"facts": states + counts, "states": states, "counts": counts, "machines": machines, "days": days}
