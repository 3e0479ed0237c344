from odoo.addons.mes_base.tests.common import HOUR, MONDAY, at_time
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tests.common import TransactionCase, new_test_user

from ..build.shifts import quiet_rhythm
from ..demoplant import layout, tags

NOW = MONDAY + 10 * HOUR


@tagged("post_install", "-at_install")
class TestProvision(TransactionCase):
    """The first line is there after one call, and a second call changes nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.demo = at_time(cls.env["mes.demo"].with_user(cls.env.ref("base.user_admin")), NOW)
        cls.given = cls.demo.provision(history_days=1, plant="line1")
        cls.line = cls.env["mrp.workcenter"].browse(cls.given["line_id"])

    def counts(self):
        models = (
            "mes.site", "mes.area", "mrp.workcenter", "mes.shift", "mes.ideal.cycle", "mes.counter", "mes.gateway",
            "mes.gateway.stream", "mes.gateway.tag", "product.product", "mrp.production", "mes.order.run", "res.users",
            "mrp.workcenter.productivity.loss", "mes.state.point", "mes.count.point", "mes.state.override", "mrp.bom",
            "mes.crew",
        )  # fmt: skip
        return {model: self.env[model].search_count([]) for model in models}

    def test_machines_have_the_codes_of_the_bridge(self):
        codes = self.line.mes_unit_ids.sorted("sequence").mapped("mes_code")
        self.assertEqual(codes, [machine.code for machine in layout.MACHINES])
        self.assertEqual(self.line.mes_code, layout.LINE_CODE)

    def test_key_is_given_once_and_opens_the_gateway(self):
        self.assertIsNone(self.demo.provision(plant="line1")["key"])
        uid = self.env["res.users.apikeys"]._check_credentials(scope="rpc", key=self.given["key"])
        user = self.env["res.users"].browse(uid)
        self.assertEqual(user.login, self.given["login"])
        self.assertFalse(user.has_group("base.group_user"))

    def test_new_key_when_asked_for(self):
        key = self.demo.provision(new_key=True, plant="line1")["key"]
        self.assertNotIn(key, (None, self.given["key"]))

    def test_second_call_changes_nothing(self):
        before = self.counts()
        self.demo.provision(history_days=7, plant="line1")
        self.assertEqual(self.counts(), before)

    def test_history_ends_now_and_its_registers_where_the_simulator_starts(self):
        for machine in layout.MACHINES:
            domain = [("workcenter_id.mes_code", "=", machine.code), ("counter_id.name", "=", "total")]
            last = self.env["mes.count.point"].search(domain, order="at desc", limit=1)
            self.assertEqual(last.raw, machine.total_start, machine.code)
            self.assertLessEqual(clock.to_ms(last.at), NOW)

    def test_open_order_is_inherited_by_every_machine(self):
        slices = self.env["mes.timeline"].effective(self.line.mes_unit_ids, NOW - HOUR, NOW, NOW)
        order = self.env["mrp.workorder"].search([("workcenter_id", "=", self.line.id), ("state", "=", "progress")])
        self.assertEqual(len(order), 1)
        for unit in self.line.mes_unit_ids:
            run = self.env["mes.order.run"].browse(slices[unit.id][-1].runs[0].id)
            self.assertEqual(run.production_id, order.production_id)

    def test_orders_of_the_past_are_done_with_what_their_runs_made(self):
        runs = self.env["mes.order.run"].search([("workcenter_id", "=", self.line.id), ("at_until", "!=", False)])
        self.assertTrue(runs)
        for run in runs:
            order = run.production_id
            self.assertEqual(order.state, "done")
            self.assertEqual(run.workorder_id.state, "done")
            window = (clock.to_ms(run.at_from), clock.to_ms(run.at_until))
            packer = self.line.mes_unit_ids.filtered(lambda unit: unit.mes_code.endswith("PACKER"))
            made = self.env["mes.oee"].figures(packer, *window)[0].totals
            self.assertLess(abs(order.qty_produced - made.good - made.outside_good), 0.03 * order.qty_produced)
            self.assertLessEqual(abs(clock.to_ms(order.date_finished) - window[1]), 1000)

    def test_history_has_an_order_all_the_time(self):
        parts = self.env["mes.oee"].figures(self.line, NOW - 24 * HOUR, NOW)
        self.assertEqual(parts[0].totals.no_order_ms, 0)
        self.assertEqual(parts[0].totals.unallocated, 0)

    def test_figures_are_those_of_a_plant_that_is_run(self):
        parts = at_time(self.env["mes.oee"], NOW).figures(self.line, NOW - 24 * HOUR, NOW)
        self.assertEqual(parts[0].pending_hours, 0)
        self.assertTrue(0.55 < parts[0].figures["oee"].value < 0.9, parts[0].figures["oee"].value)
        self.assertGreater(parts[0].figures["oee"].coverage, 0.95)

    def test_stops_and_rollups_are_made(self):
        units = self.line.mes_unit_ids.ids
        self.assertTrue(self.env["mes.stop"].search_count([("workcenter_id", "in", units)]))
        self.assertTrue(self.env["mes.oee.rollup"].search_count([("workcenter_id", "in", units)]))
        self.assertFalse(self.env["mes.dirty.span"].search_count([("workcenter_id", "in", units)]))

    def test_a_shift_runs_at_every_hour_and_no_break_is_near(self):
        unit = self.line.mes_unit_ids[0]
        for hour in range(24):
            at = NOW + hour * HOUR
            shifts = self.env["mes.calendar"].shifts(unit, at, at + 1)[unit.id]
            self.assertTrue(any(shift.start <= at < shift.end for shift in shifts), hour)
        shift = self.env["mes.calendar"].shifts(unit, NOW, NOW + 1)[unit.id][0]
        self.assertFalse(any(one.start - HOUR / 2 <= NOW < one.end for one in shift.breaks))

    def test_rhythm_of_breaks_leaves_an_hour_at_any_time_of_day(self):
        length = layout.BREAK_MINUTES / 60
        for minute in range(0, 1440, 5):
            into_shift = (minute / 60 + 1 - layout.SHIFTS[0]["start"]) % 8  # Berlin is an hour ahead in winter
            for offset in quiet_rhythm(MONDAY + minute * 60_000):
                self.assertGreaterEqual((offset + length - into_shift) % 8, 1.0, minute)

    def test_roles_can_log_in(self):
        for person in self.given["users"]:
            user = self.env["res.users"].search([("login", "=", person["login"])])
            self.assertTrue(user.has_group("mes_base.group_mes_operator"), person["login"])

    def test_only_an_administrator_may(self):
        user = new_test_user(self.env, "somebody", "mes_base.group_mes_engineer")
        with self.assertRaises(AccessError):
            self.env["mes.demo"].with_user(user).provision()

    def test_an_unknown_plant_is_refused_with_those_that_are_known(self):
        with self.assertRaisesRegex(UserError, "line1"):
            self.demo.provision(plant="line9")

    def test_tags_are_downloaded_as_the_layout_says(self):
        told = {tag.tag: tag._contract_values() for tag in self.env["mes.gateway.tag"].search([])}
        self.assertEqual(set(told), {tag["tag"] for tag in tags.line_tags()})
