from unittest.mock import patch

from odoo.addons.mes_base.tests.common import MINUTE, SECOND, make_area, make_site, make_work_center
from odoo.exceptions import UserError
from odoo.tests import tagged

from .. import contract
from .common import NOW, OTHER_EPOCH, Bridge, GatewayCase, make_gateway


def values(at=NOW, value="running", **fields):
    """Live values of a machine."""
    return {"at": contract.format_time(at), "state": value, **fields}


@tagged("post_install", "-at_install")
class TestLive(GatewayCase):
    """The live lane overwrites, is the heartbeat, and tells the screens."""

    def live(self, machine=None):
        """The stored live values."""
        self.env.invalidate_all()
        return self.env["mes.equipment.live"].search([("workcenter_id", "=", (machine or self.machine).id)])

    def test_last_write_by_version(self):
        """A newer version overwrites, an older one is ignored."""
        code = self.machine.mes_code
        self.bridge.live({code: values(counts={"total": 5})}, 7)
        self.bridge.live({code: values(NOW + SECOND, "down", code="17", counts={"total": 6})}, 8)
        self.bridge.live({code: values(NOW, "running", counts={"total": 4})}, 6)
        live = self.live()
        self.assertEqual((live.state, live.code, live.counts, live.version), ("down", "17", {"total": 6}, 8))
        self.assertFalse(self.env["mes.state.point"].search([]), "live values are no facts")

    def test_a_version_that_ran_ahead_does_not_freeze_the_screen(self):
        """A bridge that began with a wrong clock is heard again once the calls with the far version have ended."""
        code, bridge = self.machine.mes_code, Bridge(self.gateway)
        bridge.live({code: values()}, 2**62)
        bridge.now += 9 * SECOND
        bridge.live({code: values(bridge.now, "down")}, 7)
        self.assertEqual(self.live().state, "running", "a stray call of before")
        bridge.now += 2 * SECOND
        bridge.live({code: values(bridge.now, "down")}, 8)
        self.assertEqual((self.live().state, self.live().version), ("down", 8))

    def test_names_of_counters_do_not_pile_up(self):
        """Not in one call, and not over many."""
        code = self.machine.mes_code
        for names in ([f"c{n}" for n in range(101)], ["c" * 65]):
            answer = self.bridge.live({code: values(counts=dict.fromkeys(names, 1))})
            self.assertEqual(answer["refused"][code]["code"], "bad_value")
        for version in range(1, 10):
            self.bridge.live({code: values(counts={f"{version}-{n}": 1 for n in range(100)})}, version)
        self.assertLessEqual(len(self.live().counts), 200)
        self.assertIn("9-0", self.live().counts)

    def test_no_data(self):
        """A machine whose link is lost has no state."""
        self.bridge.live({self.machine.mes_code: values(value=None)})
        self.assertFalse(self.live().state)

    def test_the_heartbeat(self):
        """Each call tells when the bridge was there, its clock and its health."""
        self.bridge.hello(bridge="1.4.2")
        at = contract.format_time(NOW - 3 * SECOND)
        self.bridge.live({}, 1, at=at, health={"connections": {"plc1": "up"}})
        self.env.invalidate_all()
        beat = self.gateway.heartbeat_ids
        self.assertTrue(beat.seen_at)
        self.assertEqual((beat.skew_ms, beat.bridge, beat.health), (-3000, "1.4.2", {"connections": {"plc1": "up"}}))

    def test_one_message_a_call(self):
        """The screens get the stored values by stable code, on the company's own channel."""
        sent = []
        with patch.object(type(self.env["bus.bus"]), "_sendone", lambda _bus, *message: sent.append(message)):
            self.bridge.live({self.machine.mes_code: values(NOW - SECOND, mode="production")}, 1)
            self.bridge.live({self.machine.mes_code: values(NOW, "down", counts={"total": 9})}, 2)
        self.assertEqual(len(sent), 2)
        channel, kind, payload = sent[1]
        self.assertEqual((channel, kind), ((self.env.company, "mes_live"), "mes.live"))
        machine = payload["machines"][self.machine.mes_code]
        self.assertEqual((machine["state"], machine["at"], machine["since"]), ("down", NOW, NOW))
        self.assertEqual(machine["counts"], {"total": 9})
        self.assertEqual((payload["stream"], payload["server"]), ("LINE1", NOW))

    def test_a_bad_machine_leaves_the_others_live(self):
        """Unknown, foreign, broken and future machines are named; the good one is live."""
        other = make_work_center(self.env, make_area(self.env, make_site(self.env, "S2"), "B1"), "Z1")
        answer = self.bridge.live(
            {
                self.machine.mes_code: values(),
                "S1/NONE": values(),
                other.mes_code: values(),
                self.machine2.mes_code: values(NOW + 10 * MINUTE),
            }
        )
        self.assertFalse(answer["ok"])
        self.assertEqual(
            {code: verdict["code"] for code, verdict in answer["refused"].items()},
            {"S1/NONE": "unknown_equipment", other.mes_code: "unknown_equipment", self.machine2.mes_code: "in_future"},
        )
        self.assertEqual(self.live().state, "running")
        self.assertFalse(self.live(other))

    def test_a_clone_is_not_live(self):
        """Values of another epoch than the active one are refused."""
        with self.assertRaisesRegex(UserError, "^epoch_conflict: "):
            self.bridge.live({self.machine.mes_code: values()}, epoch=OTHER_EPOCH)
        self.assertFalse(self.live())

    def test_two_streams_two_machines(self):
        """Streams of one site do not touch each other's machines' values."""
        second = Bridge(make_gateway(self.env, self.site, "LINE2", "Hall 2"))
        second.hello()
        self.bridge.live({self.machine.mes_code: values()}, 100)
        second.live({self.machine2.mes_code: values(value="down")}, 1)
        self.assertEqual((self.live().state, self.live(self.machine2).state), ("running", "down"))
