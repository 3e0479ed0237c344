from fractions import Fraction

from odoo.addons.mes_base.tests.common import DAY, HOUR
from odoo.tests import tagged

from .community import FAILURE, CommunityCase

MONTH = 30 * DAY


@tagged("post_install", "-at_install")
class TestCommunityStopBeforeWindow(CommunityCase):
    """A breakdown began forty days ago and ended yesterday; since then the machine runs."""

    def test_a_stop_that_began_before_the_window_counts_in_it(self):
        """The truth of these 30 days: 1 day ran of 30, 3.33 %. Community asks for logs that *began* within a month,
        does not find the stop, and says 100 %."""
        again = self.NOW - DAY
        self.log(self.NOW - 40 * DAY, again, FAILURE)
        self.log(again, self.NOW - HOUR)
        begin = self.NOW - 41 * DAY
        self.facts([(begin, "running"), (self.NOW - 40 * DAY, "down"), (again, "running")], begin, self.NOW)
        self.assertEqual(self.community_oee(), 100.0)
        self.assertEqual(self.ours("availability", self.NOW - MONTH, self.NOW), Fraction(1, 30))
