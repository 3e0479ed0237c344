from datetime import timedelta

from odoo import fields
from odoo.addons.mes_base.tests.common import (
    HOUR,
    MONDAY,
    at_time,
    feed_counts,
    feed_states,
    make_user,
    make_work_center,
)
from odoo.tests import Form, tagged

from .common import OeeCase


@tagged("post_install", "-at_install")
class TestViews(OeeCase):
    """Where people meet the figures: work center, analysis, settings."""

    def setUp(self):
        """Four hours: one down, 9 000 made, 90 of them rejected; it is 04:30."""
        super().setUp()
        self.full_day(MONDAY, 24)
        one, two = MONDAY + HOUR, MONDAY + 2 * HOUR
        feed_states(self.env, self.machine, [(MONDAY, "running"), (one, "down"), (two, "running")])
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + 4 * HOUR, 9000)])
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + 4 * HOUR, 90)], "reject")
        self.at(MONDAY + 4 * HOUR)

    def as_user(self, role, machine=None):
        """The machine as a user of a role sees it now."""
        return at_time((machine or self.machine).with_user(make_user(self.env, role)), MONDAY + 4 * HOUR)

    def test_the_shift_on_the_work_center(self):
        """The form's fields are the engine's figures of the running shift."""
        machine = self.as_user("operator")
        figures = self.figures(MONDAY, MONDAY + 4 * HOUR)
        self.assertTrue(machine.mes_has_facts)
        self.assertEqual(machine.mes_availability, 0.75)
        self.assertEqual(machine.mes_oee, float(figures["oee"].value))
        self.assertEqual(machine.mes_quality, 0.99)
        self.assertEqual(machine.mes_coverage, 1)
        self.assertFalse(machine.mes_oee_refusal)
        self.assertEqual(machine.mes_oee_shift, "D 2026-03-02")

    def test_a_line_shows_its_units(self):
        """The line has no facts of its own: its form shows its units' sums."""
        line = self.as_user("operator", self.line)
        self.assertEqual(line.mes_oee, self.as_user("operator").mes_oee)

    def test_a_refused_figure_gives_its_reason(self):
        """Nothing was watched: no figure, and why."""
        self.env.cr.execute("DELETE FROM mes_evidence_span")
        machine = self.as_user("operator")
        self.assertEqual((machine.mes_oee, machine.mes_coverage), (0, 0))
        self.assertIn("watched", machine.mes_oee_refusal)

    def test_communitys_field(self):
        """Community's OEE is ours where there are facts, in percent over the month; elsewhere it is its own."""
        plain = make_work_center(self.env, self.area, "PLAIN")
        loss = self.env["mrp.workcenter.productivity.loss"]
        now = fields.Datetime.now()  # Community looks a month back from the real time
        self.env["mrp.workcenter.productivity"].create(
            {
                "workcenter_id": plain.id,
                "loss_id": loss.search([("loss_type", "=", "productive")], limit=1).id,
                "date_start": now - timedelta(hours=2),
                "date_end": now - timedelta(hours=1),
            }
        )
        expected = float(self.figures(MONDAY, MONDAY + 4 * HOUR)["oee"].value * 100)
        self.assertGreater(expected, 0)
        self.assertEqual(self.machine.oee, expected)
        self.assertFalse(plain.mes_has_facts)
        self.assertEqual(plain.oee, 100)

    def test_form_kanban_and_settings_load(self):
        """The inherited views are valid for the roles that open them."""
        for role in ("operator", "supervisor", "engineer"):
            kanban = self.env.ref("mrp.mrp_workcenter_kanban")
            views = self.as_user(role).get_views([(kanban.id, "kanban"), (False, "form")])
            self.assertIn("mes_oee", views["views"]["form"]["arch"])
            self.assertIn("mes_has_facts", views["views"]["kanban"]["arch"])
        with Form(self.site) as form:
            form.mes_coverage_limit = 90
            form.mes_no_order_is_loss = False
        self.assertEqual(self.site.mes_coverage_limit, 90)

    def test_users_without_a_role_keep_their_work_centers(self):
        """A planner without an MES role opens work centers as ever."""
        planner = make_user(self.env, "operator", login="planner")
        planner.group_ids = [(5,), (4, self.env.ref("mrp.group_mrp_user").id), (4, self.env.ref("base.group_user").id)]
        machine = self.machine.with_user(planner)
        arch = machine.get_views([(False, "form")])["views"]["form"]["arch"]
        self.assertNotIn("mes_availability", arch)
        self.assertEqual(machine.read(["name", "oee", "mes_oee"])[0]["mes_oee"], 0)

    def test_the_analysis_agrees_with_the_engine(self):
        """Ratios of a group are quotients of its sums: the report and the engine give one number."""
        self.refresh()
        now = MONDAY + 4 * HOUR + 2 * 60_000
        self.at(now)
        self.refresh()
        operator = at_time(self.env["mes.oee.report"].with_user(make_user(self.env, "operator")), now)
        names = ("availability", "performance", "quality", "oee", "coverage")
        row = operator._read_group(
            [("workcenter_id", "=", self.machine.id)], ["workcenter_id"], [f"{name}:avg" for name in names]
        )[0]
        figures = self.figures(MONDAY, MONDAY + 4 * HOUR)
        exact = [figures[key].value for key in ("availability", "effectiveness", "quality", "oee")] + [1]
        for found, wanted in zip(row[1:], exact, strict=True):
            self.assertAlmostEqual(found, float(wanted), places=12)

    def test_the_analysis_refuses_what_the_engine_refuses(self):
        """Too little watched, or a piece without an ideal cycle: no ratio."""
        self.env.cr.execute("DELETE FROM mes_evidence_span")
        self.refresh()
        report = self.env["mes.oee.report"]
        row = report._read_group([("workcenter_id", "=", self.machine.id)], [], ["oee:avg", "coverage:avg"])[0]
        self.assertEqual(row, (False, 0))  # False is Odoo's NULL
        self.env.cr.execute("UPDATE mes_oee_rollup SET no_data_ms = 0, production_ms = 3600000, good = 5, total = 5")
        self.env.cr.execute("UPDATE mes_oee_rollup SET without_ideal = 1")
        names = ["oee:avg", "performance:avg", "quality:avg"]
        row = report._read_group([("workcenter_id", "=", self.machine.id)], [], names)[0]
        self.assertEqual(row, (False, False, 1))

    def test_the_analysis_by_the_sites_setting(self):
        """The busy time of the report follows the site's rule for time without an order."""
        self.env["mes.order.run"].search([]).at_until = "2026-03-02 02:00:00"
        self.at(MONDAY + 5 * HOUR)
        self.refresh()
        report = self.env["mes.oee.report"]
        domain = [("workcenter_id", "=", self.machine.id), ("hour_label", "in", ["00:00", "01:00", "02:00", "03:00"])]
        self.assertEqual(report._read_group(domain, [], ["busy_hours:sum"])[0][0], 4)
        self.site.mes_no_order_is_loss = False
        self.env.flush_all()
        self.assertEqual(report._read_group(domain, [], ["busy_hours:sum"])[0][0], 2)

    def test_the_way_to_the_hours(self):
        """One click leads from the figure to what is behind it."""
        self.refresh()
        action = self.as_user("operator").action_mes_oee()
        self.assertEqual(action["res_model"], "mes.oee.report")
        self.assertEqual(self.env["mes.oee.report"].search_count(action["domain"]), 3)
