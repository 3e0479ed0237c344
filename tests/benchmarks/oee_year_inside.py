"""Dashboards over a year of rollups, and what one late batch costs; runs inside Odoo."""

import statistics
import time
from datetime import datetime, timedelta
from pathlib import Path

from odoo.addons.mes_base.tests import common
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_oee import kpi
from odoo.addons.mes_oee.kpi.totals import NAMES
from odoo.addons.mes_oee.models.mes_oee_shift import GLANCE
from odoo.addons.mes_oee.tools import overview
from odoo.addons.mes_oee.tools.levels import CUBES
from odoo.tools import SQL

HERE = Path(__file__).resolve().parent
SHIFTS = (("E", 6, 14, [(10, 30)]), ("L", 14, 22, [(18, 30)]), ("N", 22, 6, [(2, 30)]))
# 1 January 2025, 00:00 in Berlin.
BEGIN = datetime(2024, 12, 31, 23)
# The columns of a row that the statements give a value; the other sums are nought.
GIVEN = {
    "production_ms", "planned_ms", "unplanned_ms", "minor_ms", "total", "good", "reject", "ideal_ns", "ideal_good_ns",
    "unplanned_stops", "minor_stops",
}  # fmt: skip
BATCH = 1000


def main(env, machines, days, repeats):
    """Fill a year, ask what dashboards ask, let a batch come late; seconds, milliseconds and sizes."""
    site, ids = _plant(env, machines)
    end = BEGIN + timedelta(days=days)
    rest = [name for name in NAMES if name not in GIVEN]
    values = {"machines": machines, "hours": 24 * days, "begin": BEGIN, "end": end}
    values |= {"rest": _raw(", ".join(rest)), "noughts": _raw(", ".join(["0"] * len(rest)))}
    began = time.perf_counter()
    env.cr.execute((HERE / "oee_year.sql").read_text(), values)
    env.cr.commit()
    fill_s = time.perf_counter() - began
    began = time.perf_counter()
    env["mes.oee.levels"]._add_up_all()
    env.cr.commit()
    levels_s = time.perf_counter() - began
    for table in [table for cube in CUBES for table in cube.tables.values()] + ["mes_state_point", "mes_count_point"]:
        env.cr.execute(SQL("ANALYZE %s", SQL.identifier(table)))
    env.cr.commit()
    now = clock.to_ms(end + timedelta(minutes=20))
    env = common.at_time(env["base"], now).env
    asked = _dashboards(env, site.with_env(env), clock.to_ms(BEGIN), now, repeats)
    return {
        "year_fill_s": round(fill_s, 1),
        "year_levels_s": round(levels_s, 1),
        **_rows(env),
        **asked,
        **_overview(env, repeats),
        **_views(env, repeats),
        **_late_batch(env, ids, clock.to_ms(end)),
    }


def _raw(text):
    """A piece of SQL for psycopg2."""
    from psycopg2.extensions import AsIs

    return AsIs(text)


def _plant(env, machines):
    """A site with lines of ten machines, three crews, twelve reasons; the machines' numbers in a table."""
    site = common.make_site(env, "YEAR", "Europe/Berlin")
    area = common.make_area(env, site, "YA")
    common.make_shift_pattern(env, site, SHIFTS)
    for number in range(12):
        common.make_reason(env, f"Bench {number}")
    env["mes.crew"].create([{"name": f"Crew {n}", "code": f"BENCH{n}"} for n in range(3)])
    if not env["product.product"].search_count([("default_code", "like", "BENCH%")]):
        for number in range(5):
            common.make_product(env, f"Bottle {number}", default_code=f"BENCH{number}")
    lines = [common.make_line(env, area, f"YL{number:02d}") for number in range(max(1, machines // 10))]
    env.cr.execute("DROP TABLE IF EXISTS bench_machine")
    env.cr.execute(
        "CREATE TABLE bench_machine (id int4, company_id int4, number int4, site_id int4, area_id int4, line_id int4)"
    )
    ids = []
    for number in range(machines):
        line = lines[number % len(lines)]
        machine = common.make_work_center(env, area, f"Y{number:03d}", line=line)
        common.set_ideal_cycle(env, machine, 1)
        common.make_counter(env, machine, "total")
        env.flush_all()
        env.cr.execute(
            "INSERT INTO bench_machine VALUES (%s, %s, %s, %s, %s, %s)",
            (machine.id, machine.company_id.id, number, site.id, area.id, line.id),
        )
        ids.append(machine.id)
    env.cr.execute("DELETE FROM mes_dirty_span")
    env.cr.commit()
    return site, ids


def _rows(env):
    """How many rows each level has."""
    found = {}
    for cube in CUBES:
        for table in cube.tables.values():
            env.cr.execute(SQL("SELECT count(*) FROM %s", SQL.identifier(table)))
            found[f"rows_{table.removeprefix('mes_oee_')}"] = env.cr.fetchone()[0]
    return found


def _timed(env, ask, repeats):
    """Milliseconds of so many askings, each in a transaction of its own with empty caches."""
    took = []
    for _ in range(repeats):
        env.cr.commit()
        env.invalidate_all()
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    return took


def _dashboards(env, site, start, now, repeats):
    """p95 of what dashboards ask over the year: of complete hours, and of one of them with the running hour."""
    oee = env["mes.oee"]
    figures = {"registry": GLANCE, "live": False}
    ask = {
        "month": lambda: oee.figures(site, start, now, ("month",), **figures),
        "line": lambda: oee.figures(site, start, now, ("line",), **figures),
        "machine": lambda: oee.figures(site, start, now, ("machine",), **figures),
        "crew_by_month": lambda: oee.figures(site, start, now, ("crew", "month"), **figures),
        "product": lambda: oee.figures(site, start, now, ("product",), **figures),
        "pareto": lambda: oee.reasons(site, start, now, ("bucket", "reason"), live=False),
        # What the waterfall asks for: each machine and product has its own worth; it needs sums, no figures.
        "waterfall": lambda: oee.figures(site, start, now, ("machine", "product"), registry=kpi.Registry(), live=False),
    }
    # The first of each reads what no one before it has read: told apart, for nobody's morning is all first questions.
    first = {name: _timed(env, one, 1)[0] for name, one in ask.items()}
    took = {name: _timed(env, one, max(20, repeats)) for name, one in ask.items()}
    live = _timed(env, lambda: oee.figures(site, start, now, ("month",), registry=GLANCE), repeats)
    losses = _timed(env, lambda: env["mes.oee.losses"].waterfall(site, start, now), repeats)
    everything = sorted(ms for one in took.values() for ms in one)
    return {
        "dashboard_p95_ms": round(everything[int(len(everything) * 0.95)]),
        "dashboard_best_ms": {name: round(min(one)) for name, one in took.items()},
        "dashboard_first_ms": {name: round(one) for name, one in first.items()},
        **{f"dashboard_{name}_ms": round(statistics.median(one)) for name, one in took.items()},
        "dashboard_with_running_hour_ms": round(statistics.median(live)),
        "waterfall_in_money_with_running_hour_ms": round(statistics.median(losses)),
    }


def _overview(env, repeats):
    """The plant overview over each span, median; the first asking of each apart."""
    ask = {span: lambda span=span: env["mes.overview"].snapshot(span) for span in overview.SPANS}
    first = {span: round(_timed(env, one, 1)[0]) for span, one in ask.items()}
    took = {span: round(statistics.median(_timed(env, one, repeats))) for span, one in ask.items()}
    return {"overview_first_ms": first, "overview_ms": took, "overview_worst_ms": max(took.values())}


def _views(env, repeats):
    """Opening the lists, and a pivot by machine and month."""
    took = {}
    models = {"report": "mes.oee.report", "reasons": "mes.oee.reason.report", "hours": "mes.oee.rollup"}
    for name, model in models.items():
        records = env[model]
        specification = {"workcenter_id": {"fields": {"display_name": {}}}, "shift_name": {}}
        ask = lambda records=records, specification=specification: records.web_search_read(  # noqa: E731
            [], specification, limit=80, count_limit=10001
        )
        took[f"list_{name}_ms"] = round(statistics.median(_timed(env, ask, repeats)))
    pivot = lambda: env["mes.oee.report"].formatted_read_group(  # noqa: E731
        [], ["line_id", "hour_date:month"], ["oee:avg", "availability:avg"]
    )
    took["pivot_line_month_ms"] = round(statistics.median(_timed(env, pivot, repeats)))
    return took


def _late_batch(env, ids, end):
    """A thousand states and counts of ten machines for one complete hour come late: what is made anew, how fast."""
    took, touched = [], 0
    # The job adds up every machine's day and month each hour: so what is read is mostly in memory.
    day = clock.from_ms(end - 2 * common.HOUR).date()
    began = time.perf_counter()
    env["mes.oee.levels"]._follow({(machine, day) for machine in ids})
    env.cr.commit()
    hourly_s = time.perf_counter() - began
    for number in range(5):
        batch = ids[10 * number : 10 * number + 10]
        machines = env["mrp.workcenter"].browse(batch)
        start = end - 2 * common.HOUR + 10 * common.MINUTE
        each = BATCH // len(batch)
        for machine in machines:
            values = ("down", "running")
            points = [(start + n * 10 * common.SECOND, values[n % 2]) for n in range(each)]
            common.feed_states(env, machine, points, stream="LATE", seq=1000, priority=1)
        before = _ids(env, batch)
        env.cr.commit()
        began = time.perf_counter()
        env["mes.oee.refresh"]._fold()
        env.cr.commit()
        took.append((time.perf_counter() - began) * 1000)
        after = _ids(env, batch)
        touched = len(before ^ after)
    return {
        "hourly_days_and_months_s": round(hourly_s, 2),
        "late_batch_ms": round(statistics.median(took)),
        "late_batch_best_ms": round(min(took)),
        "late_batch_rows": touched,
    }


def _ids(env, machines):
    """Every row of the machines on every level."""
    found = set()
    for cube in CUBES:
        for table in cube.tables.values():
            query = SQL("SELECT id FROM %s WHERE workcenter_id = ANY(%s)", SQL.identifier(table), machines)
            env.cr.execute(query)
            found.update((table, row[0]) for row in env.cr.fetchall())
    return found
