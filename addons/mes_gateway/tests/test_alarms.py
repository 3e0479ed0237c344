import itertools

from odoo.addons.mes_base.tests.common import DAY, SECOND, make_user
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import NOW, Bridge, GatewayCase, event


@tagged("post_install", "-at_install")
class TestAlarms(GatewayCase):
    """From the machines' alarm events to a list of what came and went."""

    def setUp(self):
        """No event was sent yet."""
        super().setUp()
        self.seq = 0

    def send(self, *changes, machine=None, code="E7", bridge=None, **fields):
        """Alarm events ``(seconds, active)`` in one batch."""
        events = []
        for at, active in changes:
            self.seq += 1
            said = {"code": code, "active": active, **fields}
            events.append(event(self.seq, "alarm", machine or self.machine, NOW - DAY + at * SECOND, **said))
        answer = (bridge or self.bridge).ingest(events)
        self.assertEqual(answer["verdicts"], [])

    def alarms(self, machine=None, code="E7"):
        """From and until of the alarms, in seconds."""
        found = self.env["mes.alarm"].search(
            [("workcenter_id", "=", (machine or self.machine).id), ("code", "=", code)], order="at_from"
        )
        begin = NOW - DAY
        return [
            tuple(None if not at else (clock.to_ms(at) - begin) // SECOND for at in (alarm.at_from, alarm.at_until))
            for alarm in found
        ]

    def test_comes_and_goes(self):
        """With text and severity; machines and codes are apart."""
        self.send((10, True), (20, False), (30, True), text="Door open", severity=3)
        self.send((15, True), machine=self.machine2)
        self.send((16, True), code="E8")
        self.assertEqual(self.alarms(), [(10, 20), (30, None)])
        self.assertEqual(self.alarms(self.machine2), [(15, None)])
        alarm = self.env["mes.alarm"].search([("workcenter_id", "=", self.machine.id), ("code", "=", "E7")], limit=1)
        self.assertEqual((alarm.text, alarm.severity, alarm.is_open), ("Door open", "3", True))
        self.assertEqual(self.env["mes.alarm"].search_count([("is_open", "=", True)]), 3)
        self.assertEqual(self.env["mes.alarm"].search_count([("is_open", "=", False)]), 1)

    def test_any_order_gives_the_same_list(self):
        """Each change in a batch of its own, in every order, some twice."""
        changes = [(10, True), (15, False), (18, True), (20, False), (25, False)]
        for order in itertools.permutations(changes):
            self.env.cr.execute("DELETE FROM mes_alarm; DELETE FROM mes_alarm_point")
            for change in (*order, order[0]):
                self.send(change)
            self.assertEqual(self.alarms(), [(10, 15), (18, 20)], order)

    def test_a_number_of_statements_for_any_number_of_alarms(self):
        """Sets, not loops."""
        self.send((1, True))
        before = self.env.cr.sql_log_count
        self.send((2, False))
        few = self.env.cr.sql_log_count - before
        before = self.env.cr.sql_log_count
        self.send(*[(number, number % 2 == 0) for number in range(3, 400)])
        self.assertLessEqual(self.env.cr.sql_log_count - before, few + 2)
        self.assertEqual(len(self.alarms()), 1 + 198)

    def test_seen(self):
        """By one who works with the machines; a late event that joins two alarms keeps it."""
        operator = make_user(self.env, "operator")
        self.send((10, True), (15, False), (18, True))
        last = self.env["mes.alarm"].search([], limit=1).with_user(operator)
        last.action_seen()
        self.assertEqual(last.seen_uid, operator)
        other = make_user(self.env, "operator", "other-operator")
        last.with_user(other).action_seen()
        self.assertEqual(last.seen_uid, operator, "the first one stays")
        self.send((18, False), (14, True))
        self.send((15, True))
        self.assertEqual(self.alarms(), [(10, 18)])
        with self.assertRaises(AccessError):
            last.write({"code": "x"})

    def test_history_says_nothing_of_now(self):
        """An alarm of history that never went is no active one."""
        self.gateway.write({"stream_ids": [(0, 0, {"code": "PAST", "is_history": True})]})
        bridge = Bridge(self.gateway, "PAST")
        bridge.hello()
        self.send((10, True), bridge=bridge)
        self.assertEqual(self.alarms(), [(10, None)])
        self.assertFalse(self.env["mes.alarm"].search([("is_open", "=", True)]))
