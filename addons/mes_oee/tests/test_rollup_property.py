import random
from fractions import Fraction

from odoo.addons.mes_base.tests.common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    at_time,
    feed_counts,
    feed_evidence,
    feed_states,
    make_line,
    make_product,
    make_reason,
    make_run,
    make_shift_pattern,
    make_work_center,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from psycopg2.errors import UniqueViolation

from .. import kpi
from .common import OeeCase

# Saturday 28 February 2026, 08:00 UTC: a month ends while things happen.
BEGIN = MONDAY - 40 * HOUR
HORIZON = 30 * HOUR
STATES = ("running", "running", "running", "down", "idle", "setup", "maintenance")
ZONES = ("UTC", "Asia/Kolkata", "America/St_Johns")


class Plant:
    """A machine whose facts come at random: late, in clumps, twice, and with people's corrections."""

    def __init__(self, case, seed):
        self.case = case
        self.random = random.Random(seed)
        self.now = BEGIN + self.random.randrange(HORIZON // 2)
        self.seq = 0
        self.overrides = []
        self.products = [make_product(case.env, f"P{seed}{n}") for n in range(2)]
        case.site.tz = self.random.choice(ZONES)
        self.reasons = [
            make_reason(case.env, f"planned {seed}", mes_planned=True),
            make_reason(case.env, f"setup {seed}", mes_setup=True),
            make_reason(case.env, f"jam {seed}", mes_code=f"J{seed}"),
        ]
        self.rules = []
        self.locks = case.env["mes.period.lock"]
        self.closed = {}
        self.refused = 0

    @property
    def env(self):
        return at_time(self.case.env["base"], self.now).env

    def time(self):
        """Some time up to now."""
        return BEGIN + self.random.randrange(max(1, self.now - BEGIN))

    def span(self, longest):
        start = self.time()
        return start, start + self.random.randrange(1, longest)

    def origin(self):
        self.seq += 100
        return {"stream": self.random.choice("AB"), "seq": self.seq, "priority": self.random.randrange(2)}

    def states(self):
        start = self.time()
        gaps = [self.random.choice((20 * SECOND, 90 * SECOND, 10 * MINUTE, HOUR)) for _ in range(8)]
        times = [start + sum(gaps[:n]) + self.random.randrange(1000) for n in range(8)]
        codes = (None, self.reasons[-1].mes_code, "23")
        points = [(at, self.random.choice(STATES), self.random.choice(codes)) for at in times]
        feed_states(self.env, self.case.machine, [p for p in points if p[0] <= self.now], **self.origin())

    def modes(self):
        start, end = self.span(2 * HOUR)
        mode = self.random.choice(("cleaning", "changeover", "trial"))
        points = [(start, mode), (end, "production")]
        feed_states(self.env, self.case.machine, [p for p in points if p[0] <= self.now], "mode", **self.origin())

    def counts(self):
        """Readings of a counter that steps every seven seconds, and of its rejects."""
        times = sorted({self.time() for _ in range(6)})
        name, period = self.random.choice((("total", 7 * SECOND), ("reject", 97 * SECOND)))
        readings = [(at, (at - BEGIN) // period) for at in times]
        feed_counts(self.env, self.case.machine, readings, name, **self.origin())

    def evidence(self):
        start, end = self.span(8 * HOUR)
        feed_evidence(self.env, self.case.machine, [(start, min(end, self.now) + 5 * SECOND)], self.random.choice("AB"))

    def run(self):
        start, end = self.span(6 * HOUR)
        holder = self.random.choice((self.case.machine, self.case.line))
        share = self.random.choice((1, 0.5, 0.25))
        end = None if self.random.random() < 0.2 else end
        make_run(self.env, holder, self.random.choice(self.products), start, end, share=share)

    def change_run(self):
        runs = self.env["mes.order.run"].search([("workcenter_id", "in", (self.case.machine + self.case.line).ids)])
        if runs:
            run = runs[self.random.randrange(len(runs))]
            run.at_until = clock.from_ms(clock.to_ms(run.at_from) + self.random.randrange(4 * HOUR))

    def override(self):
        start, end = self.span(3 * HOUR)
        values = {
            "workcenter_id": self.case.machine.id,
            "at_from": clock.from_ms(start),
            "at_until": False if self.random.random() < 0.2 else clock.from_ms(end),
            "loss_id": self.random.choice(self.reasons).id,
            "state": self.random.choice((False, "down", "running")),
        }
        self.overrides.append(self.env["mes.state.override"].create(values).id)

    def withdraw(self):
        if self.overrides:
            id_ = self.overrides.pop(self.random.randrange(len(self.overrides)))
            self.env["mes.state.override"].browse(id_).withdraw()

    def calendar(self):
        start = self.random.randrange(24)
        self.env["mes.shift.exception"].create(
            {
                "name": "Exception",
                "kind": self.random.choice(("closed", "overtime")),
                "date": self.random.choice(("2026-02-28", "2026-03-01")),
                "site_id": self.case.site.id,
                "shift_code": f"OT{self.seq}",
                "start_hour": start,
                "end_hour": (start + 3) % 24,
            }
        )
        self.seq += 1

    def ideal(self):
        product = self.random.choice((None, *self.products))
        set_ideal_cycle(self.env, self.case.machine, self.random.randrange(1, 9) / 4, product, self.time())

    def calendar_version(self):
        """Another pattern for the machine from a date on."""
        start = self.random.randrange(24)
        shifts = [("D", start, (start + 9) % 24)]
        day = self.random.choice(("2026-02-28", "2026-03-01"))
        make_shift_pattern(self.env, self.case.machine, shifts, date_from=day, name=f"Version {self.seq}")
        self.seq += 1

    def threshold(self):
        """The machine's own, or that of a mode."""
        seconds = self.random.choice((0, 30, 60, 600))
        if self.random.random() < 0.5:
            self.case.machine.with_env(self.env).mes_minor_stop_ms = seconds * SECOND
            return
        modes = self.env["mes.minor.stop"]
        known = modes.search([("workcenter_id", "=", self.case.machine.id)])
        values = {"workcenter_id": self.case.machine.id, "mode": "manual", "threshold_ms": 3 * seconds * SECOND}
        known.write({"threshold_ms": 3 * seconds * SECOND}) if known else modes.create(values)

    def startup(self):
        self.case.machine.with_env(self.env).mes_startup_minutes = self.random.choice((0, 10, 90))

    def rule(self):
        """A new rule, or another reason or time of the day for an old one."""
        start = self.random.randrange(24)
        values = {
            "name": f"Rule {self.seq}",
            "loss_id": self.random.choice(self.reasons).id,
            "codes": self.random.choice(("J*", "23", "*")),
            "hour_from": start,
            "hour_until": (start + self.random.choice((0, 1, 12))) % 24,
        }
        self.seq += 1
        if self.rules and self.random.random() < 0.5:
            self.env["mes.reason.rule"].browse(self.rules[-1]).write(values)
        else:
            self.rules.append(self.env["mes.reason.rule"].create(values).id)

    def lock(self):
        """The past is closed up to some time: its hours stay from now on, whatever comes."""
        until = self.time()
        values = {"company_id": self.env.company.id, "at_until": clock.from_ms(until)}
        self.locks += self.env["mes.period.lock"].create(values)
        self.closed = self.closed_rows()

    def closed_rows(self):
        """Table -> the hour rows before the end of the closed period."""
        until = max((lock.at_until for lock in self.locks), default=None)
        found = {}
        for table in ("mes_oee_rollup", "mes_oee_reason_rollup") if until else ():
            self.env.cr.execute(
                f"SELECT id FROM {table} WHERE workcenter_id = %s AND hour_at <= %s - interval '1 hour' ORDER BY id",
                [self.case.machine.id, until],
            )
            found[table] = self.env.cr.fetchall()
        return found

    def reopen(self):
        """What waited outside comes in."""
        self.case.assertEqual(self.closed_rows(), self.closed, "closed hours stay as they are")
        self.locks.with_env(self.env).action_reopen()
        self.locks, self.closed = self.env["mes.period.lock"], {}

    def later(self):
        self.now = min(BEGIN + HORIZON, self.now + self.random.randrange(4 * HOUR))
        self.case.at(self.now)

    def step(self):
        """Something happens; now and then the job runs."""
        often = (self.states, self.counts, self.evidence) * 4
        words = (self.override, self.override, self.withdraw, self.rule, self.rule)
        seldom = (self.modes, self.run, self.run, self.change_run, self.calendar, self.calendar_version, self.ideal)
        settings = (self.threshold, self.startup, self.lock, self.reopen)
        try:
            with self.case.env.cr.savepoint():
                self.random.choice((*often, *words, *seldom, *settings, self.later, self.later, self.later))()
        except (UserError, ValidationError, UniqueViolation):
            self.refused += 1  # people's changes of a closed period, two patterns from one date
        if self.random.random() < 0.4:
            self.case.at(self.now)
            self.case.refresh()


@tagged("post_install", "-at_install")
class TestRollupProperty(OeeCase):
    """Invariants 1, 4, 5 and 6, and one figure by two roads, over random histories."""

    def run_history(self, seed, steps=40):
        """A plant after a random history, its machine's rollup up to date."""
        self.machine = make_work_center(self.env, self.area, f"R{seed}", line=self.line)
        plant = Plant(self, seed)
        self.at(plant.now)
        for _ in range(steps):
            plant.step()
        self.at(plant.now)
        return plant

    def setUp(self):
        """Two shifts with a break, one of them over midnight, from half past."""
        super().setUp()
        make_shift_pattern(self.env, self.site, [("D", 6.5, 14.5, [(10, 30)]), ("N", 20, 4.25)])

    def assert_invariants(self, plant):
        """The rows of each hour tile it, and the losses tile its production."""
        self.env.cr.execute(
            f"SELECT hour_at, {', '.join(kpi.totals.NAMES)} FROM mes_oee_rollup WHERE workcenter_id = %s",
            [self.machine.id],
        )
        hours = {}
        for at, *sums in self.env.cr.fetchall():
            row = kpi.Totals(*sums)
            for bucket in kpi.BUCKETS:
                self.assertGreaterEqual(getattr(row, f"{bucket}_ms"), 0)
            hours[at] = hours.get(at, kpi.Totals()) + row
            loss = kpi.losses(row)
            parts = loss.value_adding_ns + loss.speed_ns + loss.reject_ns
            self.assertEqual(parts, row.production_ms * 1_000_000, "production = value + speed loss + reject loss")
        self.assertEqual({row.calendar_ms for row in hours.values()} - {HOUR}, set(), "the buckets tile the hour")

    def assert_reasons_tile(self, plant):
        """Of each hour, shift, run and bucket the reasons say what the rows say; so do days and months of hours."""
        losses = [bucket for bucket in kpi.BUCKETS if bucket != "production"]
        parts = ", ".join(f"('{b}', {b}_ms, {f'{b}_stops' if f'{b}_stops' in kpi.totals.NAMES else 0})" for b in losses)
        key = "hour_at, shift_key, run_id, product_id, bucket"
        self.env.cr.execute(
            f"SELECT {key}, ms, stops FROM mes_oee_rollup, LATERAL (VALUES {parts}) AS v(bucket, ms, stops)"
            f" WHERE workcenter_id = %s AND (ms > 0 OR stops > 0) ORDER BY {key}",
            [self.machine.id],
        )
        wanted = self.env.cr.fetchall()
        self.env.cr.execute(
            f"SELECT {key}, sum(ms)::int8, sum(stops)::int8 FROM mes_oee_reason_rollup"
            f" WHERE workcenter_id = %s GROUP BY {key} ORDER BY {key}",
            [self.machine.id],
        )
        self.assertEqual(self.env.cr.fetchall(), wanted)

    def assert_two_roads(self, plant):
        """Figures over whole hours equal the engine's, whatever part of them came from the rollup."""
        extents = self.env["mes.oee.refresh"]._extents(self.machine.ids, plant.now)
        offset = extents[self.machine.id].complete % HOUR
        first = BEGIN + offset
        for _ in range(3):
            start = first + plant.random.randrange(20) * HOUR
            end = start + plant.random.randrange(1, 20) * HOUR
            self.assertEqual(self.totals(start, end), self.engine_totals(start, end))
            lost = self.env["mes.oee"].reasons(self.machine, start, end, ("bucket",))
            totals = self.totals(start, end)
            for part in lost:
                self.assertEqual(part.ms, getattr(totals, f"{part.key[0]}_ms"))
            self.assertEqual(sum(part.ms for part in lost), totals.calendar_ms - totals.production_ms)

    def test_upkeep_equals_rebuild(self):
        """Invariant 6: after any history the rows are those of a rebuild; figures agree before and after."""
        whole, refused, explained, months = kpi.Totals(), 0, 0, 0
        for seed in range(5):
            with self.subTest(seed=seed), self.env.cr.savepoint():
                plant = self.run_history(seed)
                self.refresh()
                self.assert_invariants(plant)
                self.assert_reasons_tile(plant)
                plant.reopen()
                self.assert_two_roads(plant)
                self.refresh()
                self.assert_two_roads(plant)
                self.assert_reasons_tile(plant)
                kept = self.everything()
                self.assertTrue(all(rows for table, rows in kept.items() if "month" not in table))
                months += any(kept[table] for table in kept if "month" in table)
                self.assertEqual(kept, self.everything_rebuilt())
                whole += self.totals(BEGIN, plant.now)
                refused += plant.refused
                lost = self.env["mes.oee"].reasons(self.machine, BEGIN, plant.now, ("bucket", "reason"))
                explained += sum(part.stops for part in lost if part.key[1] is not None)
        seen = [f"{bucket}_ms" for bucket in kpi.BUCKETS if bucket != "undetermined"]
        for name in (*seen, "total", "minor_stops"):
            self.assertGreater(getattr(whole, name), 0, f"no history has any {name}")
        self.assertGreater(refused, 0, "nothing touched a closed period")
        self.assertGreater(explained, 0, "no stop has a reason")
        self.assertGreater(months, 0, "no history lasts into a new month")

    def test_a_oee_is_good_by_ideal(self):
        """Invariant 5: A × P × Q = good × ideal ÷ planned busy time, for one product exactly.

        Whether a random history has an hour with enough evidence *and* pieces is chance, so an ordinary day follows
        each: whatever hangs over from before (open orders, words without an end, shares), its hours have figures.
        """
        for seed in (77, 78):
            plant = self.run_history(seed)
            plant.reopen()
            self.ordinary_day(plant)
            self.env["mes.ideal.cycle"].search([("workcenter_id", "=", self.machine.id)]).unlink()
            set_ideal_cycle(self.env, self.machine, 1.25)
            self.refresh()
            parts = self.env["mes.oee"].figures(self.machine, BEGIN, plant.now, ("hour", "product"))
            self.assertGreaterEqual(self.assert_factors(parts, Fraction(1250)), 7, "hours of a shift")

    def ordinary_day(self, plant):
        """The Thursday: watched, with an order, one stop an hour. No exception of a random history lies on it."""
        start = BEGIN + 3 * DAY
        plant.now = start + DAY
        self.at(plant.now)
        feed_evidence(self.env, self.machine, [(start, plant.now)])
        make_run(self.env, self.machine, plant.products[0], start, plant.now)
        feed_states(self.env, self.machine, [(start, "production")], "mode")
        states = []
        for hour in range(start, plant.now, HOUR):
            states += [(hour, "running"), (hour + 20 * MINUTE, "down"), (hour + 30 * MINUTE, "running")]
        feed_states(self.env, self.machine, states)
        for name, period in (("total", 7 * SECOND), ("reject", 97 * SECOND)):
            times = range(start, plant.now, 10 * MINUTE)
            feed_counts(self.env, self.machine, [(at, (at - BEGIN) // period) for at in times], name)

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
