"""Stops: their identity, their lineage, what people say about them."""

import random

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..tools import clock
from .common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    MesCase,
    at_time,
    feed_evidence,
    feed_states,
    make_reason,
    make_shift_pattern,
    make_user,
    make_work_center,
    make_workorder,
)  # fmt: skip


class StopCase(MesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.now = MONDAY + 2 * DAY
        cls.env = cls.env(context={**cls.env.context, "mes_now_ms": clock.At(cls.now)})
        cls.machine = cls.machine.with_env(cls.env)
        make_shift_pattern(cls.env, cls.site, [("D", 6, 23), ("N", 23, 6)])
        feed_evidence(cls.env, cls.machine, [(MONDAY, MONDAY + 2 * DAY)])
        cls.env["mes.order.run"].create(
            {"workcenter_id": cls.machine.id, "product_id": cls.product.id, "at_from": clock.from_ms(MONDAY)}
        )
        feed_states(cls.env, cls.machine, [(MONDAY, "running")])
        cls.fold()

    @classmethod
    def fold(cls):
        """Make the stops anew from what is marked."""
        dirty = cls.env["mes.dirty.span"]
        while marks := dirty._take("stop"):
            cls.env["mes.stop"]._fold(marks)

    def feed(self, *points, **origin):
        """Change points in minutes after Monday, and the stops folded."""
        feed_states(self.env, self.machine, [(MONDAY + round(at * MINUTE), *rest) for at, *rest in points], **origin)
        self.fold()

    def stops(self, machine=None):
        """(from, until or None) in minutes after Monday of the active stops, in order."""
        return [
            (
                (clock.to_ms(stop.at_from) - MONDAY) / MINUTE,
                (clock.to_ms(stop.at_until) - MONDAY) / MINUTE if stop.at_until else None,
            )
            for stop in self.records(machine)
        ]

    def records(self, machine=None):
        """The active stops in order."""
        machine = machine or self.machine
        return self.env["mes.stop"].search([("workcenter_id", "=", machine.id)], order="at_from")


@tagged("post_install", "-at_install")
class TestStops(StopCase):
    def test_adjacent_codes_are_one_stop_with_two_causes(self):
        """Code 17 for 3 min, then 23 for 2 min without running between: one stop of 5 min (V24)."""
        self.feed((60, "down", "17"), (63, "down", "23"), (65, "running"))
        stop = self.records()
        self.assertEqual((self.stops(), stop.codes, stop.duration_ms), ([(60, 65)], "17,23", 5 * MINUTE))

    def test_stop_over_a_shift_change_is_one(self):
        """22:50 to 23:10 over the change at 23:00 is one stop (V6)."""
        self.feed((22 * 60 + 50, "down"), (23 * 60 + 10, "running"))
        self.assertEqual(self.stops(), [(1370, 1390)])
        timeline = self.env["mes.timeline"].timelines(self.machine, MONDAY, MONDAY + 2 * DAY)[self.machine.id]
        shares = {piece.shift.name: 0 for piece in timeline.slices if piece.category == "delay"}
        for piece in timeline.slices:
            if piece.category == "delay":
                shares[piece.shift.name] += piece.ms
        self.assertEqual(shares, {"D": 10 * MINUTE, "N": 10 * MINUTE})
        self.assertEqual(timeline.stops[0].shift.name, "D")

    def test_stop_that_its_source_never_closed(self):
        """A stop ends where the next state begins, whenever that arrives (V18)."""
        self.feed((60, "down", "5"))
        self.assertEqual(self.stops(), [(60, None)])
        stop = self.records()
        self.feed((300, "running"), seq=9)
        self.feed((200, "idle"), seq=20)
        self.assertEqual(self.stops(), [(60, 300)])
        self.feed((150, "running"), seq=30)
        self.assertEqual(self.stops(), [(60, 150), (200, 300)])
        self.assertIn(stop, self.records())

    def test_late_facts_keep_the_identity(self):
        """A stop whose ends move stays the same record."""
        self.feed((60, "down"), (120, "running"))
        stop = self.records()
        self.feed((55, "idle"), seq=9)
        self.feed((110, "running"), seq=12)
        self.assertEqual(self.records(), stop)
        self.assertEqual(self.stops(), [(55, 110)])

    def test_split_and_merge_keep_lineage(self):
        """A split makes a new stop that came from the old one; a merge retires one into the other."""
        self.feed((60, "down"), (120, "running"))
        whole = self.records()
        self.feed((70, "running"), (75, "down"), seq=9)
        self.assertEqual(self.stops(), [(60, 70), (75, 120)])
        short, long = self.records()
        self.assertEqual((long, short.origin_ids), (whole, whole))
        # The same keys told anew with a higher rank: it never ran in between.
        self.feed((70, "down"), seq=50)
        self.assertEqual(self.stops(), [(60, 120)])
        self.assertEqual((self.records(), long.origin_ids), (whole, short))
        self.assertFalse(short.active)

    def test_stop_dissolves_when_it_was_none(self):
        """A stop that turns out to be a planned one is retired, not deleted."""
        self.feed((60, "down"), (120, "running"))
        stop = self.records()
        planned = make_reason(self.env, "Cleaning the line", mes_planned=True)
        override = self.env["mes.state.override"].browse(stop.explain(planned.id)["override_ids"])
        self.fold()
        self.assertFalse(self.records())
        self.assertFalse(stop.active)
        override.withdraw()
        self.fold()
        self.assertEqual(self.stops(), [(60, 120)])

    def test_incremental_folding_equals_a_rebuild(self):
        """Facts in any order and any batches give the stops of one fold of everything."""
        draw = random.Random(11)
        other = make_work_center(self.env, self.area, "TWIN", line=self.line)
        feed_evidence(self.env, other, [(MONDAY, MONDAY + 2 * DAY)])
        self.env["mes.order.run"].create(
            {"workcenter_id": other.id, "product_id": self.product.id, "at_from": clock.from_ms(MONDAY)}
        )
        points = [
            (MONDAY + at * SECOND, draw.choice(["running", "down", "idle"])) for at in draw.sample(range(1, 90000), 80)
        ]
        feed_states(self.env, other, [(MONDAY, "running"), *points])
        self.fold()
        while points:
            batch = [points.pop(draw.randrange(len(points))) for _one in range(min(len(points), draw.randrange(1, 9)))]
            feed_states(self.env, self.machine, batch)
            if draw.random() < 0.7:
                self.fold()
        self.fold()
        self.assertEqual(self.stops(), self.stops(other))
        self.assertGreater(len(self.stops()), 10)

    def test_folding_finds_nothing_to_do_twice(self):
        """A second fold of the same span changes no record."""
        self.feed((60, "down"), (120, "running"), (130, "down", "4"))
        before = (
            self.env["mes.stop"].with_context(active_test=False).search_read([("workcenter_id", "=", self.machine.id)])
        )
        self.env["mes.stop"]._fold({self.machine.id: [(0, None)]})
        after = (
            self.env["mes.stop"].with_context(active_test=False).search_read([("workcenter_id", "=", self.machine.id)])
        )
        self.assertEqual(before, after)

    def test_job_folds_what_is_marked(self):
        """The scheduled job empties the queue."""
        feed_states(self.env, self.machine, [(MONDAY + HOUR, "down"), (MONDAY + 2 * HOUR, "running")])
        with self.enter_registry_test_mode():
            self.env.ref("mes_base.ir_cron_fold_stops").with_context(mes_now_ms=clock.At(self.now)).method_direct_trigger()
        self.assertEqual(self.stops(), [(60, 120)])
        self.assertFalse(self.env["mes.dirty.span"].search([("consumer", "=", "stop")]))


@tagged("post_install", "-at_install")
class TestOverrides(StopCase):
    def states(self, start, end):
        """(from, until, state, reason) in minutes of the effective timeline."""
        slices = self.env["mes.timeline"].effective(self.machine, MONDAY + start * MINUTE, MONDAY + end * MINUTE)
        return [
            ((s.start - MONDAY) / MINUTE, (s.end - MONDAY) / MINUTE, s.state, s.reason) for s in slices[self.machine.id]
        ]

    def say(self, start, end, at, **values):
        """An override over minutes, recorded at a minute."""
        return at_time(self.env["mes.state.override"], MONDAY + at * MINUTE).record(
            self.machine.id,
            clock.from_ms(MONDAY + start * MINUTE),
            clock.from_ms(MONDAY + end * MINUTE) if end else None,
            **values,
        )

    def test_overlapping_overrides_are_both_kept(self):
        """00:00–15:00 and 00:10–14:00: both kept, the later recorded wins, no negative time (V3)."""
        for order in ((1, 2), (2, 1)):
            with self.subTest(order=order), self.cr.savepoint() as savepoint:
                self.say(0, 900, 1000 + order[0], state="maintenance")
                self.say(10, 840, 1000 + order[1], state="setup")
                self.assertEqual(
                    self.env["mes.state.override"].search_count([("workcenter_id", "=", self.machine.id)]), 2
                )
                slices = self.env["mes.timeline"].effective(self.machine, MONDAY, MONDAY + 900 * MINUTE)[
                    self.machine.id
                ]
                spent = dict.fromkeys(("maintenance", "setup"), 0)
                for piece in slices:
                    self.assertGreater(piece.end, piece.start)
                    spent[piece.state] += piece.ms // MINUTE
                self.assertEqual(
                    spent, {"maintenance": 70, "setup": 830} if order == (1, 2) else {"maintenance": 900, "setup": 0}
                )
                savepoint.rollback()

    def test_override_expires(self):
        """After its end the machine's own state is back (V14)."""
        self.say(420, 480, 1000, state="maintenance")
        self.assertEqual(
            self.states(400, 500),
            [(400, 420, "running", None), (420, 480, "maintenance", None), (480, 500, "running", None)],
        )

    def test_reason_of_an_open_stop_ends_when_the_machine_runs(self):
        """What was said about an open stop does not colour the running after it."""
        reason = make_reason(self.env, "Jam")
        self.feed((430, "down"))
        self.records().explain(reason.id)
        self.feed((450, "running"), seq=9)
        self.assertEqual(
            self.states(420, 460),
            [(420, 430, "running", None), (430, 450, "down", reason.id), (450, 460, "running", None)],
        )
        self.assertEqual(self.records().loss_id, reason)

    def test_part_of_a_stop_by_offsets_keeps_the_milliseconds(self):
        """A split takes offsets from the stop's beginning, so no millisecond is lost."""
        reason = make_reason(self.env, "Film change")
        start = MONDAY + 430 * MINUTE + 123
        feed_states(self.env, self.machine, [(start, "down"), (start + 10 * MINUTE, "running")])
        self.fold()
        self.records().explain(reason.id, from_offset_ms=1001, until_offset_ms=2002)
        override = self.env["mes.state.override"].search([("workcenter_id", "=", self.machine.id)])
        self.assertEqual((clock.to_ms(override.at_from), clock.to_ms(override.at_until)), (start + 1001, start + 2002))
        with self.assertRaisesRegex(UserError, "within the stop"):
            self.records().explain(reason.id, from_offset_ms=-1)
        with self.assertRaisesRegex(UserError, "within the stop"):
            self.records().explain(reason.id, until_offset_ms=10 * MINUTE + 1)

    def test_reason_may_ask_for_a_comment_and_a_limit(self):
        """A reason's demands are told in a sentence."""
        talk = make_reason(self.env, "Other cause", mes_comment_required=True)
        brief = make_reason(self.env, "Short break", mes_max_minutes=5)
        self.feed((430, "down"), (450, "running"))
        with self.assertRaisesRegex(ValidationError, "needs a comment"):
            self.records().explain(talk.id, comment="  ")
        with self.assertRaisesRegex(UserError, "at most 5 minutes"):
            self.records().explain(brief.id)
        self.records().explain(talk.id, comment="A cat sat on it")
        self.records().explain(brief.id, until_offset_ms=5 * MINUTE)

    def test_roles(self):
        """Operators explain, supervisors may also change a state and take back others' words."""
        reason = make_reason(self.env, "Jam")
        self.feed((430, "down"), (450, "running"))
        stop = self.records()
        operator, colleague, supervisor = (make_user(self.env, role) for role in ("operator", "operator", "supervisor"))
        plain = self.env["res.users"].create(
            {"name": "p", "login": "plain", "group_ids": [(6, 0, [self.env.ref("base.group_user").id])]}
        )
        word = self.env["mes.state.override"].browse(stop.with_user(operator).explain(reason.id)["override_ids"])
        self.assertEqual(word.user_id, operator)
        with self.assertRaises(AccessError):
            word.with_user(operator).write({"comment": "changed"})
        with self.assertRaisesRegex(AccessError, "only that person or a supervisor"):
            word.with_user(colleague).withdraw()
        with self.assertRaisesRegex(AccessError, "Only a supervisor"):
            self.env["mes.state.override"].with_user(operator).record(
                self.machine.id, "2026-03-02 07:00:00", state="down"
            )
        with self.assertRaises(AccessError):
            self.env["mes.state.override"].with_user(plain).record(
                self.machine.id, "2026-03-02 07:00:00", loss_id=reason.id
            )
        word.with_user(supervisor).withdraw()
        self.assertEqual(word.withdrawn_by_id, supervisor)
        self.assertTrue(
            self.env["mes.state.override"].with_user(supervisor).record(
                self.machine.id, "2026-03-02 07:00:00.250", "2026-03-02 07:10:00", state="down", why="sensor broken"
            )
        )  # fmt: skip


@tagged("post_install", "-at_install")
class TestOrderRuns(MesCase):
    def runs(self, workorders):
        """(work order, from, until or None) in ms after Monday."""
        runs = self.env["mes.order.run"].search([("workorder_id", "in", workorders.ids)], order="at_from, id")
        return [
            (
                run.workorder_id,
                clock.to_ms(run.at_from) - MONDAY,
                clock.to_ms(run.at_until) - MONDAY if run.at_until else None,
            )
            for run in runs
        ]

    def test_start_pause_start_finish(self):
        """Each start opens a run, each pause or finish closes it; pressing twice changes nothing."""
        order = make_workorder(self.env, self.machine)
        at_time(order, MONDAY).button_start()
        at_time(order, MONDAY + 5).button_start()
        at_time(order, MONDAY + 10).button_pending()
        at_time(order, MONDAY + 15).button_pending()
        at_time(order, MONDAY + 20).button_start()
        at_time(order, MONDAY + 30).button_finish()
        at_time(order, MONDAY + 40).button_finish()
        self.assertEqual(self.runs(order), [(order, 0, 10), (order, 20, 30)])
        run = self.env["mes.order.run"].search([("workorder_id", "=", order.id)], limit=1)
        self.assertEqual((run.product_id, run.production_id), (order.product_id, order.production_id))

    def test_cancel_closes(self):
        """A cancelled order runs no longer."""
        order = make_workorder(self.env, self.machine)
        at_time(order, MONDAY).button_start()
        at_time(order, MONDAY + 10).action_cancel()
        self.assertEqual(self.runs(order), [(order, 0, 10)])

    def test_marking_the_production_done_closes(self):
        """Closing the manufacturing order closes the run too."""
        order = make_workorder(self.env, self.machine)
        at_time(order, MONDAY).button_start()
        production = at_time(order.production_id, MONDAY + 10)
        production.qty_producing = production.product_qty
        production.button_mark_done()
        self.assertEqual(self.runs(order), [(order, 0, 10)])

    def test_next_order_ends_the_one_before(self):
        """One order at a time, unless the machine runs orders side by side."""
        one, two, three = (make_workorder(self.env, self.machine) for _number in range(3))
        at_time(one, MONDAY).button_start()
        at_time(two, MONDAY + 10).button_start()
        self.assertEqual(self.runs(one | two), [(one, 0, 10), (two, 10, None)])
        self.machine.mes_parallel_orders = True
        at_time(three, MONDAY + 20).button_start()
        self.assertEqual(self.runs(two | three), [(two, 10, None), (three, 20, None)])

    def test_another_work_center_takes_the_run_over(self):
        """Moving a started order closes its run here and opens one there."""
        order = make_workorder(self.env, self.machine)
        there = make_work_center(self.env, self.area, "M2")
        at_time(order, MONDAY).button_start()
        at_time(order, MONDAY + 10).write({"workcenter_id": there.id})
        runs = self.env["mes.order.run"].search([("workorder_id", "=", order.id)], order="at_from")
        self.assertEqual(runs.workcenter_id, self.machine | there)
        self.assertEqual(self.runs(order), [(order, 0, 10), (order, 10, None)])

    def test_work_centers_outside_the_plant_have_no_runs(self):
        """A planning work center keeps Odoo's behaviour and nothing else."""
        office = self.env["mrp.workcenter"].create({"name": "Office"})
        order = make_workorder(self.env, office)
        order.button_start()
        self.assertFalse(self.runs(order))

    def test_run_of_a_line_marks_its_units(self):
        """Units that inherit a line's run are to be made anew with it."""
        order = make_workorder(self.env, self.line)
        self.env["mes.dirty.span"]._take("stop")
        at_time(order, MONDAY).button_start()
        marks = self.env["mes.dirty.span"]._take("stop")
        self.assertEqual(marks, {self.line.id: [(MONDAY, None)], self.machine.id: [(MONDAY, None)]})
        at_time(order, MONDAY + HOUR).button_finish()
        self.assertEqual(self.env["mes.dirty.span"]._take("stop")[self.machine.id], [(MONDAY + HOUR, None)])

    def test_manufacturing_user_needs_no_mes_role(self):
        """Whoever may start a work order starts its run."""
        order = make_workorder(self.env, self.machine)
        worker = self.env["res.users"].create(
            {"name": "w", "login": "worker", "group_ids": [(6, 0, [self.env.ref("mrp.group_mrp_user").id])]}
        )
        at_time(order.with_user(worker), MONDAY).button_start()
        self.assertEqual(self.runs(order), [(order, 0, None)])
