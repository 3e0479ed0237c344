from odoo.addons.mes_base.tests.common import HOUR, MONDAY, at_time
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_oee.kpi import REGISTRY
from odoo.tests import tagged
from odoo.tests.common import TransactionCase

from ..demoplant import goods, layout, people, tags

DAY = 24 * HOUR
# Thursday of the week after: the tools work, and a weekend with overtime lies behind.
NOW = MONDAY + 10 * DAY + 13 * HOUR
WEEK_AGO = NOW - 7 * DAY
# What is counted or measured in rooms that are not built yet.
LATER = {"rework_ratio"}


@tagged("post_install", "-at_install")
class TestWeek(TransactionCase):
    """A week of the whole plant: whatever a screen asks for, there is something to show."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.demo = at_time(cls.env["mes.demo"].with_user(cls.env.ref("base.user_admin")), NOW)
        cls.given = cls.demo.provision()
        cls.env = at_time(cls.env["mes.oee"], NOW).env
        cls.site = cls.env["mes.site"].search([("code", "=", layout.SITE["code"])])
        places = cls.env["mrp.workcenter"].search([("mes_site_id", "=", cls.site.id)])
        cls.machines = places.filtered(lambda one: one.mes_level == "unit")
        alone = places.filtered(lambda one: one.mes_code.rsplit("/", 1)[-1] in ("MILL1", "LATHE1", "REACTOR1"))
        # Of the site, the lines and some machines, over the week.
        cls.parts = {
            scope: cls.env["mes.oee"].figures(scope, WEEK_AGO, NOW)[0]
            for scope in (cls.site, *(places - cls.machines), *alone)
        }

    def machine(self, unit):
        return self.machines.filtered(lambda one: one.mes_code.endswith(f"/{unit}"))

    def test_every_machine_of_the_layout_is_there_with_its_tags(self):
        codes = {machine.code for cell in layout.PLANTS["all"] for machine in cell.machines}
        self.assertEqual(set(self.machines.mapped("mes_code")), codes)
        told = {tag.tag: tag._contract_values() for tag in self.env["mes.gateway.tag"].search([])}
        for expected in tags.line_tags("all"):
            found = told.pop(expected["tag"])
            self.assertFalse({name for name, value in expected.items() if found.get(name) != value}, expected["tag"])
        self.assertFalse(told)

    def test_no_kpi_is_without_a_value(self):
        """At each place; those whose inputs belong to later rooms say so."""
        for scope, part in self.parts.items():
            self.assertEqual(set(part.figures), {kpi.key for kpi in REGISTRY})
            without = {key: figure.refusal for key, figure in part.figures.items() if figure.value is None}
            self.assertEqual(without, dict.fromkeys(LATER, "input_missing"), scope.name)

    def test_every_kind_of_time_has_been_spent(self):
        totals = self.parts[self.site].totals
        for name in (
            "not_scheduled_ms", "no_data_ms", "planned_ms", "setup_ms", "no_order_ms", "production_ms", "minor_ms",
            "unplanned_ms", "startup_reject", "maintenance_ms", "failure_ms",
        ):  # fmt: skip
            self.assertGreater(getattr(totals, name), 0, name)

    def test_each_of_the_six_big_losses_costs_money(self):
        (lost,) = self.env["mes.oee.losses"].six(self.site, WEEK_AGO, NOW)
        self.assertEqual(len(lost.lost), 6)
        for loss in lost.lost:
            self.assertGreater(loss.money, 0, loss.name)
        line = self.env["mrp.workcenter"].browse(self.given["line_id"])
        (lost,) = self.env["mes.oee.losses"].six(line, WEEK_AGO, NOW)
        self.assertTrue(lost.priced and lost.complete)

    def test_reasons_of_people_and_of_machines_lead_the_pareto(self):
        pareto = self.env["mes.oee.losses"].pareto(self.site, WEEK_AGO, NOW)
        self.assertGreater(len([one for one in pareto if one.key[0]]), 15)

    def test_figures_of_each_place_are_believable(self):
        for scope, part in self.parts.items():
            self.assertTrue(0.5 < part.figures["oee"].value < 0.95, (scope.name, part.figures["oee"].value))

    def test_one_ideal_cycle_is_found_to_be_too_long(self):
        found = self.env["mes.oee"].too_long_cycles(self.site, WEEK_AGO, NOW)
        mill = self.machine("MILL2")
        self.assertEqual(list(found), mill.ids)
        self.assertTrue(80 <= found[mill.id][0].proposal_ns / 1e9 < 90, found)

    def test_today_some_stops_wait_for_a_reason(self):
        waiting = self.env["mes.stop"].search([("needs_reason", "=", True)])
        long = self.env["mes.stop"].search_count([("kind", "=", "unplanned")])
        today = [stop for stop in waiting if clock.to_ms(stop.at_from) > NOW - DAY]
        self.assertTrue(today)
        self.assertLess(len(waiting), 0.05 * long)

    def test_words_were_said_after_the_stop_by_operators(self):
        words = self.env["mes.state.override"].search([])
        self.assertGreater(len(words), 200)
        for word in words:
            self.assertLess(word.at_until, word.recorded_at)
        self.assertTrue(all(user.has_group("mes_base.group_mes_operator") for user in words.user_id))

    def test_some_stop_codes_wait_to_be_mapped(self):
        codes = {code for (code,) in self.env["mes.state.point"]._read_group([("code", "!=", False)], ["code"])}
        known = set(self.env["mrp.workcenter.productivity.loss"].search([("mes_code", "!=", False)]).mapped("mes_code"))
        self.assertEqual(codes - known, {str(code) for code in layout.UNMAPPED})

    def test_orders_of_the_week_are_done_started_and_planned(self):
        orders = self.env["mrp.production"].search([])
        states = orders.grouped("state")
        self.assertGreater(len(states["done"]), 40)
        self.assertEqual(len(states["progress"]), 6)
        self.assertGreaterEqual(len(states["confirmed"]), 12)
        for order in states["done"]:
            self.assertLessEqual(order.date_finished, clock.from_ms(NOW))
            self.assertTrue(order.workorder_ids.mes_run_ids)

    def test_products_have_a_contribution_and_are_made_of_something(self):
        for product in goods.PRODUCTS:
            record = self.env["product.product"].search([("default_code", "=", product.code)])
            self.assertGreater(record.lst_price, record.standard_price, product.code)
            self.assertTrue(record.bom_ids.bom_line_ids, product.code)
            material = sum(
                line.product_qty * line.product_id.standard_price for line in record.bom_ids[:1].bom_line_ids
            )
            self.assertTrue(0.4 * product.cost < material < product.cost, (product.code, material))

    def test_the_tools_worked_overtime_and_not_on_the_rest_of_the_weekend(self):
        mill = self.machine("MILL1")
        parts = self.env["mes.oee"].figures(mill, WEEK_AGO, NOW, by=("business_date",))
        worked = {part.key[0].weekday(): part.totals.pot_ms / HOUR for part in parts if part.key[0]}
        self.assertEqual(worked.get(5), 6)
        self.assertFalse(worked.get(6))

    def test_crews_take_turns_and_have_people(self):
        crews = self.env["mes.crew"].search([("code", "in", list(people.CREWS))])
        self.assertEqual(len(crews), len(people.CREWS))
        self.assertTrue(all(len(crew.member_ids) == 3 for crew in crews))
        filler = self.machine("FILLER")
        seen = {shift.crew for shift in self.env["mes.calendar"].shifts(filler, WEEK_AGO, NOW)[filler.id]}
        self.assertEqual(seen - {None} & set(crews.ids), seen)
        self.assertGreaterEqual(len(seen), 3)

    def test_machines_are_equipment_and_the_longest_failures_were_repaired(self):
        self.assertEqual(self.machines.mes_equipment_ids.mes_workcenter_id, self.machines)
        requests = self.env["maintenance.request"].search([("mes_stop_id", "!=", False)])
        self.assertEqual([request.stage_id.done for request in requests.sorted("request_date")], [True] * 3 + [False])

    def test_a_call_is_open_and_others_were_answered(self):
        calls = self.env["mes.andon.call"].search([("workcenter_id", "in", self.machines.ids)])
        self.assertEqual(len(calls.filtered(lambda call: call.state == "open")), 1)
        self.assertGreater(len(calls), 15)

    def test_a_changeover_has_a_target(self):
        line = self.env["mrp.workcenter"].search([("mes_code", "=", layout.LINE_2_CODE)])
        self.assertEqual(self.env["mes.changeover.target"].search_count([("workcenter_id", "=", line.id)]), 2)

    def test_second_call_changes_nothing(self):
        models = ("mrp.production", "mes.state.point", "mes.state.override", "mes.andon.call", "hr.employee",
                  "maintenance.request", "mes.shift.exception", "stock.quant", "mrp.bom")  # fmt: skip
        before = {model: self.env[model].search_count([]) for model in models}
        self.demo.provision()
        self.assertEqual({model: self.env[model].search_count([]) for model in models}, before)
