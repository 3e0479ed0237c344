import base64

from odoo.addons.mes_base.tests.common import make_area, make_company, make_site, make_user, make_work_center
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, tagged

from ..tools import tagfile
from .common import GatewayCase


class ImportCase(GatewayCase):
    """An engineer with a file."""

    @classmethod
    def setUpClass(cls):
        """A tag that is there already."""
        super().setUpClass()
        cls.engineer = make_user(cls.env, "engineer")
        cls.code = cls.machine.mes_code
        cls.known = cls.env["mes.gateway.tag"].create(
            {
                "gateway_id": cls.gateway.id, "workcenter_id": cls.machine.id, "name": "temp", "connection": "plc",
                "signal": "measurement", "register": 4, "unit": "C",
            }
        )  # fmt: skip

    def look(self, *lines, user=None, **values):
        """The form after it has read these lines."""
        data = "\n".join(lines) if isinstance(lines[0], str) else lines[0]
        action = self.gateway.with_user(user or self.engineer).action_import_tags()
        wizard = self.env[action["res_model"]].with_user(user or self.engineer).browse(action["res_id"])
        encoded = data.encode() if isinstance(data, str) else data
        wizard.write({"file": base64.b64encode(encoded), **values})
        wizard.action_read()
        return wizard

    def statuses(self, wizard):
        """What each row would do."""
        return wizard.row_ids.mapped("status")

    def tags(self):
        """All tags but the one that was there, by name."""
        return {tag.name: tag for tag in self.env["mes.gateway.tag"].search([("gateway_id", "=", self.gateway.id)])}


@tagged("post_install", "-at_install")
class TestTagImport(ImportCase):
    """Tags from a file: nothing is changed unseen, and wrong rows stop nobody who says so."""

    def test_rows_are_judged_before_anything_changes(self):
        """New, changed, unchanged, wrong with the reason; then applied."""
        revision = self.gateway.tag_revision
        wizard = self.look(
            "tag,signal,connection,register,type,unit,scale,map",
            f"{self.code}/state,state,plc,0,uint16,,,1=running; 2=down",
            f"{self.code}/temp,measurement,plc,5,uint16,C,,",
            f"{self.code}/speed,measurement,plc,6,float32,1/min,0.5,",
            f"{self.code}/temp2,measurement,,7,uint16,,,",
            f"{self.code}/mode,mode,plc,8,uint16,,,1=dancing",
            "S1/A1/L1/NONE/x,state,plc,9,uint16,,,1=running",
        )
        self.assertEqual(self.statuses(wizard), ["new", "changed", "new", "wrong", "wrong", "wrong"])
        self.assertIn("register: 4 → 5", wizard.row_ids[1].reason)
        self.assertIn("S1/A1/L1/NONE", wizard.row_ids[5].reason)
        self.assertIn("production", wizard.row_ids[4].reason)
        self.assertEqual((self.known.register, self.gateway.tag_revision, len(self.tags())), (4, revision, 1))
        with self.assertRaisesRegex(UserError, "line 5"):
            wizard.action_apply()
        wizard.skip_wrong = True
        wizard.action_apply()
        found = self.tags()
        self.assertEqual(sorted(found), ["speed", "state", "temp"])
        self.assertEqual((found["temp"].register, found["speed"].scale), (5, 0.5))
        self.assertEqual(found["state"].map, {"1": "running", "2": "down"})
        self.assertGreater(self.gateway.tag_revision, revision)

    def test_an_export_is_an_import_that_changes_nothing(self):
        """Of tags of every protocol and signal, with every kind of field."""
        base = {"gateway_id": self.gateway.id, "workcenter_id": self.machine.id, "connection": "x"}
        node = "nsu=urn:x;s=A.B"
        for name, values in {
            "state": {"signal": "state", "map": {"1": "running", "A=b": "down"}, "interlock_map": {"1": "blocked"}},
            "bits": {"signal": "state", "bits": [[0, "running"], ["*", "idle"]], "address": node},
            "mode": {"signal": "mode", "state_model": "packml_packtags", "address": "+/x|a.b"},
            "parts": {"signal": "counter", "counter": "total", "max_rate": 2.5, "type": "uint32", "modulus": 2**40},
            "shift": {"signal": "counter", "counter": "good", "max_rate": 1, "counting": "shift_total",
                      "reset_times": ["06:00"], "time_zone": "Europe/Berlin"},
            "kwh": {"signal": "energy", "meter": "main", "max_rate": 9, "resolution": 0.01, "address": "g/n/d:E/Total"},
            "alarms": {"signal": "alarm", "alarm_map": {"3": {"code": "E7", "text": "Door, open"}, "4": "E8"}},
            "door": {"signal": "companion", "type": "bool", "bit": 0, "safety": True},
            "target": {"signal": "measurement", "writable": True, "write_min": -1.5, "write_max": 2, "has_limits": True,
                       "limit_low": -1, "limit_high": 1e-6, "description": "=1+1"},
        }.items():  # fmt: skip
            self.env["mes.gateway.tag"].create({**base, "name": name, **values})
        text = self.gateway._tags_as_csv()
        wizard = self.look(text)
        self.assertEqual(set(self.statuses(wizard)), {"unchanged"}, wizard.row_ids.mapped("reason"))
        before = {tag.name: tag._contract_values() for tag in self.gateway.tag_ids}
        self.gateway.tag_ids.unlink()
        wizard = self.look(text)
        self.assertEqual(set(self.statuses(wizard)), {"new"}, wizard.row_ids.mapped("reason"))
        wizard.action_apply()
        self.assertEqual({tag.name: tag._contract_values() for tag in self.gateway.tag_ids}, before)
        self.assertEqual(self.tags()["target"].description, "=1+1")
        self.assertIn("'=1+1", text, "no spreadsheet calculates it")

    def test_what_browse_has_found(self):
        """Machine and name by the pattern, the meaning chosen on the form."""
        self.machine.name = "Labeller"
        wizard = self.look(
            "connection,address,table,register,type,name,value,unit,writable,description",
            "ua,nsu=urn:x;s=Labeller.Speed,,,float64,Labeller.Speed,61.5,1/min,false,Speed of the drum",
            "ua,nsu=urn:x;s=Labeller.Target,,,Double,Labeller.Target,60,1/min,true,",
            "ua,nsu=urn:x;s=Server.Time,,,auto,Server.Time,x,,false,",
            signal="measurement",
        )
        self.assertEqual(wizard.row_ids.mapped("workcenter_id"), self.machine)
        self.assertEqual(wizard.row_ids.mapped("name"), ["speed", "target", "Server.Time"])
        self.assertEqual(self.statuses(wizard), ["new", "new", "wrong"])
        wizard.row_ids[2].take = False
        wizard.action_apply()
        speed, target = self.tags()["speed"], self.tags()["target"]
        self.assertEqual((speed.protocol, speed.address), ("opcua", "nsu=urn:x;s=Labeller.Speed"))
        self.assertEqual((speed.type, speed.description), ("float64", "Speed of the drum"))
        self.assertEqual((target.type, target.writable), ("auto", True))

    def test_rows_are_mended_on_the_form(self):
        """Machine, name and meaning chosen row by row."""
        wizard = self.look("name,connection,register", "a,plc,1", "b,plc,2")
        self.assertEqual(self.statuses(wizard), ["wrong", "wrong"])
        wizard.write({"workcenter_id": self.machine2.id, "signal": "companion"})
        wizard.row_ids[1].name = "c"
        wizard.action_check()
        self.assertEqual(self.statuses(wizard), ["new", "new"])
        wizard.action_apply()
        self.assertEqual(self.tags()["c"].workcenter_id, self.machine2)

    def test_cells_that_can_not_be_read(self):
        """Each row by itself, with the column."""
        wizard = self.look(
            "tag;signal;connection;register;scale;type;writable",
            f"{self.code}/a;measurement;plc;x;1;uint16;no",
            f"{self.code}/b;measurement;plc;1;zero;uint16;no",
            f"{self.code}/c;measurement;plc;1;0,25;uint16;no",
            f"{self.code}/d;measurement;plc;1;1;uint17;no",
            f"{self.code}/e;measurement;plc;1;1;uint16;perhaps",
            f"{self.code}/f;dance;plc;1;1;uint16;no",
            f"{self.code}/c;measurement;plc;1;1;uint16;no",
            f"{self.code}/g;measurement;plc;70000;1;uint16;no",
        )
        expected = ["wrong", "wrong", "new", "wrong", "wrong", "wrong", "wrong", "wrong"]
        self.assertEqual(self.statuses(wizard), expected, wizard.row_ids.mapped("reason"))
        for row, word in zip(wizard.row_ids, ["register", "scale", "", "uint17", "writable", "dance", "Line", "65535"],
                             strict=True):  # fmt: skip
            self.assertIn(word, row.reason or "")

    def test_files_that_are_none(self):
        """Each with a sentence; what is no UTF-8 is read as tables write it."""
        for data in ("", "a,b\n1,2", "tag,tag\nx,y", "tag\n" + "x\n" * (tagfile.MOST_ROWS + 1)):
            with self.subTest(data=data[:20]), self.assertRaises(UserError):
                self.look(data or "\n")
        wizard = self.look(f"tag;signal;connection;unit\n{self.code}/t;measurement;plc;°C".encode("cp1252"))
        self.assertEqual(wizard.row_ids.said["unit"], "°C")
        wizard = self.look("tag,nonsense,signal,connection", f"{self.code}/t,1,companion,plc")
        self.assertIn("nonsense", wizard.note)

    def test_archived_tags_come_back(self):
        """A row of an archived tag takes it out of the archive."""
        self.known.active = False
        wizard = self.look("tag,connection", f"{self.code}/temp,plc")
        self.assertEqual(self.statuses(wizard), ["changed"])
        wizard.action_apply()
        self.assertTrue(self.known.active)

    def test_only_machines_of_the_gateways_site(self):
        """Neither another site's nor another company's."""
        other = make_work_center(self.env, make_area(self.env, make_site(self.env, "S2"), "B1"), "Z1")
        company = make_company(self.env)
        foreign = make_work_center(self.env, make_area(self.env, make_site(self.env, "T1", company=company), "A"), "M")
        wizard = self.look(
            "tag,signal,connection",
            f"{other.mes_code}/a,companion,plc",
            f"{foreign.mes_code}/a,companion,plc",
        )
        self.assertEqual(self.statuses(wizard), ["wrong", "wrong"])
        wizard.row_ids[0].workcenter_id = other
        wizard.action_check()
        self.assertEqual(self.statuses(wizard), ["wrong", "wrong"])

    def test_engineers_only(self):
        """Neither the form nor the file is anybody else's."""
        for role in ("operator", "supervisor", "gateway"):
            gateway = self.gateway.with_user(make_user(self.env, role, f"import-{role}"))
            for method in ("action_import_tags", "action_export_tags"):
                with self.subTest(role=role, method=method), self.assertRaises(AccessError):
                    getattr(gateway, method)()
        wizard = self.look("tag,signal,connection", f"{self.code}/a,companion,plc")
        with self.assertRaises(AccessError):
            wizard.with_user(make_user(self.env, "engineer", "other")).action_apply()


@tagged("post_install", "-at_install")
class TestTagExport(ImportCase, HttpCase):
    """The export over HTTP."""

    def test_who_gets_the_file(self):
        """An engineer of the company, nobody else."""
        url = f"/mes_gateway/{self.gateway.id}/tags.csv"
        make_user(self.env, "operator", "csv-operator", password="csv-operator")
        make_user(self.env, "engineer", "csv-engineer", password="csv-engineer")
        company = make_company(self.env)
        make_user(self.env, "engineer", "csv-stranger", password="csv-stranger", company_id=company.id,
                  company_ids=[(6, 0, company.ids)])  # fmt: skip
        for login, status in (("csv-operator", 403), ("csv-stranger", 403), ("csv-engineer", 200)):
            self.authenticate(login, login)
            self.assertEqual((login, self.url_open(url).status_code), (login, status))
        text = self.url_open(url).content.decode("utf-8-sig")
        self.assertIn(f"{self.code}/temp", text)
        self.assertEqual(len(tagfile.read(text.encode()).rows), 1)
