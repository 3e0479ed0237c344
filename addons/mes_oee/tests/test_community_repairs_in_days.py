from odoo.addons.mes_base.tests.common import HOUR, MINUTE, make_reason
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged

from .community import CommunityCase


@tagged("post_install", "-at_install")
class TestCommunityRepairsInDays(CommunityCase):
    """Two breakdowns of 20 and 40 minutes."""

    def test_repairs_are_measured_in_minutes(self):
        """The truth: 30 minutes to restore. Community's equipment counts whole days between two dates and says 0."""
        start, end = self.START, self.START + 8 * HOUR
        first, second = start + HOUR, start + 4 * HOUR
        equipment = self.env["maintenance.equipment"].create({"name": "Community", "company_id": self.env.company.id})
        done = self.env["maintenance.stage"].search([("done", "=", True)], limit=1)
        for at, minutes in ((first, 20), (second, 40)):
            request = self.env["maintenance.request"].create(
                {"name": "Repair", "equipment_id": equipment.id, "maintenance_type": "corrective",
                 "request_date": clock.from_ms(at).date()}
            )  # fmt: skip
            request.write({"stage_id": done.id, "close_date": clock.from_ms(at + minutes * MINUTE).date()})
        make_reason(self.env, "Gearbox", mes_code="F1", mes_failure=True)
        states = [(start, "running")]
        for at, minutes in ((first, 20), (second, 40)):
            states += [(at, "down", "F1"), (at + minutes * MINUTE, "running")]
        self.facts(states, start, end, made=20_000)
        self.assertEqual(equipment.mttr, 0)
        self.assertEqual(self.ours("mttr", start, end), 30 * MINUTE)
        self.assertEqual(self.ours("mtbf", start, end), 7 * HOUR // 2, "operating time between failures")
