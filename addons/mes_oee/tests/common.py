"""Builders for tests of figures: a machine with a shift, an order, evidence, states and counts."""

import json

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MONDAY,
    MesCase,
    at_time,
    feed_evidence,
    make_run,
    make_shift_pattern,
    set_ideal_cycle,
)
from odoo.tools import SQL

from ..kpi.totals import NAMES, Totals
from ..models.mes_oee_engine import totals_of
from ..tools.levels import CUBES

IDENTITY = (
    "workcenter_id, company_id, site_id, area_id, line_id, hour_at, hour_date, hour_label, shift_key, shift_name,"
    " business_date, run_id, workorder_id, production_id, product_id, calendar_version, rules_version"
)


class OeeCase(MesCase):
    """Time stands still where a test puts it; refreshes run where it says so."""

    def at(self, ms):
        """Everything happens at this time from now on."""
        self.env = at_time(self.env["base"], ms).env
        self.machine = self.machine.with_env(self.env)
        self.line = self.line.with_env(self.env)
        self.site = self.site.with_env(self.env)

    def refresh(self):
        """What the job does, without its commits."""
        refresh = self.env["mes.oee.refresh"]
        while refresh._fold() or refresh._advance():
            pass

    def rows(self, machine=None, ids=False):
        """The rollup's rows as the database has them, in order of their key."""
        machine = machine or self.machine
        columns = f"{'id, ' if ids else ''}{IDENTITY}, {', '.join(NAMES)}"
        self.env.cr.execute(
            f"SELECT {columns} FROM mes_oee_rollup WHERE workcenter_id = %s"
            " ORDER BY hour_at, shift_key, run_id NULLS FIRST, product_id NULLS FIRST",
            [machine.id],
        )
        return self.env.cr.fetchall()

    def rebuilt(self, machine=None):
        """The rows that a rebuild from nothing gives; the rollup is that afterwards."""
        machine = machine or self.machine
        self.env.cr.execute("DELETE FROM mes_oee_rollup WHERE workcenter_id = %s", [machine.id])
        self.env["mes.oee.refresh"].rebuild(machine.ids, 0, self.env["mes.clock"].now_ms())
        return self.rows(machine)

    def everything(self, machine=None):
        """Table -> the rows of a machine or several on every level of both rollups, without their ids, in order."""
        machine = machine or self.machine
        found = {}
        for table in [table for cube in CUBES for table in cube.tables.values()]:
            query = "SELECT to_jsonb(r) - 'id' FROM %s r WHERE workcenter_id = ANY(%s)"
            self.env.cr.execute(SQL(query, SQL.identifier(table), machine.ids))
            found[table] = sorted(json.dumps(row, sort_keys=True) for (row,) in self.env.cr.fetchall())
        return found

    def everything_rebuilt(self, machine=None):
        """What a rebuild from nothing gives; the rollups are that afterwards."""
        machine = machine or self.machine
        for table in [table for cube in CUBES for table in cube.tables.values()]:
            self.env.cr.execute(SQL("DELETE FROM %s WHERE workcenter_id = ANY(%s)", SQL.identifier(table), machine.ids))
        self.env["mes.oee.refresh"].rebuild(machine.ids, 0, self.env["mes.clock"].now_ms())
        return self.everything(machine)

    def totals(self, start, end, machine=None):
        """The figures' sums over a span, by whatever road the service takes."""
        parts = self.env["mes.oee"].figures(machine or self.machine, start, end)
        return parts[0].totals if parts else Totals()

    def engine_totals(self, start, end, machine=None):
        """The sums over a span by the engine alone, never through the rollup."""
        machine = machine or self.machine
        engine = self.env["mes.oee.engine"]
        now = self.env["mes.clock"].now_ms()
        timeline = engine._timelines({machine.id: (start, end)}, now)[machine.id]
        ideals = engine._ideals(machine.ids).get(machine.id, ())
        made = totals_of(timeline, engine._settings(machine.ids)[machine.id], ideals)
        return sum(made.values(), Totals())

    def figures(self, start, end, scope=None):
        """The figures over a span, by key."""
        return self.env["mes.oee"].figures(self.machine if scope is None else scope, start, end)[0].figures

    def full_day(self, start=MONDAY, hours=24, ideal=1.0):
        """A round-the-clock shift, evidence and an order over some hours, and an ideal cycle."""
        make_shift_pattern(self.env, self.site)
        feed_evidence(self.env, self.machine, [(start, start + hours * HOUR)])
        set_ideal_cycle(self.env, self.machine, ideal)
        return make_run(self.env, self.machine, self.product, start, start + hours * HOUR)
