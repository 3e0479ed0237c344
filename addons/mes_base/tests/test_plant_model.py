"""The plant model: codes, moves, what history forbids."""

from datetime import date

from lxml import etree
from odoo.exceptions import UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger
from odoo.tools.safe_eval import safe_eval
from psycopg2 import IntegrityError

from ..tools import clock
from .common import (
    HOUR,
    MONDAY,
    MesCase,
    at_time,
    feed_evidence,
    feed_states,
    make_area,
    make_line,
    make_site,
    make_work_center,
)


@tagged("post_install", "-at_install")
class TestPlantModel(MesCase):
    def test_code_is_composed_from_the_place(self):
        """A machine's code is site/area/line/unit, a line's is site/area/line."""
        self.assertEqual(self.line.mes_code, "S1/A1/L1")
        self.assertEqual(self.machine.mes_code, "S1/A1/L1/M1")
        self.assertEqual(make_work_center(self.env, self.area, "X").mes_code, "S1/A1/X")

    def test_code_comes_from_the_name_without_a_code(self):
        """Without a code of its own a machine is addressed by its name."""
        machine = make_work_center(self.env, self.area, "", name="Filler no. 2", line=self.line)
        self.assertEqual(machine.mes_code, "S1/A1/L1/FILLER_NO_2")

    def test_a_line_made_from_its_machines_form_is_a_line(self):
        """With its level and area, and its form opened: a name alone would make a machine without a place."""
        arch = etree.fromstring(self.env["mrp.workcenter"].get_view(view_type="form")["arch"])
        line = arch.xpath("//field[@name='mes_line_id']")[0]
        self.assertEqual(
            safe_eval(line.get("context"), {"mes_area_id": 7}), {"default_mes_level": "line", "default_mes_area_id": 7}
        )
        self.assertTrue(safe_eval(line.get("options"))["no_quick_create"])

    def test_a_pattern_is_valid_from_today_if_nothing_is_said(self):
        assignments = at_time(self.env["mes.shift.assignment"], MONDAY + HOUR)
        self.assertEqual(assignments.new({}).date_from, date(2026, 3, 2))

    def test_code_is_unique_per_company(self):
        """Two machines of one company cannot share an address."""
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            make_work_center(self.env, self.area, line=self.line)

    def test_code_with_a_slash_is_refused_with_the_mend(self):
        """A slash would break the address."""
        with self.assertRaisesRegex(ValidationError, "letters, digits"):
            make_site(self.env, "A/B")
        with self.assertRaisesRegex(ValidationError, "letters, digits"):
            make_work_center(self.env, self.area, code="A/B")

    def test_move_keeps_the_code_and_its_history(self):
        """After a move the code is the old one, and the old place is known for the old time."""
        hall = make_area(self.env, self.site, "HALL2")
        other = make_line(self.env, hall, "L9")
        move_ms = MONDAY + HOUR
        self.machine._mes_move(hall, other, move_ms)
        self.assertEqual((self.machine.mes_area_id, self.machine.mes_line_id), (hall, other))
        self.assertEqual(self.machine.mes_code, "S1/A1/L1/M1")
        self.assertEqual(
            self.env["mes.placement"]._spans(self.machine.ids)[self.machine.id],
            [(0, move_ms, self.area.id, self.line.id), (move_ms, None, hall.id, other.id)],
        )

    def test_line_takes_its_units_along(self):
        """When a line moves to another area its machines stand there too."""
        hall = make_area(self.env, self.site, "HALL3")
        self.line._mes_move(hall, None, MONDAY)
        self.assertEqual((self.machine.mes_area_id, self.machine.mes_line_id), (hall, self.line))
        self.assertEqual(
            self.env["mes.placement"]._spans(self.machine.ids)[self.machine.id][1],
            (MONDAY, None, hall.id, self.line.id),
        )

    def test_writing_another_line_is_a_move_from_now_on(self):
        """A change on the form is recorded as a placement at the present instant."""
        other = make_line(self.env, self.area, "L2")
        at_time(self.machine, MONDAY).write({"mes_line_id": other.id})
        latest = self.machine.mes_placement_ids.sorted("date_from")[-1]
        self.assertEqual((latest.line_id, clock.to_ms(latest.date_from)), (other, MONDAY))

    def test_move_marks_the_time_after_it(self):
        """What the machine inherits changes from the move on, not before."""
        self.env["mes.dirty.span"]._take("stop")
        self.machine._mes_move(self.area, None, MONDAY)
        self.assertEqual(self.env["mes.dirty.span"]._take("stop"), {self.machine.id: [(MONDAY, None)]})

    def test_future_move_is_refused(self):
        """A move is entered when it has happened."""
        with self.assertRaisesRegex(ValidationError, "future"):
            self.machine._mes_move(self.area, None, self.env["mes.clock"].now_ms() + HOUR)

    def test_wrong_places_are_refused(self):
        """A unit needs an area, a line stands on no line, and a machine's line is of its area."""
        with self.assertRaisesRegex(ValidationError, "choose its area"):
            self.env["mrp.workcenter"].create({"name": "Lost", "mes_level": "unit"})
        with self.assertRaisesRegex(ValidationError, "line of the same area"):
            self.line.mes_line_id = make_line(self.env, self.area, "L3")
        with self.assertRaisesRegex(ValidationError, "line of the same area"):
            self.machine.mes_line_id = make_line(self.env, make_area(self.env, self.site, "A2"), "L4")

    def test_area_with_machines_stays_in_its_site(self):
        """Only an empty area may change its site."""
        there = make_site(self.env, "S3")
        with self.assertRaisesRegex(UserError, "move the machines"):
            self.area.site_id = there
        empty = make_area(self.env, self.site, "EMPTY")
        empty.site_id = there
        self.assertEqual(empty.site_id, there)

    def test_code_stays_once_there_are_facts(self):
        """Facts are addressed by the code, so it may change only before the first."""
        self.machine.mes_code = "S1/A1/L1/NEW"
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        with self.assertRaisesRegex(UserError, "already has facts"):
            self.machine.mes_code = "S1/A1/L1/OTHER"

    def test_history_is_archived_never_deleted(self):
        """A machine with facts cannot be deleted, one without can."""
        make_work_center(self.env, self.area, "EMPTY").unlink()
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        with self.assertRaisesRegex(UserError, "archive it"):
            self.machine.unlink()
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + HOUR)])
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            self.env.cr.execute("DELETE FROM mrp_workcenter WHERE id = %s", [self.machine.id])

    def test_machines_are_found_by_code_and_company(self):
        """A code of another company is not found."""
        found = self.env["mrp.workcenter"]._mes_by_code(["S1/A1/L1/M1", "NO"], self.env.company)
        self.assertEqual(found, {"S1/A1/L1/M1": (self.machine.id, self.env.company.id)})
        other = self.env["res.company"].create({"name": "Other"})
        self.assertEqual(self.env["mrp.workcenter"]._mes_by_code(["S1/A1/L1/M1"], other), {})
