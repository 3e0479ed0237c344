from fractions import Fraction

from odoo.addons.mes_base.tests.common import HOUR
from odoo.tests import tagged

from .community import CommunityCase


@tagged("post_install", "-at_install")
class TestCommunityNoPlannedTime(CommunityCase):
    """A shift of eight hours; the machine ran for one, and nobody wrote down why it stood for seven."""

    def test_time_that_nobody_logged_was_planned_all_the_same(self):
        """The truth: one hour of eight, 12.5 %. Community divides by what was logged and says 100 %."""
        start = self.START
        self.log(start, start + HOUR)
        states = [(start, "running"), (start + HOUR, "idle")]
        self.facts(states, start, start + 8 * HOUR, shifts=(("E", 0, 8),))
        self.assertEqual(self.community_oee(), 100.0)
        self.assertEqual(self.ours("availability", start, self.NOW), Fraction(1, 8))
