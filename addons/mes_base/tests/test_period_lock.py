"""Closed periods: late facts wait outside, people's changes are refused."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..tools import clock
from .common import (
    DAY,
    HOUR,
    MONDAY,
    feed_counts,
    feed_evidence,
    feed_states,
    make_reason,
    make_site,
    make_user,
    set_ideal_cycle,
)  # fmt: skip
from .test_stops import StopCase


@tagged("post_install", "-at_install")
class TestPeriodLock(StopCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        feed_counts(cls.env, cls.machine, [(MONDAY, 0), (MONDAY + 12 * HOUR, 1200)])
        cls.fold()
        cls.lock = cls.env["mes.period.lock"].create({"at_until": clock.from_ms(MONDAY + DAY)})

    def figures(self):
        """Minutes by category and pieces made on Monday."""
        timeline = self.env["mes.timeline"].timelines(self.machine, MONDAY, MONDAY + DAY)[self.machine.id]
        spent = {}
        for piece in timeline.slices:
            spent[piece.category] = spent.get(piece.category, 0) + piece.ms // 60000
        return spent, sum(quantity.total for quantity in timeline.quantities)

    def test_late_facts_change_no_closed_figure(self):
        """They are stored and shown with their difference, and enter on unlock (V26)."""
        before = self.figures()
        outcome = feed_states(self.env, self.machine, [(MONDAY + HOUR, "down"), (MONDAY + 3 * HOUR, "running")], seq=9)
        outcome = outcome.also(feed_counts(self.env, self.machine, [(MONDAY + 20 * HOUR, 1500)], seq=9))
        self.assertEqual((outcome.written, len(outcome.late)), (0, 3))
        self.assertEqual(self.figures(), before)
        self.assertFalse(self.env["mes.dirty.span"]._take("stop"))
        late = self.env["mes.late.fact"].search([("workcenter_id", "=", self.machine.id)], order="at")
        self.assertEqual([fact.kind for fact in late], ["state", "state", "count"])
        self.assertEqual(late[0]._difference(), {"production": -23 * HOUR, "delay": 23 * HOUR})
        self.assertEqual(late[2]._difference(), {"total": 300, "good": 300})
        self.assertIn("made +300", late[2].difference)
        self.lock.action_reopen()
        self.fold()
        self.assertEqual(self.figures(), ({"production": 22 * 60, "delay": 120}, 1500))
        self.assertTrue(all(fact.applied_at for fact in late))
        self.assertEqual(self.stops(), [(60, 180)])

    def test_repeats_of_closed_facts_are_nothing_new(self):
        """What the closed figures already hold, and what waits already, is not kept a second time."""
        again = (
            feed_states(self.env, self.machine, [(MONDAY, "running")], stream="AGAIN")
            .also(feed_counts(self.env, self.machine, [(MONDAY + 12 * HOUR, 1200)], stream="AGAIN"))
            .also(feed_evidence(self.env, self.machine, [(MONDAY + HOUR, MONDAY + 2 * HOUR)]))
        )
        self.assertEqual((again.written, again.unchanged, again.late), (0, 2, ()))
        for _time in range(2):
            feed_states(self.env, self.machine, [(MONDAY + HOUR, "down")], seq=9)
            feed_evidence(self.env, self.machine, [(MONDAY - HOUR, MONDAY + HOUR)])
        late = self.env["mes.late.fact"].search([("workcenter_id", "=", self.machine.id)], order="at")
        self.assertEqual(
            [(fact.kind, clock.to_ms(fact.at) - MONDAY) for fact in late], [("evidence", -HOUR), ("state", HOUR)]
        )
        self.assertEqual(late[0].payload["at_until"], MONDAY)

    def test_evidence_over_the_lock_is_cut(self):
        """The part after the closed period enters at once, the part within it waits."""
        feed_evidence(self.env, self.machine, [(MONDAY - HOUR, MONDAY + DAY + HOUR)], stream="LATE")
        span = self.env["mes.evidence.span"].search([("workcenter_id", "=", self.machine.id), ("stream", "=", "LATE")])
        self.assertEqual(clock.to_ms(span.at_from), MONDAY + DAY)
        self.lock.action_reopen()
        self.assertEqual(clock.to_ms(span.at_from), MONDAY - HOUR)

    def test_facts_after_the_lock_enter_as_ever(self):
        """A lock closes only what lies before it."""
        outcome = feed_states(self.env, self.machine, [(MONDAY + DAY, "down")], seq=9)
        self.assertEqual((outcome.written, outcome.late), (1, ()))

    def test_another_site_is_not_closed(self):
        """A site's lock closes that site only."""
        self.lock.action_reopen()
        self.env["mes.period.lock"].create(
            {"at_until": clock.from_ms(MONDAY + DAY), "site_id": make_site(self.env, "S9").id}
        )
        self.assertEqual(feed_states(self.env, self.machine, [(MONDAY + HOUR, "down")], seq=9).written, 1)

    def test_peoples_changes_of_a_closed_period_are_refused(self):
        """With a sentence that names the machine and the time."""
        reason = make_reason(self.env, "Jam")
        record = self.env["mes.state.override"].record
        with self.assertRaisesRegex(UserError, "closed up to 2026-03-03 00:00:00"):
            record(self.machine.id, "2026-03-02 10:00:00", "2026-03-02 11:00:00", loss_id=reason.id)
        with self.assertRaisesRegex(UserError, "closed up to"):
            set_ideal_cycle(self.env, self.machine, 1.0, from_ms=MONDAY)
        with self.assertRaisesRegex(UserError, "closed up to"):
            self.env["mes.shift.exception"].create({"name": "x", "date": "2026-03-02", "site_id": self.site.id})
        self.assertTrue(record(self.machine.id, "2026-03-03 10:00:00", "2026-03-03 11:00:00", loss_id=reason.id))

    def test_a_run_that_began_before_the_lock_can_end_after_it(self):
        """Ending it touches only the time after the lock."""
        run = self.env["mes.order.run"].search([("workcenter_id", "=", self.machine.id)])
        run.at_until = clock.from_ms(MONDAY + DAY + HOUR)
        with self.assertRaisesRegex(UserError, "closed up to"):
            run.at_until = clock.from_ms(MONDAY + HOUR)

    def test_the_future_cannot_be_closed(self):
        """Only the past is complete."""
        with self.assertRaisesRegex(ValidationError, "Only the past"):
            self.env["mes.period.lock"].create({"at_until": clock.from_ms(self.now + 1)})

    def test_only_supervisors_close_and_open(self):
        """An operator reads locks, a supervisor makes and opens them, nobody edits them."""
        operator, supervisor = make_user(self.env, "operator"), make_user(self.env, "supervisor")
        with self.assertRaises(AccessError):
            self.env["mes.period.lock"].with_user(operator).create({"at_until": clock.from_ms(MONDAY)})
        with self.assertRaises(AccessError):
            self.lock.with_user(operator).action_reopen()
        with self.assertRaises(AccessError):
            self.lock.with_user(supervisor).write({"at_until": clock.from_ms(MONDAY)})
        self.lock.with_user(supervisor).action_reopen()
        self.assertFalse(self.lock.active)
