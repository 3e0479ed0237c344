from fractions import Fraction

from freezegun import freeze_time
from odoo.addons.mes_base.tests.common import HOUR, make_workorder
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged

from .community import CommunityCase


@tagged("post_install", "-at_install")
class TestCommunityInventedLog(CommunityCase):
    """An order was planned with an hour and took two, in which the machine ran at its ideal rate throughout."""

    def test_no_loss_is_invented_from_a_planning_standard(self):
        """The truth: 7 200 good pieces of one second in two hours, 100 %. Community turns all that is beyond the
        planned duration into a log of reduced speed, of its own making, and says 50 %."""
        start, end = self.START, self.START + 2 * HOUR
        workorder = make_workorder(self.env, self.community, duration_expected=60)
        with freeze_time(clock.from_ms(start)):
            workorder.button_start()
        with freeze_time(clock.from_ms(end)):
            workorder.button_pending()
        invented = self.community.time_ids.filtered(lambda log: log.loss_type == "performance")
        self.assertTrue(invented, "nobody ever said that the machine was slow")
        self.facts([(start, "running")], start, end, made=7_200)
        self.assertEqual(self.community_oee(), 50.0)
        self.assertEqual(self.ours("oee", start, end), Fraction(1))
