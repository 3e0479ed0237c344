from datetime import timedelta

from odoo import fields
from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    at_time,
    feed_counts,
    feed_states,
    make_reason,
    make_user,
    make_work_center,
)
from odoo.tests import Form, tagged
from odoo.tools.safe_eval import safe_eval

from .. import kpi
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
        self.assertEqual(machine.mes_oee_shift, "D · 03/02/2026")

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
        """Community's OEE is ours where there are facts, over the month or since the first fact; elsewhere its own."""
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
        days = "UPDATE mes_oee_rollup_day SET"
        self.env.cr.execute(f"{days} no_data_ms = 0, production_ms = 3600000, good = 5, total = 5")
        self.env.cr.execute(f"{days} without_ideal = 1")
        names = ["oee:avg", "performance:avg", "quality:avg"]
        row = report._read_group([("workcenter_id", "=", self.machine.id)], [], names)[0]
        self.assertEqual(row, (False, False, 1))

    def test_the_analysis_by_the_sites_setting(self):
        """The busy time of the report follows the site's rule for time without an order."""
        self.env["mes.order.run"].search([]).at_until = "2026-03-02 02:00:00"
        self.at(MONDAY + 5 * HOUR)
        self.refresh()
        report = self.env["mes.oee.report"]
        self.assertGreaterEqual(len(self.rows()), 4)
        domain = [("workcenter_id", "=", self.machine.id)]
        self.assertEqual(report._read_group(domain, [], ["busy_hours:sum"])[0][0], 4)
        self.site.mes_no_order_is_loss = False
        self.env.flush_all()
        self.assertEqual(report._read_group(domain, [], ["busy_hours:sum"])[0][0], 2)

    def test_the_way_to_the_days(self):
        """One click leads from the figure to what is behind it."""
        self.refresh()
        action = self.as_user("operator").action_mes_oee()
        self.assertEqual(action["res_model"], "mes.oee.report")
        rows = self.env["mes.oee.report"].search(action["domain"])
        self.assertEqual((len(rows), rows.shift_hours), (1, 3))

    def test_lost_time_by_reason(self):
        """Minutes and stops add up, minutes a stop are their quotient; an operator may look."""
        reason = make_reason(self.env, "Jam", mes_code="J9")
        start = MONDAY + 3 * HOUR
        points = [(start + 10 * MINUTE, "down", "J9"), (start + 14 * MINUTE, "running")]
        points += [(start + 20 * MINUTE, "down", "J9"), (start + 22 * MINUTE, "running")]
        feed_states(self.env, self.machine, points, stream="LATE")
        self.at(MONDAY + 4 * HOUR + MINUTE)
        self.refresh()
        report = self.env["mes.oee.reason.report"].with_user(make_user(self.env, "operator"))
        self.assertEqual(
            report._read_group(
                [("workcenter_id", "=", self.machine.id), ("bucket", "=", "unplanned")],
                ["loss_id"],
                ["minutes:sum", "stops:sum", "minutes_per_stop:avg"],
            ),
            [(reason.with_env(report.env), 6, 2, 3), (reason.browse().with_env(report.env), 60, 1, 60)],
        )

    def test_losses_of_the_analysis(self):
        """Time stood, speed loss and reject loss in minutes, as the engine takes production apart."""
        self.at(MONDAY + 4 * HOUR + MINUTE)
        self.refresh()
        names = ["lost_minutes:sum", "speed_loss_minutes:sum", "reject_loss_minutes:sum"]
        found = self.env["mes.oee.report"]._read_group([("workcenter_id", "=", self.machine.id)], [], names)[0]
        totals = self.totals(MONDAY, MONDAY + 4 * HOUR)
        loss = kpi.losses(totals)
        stood = totals.adet_ms + totals.setup_ms + totals.no_order_ms
        wanted = [stood / MINUTE, float(loss.speed_ms) / MINUTE, float(loss.reject_ms) / MINUTE]
        self.assertEqual([round(one, 9) for one in found], [round(one, 9) for one in wanted])

    def test_the_lists_and_their_favourites_load(self):
        """Each view of each analysis, and every shipped favourite, for the role that opens them."""
        user = make_user(self.env, "operator")
        for model in ("mes.oee.report", "mes.oee.reason.report"):
            records = self.env[model].with_user(user)
            records.get_views([(False, kind) for kind in ("list", "pivot", "graph", "search")])
            filters = self.env["ir.filters"].with_user(user).get_filters(model)
            self.assertTrue(filters)
            for one in filters:
                context = safe_eval(one["context"])
                records.formatted_read_group(safe_eval(one["domain"]), context["group_by"], ["__count"])
