import json
from pathlib import Path

from jsonschema import Draft202012Validator
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

    def test_every_signal_in_the_words_of_the_contract(self):
        """Each kind of tag is what the schema promises a bridge, with the fields of its signal and no others."""
        schema = json.loads((Path(__file__).parents[3] / "iot_bridge/schema/events.schema.json").read_text())
        judge = Draft202012Validator({"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": "#/$defs/tag"})
        node, comp, more = {"address": "nsu=urn:x;s=A"}, "S1/A1/L1/M1/comp", {"map": None}
        kinds = {
            "bits": {"signal": "state", "bits_text": "0 = running\n0x0030 = down\n* = idle", **more},
            "packml": {"signal": "state", "state_model": "packml_packtags", "map_text": "17 = maintenance", **node},
            "current": {"signal": "state", "on_above": 5, "off_below": 0, "hold_on_ms": 100, "scale": 0.1, **more},
            "texts": {"signal": "state", "map_text": "Stopped = down\nA=B = running", **more, **node},
            "unit_mode": {"signal": "mode", "state_model": "packml_opc30060", **more, **node},
            "strokes": {"signal": "counter", "counter": "total", "max_rate": 5, "factor": 4, "cavity": 2},
            "shift": {"signal": "counter", "counter": "good", "max_rate": 5, "counting": "shift_total",
                      "reset_times_text": "06:00, 14:00", "time_zone": "Europe/Berlin"},
            "records": {"signal": "counter", "counter": "hs", "max_rate": 5, "counting": "handshake",
                        "sequence_tag": comp, "ack_tag": comp},
            "kwh": {"signal": "energy", "meter": "main", "max_rate": 5, "resolution": 0.01},
            "windows": {"signal": "measurement", "window_ms": 60_000, "writable": True, "write_max": 5},
            "batch": {"signal": "parameter", "batch_tag": comp, "type": "string", "length": 8},
            "alarms": {"signal": "alarm", "alarm_map_text": "0 = E1\n3 = E2, high, Door, open"},
            "feeder": {"signal": "material", "position": "F1", "action": "consume", "quantity_tag": comp},
            "units": {"signal": "unit", "action_tag": comp, "action_map_text": "1 = out", "result_tag": comp},
            "beat": {"signal": "heartbeat"},
            "comp": {"signal": "companion", "type": "bool", "bit": 0, "safety": True},
        }  # fmt: skip
        for name, values in kinds.items():
            with self.subTest(name=name):
                said = self.tag(name, **values)._contract_values()
                self.assertEqual([error.message for error in judge.iter_errors(said)], [])
        told = {tag["tag"].rsplit("/", 1)[1]: tag for tag in self.answer()["tags"]}
        self.assertEqual(told["bits"]["bits"], [[0, "running"], ["0x0030", "down"], ["*", "idle"]])
        self.assertEqual(told["texts"]["map"], {"Stopped": "down", "A=B": "running"})
        self.assertEqual(told["alarms"]["alarm_map"]["3"], {"code": "E2", "severity": "high", "text": "Door, open"})
        self.assertEqual(told["current"]["off_below"], 0)
        self.assertEqual((told["packml"]["address"], told["packml"]["type"]), ("nsu=urn:x;s=A", "auto"))
        self.assertFalse({"table", "register", "word_order"} & told["packml"].keys())
        self.assertFalse({"map", "counter", "bits", "reset_times"} & told["current"].keys())
        self.assertFalse({"write_max", "protocol", "state_by"} & told["windows"].keys(), "only Odoo knows them")

    def test_what_is_missing_is_said(self):
        """A sentence with the mend for each way in which a tag can't work."""
        for word, values in {
            "address": {"protocol": "opcua"},
            "type": {"type": "auto"},
            "table": {"table": False},
            "PackML": {"state_by": "model"},
            "running": {"state_by": "bits", "bits": [[64, "running"]]},
            "limit for off": {"state_by": "threshold", "on_above": 1, "off_below": 2, "map": False},
            "mode is told": {"signal": "mode", "state_by": "bits"},
            "greatest rate": {"signal": "energy", "meter": "m"},
            "06:00": {"signal": "counter", "counter": "c", "max_rate": 1, "counting": "shift_total"},
            "handshake": {"signal": "counter", "counter": "c", "max_rate": 1, "counting": "handshake"},
            "exclude": {"signal": "measurement", "window_ms": 1000, "deadband": 1},
            "a code": {"signal": "alarm", "alarm_map": {"64": "E1"}},
            "action must": {"signal": "material", "action": "reject"},
            "least value": {"signal": "measurement", "writable": True, "write_min": 2, "write_max": 1},
            "one pair a line": {"signal": "alarm", "alarm_map_text": "E1"},
        }.items():
            with self.subTest(word=word):
                with self.assertRaises(ValidationError) as refused:
                    self.tag("bad", **{"signal": "state", "map": {"1": "running"}, **values})
                self.assertIn(word, str(refused.exception))

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

    def test_a_tag_is_found_by_its_name(self):
        """By the full one, by a part of it, and by what stands on both sides of the machine's end."""
        tag = self.tag("temp", "measurement")
        self.tag("total", "counter", counter="total", max_rate=1)
        model = self.env["mes.gateway.tag"]
        for word in ("S1/A1/L1/M1/temp", "m1/tem", "temp"):
            self.assertEqual([found[0] for found in model.name_search(word)], tag.ids, word)
        self.assertEqual(len(model.name_search("L1/M1")), 2)
        self.assertEqual(model.search([("tag", "=", "S1/A1/L1/M1/temp")]), tag)
        self.assertFalse(model.search([("tag", "=", "temp")]))

    def test_a_tag_that_is_being_typed_has_half_a_name(self):
        """A form that is not filled in yet shows what there is of it, and no value of the program's."""
        self.assertFalse(self.env["mes.gateway.tag"].new({}).tag)
        self.assertEqual(self.env["mes.gateway.tag"].new({"workcenter_id": self.machine.id}).tag, self.machine.mes_code)

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
