"""The writer of machine facts: what is stored, who wins, what is marked."""

import itertools
import random

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from ..tools import clock
from ..tools.rows import CountRow, EvidenceRow, LiveRow, StateRow
from .common import HOUR, MINUTE, MONDAY, SECOND, MesCase, feed_counts, feed_evidence, feed_states, make_counter


@tagged("post_install", "-at_install")
class TestFactWriter(MesCase):
    def points(self, lane="state"):
        """The stored lane as (ms after Monday, value, end after Monday or None)."""
        found = self.env["mes.state.point"].search(
            [("workcenter_id", "=", self.machine.id), ("lane", "=", lane)], order="at"
        )
        return [
            (clock.to_ms(p.at) - MONDAY, p.value, clock.to_ms(p.until) - MONDAY if p.until else None) for p in found
        ]

    def dirty(self, consumer="stop"):
        """The marks of the machine as (from, until) after Monday, and the queue emptied."""
        found = self.env["mes.dirty.span"]._take(consumer).get(self.machine.id, [])
        return [(start - MONDAY, None if end is None else end - MONDAY) for start, end in found]

    def test_points_tile_with_milliseconds(self):
        """Each point ends where the next begins, to the millisecond."""
        feed_states(self.env, self.machine, [(MONDAY + 1, "running"), (MONDAY + 61_234, "down", "17")])
        self.assertEqual(self.points(), [(1, "running", 61_234), (61_234, "down", None)])

    def test_late_point_splits_the_interval_it_falls_into(self):
        """A late point moves the cached end of the one before, and only that."""
        feed_states(self.env, self.machine, [(MONDAY, "running"), (MONDAY + HOUR, "idle"), (MONDAY + 2 * HOUR, "down")])
        self.env["mes.dirty.span"]._take("stop")
        feed_states(self.env, self.machine, [(MONDAY + 90 * MINUTE, "running")], seq=9)
        self.assertEqual(
            self.points(),
            [
                (0, "running", HOUR),
                (HOUR, "idle", 90 * MINUTE),
                (90 * MINUTE, "running", 2 * HOUR),
                (2 * HOUR, "down", None),
            ],
        )
        self.assertEqual(self.dirty(), [(HOUR, 2 * HOUR)])

    def test_lanes_are_apart(self):
        """A mode point ends no state."""
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        feed_states(self.env, self.machine, [(MONDAY + HOUR, "cleaning")], lane="mode")
        self.assertEqual(self.points(), [(0, "running", None)])
        self.assertEqual(self.points("mode"), [(HOUR, "cleaning", None)])

    def test_repeat_changes_nothing(self):
        """The same facts again are counted as unchanged and mark nothing (V11)."""
        states = [(MONDAY, "running"), (MONDAY + HOUR, "down")]
        counts = [(MONDAY, 0), (MONDAY + HOUR, 120)]
        feed_states(self.env, self.machine, states)
        feed_counts(self.env, self.machine, counts)
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + HOUR)])
        self.dirty()
        again = (
            feed_states(self.env, self.machine, states)
            .also(feed_counts(self.env, self.machine, counts))
            .also(feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + HOUR)]))
        )
        self.assertEqual((again.written, again.unchanged, again.superseded), (0, 5, ()))
        self.assertEqual(self.dirty(), [])

    def test_key_goes_to_the_higher_rank_in_any_order(self):
        """Priority, then stream, then sequence decide, whatever the order of arrival (invariant 3)."""
        rows = [
            StateRow(self.machine.id, "state", MONDAY, str(index), value, priority=priority, stream=stream, seq=seq)
            for index, (value, priority, stream, seq) in enumerate(
                [("idle", 0, "A", 9), ("down", 1, "A", 1), ("running", 1, "B", 1), ("setup", 1, "B", 2)]
            )
        ]
        counter = make_counter(self.env, self.machine)
        counts = [
            CountRow(counter.id, 1, MONDAY, index, index, priority=row.priority, stream=row.stream, seq=row.seq)
            for index, row in enumerate(rows)
        ]
        for order in itertools.permutations(range(4)):
            with self.subTest(order=order), self.cr.savepoint() as savepoint:
                lost = []
                for index in order:
                    outcome = self.env["mes.fact.writer"].write_facts([rows[index]], [counts[index]])
                    lost += [loser.row for loser in outcome.superseded]
                self.assertEqual(self.points(), [(0, "setup", None)])
                self.assertEqual(self.env["mes.count.point"].search([("counter_id", "=", counter.id)]).total, 3)
                self.assertCountEqual([row.raw for row in lost if isinstance(row, StateRow)], ["0", "1", "2"])
                self.assertCountEqual([row.raw for row in lost if isinstance(row, CountRow)], [0, 1, 2])
                savepoint.rollback()

    def test_shuffled_batches_give_the_same_facts(self):
        """Any order and any cutting into batches end in the same rows (invariants 2 and 3)."""
        draw = random.Random(7)
        counter = make_counter(self.env, self.machine)
        states = [
            StateRow(
                self.machine.id, "state", MONDAY + draw.randrange(120) * 10 * SECOND, None,
                draw.choice(["running", "down", "idle"]), stream=draw.choice("ABC"), seq=seq,
            )
            for seq in range(200)
        ]  # fmt: skip
        counts = [
            CountRow(counter.id, 1, MONDAY + draw.randrange(150) * SECOND, seq, seq, stream="A", seq=seq)
            for seq in range(200)
        ]
        spans = [
            EvidenceRow(self.machine.id, draw.choice("AB"), MONDAY + start * SECOND, MONDAY + (start + 7) * SECOND)
            for start in (draw.randrange(600) for _ in range(150))
        ]

        def facts():
            self.env.cr.execute(
                """SELECT string_agg((at, until, value, stream, seq)::text, ';' ORDER BY at)
                     FROM mes_state_point WHERE workcenter_id = %(wc)s
                   UNION ALL SELECT string_agg((at, total, seq)::text, ';' ORDER BY at)
                     FROM mes_count_point WHERE workcenter_id = %(wc)s
                   UNION ALL SELECT string_agg((stream, at_from, at_until)::text, ';' ORDER BY stream, at_from)
                     FROM mes_evidence_span WHERE workcenter_id = %(wc)s""",
                {"wc": self.machine.id},
            )
            return self.env.cr.fetchall()

        results = []
        for _attempt in range(6):
            with self.cr.savepoint() as savepoint:
                batch = [*states, *counts, *spans]
                draw.shuffle(batch)
                while batch:
                    size = draw.randrange(1, 120)
                    part, batch = batch[:size], batch[size:]
                    for _times in range(draw.choice([1, 1, 2])):
                        self.env["mes.fact.writer"].write_facts(
                            [row for row in part if isinstance(row, StateRow)],
                            [row for row in part if isinstance(row, CountRow)],
                            [row for row in part if isinstance(row, EvidenceRow)],
                        )
                results.append(facts())
                savepoint.rollback()
        for result in results[1:]:
            self.assertEqual(result, results[0])
        self.assertTrue(all(row[0] for row in results[0]))

    def test_stored_ends_equal_the_next_points(self):
        """The cached end is the next point's time for every row, after random late points."""
        draw = random.Random(3)
        for seq in range(30):
            times = sorted({MONDAY + draw.randrange(400) * MINUTE for _ in range(draw.randrange(1, 9))})
            feed_states(self.env, self.machine, [(at, "running") for at in times], seq=seq * 10)
        self.env.cr.execute(
            """SELECT count(*) FROM (SELECT until, lead(at) OVER (PARTITION BY workcenter_id, lane ORDER BY at)
                 AS next FROM mes_state_point WHERE workcenter_id = %s) p WHERE until IS DISTINCT FROM next""",
            [self.machine.id],
        )
        self.assertEqual(self.env.cr.fetchone()[0], 0)
        self.assertGreater(len(self.points()), 50)

    def test_evidence_is_merged_per_stream(self):
        """Touching spans of one stream are one row; another stream's stay apart."""
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 10), (MONDAY + 20, MONDAY + 30)])
        feed_evidence(self.env, self.machine, [(MONDAY + 5, MONDAY + 9)], stream="OTHER")
        self.dirty()
        feed_evidence(self.env, self.machine, [(MONDAY + 10, MONDAY + 20)])
        spans = self.env["mes.evidence.span"].search([("workcenter_id", "=", self.machine.id)], order="stream")
        self.assertEqual(
            [(s.stream, clock.to_ms(s.at_from) - MONDAY, clock.to_ms(s.at_until) - MONDAY) for s in spans],
            [("OTHER", 5, 9), ("TEST", 0, 30)],
        )
        self.assertEqual(self.dirty(), [(10, 20)])

    def test_count_marks_between_its_neighbours(self):
        """A late reading splits its interval: the span between its neighbours is to be made anew."""
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + HOUR, 60), (MONDAY + 2 * HOUR, 90)])
        self.dirty()
        feed_counts(self.env, self.machine, [(MONDAY + 90 * MINUTE, 75)], seq=9)
        self.assertEqual(self.dirty(), [(HOUR, 2 * HOUR)])

    def test_every_consumer_gets_its_own_mark(self):
        """A consumer that takes its marks leaves the others' alone."""
        dirty = type(self.env["mes.dirty.span"])
        self.patch(dirty, "_consumers", lambda self: ["stop", "other"])
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        self.assertEqual(self.dirty("stop"), [(0, None)])
        self.assertEqual(self.dirty("stop"), [])
        self.assertEqual(self.dirty("other"), [(0, None)])

    def test_number_of_statements_does_not_grow_with_the_batch(self):
        """A batch of 10 and one of 1000 rows take the same number of statements."""
        counter = make_counter(self.env, self.machine)

        def statements(size, start):
            before = self.cr.sql_log_count
            times = [start + index * SECOND for index in range(size)]
            self.env["mes.fact.writer"].write_facts(
                [StateRow(self.machine.id, "state", at, None, "running", seq=at) for at in times],
                [CountRow(counter.id, 1, at, at - start, at - start, seq=at) for at in times],
                [EvidenceRow(self.machine.id, "A", at, at + 1) for at in times],
            )
            return self.cr.sql_log_count - before

        statements(1, MONDAY - HOUR)
        few = statements(10, MONDAY)
        self.assertEqual(statements(1000, MONDAY + HOUR), few)
        self.assertLess(few, 25)

    def test_text_survives_quoting(self):
        """Quotes, backslashes, braces and commas of a machine's texts arrive as they are."""
        nasty = "a\"b\\c{d},e'f%s NULL ä"
        self.env["mes.fact.writer"].write_states([StateRow(self.machine.id, "state", MONDAY, nasty, "down", nasty)])
        point = self.env["mes.state.point"].search([("workcenter_id", "=", self.machine.id)])
        self.assertEqual((point.raw, point.code), (nasty, nasty))

    def test_unknown_machine_is_named(self):
        """A machine that does not exist stops the batch with its id in the sentence."""
        with self.assertRaisesRegex(ValidationError, "999999"):
            self.env["mes.fact.writer"].write_states([StateRow(999999, "state", MONDAY, None, "running")])

    def test_live_keeps_since_and_ignores_older_versions(self):
        """`since` stays while the state stays; an older version changes nothing; counts are merged."""
        write = self.env["mes.fact.writer"].write_live

        def row(state, version, at, counts=None):
            return LiveRow(self.machine.id, state, "production", None, None, counts, version, MONDAY + at, None, "A")

        self.assertEqual(
            write([row("running", 1, 0, {"total": 1}), row("running", 2, 10, {"good": 1})]), self.machine.ids
        )
        write([row("running", 3, 20, {"total": 5})])
        self.assertEqual(write([row("down", 2, 30)]), [])
        live = self.env["mes.equipment.live"].search([("workcenter_id", "=", self.machine.id)])
        self.assertEqual(
            (live.state, clock.to_ms(live.since) - MONDAY, live.counts), ("running", 10, {"good": 1, "total": 5})
        )
        write([row("down", 4, 40)])
        self.assertEqual((live.state, clock.to_ms(live.since) - MONDAY), ("down", 40))

    def test_counters_are_made_with_a_free_seat(self):
        """The first total is authoritative, a second one a cross-check; a repeat finds the same."""
        ensure = self.env["mes.counter"]._ensure
        ids = ensure([(self.machine.id, "total", None, None), (self.machine.id, "good", None, None)])
        more = ensure([(self.machine.id, "reject", None, None), (self.machine.id, "total", None, None),
                       (self.machine.id, "outfeed", "total", "cases")])  # fmt: skip
        self.assertEqual(more[self.machine.id, "total"], ids[self.machine.id, "total"])
        counters = self.env["mes.counter"].search([("workcenter_id", "=", self.machine.id)])
        self.assertEqual(
            {counter.name: counter.role for counter in counters},
            {"total": "total", "good": "good", "reject": "check", "outfeed": "check"},
        )
