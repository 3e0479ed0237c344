from odoo.addons.mes_base.tests.common import HOUR, MINUTE, MONDAY, feed_counts, feed_states
from odoo.tests import tagged

from .common import OeeCase


@tagged("post_install", "-at_install")
class TestRollupIntervals(OeeCase):
    """The pieces of a count interval lie where the machine ran in the whole of it, also beyond the hour."""

    def setUp(self):
        """660 pieces between half past ten and half past eleven; it ran, as far as is known, but for 11:00 to 11:05.

        Of a late word only what lies behind the point before it is marked: here nothing of the hour from ten.
        """
        super().setUp()
        self.full_day()
        ten = MONDAY + 10 * HOUR
        feed_states(self.env, self.machine, [(MONDAY, "running"), (ten + HOUR, "idle"), (ten + 65 * MINUTE, "running")])
        feed_counts(self.env, self.machine, [(ten + 30 * MINUTE, 0), (ten + 90 * MINUTE, 660)])

    def stand_after_eleven(self):
        """A late word of the machine: it stood from a quarter past eleven to the second reading."""
        eleven = MONDAY + 11 * HOUR
        states = [(eleven + 15 * MINUTE, "down"), (eleven + 30 * MINUTE, "running")]
        feed_states(self.env, self.machine, states, stream="LATE")

    def made_from_ten(self):
        return self.totals(MONDAY + 10 * HOUR, MONDAY + 11 * HOUR).total

    def test_what_happens_behind_the_last_row_moves_its_pieces(self):
        """Only the hour up to eleven has rows: it gets 495 pieces of 660, as a rebuild says."""
        self.at(MONDAY + 11 * HOUR + 40 * MINUTE)
        self.refresh()
        self.assertEqual(self.made_from_ten(), 360)
        self.stand_after_eleven()
        self.refresh()
        self.assertEqual(self.made_from_ten(), 495)
        kept = self.rows()
        self.assertEqual(kept, self.rebuilt())

    def test_figures_see_what_a_waiting_fact_moves(self):
        """Before the job has run, the hour before the one that was told of is already another."""
        self.at(MONDAY + 14 * HOUR)
        self.refresh()
        self.assertEqual(self.made_from_ten(), 360)
        self.stand_after_eleven()
        self.assertEqual(self.made_from_ten(), 495)
        self.refresh()
        self.assertEqual(self.made_from_ten(), 495)
