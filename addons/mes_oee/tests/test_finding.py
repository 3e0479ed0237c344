from unittest.mock import patch

from odoo.addons.mes_base.tests.common import HOUR, MONDAY, feed_counts, feed_states, make_user, set_ideal_cycle
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import OeeCase

END = MONDAY + 8 * HOUR


@tagged("post_install", "-at_install")
class TestFinding(OeeCase):
    """A machine that makes a piece in 1.8 s for eight hours, with an ideal cycle of 2 s (V2 in the inbox)."""

    def setUp(self):
        """Looked at by an engineer at 09:00."""
        super().setUp()
        self.full_day(hours=8, ideal=2.0)
        feed_states(self.env, self.machine, [(MONDAY, "running"), (END, "idle")])
        feed_counts(self.env, self.machine, [(MONDAY + n * HOUR, n * 2000) for n in range(9)])
        self.engineer = make_user(self.env, "engineer")
        self.at(MONDAY + 9 * HOUR)
        self.env = self.env(user=self.engineer)
        self.findings = self.env["mes.oee.finding"]
        self.findings.refresh()
        self.finding = self.findings.search([("workcenter_id", "=", self.machine.id)])

    def test_v2_the_proposal(self):
        """Machine, product, effectiveness, proposal and evidence; looking again changes nothing."""
        one = self.finding
        self.assertEqual((one.product_id.id, one.state, one.pieces), (self.product.id, "open", 16_000))
        self.assertAlmostEqual(one.effectiveness, 2 / 1.8, 6)
        self.assertEqual((one.present_seconds, one.proposed_seconds, one.evidence_hours), (2.0, 1.8, 8.0))
        self.findings.refresh()
        self.assertEqual(self.findings.search([("workcenter_id", "=", self.machine.id)]), one)

    def test_adopt(self):
        """The proposal is the ideal cycle from the chosen time on, figures follow, and it does not come again."""
        self.finding.adopt_from = clock.from_ms(MONDAY + 4 * HOUR)
        self.finding.action_adopt()
        self.assertEqual((self.finding.state, self.finding.decided_by_id), ("adopted", self.engineer))
        self.assertEqual(self.finding.cycle_id.seconds, 1.8)
        self.env.flush_all()
        late = self.figures(MONDAY + 4 * HOUR, END)["effectiveness"].value
        self.assertEqual(late, 1)
        self.findings.refresh()
        self.assertFalse(self.findings.search([("workcenter_id", "=", self.machine.id), ("state", "=", "open")]))
        with self.assertRaisesRegex(UserError, "no longer open"):
            self.finding.action_adopt()

    def test_dismiss(self):
        """With a reason; it comes again only with news."""
        with self.assertRaisesRegex(UserError, "Say why"):
            self.finding.action_dismiss()
        self.finding.reason = "Counted twice"
        self.finding.action_dismiss()
        self.findings.refresh()
        mine = [("workcenter_id", "=", self.machine.id)]
        self.assertEqual(self.findings.search(mine).mapped("state"), ["dismissed"])
        set_ideal_cycle(self.env, self.machine, 2.2, self.product)
        self.findings.refresh()
        self.assertEqual(sorted(self.findings.search(mine).mapped("state")), ["dismissed", "open"])

    def test_evidence_gone(self):
        """An open finding whose ideal cycle was put right is gone."""
        set_ideal_cycle(self.env, self.machine, 1.8, self.product)
        self.findings.refresh()
        self.assertEqual(self.finding.state, "gone")

    def test_the_nightly_job(self):
        """It finds what the button finds."""
        self.finding.sudo().unlink()
        with patch.object(type(self.env["ir.cron"]), "_commit_progress", return_value=60.0):
            self.findings.sudo()._cron_refresh()
        self.assertTrue(self.findings.search([("workcenter_id", "=", self.machine.id)]))

    def test_an_operator_may_only_look(self):
        """Ideal cycles are qualified values."""
        operator = make_user(self.env(su=True), "operator")
        seen = self.finding.with_user(operator)
        self.assertEqual(seen.proposed_seconds, 1.8)
        for call in (seen.action_adopt, seen.refresh, lambda: seen.write({"reason": "No"})):
            with self.assertRaises(AccessError):
                call()
