"""Overtime in two clicks, and ranges of holidays."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, tagged

from ..tools import clock
from .common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    WORKDAYS,
    MesCase,
    at_time,
    make_area,
    make_company,
    make_shift_pattern,
    make_site,
    make_user,
    make_work_center,
)  # fmt: skip


class OvertimeCase(MesCase):
    """Early and late on workdays at the site; the clock stands where a test puts it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_shift_pattern(cls.env, cls.site, [("E", 6, 14), ("L", 14, 22)], WORKDAYS, date_from="2026-01-01")
        cls.supervisor = make_user(cls.env, "supervisor")
        cls.env["mes.dirty.span"]._take("stop")

    def at(self, hours):
        """The exceptions as the supervisor sees them so many hours after Monday."""
        return at_time(self.env["mes.shift.exception"].with_user(self.supervisor), MONDAY + round(hours * HOUR))

    def order(self, hours, minutes, place=None):
        """Order overtime at a time; (kind, from, until in hours after Monday)."""
        made = self.at(hours).overtime((place or self.machine).id, minutes)
        return made["kind"], (made["from_ms"] - MONDAY) / HOUR, (made["until_ms"] - MONDAY) / HOUR

    def shifts(self, machine=None, start=MONDAY, days=1):
        """(code, from, until in hours after Monday) of a machine's shifts."""
        machine = machine or self.machine
        found = self.env["mes.calendar"].shifts(machine, start, start + days * DAY)[machine.id]
        return [(one.name, (one.start - MONDAY) / HOUR, (one.end - MONDAY) / HOUR) for one in found]

    def marks(self, machine=None):
        """The marked spans of a machine in hours after Monday."""
        found = self.env["mes.dirty.span"]._take("stop").get((machine or self.machine).id, [])
        return [((start - MONDAY) / HOUR, end and (end - MONDAY) / HOUR) for start, end in found]


@tagged("post_install", "-at_install")
class TestOvertime(OvertimeCase):
    def test_the_running_shift_goes_on(self):
        """The late shift ends an hour later, under its own key, and only this hour is made anew (V16)."""
        before = self.env["mes.calendar"].shifts(self.machine, MONDAY, MONDAY + DAY)[self.machine.id][1]
        self.assertEqual(self.order(20, 60), ("extension", 22, 23))
        after = self.env["mes.calendar"].shifts(self.machine, MONDAY, MONDAY + DAY)[self.machine.id][1]
        self.assertEqual(
            (after.key, after.business_date, after.end), (before.key, before.business_date, before.end + HOUR)
        )
        self.assertEqual(self.marks(), [(22, 23)])
        self.assertEqual(self.shifts(self.line), [("E", 6, 14), ("L", 14, 22)], "the line was not asked to stay")

    def test_the_second_click_adds_up_and_undo_takes_back_one(self):
        """Half an hour twice is an hour; undone once, half an hour is left, and stays on record."""
        first = self.at(20).overtime(self.machine.id, 30)
        self.assertEqual(self.order(20, 30), ("extension", 22.5, 23))
        self.marks()
        self.at(20).browse(first["id"]).action_undo()
        self.assertEqual(self.shifts()[1], ("L", 14, 22.5))
        self.assertEqual(self.marks(), [(22.5, 23)])
        self.assertFalse(self.env["mes.shift.exception"].browse(first["id"]).active)

    def test_the_last_shift_goes_on_if_it_would_still_run(self):
        """At 22:20 an hour means until 23:00; at 23:40 a quarter is a shift that is added from then on."""
        self.assertEqual(self.order(22 + 1 / 3, 60), ("extension", 22, 23))
        self.assertEqual(self.order(23 + 2 / 3, 15), ("overtime", 23 + 2 / 3, 23 + 11 / 12))
        self.assertEqual(self.shifts(), [("E", 6, 14), ("L", 14, 23), ("OT", 23 + 2 / 3, 23 + 11 / 12)])

    def test_an_added_shift_goes_on_too(self):
        """Saturday: a shift is added from now on, and the next click makes it longer, past midnight."""
        self.assertEqual(self.order(5 * 24 + 22.5, 60), ("overtime", 142.5, 143.5))
        self.assertEqual(self.order(5 * 24 + 23, 60), ("extension", 143.5, 144.5))
        self.assertEqual(self.shifts(start=MONDAY + 5 * DAY), [("OT", 142.5, 144.5)])
        self.assertEqual(self.order(6 * 24 + 12, 60), ("overtime", 156, 157))
        self.assertEqual(self.shifts(start=MONDAY + 6 * DAY)[-1][0], "OT2", "each can go on alone")

    def test_no_room_before_the_next_shift(self):
        """Overtime does not run into the next shift; the refusal says how much room there is."""
        with self.assertRaisesRegex(UserError, "L begins at 14:00: there is room for 0 minutes"):
            self.order(10, 30)
        with self.assertRaisesRegex(UserError, "E begins at 06:00: there is room for 480 minutes"):
            self.order(20, 481)
        self.assertEqual(self.order(20, 480), ("extension", 22, 30))

    def test_a_line_an_area_and_a_site(self):
        """Overtime of a place is for all of its machines."""
        self.order(20, 60, self.line)
        self.assertEqual([self.shifts(one)[1][2] for one in (self.line, self.machine)], [23, 23])
        made = self.at(20)._overtime(self.site.with_user(self.supervisor), 30)
        self.assertEqual(self.shifts()[1][2], 23.5)
        self.assertIn("until 23:30", made["text"])
        other = make_work_center(self.env, self.area, "X")
        make_shift_pattern(self.env, other, [("D", 8, 16)], WORKDAYS)
        with self.assertRaisesRegex(UserError, "choose a line or a machine"):
            self.at(21)._overtime(self.area.with_user(self.supervisor), 30)
        empty = make_area(self.env, self.site, "EMPTY").with_user(self.supervisor)
        with self.assertRaisesRegex(UserError, "no machines"):
            self.at(21)._overtime(empty, 30)

    def test_the_sites_own_clock_counts(self):
        """In Kolkata the shift of the local day goes on, and times are told on the local clock (V23)."""
        india = make_site(self.env, "IND", "Asia/Kolkata")
        machine = make_work_center(self.env, make_area(self.env, india))
        make_shift_pattern(self.env, india, [("N", 22, 6)])
        made = self.at(22).overtime(machine.id, 30)  # 03:30 on Tuesday; the night began on Monday
        self.assertIn("until 06:30", made["text"])
        self.assertEqual(str(self.env["mes.shift.exception"].browse(made["id"]).date), "2026-03-02")
        self.assertEqual(self.shifts(machine)[-1], ("N", 16.5, 25))

    def test_the_second_is_told_what_the_first_did(self):
        """Who looked before somebody else ordered is told who and what; who has seen it may add to it."""
        anna = make_user(self.env, "supervisor", "anna", name="Anna")
        seen = self.at(20).overtime_seen()
        form = at_time(self.env["mes.overtime"].with_user(self.supervisor), MONDAY + 20 * HOUR)
        form = Form(form.with_context(default_workcenter_id=self.machine.id))
        self.at(20).with_user(anna).overtime(self.line.id, 30)
        for order in (
            lambda: self.at(20).overtime(self.machine.id, 60, seen),
            lambda: form.save().with_context(mes_overtime_minutes=30).action_order(),
        ):
            with self.assertRaisesRegex(UserError, "Anna has ordered overtime meanwhile, shift L longer by 30 min"):
                order()
        self.assertEqual(self.shifts()[1], ("L", 14, 22.5))
        other = make_work_center(self.env, self.area, "X")
        self.at(20).overtime(other.id, 60, seen)
        made = self.at(20).overtime(self.machine.id, 30, self.at(20).overtime_seen())
        self.assertEqual((made["until_ms"] - MONDAY) / HOUR, 23)
        self.at(20).browse(made["id"]).action_undo()
        self.at(20).overtime(self.machine.id, 15, made["id"])
        with self.assertRaisesRegex(UserError, "overtime_seen"):
            self.at(20).overtime(self.machine.id, 15, "1")

    def test_minutes_that_cannot_be(self):
        """None, negative, a text, more than half a day."""
        for minutes in (0, -5, "60", True, 721, None):
            with self.subTest(minutes=minutes), self.assertRaisesRegex(UserError, "1 to 720 minutes"):
                self.order(20, minutes)

    def test_only_supervisors_order_it_and_only_of_their_company(self):
        """An operator is refused, another company's supervisor too (invariant 8)."""
        with self.assertRaisesRegex(AccessError, "Only a supervisor"):
            self.at(20).with_user(make_user(self.env, "operator")).overtime(self.machine.id, 30)
        stranger = make_user(self.env, "supervisor", company=make_company(self.env))
        with self.assertRaises(AccessError):
            self.at(20).with_user(stranger).overtime(self.machine.id, 30)

    def test_not_in_a_closed_period(self):
        """What is closed is not made longer, and nothing is left behind."""
        self.env["mes.period.lock"].create({"at_until": clock.from_ms(MONDAY + 7 * DAY)})
        with self.assertRaisesRegex(UserError, "closed up to"), self.cr.savepoint():
            self.order(20, 60)
        self.assertFalse(self.env["mes.shift.exception"].search([("workcenter_id", "=", self.machine.id)]))

    def test_two_clicks_on_the_form(self):
        """The form says what would happen, orders it, lists it, and undoes it."""
        opened = at_time(self.env["mes.overtime"].with_user(self.supervisor), MONDAY + 20 * HOUR)
        form = Form(opened.with_context(default_workcenter_id=self.machine.id))
        self.assertIn("L of M1 goes on until 23:00", form.what)
        form.minutes = 481
        self.assertIn("room for 480 minutes", form.what)
        record = form.save()
        record.with_context(mes_overtime_minutes=30).action_order()
        record.invalidate_recordset()
        self.assertEqual(record.exception_ids.extra_minutes, 30)
        record.exception_ids.action_undo()
        self.assertEqual(self.shifts()[1][2], 22)


@tagged("post_install", "-at_install")
class TestRanges(OvertimeCase):
    def close(self, **values):
        """A closed range at the area."""
        return self.env["mes.shift.exception"].create(
            {"name": "Holidays", "date": "2026-03-03", "area_id": self.area.id, **values}
        )

    def test_a_range_closes_each_of_its_days(self):
        """Tuesday to Thursday nobody works; only the shifts that fell out are made anew (V16)."""
        self.close(date_until="2026-03-05")
        self.assertEqual({start // 24 for _code, start, _end in self.shifts(days=5)}, {0, 4})
        self.assertEqual(self.marks(), [(24 * day + 6, 24 * day + 22) for day in (1, 2, 3)])

    def test_free_days_of_a_range_touch_nothing(self):
        """A weekend without shifts stays as it is (V16)."""
        self.close(date="2026-03-07", date_until="2026-03-08")
        self.assertEqual(self.marks(), [])

    def test_a_longer_range_marks_what_is_new(self):
        """Another last day touches the days of the range, and no other machine."""
        holidays = self.close()
        self.marks()
        elsewhere = make_work_center(self.env, make_area(self.env, self.site, "A2"), "X")
        holidays.date_until = "2026-03-04"
        self.assertEqual(self.marks(), [(30, 46), (54, 70)])
        self.assertEqual(self.marks(elsewhere), [])
        self.assertEqual(self.shifts(days=3), [("E", 6, 14), ("L", 14, 22)])

    def test_one_shift_of_each_day(self):
        """Only the late shifts of the range fall out."""
        self.close(date_until="2026-03-04", shift_code="L")
        self.assertEqual([code for code, _start, _end in self.shifts(days=3)], ["E", "L", "E", "E"])

    def test_ranges_that_cannot_be(self):
        """Backwards, and longer than a year."""
        with self.assertRaisesRegex(ValidationError, "swap the dates"):
            self.close(date_until="2026-03-02")
        with self.assertRaisesRegex(ValidationError, "new shift pattern"):
            self.close(date_until="2027-03-04")

    def test_a_break_that_is_worked_through(self):
        """A break stops the machine, or work goes on through it; the change touches the pattern's time."""
        shift = self.env["mes.shift"].search([("code", "=", "E")])
        shift.write({"break_ids": [(0, 0, {"start_hour": 9, "minutes": 30})]})
        self.marks()

        def breaks():
            found = self.env["mes.calendar"].shifts(self.machine, MONDAY, MONDAY + DAY)[self.machine.id][0].breaks
            return [((one.start - MONDAY) // MINUTE, one.stops) for one in found]

        self.assertEqual(breaks(), [(540, True)])
        shift.break_ids.stops = False
        self.assertEqual(breaks(), [(540, False)])
        self.assertTrue(self.marks())
