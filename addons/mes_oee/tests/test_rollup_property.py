import os
from collections import Counter
from fractions import Fraction

from odoo.addons.mes_base.tests.common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    feed_counts,
    feed_evidence,
    feed_states,
    make_line,
    make_run,
    make_shift_pattern,
    make_work_center,
    set_ideal_cycle,
)
from odoo.tests import tagged

from .. import kpi
from ..models import mes_oee_store
from ..models.mes_oee_engine import totals_of
from .common import OeeCase
from .fleet import BEGIN, Fleet

# So many machines' lives by default; MES_ROLLUP_HISTORIES=10000 is the long mode, see docs/testing.md. It can be
# parted, and a fleet be gone through again, by MES_ROLLUP_FIRST: the number of the first fleet.
HISTORIES = int(os.environ.get("MES_ROLLUP_HISTORIES", "50"))
FIRST = int(os.environ.get("MES_ROLLUP_FIRST", "4"))
MACHINES, STEPS = 50, 20


@tagged("post_install", "-at_install")
class TestRollupProperty(OeeCase):
    """Invariants 1, 4, 5 and 6, and one figure by two roads, over random histories."""

    def setUp(self):
        """Two shifts with a break, one of them over midnight, from half past; what waits is computed at once."""
        super().setUp()
        self.patch(mes_oee_store, "PENDING_LIMIT", MACHINES * 1000)
        make_shift_pattern(self.env, self.site, [("D", 6.5, 14.5, [(10, 30)]), ("N", 20, 4.25)])

    def run_fleet(self, seed, machines=MACHINES, steps=STEPS):
        """A fleet after random histories, its rollups up to date."""
        fleet = Fleet(self, seed, machines)
        self.at(fleet.now)
        for _ in range(steps):
            fleet.step()
        self.at(fleet.now)
        self.refresh()
        self.machines = fleet.machines.with_env(self.env)
        return fleet

    def fetch(self, query, *arguments):
        """The rows of a query whose first argument are the fleet's machines."""
        self.env.cr.execute(query, [self.machines.ids, *arguments])
        return self.env.cr.fetchall()

    def assert_invariants(self):
        """The rows of each hour tile it, and the losses tile its production."""
        hours = {}
        names = ", ".join(kpi.totals.NAMES)
        for wc, at, *sums in self.fetch(
            f"SELECT workcenter_id, hour_at, {names} FROM mes_oee_rollup WHERE workcenter_id = ANY(%s)"
        ):
            row = kpi.Totals(*sums)
            for bucket in kpi.BUCKETS:
                self.assertGreaterEqual(getattr(row, f"{bucket}_ms"), 0)
            hours[wc, at] = hours.get((wc, at), 0) + row.calendar_ms
            loss = kpi.losses(row)
            parts = loss.value_adding_ns + loss.speed_ns + loss.reject_ns
            self.assertEqual(parts, row.production_ms * 1_000_000, "production = value + speed loss + reject loss")
        self.assertEqual(set(hours.values()) - {HOUR}, set(), "the buckets tile the hour")

    def assert_reasons_tile(self):
        """Of each hour, shift, run and bucket the reasons say what the rows say; so do days and months of hours."""
        losses = [bucket for bucket in kpi.BUCKETS if bucket != "production"]
        parts = ", ".join(f"('{b}', {b}_ms, {f'{b}_stops' if f'{b}_stops' in kpi.totals.NAMES else 0})" for b in losses)
        key = "workcenter_id, hour_at, shift_key, run_id, product_id, bucket"
        wanted = self.fetch(
            f"SELECT {key}, ms, stops FROM mes_oee_rollup, LATERAL (VALUES {parts}) AS v(bucket, ms, stops)"
            f" WHERE workcenter_id = ANY(%s) AND (ms > 0 OR stops > 0) ORDER BY {key}"
        )
        found = self.fetch(
            f"SELECT {key}, sum(ms)::int8, sum(stops)::int8 FROM mes_oee_reason_rollup"
            f" WHERE workcenter_id = ANY(%s) GROUP BY {key} ORDER BY {key}"
        )
        self.assertEqual(found, wanted)

    def assert_two_roads(self, fleet):
        """Figures over whole hours equal the engine's, whatever part of them came from the rollup."""
        extents = self.env["mes.oee.refresh"]._extents(self.machines.ids, fleet.now)
        first = BEGIN + next(iter(extents.values())).complete % HOUR
        start = first + fleet.random.randrange(20) * HOUR
        end = start + fleet.random.randrange(1, 20) * HOUR
        wanted = self.engine_sums(start, end)
        parts = self.env["mes.oee"].figures(self.machines, start, end, ["machine"])
        found = {part.key[0]: part.totals for part in parts}
        for wc, totals in wanted.items():
            self.assertEqual(found.get(wc, kpi.Totals()), totals, f"machine {wc}, {start} to {end}")
        lost = {}
        for part in self.env["mes.oee"].reasons(self.machines, start, end, ("machine", "bucket")):
            self.assertEqual(part.ms, getattr(wanted[part.key[0]], f"{part.key[1]}_ms"))
            lost[part.key[0]] = lost.get(part.key[0], 0) + part.ms
        rest = {wc: one.calendar_ms - one.production_ms for wc, one in wanted.items()}
        self.assertEqual({wc: lost.get(wc, 0) for wc in rest}, rest)

    def engine_sums(self, start, end):
        """Machine -> the sums over a span by the engine alone, never through the rollup."""
        engine, ids = self.env["mes.oee.engine"], self.machines.ids
        timelines = engine._timelines(dict.fromkeys(ids, (start, end)), self.env["mes.clock"].now_ms())
        settings, ideals = engine._settings(ids), engine._ideals(ids)
        return {
            wc: sum(totals_of(timelines[wc], settings[wc], ideals.get(wc, ())).values(), kpi.Totals()) for wc in ids
        }

    def assert_same(self, kept, rebuilt):
        """The rows of each table are those of a rebuild; else which ones are only here or only there."""
        for table in kept:
            if kept[table] != rebuilt[table]:
                here, there = set(kept[table]), set(rebuilt[table])
                self.fail(f"{table}: only kept {sorted(here - there)[:3]}, only rebuilt {sorted(there - here)[:3]}")

    def test_upkeep_equals_rebuild(self):
        """Invariant 6: after any history the rows are those of a rebuild; figures agree before and after."""
        whole, seen = kpi.Totals(), Counter()
        for seed in range(FIRST, FIRST + HISTORIES // MACHINES):
            with self.subTest(seed=seed), self.env.cr.savepoint() as savepoint:
                whole += self.check_fleet(self.run_fleet(seed), seen)
                savepoint.rollback()
        buckets = [f"{bucket}_ms" for bucket in kpi.BUCKETS if bucket != "undetermined"]
        for name in (*buckets, "total", "minor_stops"):
            self.assertGreater(getattr(whole, name), 0, f"no history has any {name}")
        for name in ("refused: touched a closed period", "explained stops", "lasts into a new month", "late facts"):
            self.assertGreater(seen[name], 0, f"no history has any {name}")

    def check_fleet(self, fleet, seen):
        """All invariants of one fleet; its sums."""
        seen["late facts"] += self.env["mes.late.fact"].search_count([("workcenter_id", "in", self.machines.ids)])
        self.assert_invariants()
        self.assert_reasons_tile()
        fleet.reopen()
        self.assert_two_roads(fleet)
        self.refresh()
        self.assert_two_roads(fleet)
        self.assert_reasons_tile()
        kept = self.everything(self.machines)
        self.assertTrue(all(rows for table, rows in kept.items() if "month" not in table))
        self.assert_same(kept, self.everything_rebuilt(self.machines))
        seen["lasts into a new month"] += any(kept[table] for table in kept if "month" in table)
        seen["refused: touched a closed period"] += fleet.refused
        lost = self.env["mes.oee"].reasons(self.machines, BEGIN, fleet.now, ("bucket", "reason"))
        seen["explained stops"] += sum(part.stops for part in lost if part.key[1] is not None)
        return self.totals(BEGIN, fleet.now, self.machines)

    def test_a_oee_is_good_by_ideal(self):
        """Invariant 5: A × P × Q = good × ideal ÷ planned busy time, for one product exactly.

        Whether a random history has an hour with enough evidence *and* pieces is chance, so an ordinary day follows
        each: whatever hangs over from before (open orders, words without an end, shares), its hours have figures.
        """
        fleet = self.run_fleet(77, 4)
        fleet.reopen()
        for machine in self.machines:
            self.ordinary_day(fleet, machine)
            self.env["mes.ideal.cycle"].search([("workcenter_id", "=", machine.id)]).unlink()
            set_ideal_cycle(self.env, machine, 1.25)
        self.refresh()
        for machine in self.machines:
            parts = self.env["mes.oee"].figures(machine, BEGIN, fleet.now, ("hour", "product"))
            self.assertGreaterEqual(self.assert_factors(parts, Fraction(1250)), 7, "hours of a shift")

    def ordinary_day(self, fleet, machine):
        """The Thursday: watched, with an order, one stop an hour. No exception of a random history lies on it."""
        start = BEGIN + 3 * DAY
        fleet.now = start + DAY
        self.at(fleet.now)
        feed_evidence(self.env, machine, [(start, fleet.now)])
        make_run(self.env, machine, self.product, start, fleet.now)
        feed_states(self.env, machine, [(start, "production")], "mode")
        states = []
        for hour in range(start, fleet.now, HOUR):
            states += [(hour, "running"), (hour + 20 * MINUTE, "down"), (hour + 30 * MINUTE, "running")]
        feed_states(self.env, machine, states)
        for name, period in (("total", 7 * SECOND), ("reject", 97 * SECOND)):
            times = range(start, fleet.now, 10 * MINUTE)
            feed_counts(self.env, machine, [(at, (at - BEGIN) // period) for at in times], name)

    def assert_factors(self, parts, ideal_ms):
        """A × P × Q is OEE and good × ideal ÷ PBT wherever all have a value; in how many parts that is so."""
        seen = 0
        for part in parts:
            names = ("availability", "effectiveness", "quality", "oee")
            factors = [part.figures[name].value for name in names]
            if None not in factors and part.totals.total:
                seen += 1
                self.assertEqual(factors[0] * factors[1] * factors[2], factors[3])
                self.assertEqual(factors[3], part.totals.good * ideal_ms / part.figures["oee"].inputs["PBT"])
        return seen

    def test_a_oee_of_a_line(self):
        """Several machines of one line: Σ numerators ÷ Σ denominators."""
        start = MONDAY + 7 * HOUR
        line = make_line(self.env, self.area, "LQ")
        for number, ideal in enumerate((1.5, 2.25)):
            machine = make_work_center(self.env, self.area, f"Q{number}", line=line)
            feed_evidence(self.env, machine, [(start, start + 3 * HOUR)])
            set_ideal_cycle(self.env, machine, ideal)
            make_run(self.env, machine, self.product, start, start + 3 * HOUR)
            feed_states(self.env, machine, [(start, "running"), (start + HOUR, "down"), (start + 2 * HOUR, "running")])
            feed_counts(self.env, machine, [(start, 0), (start + 2 * HOUR, 1700 + number)])
            feed_counts(self.env, machine, [(start, 0), (start + 2 * HOUR, 31)], "reject")
        self.at(start + 4 * HOUR)
        self.refresh()
        part = self.env["mes.oee"].figures(line, start, start + 2 * HOUR)[0]
        self.assertEqual(part.totals.good, 1700 + 1701 - 62)
        self.assertEqual(part.totals.ideal_good_ns, (1669 * 1500 + 1670 * 2250) * 1_000_000)
        self.assertEqual(part.totals.pbt_ms, 4 * HOUR)
        factors = [part.figures[name].value for name in ("availability", "effectiveness", "quality")]
        self.assertEqual(factors[0] * factors[1] * factors[2], part.figures["oee"].value)
        self.assertEqual(part.figures["oee"].method, "sums")
