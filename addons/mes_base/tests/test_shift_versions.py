"""A pattern's next version, the warning before a change of the past, and the plan of the coming weeks."""

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from ..tools import clock
from .common import DAY, HOUR, MONDAY, at_time, make_crew, make_shift_pattern, make_user, make_work_center
from .test_crews import CrewCase


@tagged("post_install", "-at_install")
class TestVersions(CrewCase):
    def version(self, day, pattern=None):
        """Make a version as an engineer does, on its form."""
        engineer = make_user(self.env, "engineer")
        opened = self.env["mes.shift.pattern.version"].with_user(engineer)
        with Form(opened.with_context(active_id=(pattern or self.pattern).id)) as form:
            form.date_from = day
        action = form.record.action_make()
        return self.env["mes.shift.pattern"].browse(action["res_id"])

    def test_a_version_holds_from_its_day_and_the_past_stays(self):
        """The copy has the shifts, breaks and crews; changed, it changes nothing before its first day."""
        self.early.write({"break_ids": [(0, 0, {"start_hour": 9, "minutes": 30})]})
        made = self.version("2026-03-10")
        self.assertEqual((made.origin_id, made.shift_ids.break_ids.minutes), (self.pattern, 30))
        self.assertEqual(self.plan(weeks=3), ["E:A L:B"] * 2 + ["E:B L:A"] * 2 + ["E:A L:B"] * 2)
        self.env["mes.dirty.span"]._take("stop")
        made.shift_ids.filtered(lambda shift: shift.code == "L").unlink()
        self.assertEqual(self.plan(weeks=3), ["E:A L:B"] * 2 + ["E:B L:A", "E:B", "E:A", "E:A"])
        self.assertEqual(min(start for start, _end in self.marks()), 8 * 24)

    def test_later_places_take_up_the_new_version(self):
        """A place that was to take up the old pattern takes up its version then."""
        place = make_work_center(self.env, self.area, "X")
        self.env["mes.shift.assignment"].create(
            {"pattern_id": self.pattern.id, "workcenter_id": place.id, "date_from": "2026-04-01"}
        )
        made = self.version("2026-03-10")
        self.assertEqual(
            {(one.site_id, one.workcenter_id, one.date_from) for one in made.assignment_ids},
            {
                (self.site, self.env["mrp.workcenter"], fields.Date.to_date("2026-03-10")),
                (self.env["mes.site"], place, fields.Date.to_date("2026-04-01")),
            },
        )
        self.assertEqual(self.pattern.assignment_ids.site_id, self.site)

    def test_a_pattern_that_holds_nowhere_has_no_version(self):
        """With the sentence that says what to do first."""
        other = make_shift_pattern(self.env, self.site, [("D", 8, 16)], date_from="2026-03-09")
        with self.assertRaisesRegex(ValidationError, "assign it to a place first"):
            self.version("2026-03-16")
        self.assertTrue(self.version("2026-03-16", other))

    def test_a_version_in_a_closed_period_is_refused_whole(self):
        """Neither a copy nor an assignment is left behind."""
        self.env["mes.period.lock"].create({"at_until": clock.from_ms(MONDAY + 10 * DAY)})
        before = self.env["mes.shift.pattern"].search_count([])
        with self.assertRaisesRegex(UserError, "closed up to"), self.cr.savepoint():
            self.version("2026-03-10")
        self.assertEqual(self.env["mes.shift.pattern"].search_count([]), before)

    def test_supervisors_make_no_versions(self):
        """Patterns are the engineer's."""
        with self.assertRaises(AccessError):
            self.pattern.with_user(make_user(self.env, "supervisor")).new_version(fields.Date.today(), "X")

    def test_a_pattern_in_use_says_what_a_change_makes_anew(self):
        """How many machines, and since when; a pattern that is not in use yet says nothing."""
        pattern = self.pattern.with_env(self.env)
        self.assertRegex(pattern.reflow_note, "2 machines .* since 03/02/2026.* New Version")
        pattern.assignment_ids.date_from = "2027-01-01"
        self.assertFalse(pattern.reflow_note)


@tagged("post_install", "-at_install")
class TestPlan(CrewCase):
    def table(self, **values):
        """The plan as an operator sees it."""
        operator = make_user(self.env, "operator")
        opened = self.env["mes.shift.plan"].with_user(operator)
        return opened.create({"site_id": self.site.id, "date_from": "2026-03-04", "weeks": "2", **values})

    def test_the_plan_shows_shifts_hours_crews_and_people(self):
        """Two weeks from the Monday of the date, machines that work alike in one block."""
        self.a.member_ids = self.env["hr.employee"].create({"name": "Ann Lee"})
        plan = self.table()
        (block,) = plan._blocks()
        self.assertEqual(sorted(block["machines"].split(", ")), ["L1", "M1"])
        first, second = block["weeks"]
        self.assertEqual(
            [(shift["code"], shift["hours"], shift["crew"]) for shift in first[0]["shifts"]],
            [("E", "06:00–14:00", "Crew A"), ("L", "14:00–22:00", "Crew B")],
        )
        self.assertEqual(second[0]["shifts"][0]["crew"], "Crew B")
        self.assertFalse(first[2]["shifts"])
        self.assertIn("Ann Lee", plan.table)
        self.assertIn("06:00–14:00", plan.table)

    def test_what_is_out_of_the_ordinary_is_named(self):
        """Swaps and holidays stand on their days; another pattern is another block."""
        self.swap(shift_code="E", name="Carnival swap")
        lone = make_work_center(self.env, self.area, "X")
        make_shift_pattern(self.env, lone, [("D", 8, 16)], ["monday"])
        plan = self.table()
        blocks = plan._blocks()
        self.assertEqual(len(blocks), 2)
        self.assertEqual([block["weeks"][0][1]["notes"] for block in blocks], [["Carnival swap"]] * 2)
        self.assertIn("Crew C", plan.table)

    def test_the_plan_is_turned_week_by_week(self):
        """Before and after; a place without machines says so."""
        plan = self.table(weeks="1")
        plan.action_later()
        self.assertEqual(plan._blocks()[0]["weeks"][0][0]["shifts"][0]["crew"], "Crew B")
        plan.action_earlier()
        self.assertEqual(plan._blocks()[0]["weeks"][0][0]["shifts"][0]["crew"], "Crew A")
        plan.site_id = False
        self.assertIn("No machine stands here", plan.table)

    def test_the_plan_opens_from_a_place(self):
        """The button of a machine opens the plan of that machine."""
        opened = at_time(self.env["mes.shift.plan"], MONDAY + HOUR).with_context(default_workcenter_id=self.machine.id)
        plan = opened.create({})
        self.assertFalse(plan.site_id)
        self.assertEqual([block["machines"] for block in plan._blocks()], ["M1"])
        self.assertTrue(plan._blocks()[0]["weeks"][0][0]["today"])
        self.assertTrue(make_crew(self.env, "Z").display_name)
