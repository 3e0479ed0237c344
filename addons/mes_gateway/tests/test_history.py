import time

from odoo.addons.mes_base.tests.common import DAY, HOUR
from odoo.tests import tagged

from .. import contract
from .common import NOW, Bridge, GatewayCase, count, event, state


@tagged("post_install", "-at_install")
class TestHistory(GatewayCase):
    """A stream of history: old facts come in, nothing of now is moved or missed."""

    @classmethod
    def setUpClass(cls):
        """A second stream of the gateway."""
        super().setUpClass()
        cls.gateway.write({"stream_ids": [(0, 0, {"code": "PAST", "is_history": True})]})
        cls.past = Bridge(cls.gateway, "PAST")
        cls.past.hello()

    def test_ten_years_are_taken(self):
        """From this stream only."""
        old = NOW - 9 * 365 * DAY
        answer = self.past.ingest([state(1, self.machine, old), count(2, self.machine, old, 5, 5)])
        self.assertEqual((answer["applied"], answer["verdicts"]), (2, []))
        verdicts = self.bridge.ingest([state(1, self.machine, old)])["verdicts"]
        self.assertEqual([verdict["code"] for verdict in verdicts], ["too_old"])
        verdicts = self.past.ingest([state(3, self.machine, NOW - 11 * 366 * DAY)])["verdicts"]
        self.assertEqual([verdict["code"] for verdict in verdicts], ["too_old"])

    def test_live_values_stay(self):
        """What it says of now is not heard."""
        at = contract.format_time(NOW)
        self.bridge.live({self.machine.mes_code: {"at": at, "state": "running"}}, version=1)
        answer = self.past.live({self.machine.mes_code: {"at": at, "state": "down"}}, version=2)
        self.assertTrue(answer["ok"])
        live = self.env["mes.equipment.live"].search([("workcenter_id", "=", self.machine.id)])
        self.assertEqual(live.state, "running")

    def test_the_other_stream_comes_first(self):
        """Unless the stream has a rank of its own."""
        at = NOW - HOUR
        self.bridge.ingest([state(1, self.machine, at, "running")])
        verdicts = self.past.ingest([state(1, self.machine, at, "down")])["verdicts"]
        self.assertEqual([verdict["code"] for verdict in verdicts], ["superseded"])
        self.gateway.stream_ids.filtered("is_history").rank = 5
        self.past.ingest([state(2, self.machine, at, "idle")])
        points = self.env["mes.state.point"].search([("workcenter_id", "=", self.machine.id)])
        self.assertEqual(points.mapped("value"), ["idle"])

    def test_its_silence_is_none(self):
        """Nobody waits for it; a clock that stepped then is no finding now."""
        now = int(time.time() * 1000)
        for stream in self.gateway.stream_ids:
            ago = 3_600_000 if stream.is_history else 0
            self.env["mes.gateway.heartbeat"].beat(stream.id, now - ago, 0, "1.0", {})
        self.gateway.invalidate_recordset()
        self.assertNotEqual(self.gateway.health, "silent")
        self.past.ingest([event(1, "clock", self.machine, NOW - DAY, step_s=60.0, source="PLC")])
        self.assertFalse(self.finding("clock"))
