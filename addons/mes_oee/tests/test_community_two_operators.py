from fractions import Fraction

from odoo.addons.mes_base.tests.common import HOUR, make_user
from odoo.tests import tagged

from .community import FAILURE, CommunityCase


@tagged("post_install", "-at_install")
class TestCommunityTwoOperators(CommunityCase):
    """Two operators work one hour at one machine; then it stands for an hour."""

    def test_one_hour_is_one_hour(self):
        """The truth: it ran one hour of two, 50 %. Community adds the operators' hours up and says 66.67 %."""
        start = self.START
        for name in ("olga", "otto"):
            self.log(start, start + HOUR, user_id=make_user(self.env, "operator", name).id)
        self.log(start + HOUR, start + 2 * HOUR, FAILURE)
        self.facts([(start, "running"), (start + HOUR, "down")], start, start + 2 * HOUR)
        self.assertEqual(self.community_oee(), 66.67)
        self.assertEqual(self.ours("availability", start, start + 2 * HOUR), Fraction(1, 2))
