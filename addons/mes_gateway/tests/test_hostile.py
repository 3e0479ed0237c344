import random

from odoo.addons.mes_base.tests.common import DAY, SECOND
from odoo.tests import tagged

from .common import NOW, GatewayCase, event


@tagged("post_install", "-at_install")
class TestHostile(GatewayCase):
    """What a device, or whoever has a gateway's key, may send on purpose."""

    def test_long_code_of_an_alarm_stops_no_stream(self):
        """A code that no index takes is refused alone; the events around it are applied."""
        rare = "".join(chr(random.Random(n).randrange(0x20000, 0x2A6D0)) for n in range(1000))
        sent = [
            event(n, "alarm", self.machine, NOW - DAY + n * SECOND, code=code, active=True)
            for n, code in enumerate(["E1", rare, "E2"], 1)
        ]
        answer = self.bridge.ingest(sent)
        self.assertEqual((answer["applied"], [verdict["seq"] for verdict in answer["verdicts"]]), (3, [2]))
        codes = self.env["mes.alarm"].search([("workcenter_id", "=", self.machine.id)]).mapped("code")
        self.assertEqual(set(codes), {"E1", "E2"})
