from fractions import Fraction

from odoo.addons.mes_base.tests.common import HOUR
from odoo.tests import tagged

from .community import CommunityCase


@tagged("post_install", "-at_install")
class TestCommunityNoCounts(CommunityCase):
    """A machine ran for four hours at half its ideal rate, and a fifth of what it made was scrap."""

    def test_speed_and_scrap_count(self):
        """The truth: 100 % × 50 % × 80 % = 40 %. Community's OEE knows no pieces and says 100 %."""
        start, end = self.START, self.START + 4 * HOUR
        self.log(start, end)
        self.facts([(start, "running")], start, end, made=7_200, rejects=1_440)
        self.assertEqual(self.community_oee(), 100.0)
        self.assertEqual(self.ours("effectiveness", start, end), Fraction(1, 2))
        self.assertEqual(self.ours("quality", start, end), Fraction(4, 5))
        self.assertEqual(self.ours("oee", start, end), Fraction(2, 5))
