import time

from odoo.addons.mes_base.tests.common import make_site
from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import NOW, GatewayCase, count, state


@tagged("post_install", "-at_install")
class TestHealth(GatewayCase):
    """Can I trust what I see? Judged on read, from the last contact."""

    def setUp(self):
        """A healthy bridge."""
        super().setUp()
        self.gateway.action_new_key()
        self.beat()

    def beat(self, ago_ms=0, skew=0, health=None):
        """Let the last contact lie so long ago."""
        seen = int(time.time() * 1000) - ago_ms
        said = {"tag_revision": self.gateway.tag_revision, "connections": {"plc1": "up"}, **(health or {})}
        self.env["mes.gateway.heartbeat"].beat(self.stream.id, seen, skew, "1.0", said)
        self.gateway.invalidate_recordset()

    def test_healthy(self):
        """All is well."""
        self.assertEqual((self.gateway.health, self.gateway.health_reason), ("ok", ""))
        self.assertEqual(self.gateway.bridge, "1.0")

    def test_silent_without_any_job(self):
        """Ten seconds without a word are silence, as soon as somebody looks."""
        self.beat(9_000)
        self.assertEqual(self.gateway.health, "ok")
        self.beat(11_000)
        self.assertEqual(self.gateway.health, "silent")
        self.assertIn("LINE1", self.gateway.health_reason)
        self.assertGreaterEqual(self.gateway.seen_ago_s, 11)

    def test_an_archived_stream_is_not_missed(self):
        """A line that was taken down is no silence."""
        self.beat(60_000)
        self.gateway.write({"stream_ids": [(0, 0, {"code": "LINE2"})]})
        self.stream.active = False
        self.gateway.invalidate_recordset()
        self.assertEqual(self.gateway.health, "new")

    def test_a_stream_without_live_values_is_not_missed(self):
        """The stream of telemetry says hello and sends batches, no heartbeat."""
        self.gateway.write({"stream_ids": [(0, 0, {"code": "LINE1-T"})]})
        telemetry = self.gateway.stream_ids.filtered(lambda stream: stream.code == "LINE1-T")
        seen = int(time.time() * 1000) - 60_000
        self.env["mes.gateway.heartbeat"].beat(telemetry.id, seen, None, "1.0", None)
        self.gateway.invalidate_recordset()
        self.assertEqual(self.gateway.health, "ok")

    def test_what_the_bridge_says_is_shown(self):
        """Connections by name and state, what waits, alarms; whatever it says is text."""
        self.beat(health={"connections": {"plc1": "up", "<b>": "down: no answer"}, "pending": 7, "alarms": ["x<y"]})
        shown = str(self.gateway.bridge_state)
        for word in ("LINE1", "plc1: up", "&lt;b&gt;: down", "down: no answer", ">7<", "x&lt;y"):
            self.assertIn(word, shown)
        self.assertNotIn("<b>", shown)
        self.beat(health={"connections": "none", "pending": "x", "alarms": 3})
        self.assertIn("LINE1", str(self.gateway.bridge_state))

    def test_never_seen(self):
        """A fresh gateway says what to do first."""
        self.env.cr.execute("UPDATE mes_gateway_heartbeat SET seen_at = NULL")
        self.gateway.invalidate_recordset()
        self.env["mes.gateway.heartbeat"].invalidate_model()
        self.assertEqual(self.gateway.health, "new")
        self.assertTrue(self.gateway.health_reason)

    def test_what_needs_a_look(self):
        """A clock that is off, a link that is down, tags not taken over."""
        for said, word in (
            ({"skew": 5_000}, "5000 ms"),
            ({"health": {"connections": {"plc1": "down: timeout"}}}, "plc1"),
            ({"health": {"tag_revision": -1}}, "tags"),
        ):
            self.beat(**said)
            self.assertEqual(self.gateway.health, "warning")
            self.assertIn(word, self.gateway.health_reason)

    def test_open_work_shows(self):
        """Rejected events and findings wait for a person; once settled all is well again."""
        self.bridge.ingest([count(1, self.machine, NOW, -1, 0)])
        self.bridge.ingest([count(2, self.machine, NOW - 2, 5, 5), count(3, self.machine, NOW - 1, 50, 5)])
        self.beat()
        self.assertEqual((self.gateway.open_rejections, self.gateway.open_findings), (1, 1))
        self.assertEqual(self.gateway.health, "warning")
        self.env["mes.event.rejection"].search(self.gateway.action_open_rejections()["domain"]).action_dismiss()
        self.env["mes.gateway.finding"].search(self.gateway.action_open_findings()["domain"]).action_close()
        self.beat()
        self.assertEqual(self.gateway.health, "ok")

    def test_a_gateway_with_a_past_stays(self):
        """It can't be moved to another site or deleted; archived it may be."""
        self.bridge.ingest([state(1, self.machine, NOW)])
        with self.assertRaises(UserError):
            self.gateway.site_id = make_site(self.env, "S2")
        with self.assertRaises(UserError):
            self.gateway.unlink()
