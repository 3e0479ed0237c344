from odoo.addons.mes_base.tests.common import DAY, HOUR, MINUTE, SECOND, make_work_center
from odoo.tests import tagged

from .common import NOW, Bridge, GatewayCase, count, event, make_gateway, state


@tagged("post_install", "-at_install")
class TestIngest(GatewayCase):
    """A batch becomes facts exactly once."""

    def some_events(self):
        """A minute of a machine."""
        at = NOW - HOUR
        return [
            state(1, self.machine, at),
            count(2, self.machine, at + SECOND, 5, 5),
            count(3, self.machine, at + 2 * SECOND, 9, 4),
            event(
                4, "evidence", self.machine, at + 3 * SECOND, **{
                    "from": state(0, self.machine, at)["at"], "until": state(0, self.machine, at + 5 * SECOND)["at"],
                }
            ),
            event(5, "mode", self.machine, at, raw=2, mode="production"),
            state(6, self.machine, at + MINUTE, "down", code="17"),
        ]

    def test_events_become_facts(self):
        """Each kind becomes its fact, to the millisecond."""
        answer = self.bridge.ingest(self.some_events())
        self.assertEqual(answer["applied"], 6)
        self.assertEqual(answer["verdicts"], [])
        facts = self.facts()
        self.assertEqual(len(facts["mes.state.point"]), 3)
        self.assertEqual([row[4] for row in facts["mes.count.point"]], ["5", "9"])
        self.assertEqual(len(facts["mes.evidence.span"]), 1)
        down = self.env["mes.state.point"].search([("value", "=", "down")])
        self.assertEqual((down.code, down.until, down.stream, down.seq), ("17", False, "LINE1", 6))
        self.assertEqual(self.stream.applied, 6)

    def test_v11_the_same_batch_twice(self):
        """A repeated batch changes nothing and gets the same answer."""
        events = [*self.some_events(), count(7, self.machine, NOW, -1, 0)]
        first = self.bridge.ingest(events)
        facts = self.facts()
        self.assertEqual(self.bridge.ingest(events), first)
        self.assertEqual(self.facts(), facts)
        self.assertEqual(len(self.env["mes.event.rejection"].search([])), 1)

    def test_overlap_applies_what_is_new(self):
        """Of a batch that reaches back only the new events are applied."""
        events = self.some_events()
        self.bridge.ingest(events[:4])
        facts_then = self.bridge.ingest(events[2:])
        self.assertEqual(facts_then["applied"], 6)
        self.assertEqual(len(self.facts()["mes.count.point"]), 2)
        self.assertEqual(len(self.facts()["mes.state.point"]), 3)

    def test_out_of_sequence_changes_nothing(self):
        """A batch that does not continue is answered with what is applied."""
        answer = self.bridge.ingest(self.some_events()[2:])
        self.assertEqual((answer["applied"], answer["verdicts"]), (0, []))
        self.assertEqual(answer["code"], "out_of_sequence")
        self.assertIn("Go on at 1", answer["message"])
        self.assertFalse(any(self.facts().values()))
        self.assertEqual(self.stream.applied, 0)

    def test_in_pieces_or_at_once(self):
        """Batches of one leave the facts that one batch leaves."""
        for one in self.some_events():
            self.bridge.ingest([one])
        in_pieces = self.facts()
        self.env.cr.execute("DELETE FROM mes_state_point; DELETE FROM mes_count_point; DELETE FROM mes_evidence_span")
        self.env["mes.gateway.stream"].begin_epoch(self.stream.id, self.bridge.epoch)
        self.bridge.ingest(self.some_events())
        self.assertEqual(self.facts(), in_pieces)

    def test_declared_hole_is_a_finding(self):
        """What the bridge has lost is passed over and told."""
        hole = [{"from": 2, "to": 9, "reason": "disk full"}]
        at = NOW - HOUR
        events = [count(1, self.machine, at, 5, 5), count(10, self.machine, at + MINUTE, 50, 3)]
        message = self.bridge.batch(events[:1], dropped=hole)
        answer = self.bridge.call("ingest", {**message, "to": 10, "events": events})
        self.assertEqual((answer["applied"], answer["verdicts"]), (10, []))
        self.assertIn("disk full", self.finding("dropped").message)
        self.assertFalse(self.finding("checksum"), "a declared hole explains the jump of the total")

    def test_count_that_does_not_fit_is_an_alarm(self):
        """Conservation: one event altered on its way is told within its batch, the totals are kept."""
        at = NOW - HOUR
        self.bridge.ingest([count(1, self.machine, at, 5, 5), count(2, self.machine, at + 1000, 9, 4)])
        self.assertFalse(self.finding("checksum"))
        wrong = count(3, self.machine, at + 2000, 20, 4)
        answer = self.bridge.ingest([wrong, count(4, self.machine, at + 3000, 24, 4)])
        self.assertEqual([(v["seq"], v["code"]) for v in answer["verdicts"]], [(3, "checksum")])
        self.assertEqual(self.finding("checksum").times, 1)
        self.assertEqual(len(self.facts()["mes.count.point"]), 4)

    def test_late_count_fits_between_its_neighbours(self):
        """A late reading is compared with the one before it in time, not with the newest."""
        at = NOW - HOUR
        self.bridge.ingest([count(1, self.machine, at, 5, 5), count(2, self.machine, at + MINUTE, 30, 25)])
        answer = self.bridge.ingest([count(3, self.machine, at + SECOND, 9, 4)])
        self.assertEqual(answer["verdicts"], [])
        self.assertFalse(self.finding("checksum"))

    def test_v20_future_and_past(self):
        """Ten minutes ahead: set aside with its reason. Forty days old: taken."""
        answer = self.bridge.ingest(
            [state(1, self.machine, NOW + 10 * MINUTE), state(2, self.machine, NOW - 40 * DAY, "down")]
        )
        self.assertEqual([(v["seq"], v["code"]) for v in answer["verdicts"]], [(1, "in_future")])
        self.assertEqual(self.env["mes.state.point"].search([]).mapped("value"), ["down"])
        self.assertEqual(self.rejection("in_future").state, "open")

    def test_a_plc_ten_minutes_fast_is_taken_once_the_tolerance_says_so(self):
        """The tolerance is the gateway's."""
        self.gateway.future_tolerance_ms = 11 * MINUTE
        answer = self.bridge.ingest([state(1, self.machine, NOW + 10 * MINUTE)])
        self.assertEqual(answer["verdicts"], [])

    def test_v26_a_locked_month(self):
        """A fact for a closed period is stored as late and leaves the closed figures alone."""
        at = NOW - 40 * DAY
        self.bridge.ingest([state(1, self.machine, at)])
        before = self.facts()
        self.env["mes.period.lock"].create(
            {"company_id": self.env.company.id, "at_until": self.env["mes.clock"].now().replace(microsecond=0)}
        )
        answer = self.bridge.ingest([state(2, self.machine, at + MINUTE, "down")])
        self.assertEqual(answer["applied"], 2)
        self.assertEqual(self.facts(), before)
        self.assertEqual(len(self.env["mes.late.fact"].search([])), 1)

    def test_another_gateway_of_higher_priority_wins(self):
        """Of two facts with one key the higher rank is taken, whatever comes first; the other is kept."""
        better = Bridge(make_gateway(self.env, self.site, "LINE2", "Hall 2", priority=5))
        better.hello()
        at = NOW - HOUR
        self.bridge.ingest([state(1, self.machine, at, "running")])
        better.ingest([state(1, self.machine, at, "down")])
        answer = self.bridge.ingest([state(2, self.machine, at, "idle")])
        self.assertEqual([v["code"] for v in answer["verdicts"]], ["superseded"])
        self.assertEqual(self.env["mes.state.point"].search([]).mapped("value"), ["down"])
        kept = self.rejection("superseded")
        self.assertEqual(set(kept.mapped("seq")), {1, 2})
        self.assertEqual(set(kept.mapped("state")), {"superseded"})
        self.assertEqual(kept.stream_id, self.stream)
        self.assertIn('"state": "running"', "".join(kept.mapped("raw")))

    def test_the_number_of_statements_is_fixed(self):
        """Ten times the events, the same statements."""
        machines = [make_work_center(self.env, self.area, f"X{n}", line=self.line) for n in range(10)]
        few = self.statements([state(n + 1, machine, NOW - HOUR) for n, machine in enumerate(machines)])
        many = self.statements(
            [state(11 + n, machines[n % 10], NOW - HOUR + n * SECOND + 1) for n in range(400)]
        )
        self.assertLessEqual(many, few + 2)
        self.assertLess(many, 40)

    def statements(self, events):
        """How many statements a batch takes."""
        before = self.env.cr.sql_log_count
        answer = self.bridge.ingest(events)
        self.assertEqual(answer["verdicts"], [])
        return self.env.cr.sql_log_count - before

    def test_measurements_are_kept(self):
        """A value and a summary of a known tag."""
        self.env["mes.gateway.tag"].create(
            {
                "gateway_id": self.gateway.id, "workcenter_id": self.machine.id, "name": "temp",
                "signal": "measurement", "connection": "plc", "register": 1,
            }
        )  # fmt: skip
        tag = f"{self.machine.mes_code}/temp"
        begin = state(0, self.machine, NOW - MINUTE)["at"]
        summary = {"mean": 3.5, "min": -1.25, "max": 9, "n": 60, "from": begin}
        answer = self.bridge.ingest(
            [
                event(1, "measurement", self.machine, NOW - SECOND, tag=tag, value=0.1, unit="C"),
                event(2, "measurement", self.machine, NOW, name="temp", **summary),
                event(3, "measurement", self.machine, NOW - SECOND, tag=tag, value=0.2, unit="C"),
            ]
        )
        self.assertEqual(answer["verdicts"], [])
        last, first = self.env["mes.measurement"].search([])
        self.assertEqual((first.value, first.unit), (0.2, "C"), "of one instant the later number is taken")
        self.assertEqual((last.value_mean, last.value_min, last.value_max, last.samples), (3.5, -1.25, 9.0, 60))
