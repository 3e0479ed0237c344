"""Folding facts into stops: what follows from their values, and the ends of points that it mends."""

from odoo.tests import tagged

from ..tools import clock
from .common import MINUTE, MONDAY, feed_states, make_workorder
from .test_stops import StopCase


@tagged("post_install", "-at_install")
class TestStopFold(StopCase):
    def test_minutes_and_order_of_a_stop_follow(self):
        """What a stop got when it was made changes with what it comes from."""
        self.feed((60, "down"), (70.5, "running"))
        stop = self.records()
        self.assertEqual((stop.duration_minutes, stop.production_id.ids), (10.5, []))
        stop.run_id.production_id = production = make_workorder(self.env, self.machine).production_id
        self.feed((65, "running"), seq=9)
        self.assertEqual((stop.duration_minutes, stop.production_id), (5, production))

    def test_fold_mends_the_ends_of_points(self):
        """Wrong ends in the spans that are folded become right, each span's last one too, others stay as they are."""
        points = [(MONDAY + (60 + n) * MINUTE, "running" if n % 2 else "down") for n in range(12)]
        feed_states(self.env, self.machine, points)
        self.fold()
        self.env.cr.execute(
            "UPDATE mes_state_point SET until = NULL WHERE workcenter_id = %s AND lane = 'state'", [self.machine.id]
        )
        spans = [(61, 63), (62, 64), (67, 68), (67, 68)]
        self.env["mes.stop"]._fold(
            {self.machine.id: [(MONDAY + start * MINUTE, MONDAY + end * MINUTE) for start, end in spans]}
        )
        ends = {
            (clock.to_ms(point.at) - MONDAY) // MINUTE: point.until and (clock.to_ms(point.until) - MONDAY) // MINUTE
            for point in self.env["mes.state.point"].search([("workcenter_id", "=", self.machine.id)])
        }
        mended = {61, 62, 63, 64, 67, 68}
        self.assertEqual(ends, {at: at + 1 if at in mended else False for at in (0, *range(60, 72))})
