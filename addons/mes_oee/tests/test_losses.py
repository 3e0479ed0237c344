from fractions import Fraction

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    feed_counts,
    feed_evidence,
    feed_states,
    make_reason,
    make_run,
    make_user,
    make_work_center,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import OeeCase
from .eight_hours import eight_hours

END = MONDAY + 8 * HOUR
STOOD = ("setup", "no_order", "unplanned", "minor", "undetermined")


@tagged("post_install", "-at_install")
class TestLosses(OeeCase):
    """Eight hours of one machine taken apart: half an hour of set-up, a breakdown of an hour, a stop of 30 s."""

    def setUp(self):
        """See eight_hours; it is 09:00."""
        super().setUp()
        eight_hours(self)
        self.at(MONDAY + 9 * HOUR)

    def told(self, breakdown):
        return {one.name: (one.ms, one.pieces, one.money, one.count) for one in breakdown.lost}

    def waterfall(self, *args, **options):
        return self.env["mes.oee.losses"].waterfall(*(args or (self.machine, MONDAY, END)), **options)

    def test_each_step_in_time_pieces_and_money(self):
        """Every number by hand; the milliseconds sum to calendar time."""
        (whole,) = self.waterfall()
        told = self.told(whole)
        self.assertEqual(told["setup"], (1_800_000, 900, 1800, 0))
        self.assertEqual(told["unplanned"], (3_600_000, 1800, 3600, 1))
        self.assertEqual(told["minor"], (30_000, 15, 30, 1))
        self.assertEqual(told["speed"], (2_770_000, 1385, 2770, 0))
        self.assertEqual(told["startup_reject"], (60_000, 30, 90, 0))
        self.assertEqual(told["production_reject"], (200_000, 100, 300, 0))
        self.assertEqual(told["value_adding"], (20_340_000, 10_170, 20_340, 0))
        self.assertEqual(sum(one.ms for one in whole.lost), whole.calendar_ms)
        self.assertEqual(whole.calendar_ms, 8 * HOUR)
        self.assertTrue(whole.complete and whole.priced)
        self.assertEqual(whole.currency_id, self.env.company.currency_id.id)

    def test_six_big_losses(self):
        """Nakajima's six are steps of the waterfall, minor and undetermined stops together."""
        (whole,) = self.env["mes.oee.losses"].six(self.machine, MONDAY, END)
        self.assertEqual(
            {one.name: one.ms for one in whole.lost},
            {
                "breakdowns": 3_600_000, "setup_adjustment": 1_800_000, "minor_stops": 30_000,
                "reduced_speed": 2_770_000, "startup_rejects": 60_000, "production_rejects": 200_000,
            },
        )  # fmt: skip

    def test_hours_sum_to_the_whole(self):
        """In pieces and money too, from rollup rows as from facts, also across a change of the ideal cycle."""
        set_ideal_cycle(self.env, self.machine, 1.8, from_ms=MONDAY + 5 * HOUR + 20 * MINUTE)
        before = self.told(self.waterfall()[0])
        self.refresh()
        (whole,) = self.waterfall()
        self.assertEqual(self.told(whole), before)
        hourly = self.waterfall(by=("hour",))
        self.assertEqual(len(hourly), 8)
        for place, one in enumerate(whole.lost):
            parts = [hour.lost[place] for hour in hourly]
            self.assertEqual(sum(part.pieces for part in parts), one.pieces, one.name)
            self.assertEqual(sum(part.money for part in parts), one.money, one.name)
            self.assertEqual(sum(part.count for part in parts), one.count, one.name)

    def test_each_machine_has_its_own_cycles_in_one_question(self):
        """Cycles that change at another hour on each machine: the line loses what its machines lose one by one, and
        the number of statements does not follow the number of changes."""
        others = [make_work_center(self.env, self.area, f"M{n}", line=self.line) for n in range(2, 6)]
        for other in others:
            feed_states(self.env, other, [(MONDAY, "running"), (MONDAY + 2 * HOUR, "down", "17")], stream=other.code)
            feed_evidence(self.env, other, [(MONDAY, END)], stream=other.code)
            make_run(self.env, other, self.product, MONDAY, END)
            set_ideal_cycle(self.env, other, 3)
        self.refresh()
        ask = self.env["mes.oee.losses"]
        self.waterfall(self.line, MONDAY, END)
        began = self.env.cr.sql_log_count
        self.waterfall(self.line, MONDAY, END)
        ask.pareto(self.line, MONDAY, END)
        statements = self.env.cr.sql_log_count - began
        for place, machine in enumerate([self.machine, *others]):
            for hour in range(3):
                set_ideal_cycle(
                    self.env, machine, 1.5 + 0.2 * place + hour, from_ms=MONDAY + (1 + place + hour) * HOUR - MINUTE
                )
        self.refresh()
        self.waterfall(self.line, MONDAY, END)
        began = self.env.cr.sql_log_count
        (whole,) = self.waterfall(self.line, MONDAY, END)
        pareto = ask.pareto(self.line, MONDAY, END)
        self.assertLessEqual(self.env.cr.sql_log_count - began, statements + 4, "a statement more for each level")
        by_hour = [self.told(one) for one in self.waterfall(self.line, MONDAY, END, by=("machine", "hour"))]
        for name, (_ms, pieces, money, count) in self.told(whole).items():
            parts = [one[name] for one in by_hour]
            self.assertEqual((sum(one[1] for one in parts), sum(one[2] for one in parts)), (pieces, money), name)
            self.assertEqual(sum(one[3] for one in parts), count, name)
        self.assertEqual(sum(one.money for one in pareto), sum(self.told(whole)[name][2] for name in STOOD))

    def test_startup_is_a_setting(self):
        """Half the start-up time has half of the burst; none has none; the rollup follows the setting."""
        self.refresh()
        self.machine.mes_startup_minutes = 5
        self.refresh()
        self.assertEqual(self.told(self.waterfall()[0])["startup_reject"][1], 15)
        self.machine.mes_startup_minutes = 0
        self.refresh()
        self.assertEqual(self.told(self.waterfall()[0])["startup_reject"][1], 0)
        self.assertEqual(self.told(self.waterfall()[0])["production_reject"][1], 130)

    def test_a_late_end_of_set_up_moves_the_start_up_time_in_the_next_hour(self):
        """The rows are then those of a rebuild: the set-up that ended at 00:30 went on to 00:55."""
        for name, made in (("total", (600, 780, 900, 1200)), ("reject", (32, 34, 35, 40))):
            times = (50, 56, 60, 70)  # no count interval leads from the change into the next hour
            points = [(MONDAY + n * MINUTE, count) for n, count in zip(times, made, strict=True)]
            feed_counts(self.env, self.machine, points, name, seq=100)
        self.refresh()
        self.env["mes.state.override"].record(
            self.machine.id,
            clock.from_ms(MONDAY + 30 * MINUTE),
            clock.from_ms(MONDAY + 55 * MINUTE),
            loss_id=make_reason(self.env, "Adjusting", mes_setup=True).id,
        )
        hour = (MONDAY + HOUR, MONDAY + 2 * HOUR)
        self.assertEqual(self.totals(*hour), self.engine_totals(*hour), "also until the job has run")
        self.refresh()
        after = self.waterfall(by=("hour",))[1]
        self.assertGreater(self.told(after)["startup_reject"][1], 0, "until 01:05")
        self.assertEqual(self.rows(), self.rebuilt())

    def test_without_contribution_the_machine_hour_counts(self):
        """A product sold at its cost: an hour costs the machine's hour, a reject its material and that time."""
        self.product.standard_price = 3.0
        (whole,) = self.waterfall()
        told = self.told(whole)
        self.assertEqual(told["unplanned"][2], 60)
        self.assertEqual(told["startup_reject"][2], 30 * 3 + 1)
        self.assertFalse(whole.priced)

    def test_a_line_with_a_bottleneck_loses_money_there_only(self):
        """The other units' time is worth their hour; without a bottleneck each unit bears its part."""
        other = make_work_center(self.env, self.area, "M2", line=self.line)
        self.assertEqual(self.told(self.waterfall()[0])["unplanned"][2], 1800)
        self.line.mes_bottleneck_id = other
        (whole,) = self.waterfall()
        self.assertEqual((self.told(whole)["unplanned"][2], whole.priced), (60, True))
        self.line.mes_bottleneck_id = self.machine
        self.assertEqual(self.told(self.waterfall()[0])["unplanned"][2], 3600)

    def test_pareto(self):
        """Stops by reason, the longest first, in time, pieces, money and number."""
        lost = self.env["mes.oee.losses"].pareto(self.machine, MONDAY, END)
        self.assertEqual(
            [(one.key, one.ms, one.money, one.count) for one in lost],
            [((self.reason.id,), 3_600_000, 3600, 1), ((None,), 1_830_000, 1830, 1)],
        )
        by_code = self.env["mes.oee.losses"].pareto(self.machine, MONDAY, END, by=("code", "machine"))
        self.assertEqual(by_code[0].key, ("17", self.machine.id))

    def test_an_operator_may_ask_and_nobody_of_another_company(self):
        """The operator sees what losses cost; who may not read the machine sees nothing."""
        operator = make_user(self.env, "operator")
        lost = self.env["mes.oee.losses"].with_user(operator).pareto(self.machine.with_user(operator), MONDAY, END)
        self.assertEqual(lost[0].money, Fraction(3600))
        gateway = make_user(self.env, "gateway")
        with self.assertRaises(AccessError):
            self.env["mes.oee.losses"].with_user(gateway).waterfall(self.machine.with_user(gateway), MONDAY, END)
