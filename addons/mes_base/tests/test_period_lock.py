"""Closed periods: late facts wait outside, people's changes are refused."""

import random
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..models.mes_late_fact import MesLateFact
from ..timeline import Span, build
from ..tools import clock
from ..tools import late as late_tools
from .common import (
    DAY,
    HOUR,
    MINUTE,
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

LATE = "odoo.addons.mes_base.models.mes_late_fact"
ADMIT = MesLateFact._admit


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

    def many_late(self, number=5):
        """So many late stops of a minute, one an hour."""
        for hour in range(number):
            start = MONDAY + (2 * hour + 1) * HOUR
            feed_states(self.env, self.machine, [(start, "down"), (start + MINUTE, "running")], seq=100 + 2 * hour)
        return self.env["mes.late.fact"].search([("workcenter_id", "=", self.machine.id)], order="id")

    def test_many_waiting_facts_enter_in_batches(self):
        """The first batch enters at once, the job brings the others in bounded transactions; none is lost (V26)."""
        late = self.many_late()
        done = []

        def commit(_cron, made=0, *, remaining=None, **_more):
            self.assertEqual(len(late.filtered("applied_at")), 2 + sum(done) + made, "whole batches")
            done.append(made)
            return 60

        with patch(f"{LATE}.BATCH", 2), patch.object(type(self.env["ir.cron"]), "_commit_progress", commit):
            with patch.object(type(late), "_admit", lambda self, companies: ADMIT(self, companies, 2)):
                self.lock.action_reopen()
            self.assertEqual(len(late.filtered("applied_at")), 2)
            self.env["mes.late.fact"]._cron_admit()
        self.assertEqual(done, [2, 2, 2, 2])
        self.assertTrue(all(fact.applied_at for fact in late))
        self.fold()
        self.assertEqual(len(self.stops()), 5)

    def test_an_interrupted_batch_leaves_nothing_half_applied(self):
        """A batch that fails is taken back whole, and comes in with the next run (V26)."""
        late = self.many_late()
        self.lock.active = False
        admit = self.env["mes.late.fact"]._admit
        admit(self.env.company, 4)
        with (
            self.assertRaisesRegex(RuntimeError, "power"),
            self.cr.savepoint(),
            patch.object(type(late), "_set_aside", side_effect=RuntimeError("power")),
        ):
            admit(self.env.company, 4)
        self.env.invalidate_all()
        self.assertEqual([bool(fact.applied_at) for fact in late], [True] * 4 + [False] * 6)
        self.assertEqual(admit(self.env.company, 100), 6)
        self.assertEqual(admit(self.env.company, 100), 0)
        self.fold()
        self.assertEqual(len(self.stops()), 5)

    def test_what_is_still_closed_goes_on_waiting(self):
        """A site's lock keeps its own facts out when the company's is opened."""
        self.env["mes.period.lock"].create({"at_until": clock.from_ms(MONDAY + 4 * HOUR), "site_id": self.site.id})
        late = self.many_late()
        self.lock.action_reopen()
        self.assertEqual([bool(fact.applied_at) for fact in late], [False] * 4 + [True] * 6)

    def test_differences_are_those_of_the_whole_period(self):
        """Each fact's difference, found around it, is what laying out the whole closed period gives (V26)."""
        draw = random.Random(26)
        other = feed_counts(self.env, self.machine, [(MONDAY + 15 * HOUR, 1400)], seq=50)
        self.assertEqual(len(other.late), 1)
        for number in range(12):
            at = MONDAY + draw.randrange(1440) * MINUTE
            lane, words = draw.choice([("state", ("down", "idle", "running")), ("mode", ("cleaning", "production"))])
            feed_states(self.env, self.machine, [(at, draw.choice(words))], lane=lane, seq=60 + number)
            feed_evidence(self.env, self.machine, [(at - DAY, at - DAY + HOUR)], stream=f"S{number}")
        late = self.env["mes.late.fact"].search([("workcenter_id", "=", self.machine.id)])
        self.assertGreater(len(late), 20)
        found = late._differences()
        for fact in late:
            self.assertEqual(found[fact.id], self.naive_difference(fact), (fact.kind, fact.payload))
        self.assertTrue(any(found.values()))

    def naive_difference(self, fact):
        """The same by laying out everything from the earliest known instant to the end of the closed period."""
        window = Span(MONDAY - 2 * DAY, MONDAY + DAY)
        history = self.env["mes.timeline"].load({self.machine.id: (window.start, window.end)})[self.machine.id]
        names = {counter.id: counter.name for counter in self.env["mes.counter"].search([])}
        sums = [late_tools._sums(build(one, window, self.now))
                for one in (history, late_tools._with(history, fact._row(), names))]  # fmt: skip
        return {key: sums[1][key] - sums[0][key] for key in sums[0] | sums[1] if sums[1][key] != sums[0][key]}

    def test_a_page_of_late_facts_is_read_once(self):
        """Ten facts' differences cost as many statements as one's."""
        late = self.many_late()
        counts = []
        for some in (late[:1], late):
            self.env.invalidate_all()
            late.mapped("payload")
            before = self.cr.sql_log_count
            some._differences()
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[0], counts[1])

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
        with self.assertRaisesRegex(UserError, r"closed up to 2026-03-03 00:00:00 \(UTC\)"):
            record(self.machine.id, "2026-03-02 10:00:00", "2026-03-02 11:00:00", loss_id=reason.id)
        self.site.tz = "America/New_York"  # there nobody reckons in UTC
        with self.assertRaisesRegex(UserError, r"closed up to 2026-03-02 19:00:00 \(America/New_York\)"):
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
