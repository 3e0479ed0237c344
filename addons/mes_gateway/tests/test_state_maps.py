"""Tags that take their map from a state map: the bridge gets it, history follows it."""

from odoo.addons.mes_base.tests.common import HOUR, MINUTE, at_time, make_user
from odoo.addons.mes_base.tools import clock
from odoo.tests import Form, tagged

from .common import NOW, GatewayCase, state


class MapCase(GatewayCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engineer = make_user(cls.env, "engineer")
        cls.map = cls.env["mes.state.map"].create(
            {"name": "Filler", "line_ids": [(0, 0, {"raw": "1", "state": "running"}),
                                            (0, 0, {"raw": "5", "state": "idle", "interlock": "starved"})]}
        )  # fmt: skip

    def tag(self, signal="state", **values):
        """A tag of the machine with this signal."""
        return self.env["mes.gateway.tag"].create(
            {"gateway_id": self.gateway.id, "workcenter_id": self.machine.id, "name": signal, "signal": signal,
             "connection": "plc", "register": 1, **values}
        )  # fmt: skip

    def told(self, tag):
        """What the bridge downloads of a tag."""
        answer = self.bridge.call("tags", {"stream": "LINE1"})
        return next(one for one in answer["tags"] if one["tag"] == tag.tag), answer["revision"]


@tagged("post_install", "-at_install")
class TestTagMaps(MapCase):
    def test_a_tag_takes_its_map_and_follows_it(self):
        """The table and its revision are downloaded as ever; a change of the map is one of the tag."""
        tag = self.tag(map_id=self.map.id)
        before, revision = self.told(tag)
        self.assertEqual(before["map"], {"1": "running", "5": "idle"})
        self.assertEqual((before["interlock_tag"], before["interlock_map"]), (tag.tag, {"5": "starved"}))
        with Form(self.map.with_user(self.engineer)) as form, form.line_ids.new() as line:
            line.raw, line.state = "9", "down"
        after, later = self.told(tag)
        self.assertEqual(after["map"], {"1": "running", "5": "idle", "9": "down"})
        self.assertGreater((after["map_revision"], later), (before["map_revision"], revision))

    def test_own_map_stays_possible(self):
        """A map of one's own parts the tag from the state map; taking the map away leaves a copy."""
        tag = self.tag(map_id=self.map.id)
        tag.map_text = "1 = running\n2 = setup"
        self.assertFalse(tag.map_id)
        self.assertEqual(tag.map, {"1": "running", "2": "setup"})
        tag.map_id = self.map
        self.assertEqual(tag.map, {"1": "running", "5": "idle"})
        tag.map_id = False
        self.map.line_ids.unlink()
        self.assertEqual(tag.map, {"1": "running", "5": "idle"})

    def test_state_and_mode_of_one_map(self):
        """SEMI E10: one code says both; each tag takes its own half."""
        semi = self.env.ref("mes_base.state_map_semi_e10")
        state_tag, mode_tag = self.tag(map_id=semi.id), self.tag("mode", map_id=semi.id)
        self.assertEqual((state_tag.map["ENG"], mode_tag.map["ENG"]), ("running", "trial"))

    def test_history_bears_the_tags_revision(self):
        """Machines are those of the tags; the points get the number that the bridge's next ones have."""
        tag = self.tag(map_id=self.map.id)
        self.bridge.ingest([state(1, self.machine, NOW - HOUR, "idle", raw=5),
                            state(2, self.machine, NOW - HOUR + 10 * MINUTE, "running", raw=1)])  # fmt: skip
        self.map.line_ids[1].state = "setup"
        context = self.map.with_user(self.engineer).action_apply_to_history()["context"]
        self.assertEqual((context["default_workcenter_ids"], context["default_lane"]), (self.machine.ids, "state"))
        form = Form(at_time(self.env["mes.state.remap"].with_user(self.engineer), NOW).with_context(**context))
        form.at_from = clock.from_ms(NOW - 2 * HOUR)
        self.assertIn("10.0", form.preview)
        remap = form.save()
        remap.action_apply()
        point = self.env["mes.state.point"].search([("workcenter_id", "=", self.machine.id)], order="at", limit=1)
        self.assertEqual((point.value, point.raw, point.interlock), ("setup", "5", "starved"))
        self.assertEqual((point.map_revision, remap.progress), (tag.map_revision, "done"))
