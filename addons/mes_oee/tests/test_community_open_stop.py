from fractions import Fraction

from odoo.addons.mes_base.tests.common import HOUR
from odoo.tests import tagged

from .community import FAILURE, CommunityCase


@tagged("post_install", "-at_install")
class TestCommunityOpenStop(CommunityCase):
    """A machine ran until 04:00 and has stood since; it is noon."""

    def test_a_stop_counts_while_it_lasts(self):
        """The truth: 4 hours of 12, 33.3 %. Community leaves out what has no end yet and says 100 %."""
        start = self.START
        self.log(start, start + 4 * HOUR)
        self.log(start + 4 * HOUR, None, FAILURE)
        self.facts([(start, "running"), (start + 4 * HOUR, "down")], start, self.NOW)
        self.assertEqual(self.community_oee(), 100.0)
        self.assertEqual(self.ours("availability", start, self.NOW), Fraction(4, 12))
