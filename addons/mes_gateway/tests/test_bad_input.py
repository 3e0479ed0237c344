import json
import secrets
import time

from odoo.addons.mes_base.tests.common import HOUR, MINUTE, make_area, make_site, make_user, make_work_center
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import NOW, Bridge, GatewayCase, count, event, make_gateway, state


@tagged("post_install", "-at_install")
class TestBadInput(GatewayCase):
    """Bad input gets a clear error; nothing is lost, nothing half applied."""

    def refused(self, bad, code):
        """One bad among good: the others are applied, the bad one is kept with its reason."""
        at = NOW - HOUR
        before = self.stream.applied
        good = [state(before + 1, self.machine, at + before), count(before + 3, self.machine2, at + before, before, 0)]
        answer = self.bridge.ingest([good[0], {**bad, "seq": before + 2}, good[1]], first=before + 1)
        self.assertEqual(answer["applied"], before + 3)
        mine = [verdict for verdict in answer["verdicts"] if verdict["seq"] == before + 2]
        self.assertEqual([verdict["code"] for verdict in mine], [code])
        self.assertTrue(mine[0]["message"])
        kept = self.env["mes.event.rejection"].search([("seq", "=", before + 2)])
        self.assertEqual((kept.code, kept.state, kept.stream_id), (code, "open", self.stream))
        self.assertEqual(json.loads(kept.raw)["seq"], before + 2)
        self.assertTrue(self.env["mes.state.point"].search([("seq", "=", before + 1)]))
        self.assertTrue(self.env["mes.count.point"].search([("seq", "=", before + 3)]))

    def test_unknown_equipment(self):
        """A machine that does not exist, and a machine of another site."""
        elsewhere = make_work_center(self.env, make_area(self.env, make_site(self.env, "S2"), "B1"), "Z1")
        self.refused({**state(0, self.machine, NOW), "equipment": "S1/A1/L1/NONE"}, "unknown_equipment")
        self.refused(state(0, elsewhere, NOW), "unknown_equipment")
        self.assertFalse(self.env["mes.state.point"].search([("workcenter_id", "=", elsewhere.id)]))

    def test_unknown_tag_and_counter(self):
        """A tag and a counter that nobody has made."""
        self.refused(event(0, "measurement", self.machine, NOW, name="temp", value=1.0), "unknown_tag")
        self.refused(count(0, self.machine, NOW, 1, 1, counter="good"), "unknown_counter")

    def test_wrong_types(self):
        """Texts for numbers, numbers for texts, lists for anything."""
        self.refused(count(0, self.machine, NOW, "5", 1), "bad_type")
        self.refused(count(0, self.machine, NOW, True, 1), "bad_type")
        self.refused(state(0, self.machine, NOW, 1), "bad_type")
        self.refused({**state(0, self.machine, NOW), "equipment": ["x"]}, "bad_type")
        self.refused({**state(0, self.machine, NOW), "kind": {}}, "bad_type")
        self.refused({**state(0, self.machine, NOW), "at": 5}, "bad_type")
        self.refused({"what": "ever"}, "malformed")

    def test_texts_too_long_for_an_index(self):
        """They are set aside; the statement does not fail on them, which would stop the stream for ever."""
        noise = secrets.token_hex(20_000)
        self.refused({**state(0, self.machine, NOW), "kind": noise}, "bad_value")
        self.refused(event(0, "clock", self.machine, NOW, source=noise, step_s=1.0), "bad_value")
        self.env["mes.gateway.finding"].note(self.stream._source(), "clock", noise, "x")
        self.assertTrue(self.finding("clock"))

    def test_negative_counts_and_numbers_that_are_none(self):
        """Counters never fall; NaN and infinity are no numbers; nothing beyond int8."""
        self.refused(count(0, self.machine, NOW, -1, 0), "negative_count")
        self.refused(count(0, self.machine, NOW, 5, -1), "negative_count")
        self.refused(count(0, self.machine, NOW, float("nan"), 0), "not_finite")
        self.refused(count(0, self.machine, NOW, 2**63, 0), "bad_value")
        self.refused(event(0, "measurement", self.machine, NOW, name="t", value=float("inf")), "not_finite")
        largest = self.bridge.ingest([count(self.stream.applied + 1, self.machine, NOW, 2**63 - 1, 2**63 - 1)])
        self.assertEqual(largest["verdicts"], [])

    def test_times(self):
        """Ahead of the clock, never set, or no time at all."""
        self.refused(state(0, self.machine, NOW + 10 * MINUTE), "in_future")
        self.refused(state(0, self.machine, 0), "clock_not_set")
        self.refused(state(0, self.machine, NOW - 401 * 24 * HOUR), "too_old")
        self.refused({**state(0, self.machine, NOW), "at": "2026-02-30T00:00:00.000Z"}, "bad_time")

    def test_text_that_no_database_takes(self):
        """NUL is legal JSON: the event is kept, escaped, and the batch goes on."""
        self.refused(state(0, self.machine, NOW, code="a\x00b"), "bad_value")

    def test_no_event_at_all(self):
        """Anything in the place of an event is kept and passed over."""
        answer = self.bridge.ingest([None, state(2, self.machine, NOW), [], "x", 7], first=1)
        self.assertEqual(answer["applied"], 5)
        self.assertEqual([verdict["seq"] for verdict in answer["verdicts"]], [1, 3, 4, 5])
        self.assertEqual(len(self.rejection("malformed")), 4)

    def test_poison_at_every_place(self):
        """One bad of ten, at each place: nine applied, order kept."""
        for place in range(10):
            first = self.stream.applied + 1
            events = [state(first + n, self.machine, NOW - HOUR + first + n) for n in range(10)]
            events[place]["state"] = "asleep"
            self.assertEqual(self.bridge.ingest(events)["applied"], first + 9)
        self.assertEqual(len(self.env["mes.state.point"].search([])), 90)
        self.assertEqual(len(self.rejection("bad_value")), 10)

    def call_refused(self, message, part, code="batch_invalid"):
        """The whole call is refused and changes nothing."""
        facts = self.facts()
        with self.assertRaisesRegex(UserError, f"^{code}: ") as caught:
            self.bridge.call("ingest", message)
        self.assertIn(part, str(caught.exception))
        self.assertEqual(self.facts(), facts)
        self.assertEqual(self.stream.applied, 0)

    def test_a_broken_batch(self):
        """A head or a sequence that does not hold."""
        one = self.bridge.batch([state(1, self.machine, NOW)])
        self.call_refused("nonsense", "not JSON")
        self.call_refused("[1]", "not an object")
        self.call_refused({**one, "v": 2}, "version 1")
        self.call_refused({**one, "to": 2}, "dropped")
        self.call_refused({**one, "epoch": 5}, "uuid")
        self.call_refused({**one, "events": {}}, "events")
        self.call_refused({**one, "stream": "LINE9"}, "add it", "stream_unknown")

    def test_fifty_megabytes_of_nonsense(self):
        """Refused at once, by its length alone."""
        nonsense = "{" * 50_000_000
        began = time.perf_counter()
        self.call_refused(nonsense, "limit is")
        self.assertLess(time.perf_counter() - began, 1.0)

    @mute_logger("odoo.sql_db")
    def test_another_gateways_stream(self):
        """A gateway's key with another's stream is refused, for every call."""
        other = make_gateway(self.env, self.site, "LINE2", "Hall 2")
        thief = Bridge(other, "LINE1")
        for method, message in (
            ("ingest", thief.batch([state(1, self.machine, NOW)])),
            ("live", {"stream": "LINE1", "version": 1, "machines": {}}),
            ("hello", {"stream": "LINE1", "epoch": thief.epoch, "first": 1, "last": 0}),
            ("tags", {"stream": "LINE1"}),
        ):
            with self.assertRaisesRegex(AccessError, "^stream_foreign: "):
                thief.call(method, message)
        self.assertFalse(any(self.facts().values()))

    def test_unknown_gateway(self):
        """A user in the gateway group that is no gateway's, or of an archived one, may do nothing."""
        stranger = make_user(self.env, "gateway")
        message = json.dumps({"stream": "LINE1"})
        with self.assertRaisesRegex(AccessError, "^gateway_unknown: "):
            self.env["mes.gateway"].with_user(stranger).tags(message)
        self.gateway.active = False
        with self.assertRaisesRegex(AccessError, "^gateway_unknown: "):
            self.bridge.call("tags", message)
