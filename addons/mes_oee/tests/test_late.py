from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    at_time,
    feed_counts,
    feed_evidence,
    feed_states,
    make_user,
)
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged

from .common import OeeCase


@tagged("post_install", "-at_install")
class TestLateFacts(OeeCase):
    """V26: facts for a closed period."""

    def setUp(self):
        """Twelve hours of production, the first eight closed."""
        super().setUp()
        self.full_day(MONDAY, 12)
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        feed_counts(self.env, self.machine, [(MONDAY + n * HOUR, 3000 * n) for n in range(13)])
        self.at(MONDAY + 14 * HOUR)
        self.lock = self.env["mes.period.lock"].create(
            {"company_id": self.env.company.id, "at_until": clock.from_ms(MONDAY + 8 * HOUR)}
        )
        self.closed = (self.rows(), self.figures(MONDAY, MONDAY + 12 * HOUR)["oee"].value)

    def feed_late(self):
        """A stop of half an hour, a reading, and ten minutes that nobody had watched before the shift."""
        start = MONDAY + 3 * HOUR
        points = [(start, "down", "99"), (start + 30 * MINUTE, "running")]
        feed_states(self.env, self.machine, points, stream="LATE")
        feed_counts(self.env, self.machine, [(start + 30 * MINUTE, 9000)], stream="LATE")
        feed_evidence(self.env, self.machine, [(MONDAY - 10 * MINUTE, MONDAY)], stream="LATE")

    def test_v26_the_closed_figure_stays_and_the_difference_is_shown(self):
        """Stored, shown as late with its difference, the closed figure unchanged; in, once it is opened."""
        self.feed_late()
        self.refresh()
        self.assertEqual((self.rows(), self.figures(MONDAY, MONDAY + 12 * HOUR)["oee"].value), self.closed)
        found = self.env["mes.oee.late"].differences(self.machine + self.line, MONDAY, MONDAY + 12 * HOUR)
        self.assertEqual(
            found,
            {
                self.machine.id: {
                    "facts": 3,
                    "production_ms": -30 * MINUTE,
                    "unplanned_ms": 30 * MINUTE,
                    "unplanned_stops": 1,
                }
            },
        )
        self.lock.action_reopen()
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).unplanned_ms, 30 * MINUTE)
        self.assertFalse(self.env["mes.oee.late"].differences(self.machine, MONDAY, MONDAY + 12 * HOUR))
        self.assertEqual(self.rows(), self.rebuilt())

    def test_pieces_that_came_late(self):
        """A late reading beyond the closed period's end would add pieces; the difference says how many."""
        self.env.cr.execute("DELETE FROM mes_count_point WHERE at > %s", [clock.from_ms(MONDAY + 6 * HOUR)])
        self.env.cr.execute("DELETE FROM mes_oee_rollup")
        self.refresh()
        feed_counts(self.env, self.machine, [(MONDAY + 7 * HOUR, 21500)], stream="LATE")
        found = self.env["mes.oee.late"].differences(self.machine, MONDAY, MONDAY + 8 * HOUR)
        self.assertEqual(found[self.machine.id]["total"], 3500)

    def test_an_operator_may_see_the_difference(self):
        """The role operator suffices; figures of the closed period stay readable."""
        self.feed_late()
        machine = at_time(self.machine.with_user(make_user(self.env, "operator")), MONDAY + 14 * HOUR)
        found = machine.env["mes.oee.late"].differences(machine, MONDAY, MONDAY + 12 * HOUR)
        self.assertEqual(found[machine.id]["facts"], 3)
