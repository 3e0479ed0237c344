from odoo.addons.mes_base.tests.common import HOUR, MONDAY, make_user, make_work_center
from odoo.tests import tagged

from .common import OeeCase
from .eight_hours import eight_hours


@tagged("post_install", "-at_install")
class TestCommunityFields(OeeCase):
    """Community's figures of a work center are ours where there are facts, and its own where there are none."""

    def setUp(self):
        """See eight_hours; a planner's time log of three hours says otherwise."""
        super().setUp()
        eight_hours(self)
        self.other = make_work_center(self.env, self.area, "M2")
        productive = self.env["mrp.workcenter.productivity.loss"].search([("loss_type", "=", "productive")], limit=1)
        now = self.env.cr.now()
        for machine in self.machine | self.other:
            self.env["mrp.workcenter.productivity"].create(
                {
                    "workcenter_id": machine.id,
                    "loss_id": productive.id,
                    "date_start": now.replace(hour=1, minute=0, second=0, microsecond=0),
                    "date_end": now.replace(hour=4, minute=0, second=0, microsecond=0),
                }
            )
        self.at(MONDAY + 8 * HOUR)

    def test_where_there_are_facts(self):
        """Productive and blocked are planned busy time; performance is effectiveness; all by one engine."""
        machine = self.machine.with_user(make_user(self.env, "operator"))
        self.assertEqual(machine.productive_time, round(23_370 / 3600, 2))
        self.assertEqual(machine.blocked_time, round((28_800 - 23_370) / 3600, 2))
        self.assertEqual(machine.performance, round(20_600 / 23_370 * 100))
        self.assertAlmostEqual(machine.oee, 20_340 / 28_800 * 100, 6)
        line = self.line.with_user(machine.env.user)
        self.assertEqual((line.productive_time, line.performance), (machine.productive_time, machine.performance))

    def test_time_without_an_order_as_the_site_says(self):
        """Taken out of planned busy time it is not blocked either."""
        self.run.at_until = "2026-03-02 06:00:00"
        self.assertEqual(self.machine.blocked_time, round((1800 + 3630 + 7200) / 3600, 2))
        self.site.mes_no_order_is_loss = False
        self.machine.invalidate_recordset()
        self.assertEqual(self.machine.blocked_time, round((1800 + 3630) / 3600, 2))

    def test_where_there_are_none(self):
        """Community's time log."""
        self.assertEqual(self.other.productive_time, 3.0)
        self.assertEqual((self.other.blocked_time, self.other.oee), (0.0, 100.0))

    def test_the_buttons_open_our_rows(self):
        """Stops behind the lost hours, hours behind the effectiveness; of a line those of its units."""
        for place in (self.machine, self.line):
            action = place.action_mes_blocked()
            self.assertEqual(action["res_model"], "mes.stop")
            self.assertEqual(action["domain"], [("workcenter_id", "in", self.machine.ids)])
        self.assertEqual(self.machine.action_mes_oee()["res_model"], "mes.oee.report")
