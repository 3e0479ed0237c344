import random

from odoo.addons.mes_base.tests.common import DAY, SECOND, at_time
from odoo.tests import tagged

from .common import NOW, GatewayCase, event
from .test_telemetry import TelemetryCase


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


@tagged("post_install", "-at_install")
class TestHostileTelemetry(TelemetryCase):
    """Registers that hold no number may be read as one that is nearly nought."""

    def test_mean_of_next_to_nothing_stops_no_rollup(self):
        """In minutes, hours, a merge of late values, and the trend."""
        tiny = {"mean": 5e-324, "min": 0.0, "max": 1.0, "n": 1}
        for day in (NOW - DAY, NOW - 200 * DAY):
            self.send((day, tiny), (day + 1, 0.0), (day + 2, 0.0), (day + 3, {"mean": 0.0, "n": 2**62}))
        self.roll_up()
        for model in ("mes.measurement.minute", "mes.measurement.hour"):
            n, _low, _high, mean, _last = self.bucket(model, NOW - DAY)
            self.assertEqual((n, mean), (2**62 + 3, 0.0), model)
        self.assertTrue(at_time(self.temp, NOW).read_trend("7d")["points"])
        self.keep(NOW)
        for value in (tiny, {"mean": 0.0, "n": 2**62}):
            self.send((NOW - 200 * DAY + 10, value))
            self.roll_up()
        self.assertGreater(self.bucket("mes.measurement.minute", NOW - 200 * DAY)[0], 2**62)
