"""Who works which shift: rotation, swaps, and what a change of them makes anew."""

from odoo.exceptions import AccessError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger
from psycopg2 import IntegrityError

from .common import (
    DAY,
    HOUR,
    MONDAY,
    MesCase,
    at_time,
    feed_evidence,
    feed_states,
    make_company,
    make_crew,
    make_run,
    make_shift_pattern,
    make_user,
)


class CrewCase(MesCase):
    """Early and late in a cycle of two weeks; crews A and B change places each week. It is the third Monday."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.a, cls.b, cls.c = (make_crew(cls.env, code) for code in "ABC")
        cls.pattern = make_shift_pattern(
            cls.env, cls.site, [("E", 6, 14), ("L", 14, 22)], ["monday", "tuesday"], date_from="2026-03-02"
        )
        cls.pattern.write({"cycle_weeks": 2, "cycle_start": "2026-03-02"})
        cls.early, cls.late = cls.pattern.shift_ids
        cls.rotate(cls.early, cls.a, cls.b)
        cls.rotate(cls.late, cls.b, cls.a)
        cls.env = at_time(cls.machine, MONDAY + 14 * DAY).env
        cls.pattern, cls.early, cls.late = (one.with_env(cls.env) for one in (cls.pattern, cls.early, cls.late))
        cls.env["mes.dirty.span"]._take("stop")

    @classmethod
    def rotate(cls, shift, *crews):
        """The crews of a shift, week by week."""
        shift.crew_ids = [Command.create({"week": week, "crew_id": crew.id}) for week, crew in enumerate(crews, 1)]

    def plan(self, machine=None, weeks=2):
        """ "E:A L:B" of each day on which somebody works."""
        machine = machine or self.machine
        codes = {crew.id: crew.code for crew in (self.a, self.b, self.c)}
        shifts = self.env["mes.calendar"].shifts(machine, MONDAY, MONDAY + weeks * 7 * DAY)[machine.id]
        days: dict = {}
        for shift in shifts:
            days.setdefault(shift.business_date, []).append(f"{shift.name}:{codes.get(shift.crew, '-')}")
        return [" ".join(found) for _day, found in sorted(days.items())]

    def marks(self):
        """The marked spans of the machine in hours after Monday."""
        found = self.env["mes.dirty.span"]._take("stop").get(self.machine.id, [])
        return [((start - MONDAY) / HOUR, end and (end - MONDAY) / HOUR) for start, end in found]

    def swap(self, **values):
        """An exception that lets crew C work."""
        return self.env["mes.shift.exception"].create(
            {"name": "Swap", "kind": "crew", "date": "2026-03-03", "site_id": self.site.id, "crew_id": self.c.id}
            | values
        )


@tagged("post_install", "-at_install")
class TestCrews(CrewCase):
    def test_a_stop_belongs_to_the_crew_of_its_shift(self):
        """And to the one that swapped in, once that is known."""
        make_run(self.env, self.machine, self.product, MONDAY)
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 2 * DAY)])
        down = MONDAY + DAY + 8 * HOUR
        feed_states(self.env, self.machine, [(MONDAY, "running"), (down, "down"), (down + HOUR, "running")])
        self.env["mes.stop"]._fold(self.env["mes.dirty.span"]._take("stop"))
        stop = self.env["mes.stop"].search([("workcenter_id", "=", self.machine.id)])
        self.assertEqual(stop.crew_id, self.a)
        self.swap(shift_code="E")
        self.env["mes.stop"]._fold(self.env["mes.dirty.span"]._take("stop"))
        self.assertEqual(stop.crew_id, self.c)

    def test_crews_rotate_with_the_weeks(self):
        """What a shift's crew is, the week of the cycle says."""
        self.assertEqual(self.plan(weeks=3), ["E:A L:B"] * 2 + ["E:B L:A"] * 2 + ["E:A L:B"] * 2)

    def test_one_crew_for_every_week_but_one(self):
        """Week 0 means every week for which no other crew is named."""
        self.early.crew_ids = [
            Command.clear(),
            Command.create({"week": 0, "crew_id": self.c.id}),
            Command.create({"week": 2, "crew_id": self.a.id}),
        ]
        self.assertEqual(self.plan(), ["E:C L:B"] * 2 + ["E:A L:A"] * 2)

    def test_another_crew_marks_only_its_shifts(self):
        """A change of the second week's early crew touches these hours and what is to come (V16)."""
        version = self.pattern.version
        self.early.crew_ids[1].crew_id = self.c
        spans = self.marks()
        second = [(7 * 24 + 6, 7 * 24 + 14), (8 * 24 + 6, 8 * 24 + 14)]
        self.assertEqual(spans[:2], second)
        self.assertGreaterEqual(spans[2][0], 14 * 24, "the rest is not over yet")
        self.assertEqual((len(spans), spans[2][1]), (3, None))
        self.assertGreater(self.pattern.version, version)

    def test_a_crew_is_part_of_the_calendars_version(self):
        """Another crew is another version of the calendar (V16)."""
        before = self.env["mes.calendar"].versions(self.machine, MONDAY, MONDAY + DAY)
        self.early.crew_ids[0].crew_id = self.c
        self.assertNotEqual(self.env["mes.calendar"].versions(self.machine, MONDAY, MONDAY + DAY), before)

    def test_a_swap_is_for_one_date_and_marks_its_shift(self):
        """Crew C works Tuesday's early shift: eight hours are made anew, taken back eight again (V16)."""
        swap = self.swap(shift_code="E")
        self.assertEqual(self.plan(), ["E:A L:B", "E:C L:B"] + ["E:B L:A"] * 2)
        self.assertEqual(self.marks(), [(30, 38)])
        swap.action_undo()
        self.assertEqual(self.plan(), ["E:A L:B"] * 2 + ["E:B L:A"] * 2)
        self.assertEqual(self.marks(), [(30, 38)])

    def test_a_swap_of_the_whole_day_and_the_nearest_place(self):
        """Without a code all shifts of the days are swapped; the machine's swap beats the site's."""
        self.swap(date="2026-03-02", date_until="2026-03-09")
        self.swap(workcenter_id=self.machine.id, site_id=False, crew_id=self.b.id, shift_code="E")
        self.assertEqual(self.plan(), ["E:C L:C", "E:B L:C", "E:C L:C", "E:B L:A"])
        self.assertEqual(self.plan(self.line)[1], "E:C L:C")

    def test_a_swap_to_the_same_crew_touches_nothing(self):
        """Only what is another than before is made anew (V16)."""
        self.swap(shift_code="E", crew_id=self.a.id)
        self.assertEqual(self.marks(), [])

    def test_overtime_has_its_own_crew(self):
        """An additional shift names who works it."""
        self.swap(kind="overtime", shift_code="OT", start_hour=22, end_hour=23)
        self.assertEqual(self.plan()[1], "E:A L:B OT:C")

    def test_what_cannot_be_is_refused_with_the_mend(self):
        """Weeks that do not exist, two crews in one week, a swap without a crew, two crews of one code."""
        with self.assertRaisesRegex(ValidationError, "longer cycle"):
            self.early.crew_ids[0].week = 3
        with self.assertRaisesRegex(ValidationError, "Choose the crew"):
            self.swap(crew_id=False)
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            self.early.crew_ids[0].week = 2
            self.env.flush_all()
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            make_crew(self.env, "A")

    def test_a_crew_in_use_stays(self):
        """A crew that a pattern names is archived, not deleted."""
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.cr.savepoint():
            self.a.unlink()

    def test_who_may_do_what(self):
        """An operator sees crews and their people, a supervisor keeps them and swaps, an engineer rotates."""
        employee = self.env["hr.employee"].create({"name": "Ann Lee"})
        supervisor, operator = make_user(self.env, "supervisor"), make_user(self.env, "operator")
        self.a.with_user(supervisor).member_ids = [Command.link(employee.id)]
        self.assertEqual(self.a.with_user(operator).member_ids.mapped("name"), ["Ann Lee"])
        self.env["mes.shift.exception"].with_user(supervisor).create(
            {"name": "Swap", "kind": "crew", "date": "2026-03-03", "site_id": self.site.id, "crew_id": self.c.id}
        )
        for record in (self.a, self.early.crew_ids[0]):
            with self.assertRaises(AccessError):
                record.with_user(operator).unlink()
        with self.assertRaises(AccessError):
            self.early.crew_ids[0].with_user(supervisor).crew_id = self.c
        self.early.crew_ids[0].with_user(make_user(self.env, "engineer")).crew_id = self.c

    def test_another_companys_crew_is_refused(self):
        """A crew works for its own company, and is not seen by others (invariant 8)."""
        other = make_company(self.env)
        foreign = make_crew(self.env, "A", other)
        with self.assertRaisesRegex(Exception, "company"):
            self.early.crew_ids[0].crew_id = foreign
        supervisor = make_user(self.env, "supervisor")
        self.assertNotIn(foreign, self.env["mes.crew"].with_user(supervisor).search([]))
