import inspect
import json

from odoo.addons.mes_base.tests.common import (
    HOUR,
    at_time,
    make_area,
    make_company,
    make_counter,
    make_site,
    make_user,
    make_work_center,
)
from odoo.exceptions import AccessError, UserError
from odoo.service.model import get_public_method
from odoo.tests import tagged

from .common import NOW, Bridge, GatewayCase, count, event, make_gateway, state

MODELS = (
    "mes.gateway",
    "mes.gateway.stream",
    "mes.gateway.heartbeat",
    "mes.gateway.tag",
    "mes.gateway.finding",
    "mes.event.rejection",
    "mes.event.pending",
    "mes.event.applier",
    "mes.measurement",
    "mes.measurement.minute",
    "mes.measurement.hour",
    "mes.measurement.mark",
    "mes.telemetry",
    "mes.command",
    "mes.alarm",
    "mes.alarm.point",
    "mes.gateway.tag.import",
    "mes.gateway.tag.import.row",
)
# Open to an operator, who works with the machines.
OPERATORS = {("mes.alarm", "action_seen")}
CALLS = {"hello", "ingest", "live", "tags"}


@tagged("post_install", "-at_install")
class TestRights(GatewayCase):
    """Invariant 8: nothing that a limited user can call reaches beyond its company, machines and role."""

    @classmethod
    def setUpClass(cls):
        """A second company with a machine, a gateway and a rejected event of its own."""
        super().setUpClass()
        cls.company2 = make_company(cls.env)
        site2 = make_site(cls.env, "T1", company=cls.company2)
        area2 = make_area(cls.env, site2, "A1")
        cls.machine_t = make_work_center(cls.env, area2, "M1")
        make_counter(cls.env, cls.machine_t, "total")
        cls.gateway2 = make_gateway(cls.env, site2, "LINE1", "Other")
        cls.bridge2 = Bridge(cls.gateway2)
        cls.bridge2.hello()
        cls.bridge2.ingest([count(1, cls.machine_t, NOW - HOUR, -5, 5), state(2, cls.machine_t, NOW - HOUR)])

    def test_a_gateway_writes_its_own_companys_machines_only(self):
        """The other company's machine does not exist for it, though the stream has the same name."""
        answer = self.bridge.ingest([state(1, self.machine_t, NOW - HOUR, "down"), state(2, self.machine, NOW - HOUR)])
        self.assertEqual([v["code"] for v in answer["verdicts"]], ["unknown_equipment"])
        self.assertEqual(self.gateway2.stream_ids.applied, 2)
        points = self.env["mes.state.point"].search([("workcenter_id", "=", self.machine_t.id)])
        self.assertEqual(points.mapped("value"), ["running"])
        self.assertNotIn(f"{self.machine_t.mes_code}/total", self.bridge.hello()["counters"])

    def test_the_clients_context_steers_nothing(self):
        """A frozen clock or another company in the client's context is not heard."""
        model = self.env["mes.gateway"].with_user(self.gateway.user_id)
        model = model.with_context(mes_now_ms=NOW, allowed_company_ids=self.company2.ids)
        ahead = self.env["mes.clock"].now_ms() + 3_600_000
        message = self.bridge.batch([state(1, self.machine, ahead)])
        answer = json.loads(model.with_context(mes_now_ms=ahead).ingest(json.dumps(message)))
        self.assertEqual([v["code"] for v in answer["verdicts"]], ["in_future"])

    def test_the_gateways_user_has_no_right_on_any_record(self):
        """It reads and writes nothing but through its four calls."""
        for name in MODELS:
            if self.env[name]._abstract:
                continue
            model = self.env[name].with_user(self.gateway.user_id)
            for right in ("read", "write", "create", "unlink"):
                self.assertFalse(model.has_access(right), f"{name} {right}")

    def test_what_can_be_called_at_all(self):
        """The public methods of our models are the four calls and the buttons; each refuses the wrong role."""
        records = {
            "mes.gateway": self.gateway,
            "mes.event.rejection": self.env["mes.event.rejection"].search([], limit=1),
            "mes.gateway.finding": self.env["mes.gateway.finding"],
        }
        self.env["mes.gateway.finding"].note(self.stream._source(), "clock", "x", "x")
        records["mes.gateway.finding"] = self.finding("clock")
        place = {"gateway_id": self.gateway.id, "workcenter_id": self.machine.id, "connection": "plc"}
        tag = self.env["mes.gateway.tag"].create({**place, "name": "lamp", "signal": "companion", "writable": True})
        records["mes.gateway.tag"] = tag
        self.bridge.ingest([event(1, "alarm", self.machine, NOW, code="E1", active=True)])
        records["mes.alarm"] = self.env["mes.alarm"].search([], limit=1)
        records["mes.gateway.tag.import"] = self.env["mes.gateway.tag.import"].create({"gateway_id": self.gateway.id})
        records["mes.command"] = self.env["mes.command"].create({"tag_id": tag.id, "reason": "Trial"})
        found = {name: own_public_methods(self.env[name]) for name in MODELS}
        self.assertEqual(found["mes.gateway"] & CALLS, CALLS)
        self.assertFalse(found["mes.event.applier"])
        for name, methods in found.items():
            buttons = methods - CALLS
            if name == "mes.gateway.tag":
                buttons.remove("read_trend")  # its rights have a test of their own
            self.assertTrue(all(method.startswith("action_") for method in buttons), f"{name}: {buttons}")
            for method in buttons:
                for role in ("gateway", "operator")[: 1 if (name, method) in OPERATORS else 2]:
                    self.refused(records[name].with_user(make_user(self.env, role)), method, role)

    def refused(self, record, method, role):
        """Either the button is refused, or it only leads to a list behind rights of its own."""
        try:
            action = getattr(record, method)()
        except AccessError:
            return
        self.assertEqual(role, "operator", f"{method} for {role}")
        self.assertEqual(action["type"], "ir.actions.act_window")
        target = self.env[action["res_model"]].with_user(record.env.user)
        if target._name == "mes.command":
            self.assertFalse(target.has_access("create"))
            return
        with self.assertRaises(AccessError):
            self.env[action["res_model"]].with_user(record.env.user).search([]).mapped("message")

    def test_nobody_else_may_call_for_a_gateway(self):
        """People of every role are refused by the four calls."""
        for role in ("operator", "supervisor", "engineer"):
            model = self.env["mes.gateway"].with_user(make_user(self.env, role))
            for method in CALLS:
                with self.assertRaisesRegex(AccessError, "^gateway_unknown: "):
                    getattr(at_time(model, NOW), method)("{}")

    def test_people_see_their_company_only(self):
        """Lists, and records by their number."""
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, -5, 5)])
        engineer = make_user(self.env, "engineer")
        for name in ("mes.gateway", "mes.gateway.stream", "mes.event.rejection", "mes.gateway.heartbeat"):
            mine = self.env[name].with_user(engineer).search([])
            everything = self.env[name].search([])
            self.assertTrue(mine)
            self.assertLess(len(mine), len(everything), name)
            with self.assertRaises(AccessError):
                (everything - mine).with_user(engineer).read(["display_name"])

    def test_an_engineer_of_another_company_can_not_replay(self):
        """A rejection of the other company is out of reach."""
        rejection = self.env["mes.event.rejection"].search([("company_id", "=", self.company2.id)])
        with self.assertRaises(AccessError):
            rejection.with_user(make_user(self.env, "engineer")).action_replay()

    def test_a_replay_is_bound_to_the_stream_that_sent(self):
        """A correction can't reach another company's machine."""
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, -5, 5)])
        rejection = self.env["mes.event.rejection"].search([("company_id", "=", self.env.company.id)])
        engineer = make_user(self.env, "engineer")
        rejection.with_user(engineer).corrected = json.dumps(count(1, self.machine_t, NOW - HOUR, 5, 5))
        at_time(rejection.with_user(engineer), NOW).action_replay()
        self.assertEqual((rejection.state, rejection.code), ("open", "unknown_equipment"))
        self.assertFalse(self.env["mes.count.point"].search([("workcenter_id", "=", self.machine_t.id)]))

    def test_what_is_recorded_can_not_be_rewritten(self):
        """Not by an engineer either: numbers, reasons and what was sent are written by the calls alone."""
        self.bridge.ingest([count(1, self.machine, NOW - HOUR, -5, 5)])
        self.env["mes.gateway.finding"].note(self.stream._source(), "clock", "x", "x")
        engineer = make_user(self.env, "engineer")
        rejection = self.env["mes.event.rejection"].search([("company_id", "=", self.env.company.id)])
        for record, vals in (
            (self.stream, {"applied": 0}),
            (self.stream, {"epoch": False}),
            (rejection, {"raw": "{}"}),
            (rejection, {"state": "dismissed"}),
            (self.finding("clock"), {"message": "y"}),
        ):
            with self.assertRaises(AccessError):
                record.with_user(engineer).write(vals)
        new = {"gateway_id": self.gateway.id, "code": "NEW", "applied": 10}
        with self.assertRaises(AccessError):
            self.env["mes.gateway.stream"].with_user(engineer).create(new)
        with self.assertRaises(UserError):
            self.stream.with_user(engineer).code = "OTHER"
        self.finding("clock").with_user(engineer).action_close()
        self.assertFalse(self.finding("clock"))

    def test_an_engineer_can_not_take_over_a_user(self):
        """The gateway's user is made by the button, and given to nobody's choice."""
        engineer = make_user(self.env, "engineer")
        self.assertTrue(self.gateway.with_user(engineer).has_access("write"))
        with self.assertRaises(AccessError):
            self.gateway.with_user(engineer).write({"user_id": self.env.ref("base.user_admin").id})


def own_public_methods(model) -> set[str]:
    """The methods of this room that a client can call on a model."""
    found = set()
    for cls in type(model).mro():
        if not cls.__module__.startswith("odoo.addons.mes_gateway."):
            continue
        for name, member in vars(cls).items():
            if inspect.isfunction(member) and not name.startswith("_") and name not in ("create", "write", "unlink"):
                try:
                    get_public_method(model, name)
                except AccessError:
                    continue
                found.add(name)
    return found
