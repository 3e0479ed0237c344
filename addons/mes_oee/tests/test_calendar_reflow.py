from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    at_time,
    feed_counts,
    feed_states,
    make_crew,
    make_shift_pattern,
    make_user,
)
from odoo.addons.mes_base.tools import clock
from odoo.tests import tagged

from .common import OeeCase


@tagged("post_install", "-at_install")
class TestCalendarReflow(OeeCase):
    """A late fix of the calendar makes only the hours anew that it touches, to the rows of a rebuild (V16)."""

    def setUp(self):
        """A shift from 04:00 to 08:00 each day, twelve hours of production on Monday; it is a week later."""
        super().setUp()
        self.full_day(MONDAY, 24)
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        feed_counts(self.env, self.machine, [(MONDAY + n * 5 * MINUTE, 50 * n) for n in range(12 * 12 + 1)])
        pattern = self.env["mes.shift.pattern"].search([("assignment_ids.site_id", "=", self.site.id)])
        pattern.shift_ids.write({"start_hour": 4, "end_hour": 8, "code": "E"})
        pattern.assignment_ids.date_from = "2026-02-01"
        self.at(MONDAY + 7 * 24 * HOUR + 30 * MINUTE)
        self.refresh()
        self.before = {row[6]: row for row in self.rows(ids=True)}

    def made_anew(self):
        """The hours after Monday whose rows are others than before, now that the calendar's change is folded."""
        self.refresh()
        after = {row[6]: row for row in self.rows(ids=True)}
        found = [at for at, row in after.items() if self.before.get(at, [None])[0] != row[0]]
        self.before = after
        self.assertEqual(self.rows(), self.rebuilt())
        self.before = {row[6]: row for row in self.rows(ids=True)}
        return sorted((clock.to_ms(at) - MONDAY) // HOUR for at in found)

    def assert_made_anew(self, *spans):
        """Only the hours from..until of these spans, and the one at either edge, where a stop might go on."""
        found = self.made_anew()
        inside = {hour for start, end in spans for hour in range(start, end)}
        edges = {hour for start, end in spans for hour in (start - 1, end)}
        self.assertLessEqual(inside, set(found))
        self.assertLessEqual(set(found), inside | edges)

    def exception(self, **values):
        """An exception of Monday at the site."""
        return self.env["mes.shift.exception"].create(
            {"name": "Late fix", "date": "2026-03-02", "site_id": self.site.id, **values}
        )

    def test_v16_a_crew_swap(self):
        """V16: four hours of the shift change hands; four rows name the crew, and the other days stay."""
        crew = make_crew(self.env, "B")
        self.exception(kind="crew", shift_code="E", crew_id=crew.id)
        self.assert_made_anew((4, 8))
        self.env.cr.execute("SELECT count(*) FROM mes_oee_rollup WHERE crew_id = %s", [crew.id])
        self.assertEqual(self.env.cr.fetchone()[0], 4)

    def test_a_version_of_one_day_moves_the_night_shift_that_runs_on_into_the_next(self):
        """The machine has a pattern of its own from Tuesday on, then gets one for Monday: the site's night shift of
        Monday is gone, also on Tuesday morning."""
        site_pattern = self.env["mes.shift.pattern"].search([("assignment_ids.site_id", "=", self.site.id)])
        site_pattern.shift_ids.write({"start_hour": 20, "end_hour": 4, "code": "N"})
        make_shift_pattern(self.env, self.machine, [("E", 6, 14)], date_from="2026-03-03")
        self.made_anew()
        make_shift_pattern(self.env, self.machine, [("L", 8, 12)], date_from="2026-03-02")
        self.assertLessEqual(set(range(20, 28)), set(self.made_anew()))

    def test_v16_a_range_of_holidays(self):
        """V16: three closed days touch the hours of their shifts, and no other."""
        holidays = self.exception(date_until="2026-03-04")
        hours = [(24 * day + 4, 24 * day + 8) for day in range(3)]
        self.assert_made_anew(*hours)
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).pot_ms, 0)
        holidays.action_undo()
        self.assert_made_anew(*hours)
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).pot_ms, 4 * HOUR)

    def test_v16_overtime(self):
        """V16: the shift goes on for an hour and a half: its two hours are made anew, and again when undone."""
        supervisor = make_user(self.env, "supervisor")
        exceptions = at_time(self.env["mes.shift.exception"].with_user(supervisor), MONDAY + 7 * HOUR)
        made = exceptions.overtime(self.machine.id, 90)
        self.assert_made_anew((8, 10))
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).pot_ms, 5 * HOUR + 30 * MINUTE)
        exceptions.browse(made["id"]).action_undo()
        self.assert_made_anew((8, 10))
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).pot_ms, 4 * HOUR)

    def test_v16_a_crew_of_the_rotation(self):
        """V16: a crew named in the pattern touches this shift's hours of each day, and no other."""
        shift = self.env["mes.shift"].search([("pattern_id.assignment_ids.site_id", "=", self.site.id)])
        shift.crew_ids = [(0, 0, {"week": 0, "crew_id": make_crew(self.env).id})]
        self.assert_made_anew(*((24 * day + 4, 24 * day + 8) for day in range(7)))

    def test_v16_a_threshold_of_a_mode(self):
        """The last complete hour lies the machine's greatest threshold back; a change classifies all stops anew."""
        start = MONDAY + 5 * HOUR
        feed_states(self.env, self.machine, [(start, "down"), (start + 5 * MINUTE, "running")], stream="STOP")
        feed_states(self.env, self.machine, [(start - HOUR, "manual")], lane="mode", stream="STOP")
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).minor_ms, 0)
        threshold = self.env["mes.minor.stop"].create(
            {"workcenter_id": self.machine.id, "mode": "manual", "threshold_ms": 40 * MINUTE}
        )
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).minor_ms, 5 * MINUTE)
        self.assertEqual(self.rows(), self.rebuilt())
        now = self.env["mes.clock"].now_ms()
        extent = self.env["mes.oee.refresh"]._extents(self.machine.ids, now)[self.machine.id]
        self.assertEqual(extent.complete, now - 90 * MINUTE, "half past, less forty minutes: the hour before last")
        self.assertEqual(extent.rolled_until, extent.complete)
        threshold.unlink()
        self.refresh()
        self.assertEqual(self.totals(MONDAY, MONDAY + 12 * HOUR).minor_ms, 0)
