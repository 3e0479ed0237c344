"""Counters: what the machine counted is what is booked (invariant 7)."""

import itertools
import random

from odoo.tests import tagged

from ..tools import clock
from ..tools.rows import CountRow
from .common import DAY, HOUR, MINUTE, MONDAY, MesCase, feed_counts, feed_evidence, feed_states, make_shift_pattern


@tagged("post_install", "-at_install")
class TestCounts(MesCase):
    @classmethod
    def setUpClass(cls):
        """A machine that is watched and runs now and then, under changing orders."""
        super().setUpClass()
        draw = random.Random(5)
        make_shift_pattern(cls.env, cls.site, [("E", 6, 14), ("L", 14, 22)])
        feed_evidence(cls.env, cls.machine, [(MONDAY, MONDAY + 9 * HOUR), (MONDAY + 10 * HOUR, MONDAY + DAY)])
        times = sorted(draw.sample(range(24 * 60), 60))
        feed_states(cls.env, cls.machine, [(MONDAY + at * MINUTE, draw.choice(["running", "down"])) for at in times])
        for hour in range(7, 20, 3):
            cls.env["mes.order.run"].create(
                {
                    "workcenter_id": cls.machine.id,
                    "product_id": cls.product.id,
                    "at_from": clock.from_ms(MONDAY + hour * HOUR),
                    "at_until": clock.from_ms(MONDAY + (hour + 2) * HOUR + 123),
                }
            )

    def timeline(self, start=MONDAY, end=MONDAY + DAY):
        """The machine's timeline of a window."""
        return self.env["mes.timeline"].timelines(self.machine, start, end, MONDAY + 2 * DAY)[self.machine.id]

    def made(self, start=MONDAY, end=MONDAY + DAY):
        """Pieces made, good and rejected in a window."""
        quantities = self.timeline(start, end).quantities
        return tuple(sum(getattr(one, name) for one in quantities) for name in ("total", "good", "reject"))

    def test_booked_equals_counted_whatever_the_order_of_arrival(self):
        """Last total less first total is booked, in any order of arrival and with repeats."""
        draw = random.Random(9)
        totals, total = [], 1000
        for at in sorted(draw.sample(range(24 * 3600), 300)):
            totals.append((MONDAY + at * 1000, total))
            total += draw.randrange(7)
        shuffled = draw.sample(totals, len(totals))
        for start in range(0, len(shuffled), 37):
            feed_counts(self.env, self.machine, shuffled[start : start + 50], seq=start)
        self.assertEqual(self.made()[0], totals[-1][1] - totals[0][1])

    def test_windows_add_up(self):
        """Any cutting of the day into windows gives the pieces of the day."""
        draw = random.Random(13)
        feed_counts(self.env, self.machine, [(MONDAY + hour * HOUR + 77, hour * 101) for hour in range(24)])
        cuts = sorted({MONDAY, MONDAY + DAY, *(MONDAY + draw.randrange(DAY) for _cut in range(12))})
        parts = [self.made(start, end)[0] for start, end in itertools.pairwise(cuts)]
        self.assertEqual(sum(parts), 23 * 101)
        self.assertEqual(self.made()[0], 23 * 101)

    def test_resets_and_gaps_are_declared(self):
        """PLC counter less baseline is what was booked plus declared resets and gaps."""
        counter = self.env["mes.counter"]._ensure([(self.machine.id, "total", None, None)])[self.machine.id, "total"]
        # Raw 100..160, a reset to 5 (65 booked in all), a rollover is a step like any other,
        # a gap of which at least 20 pieces are known.
        rows = [
            (0, 1, 100, 0, 0, "first", None, None),
            (1, 1, 160, 60, 60, "step", None, None),
            (2, 2, 5, 65, 5, "reset", None, None),
            (3, 2, 3, 75, 10, "rollover", None, None),
            (4, 3, 25, 95, 20, "gap", 20, 80),
        ]
        self.env["mes.fact.writer"].write_counts(
            [
                CountRow(counter, epoch, MONDAY + hour * HOUR, raw, total, delta, decision, low, high, seq=hour)
                for hour, epoch, raw, total, delta, decision, low, high in rows
            ]
        )
        points = self.env["mes.count.point"].search([("counter_id", "=", counter)], order="at")
        self.assertEqual(self.made()[0], sum(points.mapped("delta")))
        found = {(finding.code, finding.low, finding.high) for finding in self.timeline().findings}
        self.assertEqual({code for code, _low, _high in found}, {"reset", "rollover", "gap"})
        self.assertIn(("gap", 20, 80), found)

    def test_good_and_reject_make_the_total(self):
        """With one authoritative counter for rejects the rest is good."""
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + 12 * HOUR, 1000)])
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + 11 * HOUR, 30)], name="reject")
        total, good, reject = self.made()
        self.assertEqual((total, good, reject), (1000, 970, 30))

    def test_cross_check_beyond_its_tolerance_is_found(self):
        """Two counters may differ by the tolerance, not by more."""
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + HOUR, 100)])
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + HOUR, 95)], name="outfeed")
        check = self.env["mes.counter"].search([("workcenter_id", "=", self.machine.id), ("role", "=", "check")])
        check.tolerance = 5
        self.assertNotIn("differs", [finding.code for finding in self.timeline().findings])
        check.tolerance = 4
        self.assertIn("differs", [finding.code for finding in self.timeline().findings])
