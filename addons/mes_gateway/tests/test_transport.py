import json
from xmlrpc.client import Fault

from odoo.addons.mes_base.tests.common import make_area, make_counter, make_site, make_work_center
from odoo.tests import HttpCase, get_db_name, tagged
from odoo.tools import mute_logger

from .common import EPOCH, count, make_gateway

ACCESS_DENIED, ACCESS_ERROR, WARNING = 3, 4, 2


@tagged("post_install", "-at_install")
class TestTransport(HttpCase):
    """The calls over both of Odoo's transports, with the key that the button has made."""

    def setUp(self):
        """A machine, a gateway, a key."""
        super().setUp()
        site = make_site(self.env)
        self.machine = make_work_center(self.env, make_area(self.env, site))
        make_counter(self.env, self.machine)
        self.gateway = make_gateway(self.env, site)
        self.key = self.gateway.action_new_key()["context"]["default_key"]
        self.hello = json.dumps({"stream": "LINE1", "epoch": EPOCH, "first": 1, "last": 0})
        self.now = self.env["mes.clock"].now_ms()
        events = [count(1, self.machine, self.now, 5, 5)]
        self.batch = {"v": 1, "stream": "LINE1", "epoch": EPOCH, "from": 1, "to": 1, "events": events}

    def over_xmlrpc(self, method, message, key=None):
        """One call over XML-RPC."""
        user = self.gateway.user_id.id
        return self.xmlrpc_object.execute_kw(
            get_db_name(), user, key or self.key, "mes.gateway", method, [message]
        )

    def over_json2(self, method, message, key=None):
        """One call over JSON-2."""
        headers = {"Authorization": f"bearer {key or self.key}", "Content-Type": "application/json"}
        return self.url_open(f"/json/2/mes.gateway/{method}", json.dumps({"message": message}), headers=headers)

    def applied(self):
        """The number applied and the totals stored."""
        self.env.invalidate_all()
        points = self.env["mes.count.point"].search([("workcenter_id", "=", self.machine.id)])
        return self.gateway.stream_ids.applied, points.mapped("total")

    def test_xmlrpc(self):
        """A batch over XML-RPC; numbers beyond its own 32 bits travel inside the JSON text."""
        self.over_xmlrpc("hello", self.hello)
        self.batch["events"][0]["total"] = 2**40
        answer = json.loads(self.over_xmlrpc("ingest", json.dumps(self.batch)))
        self.assertEqual(answer["applied"], 1)
        self.assertEqual(self.applied(), (1, [2**40]))

    def test_json2(self):
        """The same over JSON-2."""
        self.assertEqual(self.over_json2("hello", self.hello).status_code, 200)
        answer = json.loads(self.over_json2("ingest", json.dumps(self.batch)).json())
        self.assertEqual(answer["applied"], 1)
        self.assertEqual(self.applied(), (1, [5]))

    @mute_logger("odoo.addons.base.models.res_users", "odoo.http")
    def test_a_wrong_key(self):
        """Access denied, over both."""
        with self.assertRaises(Fault) as caught:
            self.over_xmlrpc("hello", self.hello, "wrong")
        self.assertEqual(caught.exception.faultCode, ACCESS_DENIED)
        self.assertEqual(self.over_json2("hello", self.hello, "wrong").status_code, 401)
        self.assertFalse(self.gateway.stream_ids.epoch)

    @mute_logger("odoo.http")
    def test_errors_keep_their_code(self):
        """A program finds the code in front, over both."""
        with self.assertRaises(Fault) as caught:
            self.over_xmlrpc("ingest", "nonsense")
        self.assertEqual(caught.exception.faultCode, WARNING)
        self.assertTrue(caught.exception.faultString.startswith("batch_invalid: "))
        answer = self.over_json2("ingest", json.dumps({**self.batch, "stream": "LINE9"}))
        self.assertEqual(answer.status_code, 422)
        self.assertTrue(answer.json()["message"].startswith("stream_unknown: "))

    @mute_logger("odoo.http")
    def test_nothing_else_can_be_called(self):
        """The key opens the four calls: records, private steps and buttons are out of reach."""
        self.over_xmlrpc("hello", self.hello)
        for method, arguments in (("read", [1]), ("search", []), ("_ingest", "{}"), ("action_new_key", [1])):
            with self.assertRaises(Fault) as caught:
                self.over_xmlrpc(method, arguments)
            self.assertEqual(caught.exception.faultCode, ACCESS_ERROR, method)
