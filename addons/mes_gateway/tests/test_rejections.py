import json

from odoo.addons.mes_base.tests.common import HOUR, MINUTE, at_time, make_counter, make_user
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from .. import contract
from .common import NOW, Bridge, GatewayCase, count, event, make_gateway, state


@tagged("post_install", "-at_install")
class TestRejections(GatewayCase):
    """A rejected event is corrected and replayed as if it had been right at once."""

    def replay(self, rejection, user=None):
        """Replay at the same plant time."""
        return at_time(rejection.with_user(user or self.env.user), NOW).action_replay()

    def test_what_a_late_fact_supersedes_is_kept(self):
        """Opening a period drops nothing in silence: who lost the key is in the list, as without the period."""
        at = NOW - HOUR
        self.bridge.ingest([state(1, self.machine, at, "running")])
        lock = at_time(self.env["mes.period.lock"], NOW).create({"at_until": clock.from_ms(NOW - MINUTE)})
        stronger = make_gateway(self.env, self.site, "LINE2", "Hall 2", priority=5)
        other = Bridge(stronger)
        other.hello()
        other.ingest([state(1, self.machine, at, "down")])
        self.assertFalse(self.rejection("superseded"), "it waits")
        at_time(lock, NOW).action_reopen()
        self.assertEqual(self.env["mes.state.point"].search([]).mapped("value"), ["down"])
        kept = self.rejection("superseded")
        self.assertEqual((kept.stream_id, kept.equipment), (self.stream, self.machine.mes_code))
        self.assertEqual(json.loads(kept.raw)["state"], "running")

    def test_v29_corrected_and_replayed(self):
        """Same totals and times as if it had been right at once."""
        at = NOW - HOUR
        right = [
            count(1, self.machine, at, 5, 5),
            count(2, self.machine, at + MINUTE, 9, 4),
            state(3, self.machine, at + MINUTE, "down", code="17"),
            count(4, self.machine, at + 2 * MINUTE, 20, 11),
            state(5, self.machine, at + 3 * MINUTE),
        ]
        self.bridge.ingest(right)
        expected = self.facts()
        self.env.cr.execute("DELETE FROM mes_state_point; DELETE FROM mes_count_point")
        self.env["mes.gateway.stream"].begin_epoch(self.stream.id, self.bridge.epoch)

        wrong = [dict(one) for one in right]
        wrong[1]["total"], wrong[2]["state"] = -9, "asleep"
        self.bridge.ingest(wrong)
        self.assertNotEqual(self.facts(), expected)
        rejections = self.env["mes.event.rejection"].search([("state", "=", "open")])
        self.assertEqual(sorted(rejections.mapped("seq")), [2, 3])
        engineer = make_user(self.env, "engineer")
        for rejection in rejections:
            rejection.with_user(engineer).corrected = json.dumps(right[rejection.seq - 1])
            self.replay(rejection, engineer)
        self.assertEqual(self.facts(), expected)
        self.assertEqual(set(rejections.mapped("state")), {"replayed"})
        self.assertEqual(rejections.settled_uid, engineer)
        point = self.env["mes.state.point"].search([("value", "=", "down")])
        self.assertEqual((point.stream, point.seq), ("LINE1", 3), "it has its own number and rank again")

    def test_the_cause_was_mended(self):
        """Without a correction the event is replayed as sent: the missing counter is there now."""
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, 5, 5, counter="good")])
        rejection = self.rejection("unknown_counter")
        self.replay(rejection)
        self.assertEqual(rejection.state, "open", "the cause is still there")
        make_counter(self.env, self.machine, "good")
        self.replay(rejection)
        self.assertEqual(rejection.state, "replayed")
        self.assertEqual(self.env["mes.count.point"].search([]).total, 5)

    def test_the_map_was_completed(self):
        """A raw value that was in no map is mapped by today's."""
        tag = self.env["mes.gateway.tag"].create(
            {
                "gateway_id": self.gateway.id, "workcenter_id": self.machine.id, "name": "state", "signal": "state",
                "connection": "plc", "register": 1, "map": {"1": "running"},
            }
        )  # fmt: skip
        self.bridge.ingest([state(1, self.machine, NOW - HOUR, None, raw=7)])
        rejection = self.rejection("unmapped")
        tag.map = {"1": "running", "7": "setup"}
        self.replay(rejection)
        point = self.env["mes.state.point"].search([])
        self.assertEqual((point.value, point.raw, point.map_revision), ("setup", "7", 2))

    def test_still_wrong_stays_open_with_the_new_reason(self):
        """A correction that is wrong too says so and changes nothing."""
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, -5, 5)])
        rejection = self.rejection("negative_count")
        rejection.corrected = json.dumps(count(1, self.machine, NOW + HOUR, 5, 5))
        self.replay(rejection)
        self.assertEqual((rejection.state, rejection.code), ("open", "in_future"))
        self.assertEqual(len(self.env["mes.event.rejection"].search([])), 1)
        self.assertFalse(self.env["mes.count.point"].search([]))

    def test_an_event_from_the_future_comes_true(self):
        """What was ahead of the clock is replayed once its time has come."""
        self.bridge.ingest([state(1, self.machine, NOW + 10 * MINUTE)])
        rejection = self.rejection("in_future")
        at_time(rejection, NOW + 11 * MINUTE).action_replay()
        self.assertEqual(rejection.state, "replayed")

    def test_replay_twice_changes_nothing(self):
        """A settled rejection is not applied again."""
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, 5, 5, counter="good")])
        make_counter(self.env, self.machine, "good")
        rejection = self.rejection("unknown_counter")
        self.replay(rejection)
        facts = self.facts()
        self.replay(rejection)
        self.assertEqual(self.facts(), facts)

    def test_the_same_bad_event_of_a_new_epoch_is_one_entry(self):
        """A bad event that a restored bridge sends again does not fill the list."""
        bad = count(1, self.machine, NOW - HOUR, -5, 5)
        self.bridge.ingest([bad])
        self.bridge.ingest([{**bad, "seq": 2}])
        self.assertEqual(len(self.rejection("negative_count")), 1)

    def test_dismiss(self):
        """A person may decide that nothing is to be done."""
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, -5, 5)])
        rejection = self.rejection("negative_count")
        rejection.action_dismiss()
        self.replay(rejection)
        self.assertEqual(rejection.state, "dismissed")
        self.assertFalse(self.env["mes.count.point"].search([]))

    def test_a_correction_must_be_an_object(self):
        """What is no JSON object is refused when it is saved."""
        self.bridge.ingest([event(1, "state", self.machine, NOW - HOUR)])
        rejection = self.rejection("malformed")
        for text in ("{", "[1]", "5"):
            with self.assertRaises(ValidationError):
                rejection.corrected = text
                rejection.flush_recordset()

    def test_every_code_of_the_contract_has_a_name(self):
        """A verdict that keeps the event aside can be listed; the other two codes keep nothing aside."""
        listed = dict(self.env["mes.event.rejection"]._fields["code"].selection)
        self.assertEqual(set(listed) | {"checksum", "pending_kind"}, set(contract.CODES))

    def test_who_may_replay(self):
        """An engineer; a supervisor may look, an operator not even that."""
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, -5, 5)])
        rejection = self.rejection("negative_count")
        supervisor, operator = make_user(self.env, "supervisor"), make_user(self.env, "operator")
        self.assertEqual(rejection.with_user(supervisor).code, "negative_count")
        for user in (supervisor, operator):
            for action in ("action_replay", "action_dismiss"):
                with self.assertRaises(AccessError):
                    getattr(rejection.with_user(user), action)()
        with self.assertRaises(AccessError):
            rejection.with_user(operator).read(["raw"])
