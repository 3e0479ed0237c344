"""What a change by people makes anew: its own span, no more (V16)."""

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from ..tools import clock
from .common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    MesCase,
    make_area,
    make_reason,
    make_shift_pattern,
    make_site,
    make_work_center,
    set_ideal_cycle,
)  # fmt: skip


@tagged("post_install", "-at_install")
class TestMarks(MesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pattern = make_shift_pattern(cls.env, cls.site, [("D", 6, 14)], date_from="2026-01-01")
        cls.elsewhere = make_work_center(cls.env, make_area(cls.env, make_site(cls.env, "S2")), "X")
        cls.env["mes.dirty.span"]._take("stop")

    def marks(self):
        """The marked spans of the machine, in ms after Monday; other machines may not be marked."""
        found = self.env["mes.dirty.span"]._take("stop")
        self.assertLessEqual(set(found), {self.machine.id, self.line.id})
        return [
            (start - MONDAY, None if end is None else end - MONDAY) for start, end in found.get(self.machine.id, [])
        ]

    def test_overtime_marks_its_own_hours(self):
        """An overtime shift of last week touches its hours; taking it back touches them again (V16)."""
        overtime = self.env["mes.shift.exception"].create(
            {"name": "Overtime", "kind": "overtime", "date": "2026-03-02", "site_id": self.site.id,
             "start_hour": 22, "end_hour": 2}
        )  # fmt: skip
        self.assertEqual(self.marks(), [(22 * HOUR, 26 * HOUR)])
        overtime.end_hour = 1
        self.assertEqual(self.marks(), [(22 * HOUR, 26 * HOUR)])
        overtime.name = "Extra"
        self.assertEqual(self.marks(), [])
        overtime.unlink()
        self.assertEqual(self.marks(), [(22 * HOUR, 25 * HOUR)])

    def test_closed_day_marks_the_shifts_that_begin_on_it(self):
        """A holiday touches the hours that were to be worked, and no other."""
        self.env["mes.shift.exception"].create({"name": "Holiday", "date": "2026-03-03", "area_id": self.area.id})
        self.assertEqual(self.marks(), [(DAY + 6 * HOUR, DAY + 14 * HOUR)])

    def test_new_pattern_marks_from_its_date_to_the_next(self):
        """A pattern touches the time in which it holds, and into which its last shift can reach: a day, and twelve
        hours of overtime."""
        self.env["mes.shift.assignment"].create(
            {"pattern_id": self.pattern.id, "area_id": self.area.id, "date_from": "2026-03-10"}
        )
        self.assertEqual(self.marks(), [(8 * DAY, None)])
        self.env["mes.shift.assignment"].create(
            {"pattern_id": self.pattern.id, "area_id": self.area.id, "date_from": "2026-03-03"}
        )
        self.assertEqual(self.marks(), [(DAY, 9 * DAY + 12 * HOUR)])

    def test_change_of_a_shift_is_a_new_version(self):
        """Shifts and breaks mark wherever the pattern holds and raise its version."""
        start = clock.to_ms(clock.EPOCH.fromisoformat("2026-01-01")) - MONDAY
        version = self.pattern.version
        self.pattern.shift_ids.end_hour = 15
        self.assertEqual(self.marks(), [(start, None)])
        self.assertGreater(self.pattern.version, version)
        version = self.pattern.version
        self.pattern.shift_ids.break_ids = [Command.create({"start_hour": 9, "minutes": 15})]
        self.assertEqual(self.marks(), [(start, None)])
        self.assertGreater(self.pattern.version, version)

    def test_ideal_cycle_marks_from_its_date(self):
        """An ideal cycle touches what comes after it."""
        set_ideal_cycle(self.env, self.machine, 1.5, from_ms=MONDAY)
        self.assertEqual(self.marks(), [(0, None)])

    def test_reason_flags_mark_where_the_reason_was_given(self):
        """A reason that becomes planned moves the spans that carry it."""
        reason = make_reason(self.env, "Wash")
        self.env["mes.state.override"].record(self.machine.id, "2026-03-02 01:00:00", "2026-03-02 02:00:00", reason.id)
        self.marks()
        reason.name = "Washing"
        self.assertEqual(self.marks(), [])
        reason.mes_planned = True
        self.assertEqual(self.marks(), [(HOUR, 2 * HOUR)])

    def test_another_time_zone_marks_everything_at_the_site(self):
        """Shifts and hours of the whole history lie elsewhere then."""
        self.site.tz = "Europe/Berlin"
        self.assertEqual(self.marks(), [(-MONDAY, None)])
        self.site.name = "Renamed"
        self.assertEqual(self.marks(), [])

    def test_threshold_marks_everything(self):
        """Another minor stop threshold classifies all stops anew."""
        self.machine.mes_minor_stop_ms = 2 * MINUTE
        self.assertEqual(self.marks(), [(-MONDAY, None)])

    def test_rules_that_cannot_be_are_refused_with_the_mend(self):
        """Overlaps, breaks outside, weeks that do not exist, reasons with two natures."""
        shift = {"name": "X", "code": "X", "start_hour": 13, "end_hour": 20}
        with self.assertRaisesRegex(ValidationError, "overlap: let one end"):
            self.pattern.shift_ids = [Command.create(shift)]
        with self.assertRaisesRegex(ValidationError, "within the shift"):
            self.pattern.shift_ids.break_ids = [Command.create({"start_hour": 13.75, "minutes": 30})]
        with self.assertRaisesRegex(ValidationError, "choose another week"):
            self.pattern.shift_ids.week = 2
        with self.assertRaisesRegex(ValidationError, "needs a Monday"):
            self.pattern.write({"cycle_weeks": 2, "cycle_start": "2026-03-03"})
        with self.assertRaisesRegex(ValidationError, "start and an end that differ"):
            self.env["mes.shift.exception"].create(
                {"name": "x", "kind": "overtime", "date": "2026-03-02", "site_id": self.site.id}
            )
        with self.assertRaisesRegex(ValidationError, "only one of them"):
            make_reason(self.env, "Both", mes_planned=True, mes_failure=True)
        reason = make_reason(self.env, "Top")
        with self.assertRaisesRegex(UserError, "Recursion"):
            reason.parent_id = make_reason(self.env, "Below", parent_id=reason.id)

    def test_night_into_monday_clashes_with_an_early_monday(self):
        """The week closes to a ring: Sunday's night may reach into Monday's first shift."""
        with self.assertRaisesRegex(ValidationError, "overlap"):
            make_shift_pattern(self.env, self.area, [("N", 22, 6.5), ("E", 6, 14)], ["sunday", "monday"])

    def test_ideal_cycles_are_looked_up_in_sets(self):
        """Seconds come as exact decimals, by date, product or any."""
        set_ideal_cycle(self.env, self.machine, 0.1, from_ms=MONDAY)
        set_ideal_cycle(self.env, self.machine, 2, product=self.product, from_ms=MONDAY - HOUR)
        found = self.env["mes.ideal.cycle"]._lookup([self.machine.id, self.line.id])
        self.assertEqual(
            [(product, start - MONDAY, str(seconds.normalize())) for product, start, seconds in found[self.machine.id]],
            [(self.product.id, -HOUR, "2"), (None, 0, "0.1")],
        )
        self.assertNotIn(self.line.id, found)
