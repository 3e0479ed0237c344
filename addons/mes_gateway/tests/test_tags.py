from odoo.addons.mes_base.tests.common import make_area, make_site, make_work_center
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2.errors import CheckViolation

from .common import NOW, GatewayCase, event


@tagged("post_install", "-at_install")
class TestTags(GatewayCase):
    """Odoo is the master of tags; the bridge downloads them by revision."""

    def tag(self, name="state", signal="state", **values):
        """A tag of the machine."""
        base = {"gateway_id": self.gateway.id, "workcenter_id": self.machine.id, "connection": "plc1", "register": 4}
        if signal == "state":
            base["map"] = {"1": "running", "2": "down"}
        return self.env["mes.gateway.tag"].create({**base, "name": name, "signal": signal, **values})

    def answer(self):
        """What the bridge downloads."""
        return self.bridge.call("tags", {"stream": "LINE1"})

    def test_the_shape_of_the_contract(self):
        """A tag of each signal, with its own parameters and no empty ones."""
        self.tag(code_tag="S1/A1/L1/M1/code", stale_ms=3000)
        self.tag("parts", "counter", counter="total", max_rate=12.5, modulus=65536, type="uint32", word_order="CDAB")
        self.tag("temp", "measurement", unit="C", scale=0.1, type="int16")
        self.tag("flag", "companion", type="bool", bit=3)
        tags = {tag["tag"].rsplit("/", 1)[1]: tag for tag in self.answer()["tags"]}
        self.assertEqual(tags["state"]["map"], {"1": "running", "2": "down"})
        self.assertEqual((tags["state"]["stale_ms"], tags["state"]["map_revision"]), (3000, 1))
        self.assertEqual((tags["parts"]["max_rate"], tags["parts"]["modulus"]), (12.5, 65536))
        self.assertEqual((tags["temp"]["scale"], tags["temp"]["unit"]), (0.1, "C"))
        self.assertEqual(tags["flag"]["bit"], 3)
        self.assertNotIn("bit", tags["state"])
        self.assertNotIn("counter", tags["state"])
        self.assertEqual({tag["equipment"] for tag in tags.values()}, {self.machine.mes_code})

    def test_each_change_raises_the_revision(self):
        """New, changed, archived and removed tags are announced in every answer."""
        seen = [self.answer()["revision"]]
        tag = self.tag()
        seen.append(self.answer()["revision"])
        tag.poll_ms = 250
        seen.append(self.answer()["revision"])
        tag.active = False
        seen.append(self.answer()["revision"])
        self.assertEqual(self.answer()["tags"], [])
        tag.unlink()
        seen.append(self.bridge.hello()["config_revision"])
        self.assertEqual(seen, sorted(set(seen)))
        self.assertEqual(self.bridge.live({})["config_revision"], seen[-1])

    def test_the_machines_stale_limit_is_announced(self):
        """It travels with the state tags."""
        self.tag()
        before = self.answer()["revision"]
        self.machine.mes_stale_ms = 7000
        answer = self.answer()
        self.assertGreater(answer["revision"], before)
        self.assertEqual(answer["tags"][0]["stale_ms"], 7000)

    def test_a_changed_map_has_a_revision_of_its_own(self):
        """The revision that state events carry."""
        tag = self.tag()
        tag.map_text = '{"1": "running", "2": "down", "3": "setup"}'
        self.assertEqual((tag.map["3"], tag.map_revision), ("setup", 2))
        tag.poll_ms = 250
        self.assertEqual(tag.map_revision, 2)

    def test_a_counter_tag_makes_its_counter(self):
        """So that the first count finds it."""
        self.tag("rejects", "counter", counter="reject", max_rate=1)
        counter = self.env["mes.counter"].search([("workcenter_id", "=", self.machine.id), ("name", "=", "reject")])
        self.assertEqual(counter.role, "reject")

    @mute_logger("odoo.sql_db")
    def test_what_can_not_work_is_refused(self):
        """Each with a sentence that says the mend."""
        for values in (
            {"map": {"1": "asleep"}},
            {"map": False},
            {"map_text": "{"},
            {"signal": "counter", "counter": False},
            {"signal": "counter", "counter": "total", "max_rate": 0},
            {"interlock_map": {"1": "hungry"}},
        ):
            with self.subTest(values=values), self.assertRaises(ValidationError):
                self.tag("bad", **{"signal": "state", **values})
        for values in ({"register": 65536}, {"poll_ms": 1}, {"bit": 16}, {"unit_id": 256}):
            with self.subTest(values=values), self.assertRaises(CheckViolation):
                self.tag("bad", **values)

    def test_only_machines_of_the_gateways_site(self):
        """A tag of a machine elsewhere is refused."""
        other = make_work_center(self.env, make_area(self.env, make_site(self.env, "S2"), "B1"), "Z1")
        with self.assertRaises(ValidationError):
            self.tag(workcenter_id=other.id)

    def test_a_tag_with_telemetry_is_archived_not_deleted(self):
        """What has a history stays."""
        tag = self.tag("temp", "measurement")
        self.bridge.ingest([event(1, "measurement", self.machine, NOW, name="temp", value=1.0)])
        with self.assertRaises(UserError):
            tag.unlink()
