"""The loader and the calendar: what the pure timeline is given."""

from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..tools import clock
from .common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    WORKDAYS,
    MesCase,
    at_time,
    feed_counts,
    feed_evidence,
    feed_states,
    make_area,
    make_line,
    make_shift_pattern,
    make_site,
    make_user,
    make_work_center,
)  # fmt: skip


@tagged("post_install", "-at_install")
class TestTimeline(MesCase):
    def run_on(self, workcenter, start, end=None, product=None, share=1.0):
        """An order run."""
        return self.env["mes.order.run"].create(
            {
                "workcenter_id": workcenter.id,
                "company_id": workcenter.company_id.id,
                "product_id": (product or self.product).id,
                "at_from": clock.from_ms(start),
                "at_until": clock.from_ms(end) if end else False,
                "share": share,
                "recorded_at": clock.from_ms(start),
                "origin": "manual",
            }
        )

    def categories(self, start, end, now=None, machine=None):
        """(start, end, category) of the slices, after Monday."""
        machine = machine or self.machine
        slices = self.env["mes.timeline"].effective(machine, start, end, now or end)[machine.id]
        return [(s.start - MONDAY, s.end - MONDAY, s.category) for s in slices]

    def test_facts_become_slices(self):
        """Shift, evidence, run and state meet in the effective timeline."""
        make_shift_pattern(self.env, self.site, [("D", 6, 14)])
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 12 * HOUR)])
        feed_states(self.env, self.machine, [(MONDAY, "running"), (MONDAY + 10 * HOUR, "down", "17")])
        self.run_on(self.machine, MONDAY + 7 * HOUR)
        self.assertEqual(
            self.categories(MONDAY, MONDAY + DAY),
            [
                (0, 6 * HOUR, "not_scheduled"),
                (6 * HOUR, 7 * HOUR, "no_order"),
                (7 * HOUR, 10 * HOUR, "production"),
                (10 * HOUR, 12 * HOUR, "delay"),
                (12 * HOUR, 14 * HOUR, "no_data"),
                (14 * HOUR, 24 * HOUR, "not_scheduled"),
            ],
        )

    def test_line_runs_are_inherited_while_the_machine_stands_there(self):
        """A unit without runs takes its line's, up to the move to another line."""
        make_shift_pattern(self.env, self.site)
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 9 * HOUR)])
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        self.run_on(self.line, MONDAY + HOUR, MONDAY + 8 * HOUR)
        other = make_line(self.env, self.area, "L2")
        self.run_on(other, MONDAY + 6 * HOUR, MONDAY + 7 * HOUR)
        self.machine._mes_move(self.area, other, MONDAY + 5 * HOUR)
        self.assertEqual(
            self.categories(MONDAY, MONDAY + 9 * HOUR),
            [
                (0, HOUR, "no_order"),
                (HOUR, 5 * HOUR, "production"),
                (5 * HOUR, 6 * HOUR, "no_order"),
                (6 * HOUR, 7 * HOUR, "production"),
                (7 * HOUR, 9 * HOUR, "no_order"),
            ],
        )

    def test_number_of_statements_does_not_grow_with_the_machines(self):
        """One machine or twelve: the same number of statements."""
        make_shift_pattern(self.env, self.site)
        machines = self.machine
        for number in range(11):
            machines |= make_work_center(self.env, self.area, f"N{number}", line=self.line)
        for machine in machines:
            feed_states(self.env, machine, [(MONDAY, "running"), (MONDAY + HOUR, "down")])
            feed_counts(self.env, machine, [(MONDAY, 0), (MONDAY + HOUR, 60)])
        counts = []
        for some in (machines[:1], machines[:1], machines):
            self.env.invalidate_all()
            before = self.cr.sql_log_count
            self.env["mes.timeline"].histories(some, MONDAY, MONDAY + DAY)
            counts.append(self.cr.sql_log_count - before)
        self.assertEqual(counts[1], counts[2])
        self.assertLess(counts[2], 30)

    def test_counts_and_stops_are_whole_beyond_the_window(self):
        """A window in the middle of a stop and of a count interval knows both whole."""
        make_shift_pattern(self.env, self.site)
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + DAY)])
        self.run_on(self.machine, MONDAY)
        feed_states(
            self.env, self.machine, [(MONDAY, "running"), (MONDAY + 2 * HOUR, "down"), (MONDAY + 5 * HOUR, "running")]
        )
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + 10 * HOUR, 700)])
        timeline = self.env["mes.timeline"].timelines(self.machine, MONDAY + 3 * HOUR, MONDAY + 6 * HOUR, MONDAY + DAY)[
            self.machine.id
        ]
        self.assertEqual([(s.start - MONDAY, s.end - MONDAY) for s in timeline.stops], [(2 * HOUR, 5 * HOUR)])
        self.assertEqual(sum(q.total for q in timeline.quantities), 100)

    def test_no_data_until_the_buffer_arrives(self):
        """A cut connection is no data; when its buffer arrives the gap is filled exactly (V8)."""
        make_shift_pattern(self.env, self.site)
        self.run_on(self.machine, MONDAY)
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 2 * HOUR), (MONDAY + 160 * MINUTE, MONDAY + 5 * HOUR)])
        gap = [
            (0, 2 * HOUR, "production"),
            (2 * HOUR, 160 * MINUTE, "no_data"),
            (160 * MINUTE, 5 * HOUR, "production"),
        ]
        self.assertEqual(self.categories(MONDAY, MONDAY + 5 * HOUR), gap)
        feed_states(
            self.env, self.machine, [(MONDAY + 130 * MINUTE, "down"), (MONDAY + 140 * MINUTE, "running")], seq=5
        )
        feed_evidence(self.env, self.machine, [(MONDAY + 2 * HOUR, MONDAY + 160 * MINUTE)])
        self.assertEqual(
            self.categories(MONDAY, MONDAY + 5 * HOUR),
            [
                (0, 130 * MINUTE, "production"),
                (130 * MINUTE, 140 * MINUTE, "delay"),
                (140 * MINUTE, 5 * HOUR, "production"),
            ],
        )

    def test_order_change_splits_time_and_counts(self):
        """Time and pieces split where the order changes, and their sums stay (V13)."""
        make_shift_pattern(self.env, self.site)
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 10 * HOUR)])
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + 10 * HOUR, 100)])
        other = self.env["product.product"].create({"name": "Can"})
        self.run_on(self.machine, MONDAY, MONDAY + 6 * HOUR)
        self.run_on(self.machine, MONDAY + 6 * HOUR, product=other)
        timeline = self.env["mes.timeline"].timelines(self.machine, MONDAY, MONDAY + 10 * HOUR, MONDAY + DAY)[
            self.machine.id
        ]
        made = {self.product.id: [0, 0], other.id: [0, 0]}
        for piece, quantity in zip(timeline.slices, timeline.quantities, strict=True):
            made[piece.runs[0].product][0] += piece.ms
            made[piece.runs[0].product][1] += quantity.total
        self.assertEqual(made, {self.product.id: [6 * HOUR, 60], other.id: [4 * HOUR, 40]})

    def test_production_without_an_order_stays_unallocated(self):
        """Parts without an order are counted, under no order's name (V10)."""
        make_shift_pattern(self.env, self.site)
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + HOUR)])
        feed_states(self.env, self.machine, [(MONDAY, "running")])
        feed_counts(self.env, self.machine, [(MONDAY, 0), (MONDAY + HOUR, 120)])
        timeline = self.env["mes.timeline"].timelines(self.machine, MONDAY, MONDAY + HOUR, MONDAY + HOUR)[
            self.machine.id
        ]
        self.assertEqual({s.category for s in timeline.slices}, {"no_order"})
        self.assertEqual({s.runs for s in timeline.slices}, {()})
        self.assertEqual(sum(q.total for q in timeline.quantities), 120)

    def test_other_companies_machines_are_refused(self):
        """A timeline needs the right to read the work center (invariant 8)."""
        company = self.env["res.company"].create({"name": "Other"})
        operator = make_user(self.env, "operator", company=company)
        with self.assertRaises(AccessError):
            self.env["mes.timeline"].with_user(operator).effective(self.machine.with_user(operator), MONDAY, MONDAY + 1)

    def test_frozen_clock_reaches_ordinary_users_only_from_code(self):
        """A client's integer does not move the clock, `At` from code does."""
        operator = make_user(self.env, "operator")
        plant_clock = self.env["mes.clock"].with_user(operator)
        self.assertEqual(at_time(plant_clock, MONDAY).now_ms(), MONDAY)
        self.assertNotEqual(plant_clock.with_context(mes_now_ms=MONDAY).now_ms(), MONDAY)


@tagged("post_install", "-at_install")
class TestCalendar(MesCase):
    def shifts(self, machine=None, days=7, start=MONDAY):
        """(business date, name, start, end in hours after Monday) of the machine's shifts."""
        machine = machine or self.machine
        found = self.env["mes.calendar"].shifts(machine, start, start + days * DAY)[machine.id]
        return [
            (s.business_date.isoformat(), s.name, (s.start - MONDAY) / HOUR, (s.end - MONDAY) / HOUR) for s in found
        ]

    def test_shifts_across_midnight_keep_their_business_date(self):
        """A night shift belongs to the day on which it starts, or to the one on which it ends."""
        pattern = make_shift_pattern(self.env, self.site, [("N", 22, 6)], ["monday"])
        self.assertEqual(self.shifts(), [("2026-03-02", "N", 22, 30)])
        pattern.shift_ids.business_day = "end"
        self.assertEqual(self.shifts(), [("2026-03-03", "N", 22, 30)])

    def test_change_of_clocks(self):
        """Nights of the change days last 9 and 7 hours, at 02:30 the rules of V22 hold (V9, V21, V22)."""
        berlin = make_site(self.env, "BER", "Europe/Berlin")
        machine = make_work_center(self.env, make_area(self.env, berlin))
        make_shift_pattern(self.env, berlin, [("N", 22, 6)])
        for day, hours in (("2026-10-24", 9), ("2026-03-28", 7), ("2026-10-23", 8)):
            with self.subTest(day=day):
                noon = clock.to_ms(clock.EPOCH.fromisoformat(day + " 12:00:00"))
                shift = self.env["mes.calendar"].shifts(machine, noon, noon + DAY)[machine.id][0]
                self.assertEqual((shift.business_date.isoformat(), (shift.end - shift.start) / HOUR), (day, hours))
        early = make_work_center(self.env, machine.mes_area_id, "EARLY")
        make_shift_pattern(self.env, early, [("E", 2.5, 10.5)])
        for day, starts in (("2026-10-25", "00:30"), ("2026-03-29", "01:00")):
            with self.subTest(day=day):
                midnight = clock.to_ms(clock.EPOCH.fromisoformat(day))
                shift = self.env["mes.calendar"].shifts(early, midnight, midnight + 6 * HOUR)[early.id][0]
                self.assertEqual(clock.from_ms(shift.start).strftime("%H:%M"), starts)

    def test_site_with_a_half_hour_zone(self):
        """A shift is on the site's own clock (V23)."""
        india = make_site(self.env, "IND", "Asia/Kolkata")
        machine = make_work_center(self.env, make_area(self.env, india))
        make_shift_pattern(self.env, india, [("D", 6, 14)], ["monday"])
        self.assertEqual(self.shifts(machine, 1), [("2026-03-02", "D", 0.5, 8.5)])

    def test_most_specific_place_decides_from_its_date_on(self):
        """Machine before line before area before site, each from its own date."""
        make_shift_pattern(self.env, self.site, [("S", 6, 14)])
        make_shift_pattern(self.env, self.area, [("A", 7, 15)], date_from="2026-03-03")
        make_shift_pattern(self.env, self.line, [("L", 8, 16)], date_from="2026-03-04")
        make_shift_pattern(self.env, self.machine, [("M", 9, 17)], date_from="2026-03-05")
        self.assertEqual([name for _day, name, _start, _end in self.shifts(days=5)], ["S", "A", "L", "M", "M"])
        self.assertEqual([name for _day, name, _start, _end in self.shifts(self.line, 5)], ["S", "A", "L", "L", "L"])

    def test_rotating_weeks(self):
        """Shifts of a two-week cycle alternate."""
        pattern = make_shift_pattern(self.env, self.site, [("E", 6, 14), ("L", 14, 22)], WORKDAYS)
        pattern.write({"cycle_weeks": 2, "cycle_start": "2026-03-02"})
        early, late = pattern.shift_ids
        early.week, late.week = 1, 2
        self.assertEqual([s[1] for s in self.shifts(days=14)], ["E"] * 5 + ["L"] * 5)

    def test_exceptions(self):
        """Closed days, a single closed shift and overtime, for the places they name."""
        make_shift_pattern(self.env, self.site, [("E", 6, 14), ("L", 14, 22)])
        other = make_work_center(self.env, self.area, "M2")
        self.env["mes.shift.exception"].create(
            [
                {"name": "Holiday", "date": "2026-03-02", "site_id": self.site.id},
                {"name": "No late shift", "date": "2026-03-03", "area_id": self.area.id, "shift_code": "L"},
                {
                    "name": "Overtime", "kind": "overtime", "date": "2026-03-02", "workcenter_id": self.machine.id,
                    "shift_code": "OT", "start_hour": 8, "end_hour": 12,
                },
            ]
        )  # fmt: skip
        self.assertEqual([s[:2] for s in self.shifts(days=2)], [("2026-03-02", "OT"), ("2026-03-03", "E")])
        self.assertEqual([s[:2] for s in self.shifts(other, 2)], [("2026-03-03", "E")])

    def test_shift_follows_the_move(self):
        """After a move to another site its shifts hold, before it the old ones."""
        make_shift_pattern(self.env, self.site, [("OLD", 6, 14)])
        there = make_site(self.env, "S2")
        make_shift_pattern(self.env, there, [("NEW", 14, 22)])
        self.machine._mes_move(make_area(self.env, there), None, MONDAY + DAY)
        self.assertEqual([s[:2] for s in self.shifts(days=2)], [("2026-03-02", "OLD"), ("2026-03-03", "NEW")])
