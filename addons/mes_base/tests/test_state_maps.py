"""State maps: the shipped ones, their revisions, and a corrected map applied to history."""

import importlib.util
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger
from psycopg2.errors import CheckViolation, SerializationFailure

from ..models import mes_state_remap
from ..timeline import Span
from ..tools import clock
from ..tools.rows import StateRow
from .common import MINUTE, MONDAY, at_time, feed_states, make_company, make_user, make_work_center
from .test_stops import StopCase


@tagged("post_install", "-at_install")
class TestStateMaps(StopCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engineer = make_user(cls.env, "engineer")
        cls.map = cls.env["mes.state.map"].create(
            {"name": "Filler", "line_ids": [(0, 0, {"raw": "1", "state": "running"}),
                                            (0, 0, {"raw": "7", "state": "down"})]}
        )

    def tell(self, *points, seq=100, **origin):
        """State points with raw values: (minute, raw, value)."""
        self.env["mes.fact.writer"].write_states(
            [
                StateRow(self.machine.id, "state", MONDAY + minute * MINUTE, raw, value, "C" + raw, stream="LINE1",
                         seq=seq + index, map_revision=1, **origin)
                for index, (minute, raw, value) in enumerate(points)
            ]
        )  # fmt: skip
        self.fold()

    def remap(self, user=None, start=0, **values):
        """The form for the machine's states from a minute on."""
        model = self.env["mes.state.remap"].with_user(user or self.engineer)
        return model.create(
            {"map_id": self.map.id, "workcenter_ids": [(6, 0, self.machine.ids)],
             "at_from": clock.from_ms(MONDAY + start * MINUTE), **values}
        )  # fmt: skip

    def points(self):
        """(minute, raw, value, code) of the machine's states."""
        found = self.env["mes.state.point"].search([("workcenter_id", "=", self.machine.id)], order="at")
        return [((clock.to_ms(p.at) - MONDAY) / MINUTE, p.raw, p.value, p.code) for p in found][1:]

    def test_shipped_maps_are_the_bridges(self):
        """Both PackML numberings and the unit modes say here what they say in the bridge."""
        path = Path(__file__).parents[3] / "iot_bridge/signals/packml.py"
        spec = importlib.util.spec_from_file_location("packml_of_the_bridge", path)
        packml = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(packml)
        for model in ("packml_packtags", "packml_opc30060"):
            shipped = self.env.ref(f"mes_base.state_map_{model}")
            self.assertEqual(shipped._meaning("state"), packml.state_map(model), model)
        self.assertEqual(self.env.ref("mes_base.state_map_packml_mode")._meaning("mode"), packml.mode_map(""))
        machinery = self.env.ref("mes_base.state_map_opc40001_state")._meaning("state")
        self.assertEqual((machinery["Executing"], machinery["OutOfService"]), ("running", "down"))
        semi = self.env.ref("mes_base.state_map_semi_e10")
        self.assertEqual((semi._meaning("state")["ENG"], semi._meaning("mode")["ENG"]), ("running", "trial"))
        self.assertEqual(set(semi._meaning("state")), {"PRD", "SBY", "ENG", "SDT", "UDT", "NST"})

    def test_each_change_is_a_revision(self):
        """A line more, another meaning, a line less; a note is none."""
        seen = [self.map.revision]
        with Form(self.map.with_user(self.engineer)) as form, form.line_ids.new() as line:
            line.raw, line.state = "8", "idle"
        seen.append(self.map.revision)
        self.map.line_ids[0].state = "setup"
        seen.append(self.map.revision)
        self.map.line_ids[0].unlink()
        seen.append(self.map.revision)
        self.assertEqual(seen, sorted(set(seen)))
        self.map.line_ids[0].name = "Door"
        self.assertEqual(self.map.revision, seen[-1])
        with self.assertRaises(ValidationError):
            self.map.line_ids[0].raw = " 7"
        with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"), self.cr.savepoint():
            self.env["mes.state.map.line"].create({"map_id": self.map.id, "raw": "99"})

    def test_history_is_mapped_anew(self):
        """Raw 7 was no stop but set-up: minutes beforehand, then the points, the stops and nothing of raw lost."""
        self.tell((60, "7", "down"), (70, "1", "running"), (80, "7", "down"), (95, "1", "running"))
        self.assertEqual(self.stops(), [(60, 70), (80, 95)])
        self.map.line_ids[1].state = "setup"
        remap = self.remap()
        self.assertEqual(remap._preview(), ([("7", "down", "setup", 2, 25.0)], 0))
        self.assertIn("25.0", remap.preview)
        remap.action_apply()
        self.fold()
        self.assertEqual((remap.progress, remap.done_count, self.stops()), ("done", 2, []))
        self.assertEqual(self.points()[0], (60, "7", "setup", "C7"))
        point = self.env["mes.state.point"].search([("value", "=", "setup")], limit=1)
        self.assertEqual((point.map_revision, point.seq in (100, 102)), (self.map.revision, True))
        self.assertEqual(self.remap()._preview(), ([], 0), "nothing is left to do")

    def test_the_new_value_wins_over_the_old_one_only(self):
        """The same fact again changes nothing, a source of higher rank still does; twice mapped the last map holds."""
        self.tell((60, "7", "down"))
        for state in ("setup", "maintenance"):
            self.map.line_ids[1].state = state
            self.remap().action_apply()
            self.tell((60, "7", "down"))
            self.assertEqual(self.points()[0][2], state)
        feed_states(self.env, self.machine, [(MONDAY + 60 * MINUTE, "idle")], stream="LINE10", seq=1)
        self.assertEqual(self.points()[0][2], "idle")

    def test_closed_period_stays_and_is_counted(self):
        """What lies before the lock is left as it is; no late fact waits either."""
        self.tell((60, "7", "down"), (70, "1", "running"), (200, "7", "down"), (210, "1", "running"))
        at_time(self.env["mes.period.lock"], self.now).create({"at_until": clock.from_ms(MONDAY + 100 * MINUTE)})
        self.map.line_ids[1].state = "idle"
        remap = self.remap()
        self.assertEqual(remap._preview(), ([("7", "down", "idle", 1, 10.0)], 1))
        remap.action_apply()
        self.assertEqual((remap.done_count, remap.closed_count), (1, 1))
        self.assertEqual([value for _at, raw, value, _code in self.points() if raw == "7"], ["down", "idle"])
        self.assertFalse(self.env["mes.late.fact"].search([("workcenter_id", "=", self.machine.id)]))

    def test_big_history_goes_on_in_the_background(self):
        """Two points a part: the button does the first, the job the rest, each once."""
        self.patch(mes_state_remap, "BATCH", 2)
        self.tell(*((60 + place, "7", "down") for place in range(5)))
        self.map.line_ids[1].state = "idle"
        remap = self.remap()
        remap.action_apply()
        self.assertEqual((remap.progress, remap.done_count), ("running", 2))
        self.job()
        self.assertEqual((remap.progress, remap.done_count), ("done", 5))
        with self.assertRaisesRegex(UserError, "begun already"):
            remap.action_apply()
        with self.assertRaisesRegex(AccessError, "stays on record"):
            remap.at_from = clock.from_ms(MONDAY)

    def job(self):
        """The job runs once."""
        with self.enter_registry_test_mode(), mute_logger(mes_state_remap.__name__):
            cron = self.env.ref("mes_base.ir_cron_state_remap").with_context(mes_now_ms=clock.At(self.now))
            cron.method_direct_trigger()

    def test_a_bad_one_is_set_aside_and_holds_up_no_other(self):
        """A machine has lost its company: whoever applied the map reads so and tries again once it is mended."""
        other = make_work_center(self.env, self.area, "M9")
        self.tell((60, "7", "down"), (62, "7", "down"))
        feed_states(self.env, other, [(MONDAY + 60 * MINUTE, "7")], stream="LINE9", seq=1)
        self.map.line_ids[1].state = "idle"
        bad, good = self.remap(), self.remap(workcenter_ids=[(6, 0, other.ids)])
        (bad + good).sudo().write({"progress": "running"})
        self.env.cr.execute("UPDATE mrp_workcenter SET company_id = NULL WHERE id = %s", [self.machine.id])
        self.job()
        self.assertEqual((bad.progress, good.progress), ("failed", "done"))
        self.assertIn("have no company", bad.problem)
        self.assertIn("have no company", Form(bad).problem, "the form opens all the same")
        self.job()
        self.assertEqual(bad.progress, "failed", "it waits for a person")
        self.env.cr.execute(
            "UPDATE mrp_workcenter SET company_id = %s WHERE id = %s", [self.env.company.id, self.machine.id]
        )
        with self.assertRaises(AccessError):
            bad.with_user(make_user(self.env, "supervisor")).action_retry()
        bad.action_retry()
        self.job()
        self.assertEqual((bad.progress, bad.problem, bad.done_count), ("done", False, 2))
        with self.assertRaisesRegex(UserError, "set aside"):
            bad.action_retry()

    def test_what_met_another_transaction_is_not_set_aside(self):
        """It stays for the next run; what it had begun is not left half done."""
        self.tell((60, "7", "down"))
        self.map.line_ids[1].state = "idle"
        remap = self.remap()
        remap.sudo().progress = "running"
        with patch.object(type(remap), "_go_on", side_effect=SerializationFailure):
            self.job()
        self.assertEqual((remap.progress, remap.done_count), ("running", 0))
        self.job()
        self.assertEqual((remap.progress, remap.done_count), ("done", 1))

    def test_only_from_the_date_on(self):
        """What was before the date is left."""
        self.tell((60, "7", "down"), (70, "1", "running"), (200, "7", "down"))
        self.map.line_ids[1].state = "idle"
        self.remap(start=100, at_until=clock.from_ms(MONDAY + 300 * MINUTE)).action_apply()
        self.assertEqual([value for _at, raw, value, _code in self.points() if raw == "7"], ["down", "idle"])

    def test_who_may(self):
        """Engineers of the company; a supervisor may look; another company's machine cannot be named."""
        for role in ("operator", "supervisor"):
            with self.assertRaises(AccessError):
                self.remap(make_user(self.env, role))
        stranger = make_user(self.env, "engineer", company=make_company(self.env))
        with self.assertRaises(UserError):
            self.remap(stranger)

    def test_modes_are_mapped_too(self):
        """One map says states and modes; each lane takes its own."""
        self.map.line_ids[1].mode = "cleaning"
        self.env["mes.fact.writer"].write_states(
            [StateRow(self.machine.id, "mode", MONDAY + 60 * MINUTE, "7", "production", stream="LINE1", seq=1)]
        )
        self.remap(lane="mode").action_apply()
        window = Span(MONDAY + 60 * MINUTE, MONDAY + 61 * MINUTE)
        slices = self.env["mes.timeline"].effective(self.machine, window.start, window.end)[self.machine.id]
        self.assertEqual(slices[0].mode, "cleaning")
