from datetime import datetime
from unittest.mock import patch

from odoo.addons.mes_base.exceptions import StopConflict
from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    at_time,
    feed_evidence,
    feed_states,
    make_area,
    make_company,
    make_line,
    make_reason,
    make_shift_pattern,
    make_site,
    make_user,
    make_work_center,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import OeeCase, make_run

BEGIN = MONDAY + 6 * HOUR
NOW = BEGIN + 4 * HOUR


class TimelineCase(OeeCase):
    """A machine with an hour of running, half an hour down, twenty seconds of a minor stop; a second machine."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = at_time(cls.env["base"], NOW).env
        cls.machine, cls.line, cls.site, cls.area = (
            record.with_env(cls.env) for record in (cls.machine, cls.line, cls.site, cls.area)
        )
        cls.operator = make_user(cls.env, "operator", name="Olga")
        cls.supervisor = make_user(cls.env, "supervisor", name="Sam")
        make_shift_pattern(cls.env, cls.site, [("E", 6, 14, [(9, 30)]), ("L", 14, 22)])
        cls.reason = make_reason(cls.env, "Film tore")
        cls.other = make_work_center(cls.env, cls.area, "M2", line=cls.line)
        set_ideal_cycle(cls.env, cls.machine, 2.0)
        make_run(cls.env, cls.line, cls.product, BEGIN)
        for machine in cls.machine | cls.other:
            feed_evidence(cls.env, machine, [(BEGIN, NOW + 5 * SECOND)])
        feed_states(
            cls.env,
            cls.machine,
            [
                (BEGIN, "running"),
                (BEGIN + HOUR, "down", "17"),
                (BEGIN + 90 * MINUTE, "running"),
                (BEGIN + 100 * MINUTE, "down", "18"),
                (BEGIN + 100 * MINUTE + 20 * SECOND, "running"),
            ],
        )
        feed_states(cls.env, cls.other, [(BEGIN, "running"), (BEGIN + 3 * HOUR + 45 * MINUTE, "idle", "61")])
        cls.fold()

    @classmethod
    def fold(cls):
        """What the job of stops does, without its commits."""
        while marks := cls.env["mes.dirty.span"]._take("stop"):
            cls.env["mes.stop"]._fold(marks)

    @property
    def stop(self):
        """The long stop of the first machine."""
        domain = [("workcenter_id", "=", self.machine.id), ("at_from", "=", clock.from_ms(BEGIN + HOUR))]
        return self.env["mes.stop"].search(domain)

    def screen(self, user=None):
        return self.env["mes.timeline.screen"].with_user(user or self.operator)

    def draw(self, scope=None, start=BEGIN, end=NOW, user=None, **options):
        return self.screen(user).draw(scope or f"line-{self.line.id}", start, end, **options)

    def lane(self, answer, lane="state", machine=None, size=4):
        """A lane's parts of a machine."""
        row = next(row for row in answer["machines"] if row["id"] == (machine or self.machine).id)
        return [row[lane][at : at + size] for at in range(0, len(row[lane]), size)]

    def states(self, answer, machine=None):
        """(offset, length, kind, text) of the effective states."""
        bars = self.lane(answer, machine=machine)
        return [(off, ms, answer["kinds"][kind], answer["texts"][text]) for off, ms, kind, text in bars]

    def stops_of(self, answer, machine=None):
        """(id, offset, length, is open, needs a reason, reason) of the stops."""
        return [(*stop[:5], answer["texts"][stop[5]]) for stop in self.lane(answer, "stops", machine, 6)]


@tagged("post_install", "-at_install")
class TestTimelineDrawing(TimelineCase):
    """The lanes as an operator gets them."""

    def test_states_tile_the_span_up_to_now(self):
        self.assertEqual(
            self.states(self.draw())[:5],
            [
                (0, HOUR, "running", ""),
                (HOUR, 30 * MINUTE, "down", "17"),
                (90 * MINUTE, 10 * MINUTE, "running", ""),
                (100 * MINUTE, 20 * SECOND, "minor", "18"),
                (100 * MINUTE + 20 * SECOND, 4 * HOUR - 100 * MINUTE - 20 * SECOND, "running", ""),
            ],
        )

    def test_stop_that_nobody_explained_says_so(self):
        stops = self.stops_of(self.draw())
        self.assertEqual(stops[0], (self.stop.id, HOUR, 30 * MINUTE, 0, 1, ""))
        self.assertEqual(stops[1][4], 0)

    def test_open_stop_reaches_now(self):
        (stop,) = self.stops_of(self.draw(), self.other)
        self.assertEqual(stop[1:4], (3 * HOUR + 45 * MINUTE, 15 * MINUTE, 1))

    def test_coarse_view_keeps_every_stop_as_bar_or_mark(self):
        answer = self.draw(pixel_ms=15 * MINUTE)
        self.assertIn((HOUR, 30 * MINUTE, "down", "17"), self.states(answer), "two pixels wide, as long as it was")
        (mark,) = self.lane(answer, "marks", size=5)
        self.assertEqual((mark[0], answer["kinds"][mark[2]], mark[3:]), (100 * MINUTE, "minor", [1, 20 * SECOND]))
        row = answer["machines"][0]
        self.assertEqual((len(row["stops"]) // 6, row["unlisted"]), (1, 1))

    def test_stops_cut_by_the_span_are_whole(self):
        answer = self.draw(start=BEGIN + 70 * MINUTE, end=BEGIN + 80 * MINUTE)
        self.assertEqual(self.stops_of(answer)[0][1:3], (-10 * MINUTE, 30 * MINUTE))
        self.assertEqual(self.states(answer), [(0, 10 * MINUTE, "down", "17")])

    def test_word_is_shown_before_the_stop_is_folded(self):
        version = self.screen().about(self.stop.ids)[0]["version"]
        self.screen().explain([{"id": self.stop.id, "version": version}], self.reason.id)
        answer = self.draw()
        self.assertEqual(self.stops_of(answer)[0][4:], (0, "Film tore"))
        ((offset, length, what, who, word),) = self.lane(answer, "words", size=5)
        self.assertEqual(self.env["mes.state.override"].browse(word).loss_id, self.reason)
        self.assertEqual((offset, length), (HOUR, 30 * MINUTE))
        self.assertEqual((answer["texts"][what], answer["texts"][who]), ("Film tore", "Olga"))

    def test_planned_reason_makes_it_no_stop_any_more(self):
        planned = make_reason(self.env, "Team meeting", mes_planned=True)
        stop = self.stop
        self.screen().explain([{"id": stop.id, "version": None}], planned.id)
        answer = self.draw()
        self.assertNotIn(stop.id, [one[0] for one in self.stops_of(answer)])
        self.assertEqual(self.states(answer)[1][2:], ("planned", "Team meeting"))

    def test_details_are_sent_when_asked_for(self):
        feed_states(self.env, self.machine, [(BEGIN, "production"), (BEGIN + 3 * HOUR, "cleaning")], lane="mode")
        self.assertNotIn("machine", self.draw()["machines"][0])
        answer = self.draw(details=True)
        offset, _length, kind, code = self.lane(answer, "machine")[1]
        self.assertEqual((offset, answer["kinds"][kind], answer["texts"][code]), (HOUR, "down", "17"))
        ((offset, _length, mode, _raw),) = self.lane(answer, "mode")
        self.assertEqual((offset, answer["texts"][mode]), (3 * HOUR, "Cleaning"))
        ((offset, length, order, product),) = self.lane(answer, "orders")
        self.assertEqual((offset, length, answer["texts"][order]), (0, 4 * HOUR, ""))
        self.assertEqual(answer["texts"][product], self.product.display_name)

    def test_machines_own_state_stays_beside_a_corrected_one(self):
        self.env["mes.state.override"].with_user(self.supervisor).record(
            self.machine.id, clock.from_ms(BEGIN + HOUR), clock.from_ms(BEGIN + 90 * MINUTE), state="maintenance"
        )
        answer = self.draw(details=True)
        self.assertEqual(self.states(answer)[1][2], "maintenance")
        self.assertEqual(answer["kinds"][self.lane(answer, "machine")[1][2]], "down")

    def test_alarms_come_from_whoever_knows_them(self):
        screens = type(self.env["mes.timeline.screen"])
        known = {self.machine.id: [(BEGIN + HOUR, BEGIN + 2 * HOUR, "E17", "Film torn")]}
        with patch.object(screens, "_alarms", lambda *_args: known):
            answer = self.draw(details=True)
        ((offset, length, code, text),) = self.lane(answer, "alarms")
        self.assertEqual((offset, length), (HOUR, HOUR))
        self.assertEqual((answer["texts"][code], answer["texts"][text]), ("E17", "Film torn"))

    def test_shifts_with_breaks_are_said_once(self):
        answer = self.draw(end=BEGIN + 12 * HOUR)
        self.assertEqual({row["calendar"] for row in answer["machines"]}, {0})
        early, late = answer["calendars"][0]
        self.assertEqual((early[:2], early[3]), ([BEGIN, BEGIN + 8 * HOUR], "2026-03-02"))
        self.assertEqual(early[4], [[BEGIN + 3 * HOUR, BEGIN + 3 * HOUR + 30 * MINUTE]])
        self.assertEqual(late[0], BEGIN + 8 * HOUR)

    def test_hours_of_the_site_where_the_clock_changes(self):
        """The night of the change has nine hours, and all of them are there."""
        site = make_site(self.env, "BER", tz="Europe/Berlin")
        machine = make_work_center(self.env, make_area(self.env, site), "M9")
        make_shift_pattern(self.env, site, [("N", 22, 6)])
        start = clock.to_ms(datetime(2025, 10, 25, 20))
        answer = self.draw(f"machine-{machine.id}", start, start + 10 * HOUR)
        self.assertEqual(answer["tz"], "Europe/Berlin")
        ((begin, end, *_rest),) = answer["calendars"][0]
        self.assertEqual((begin, end - begin), (start, 9 * HOUR))

    def test_number_of_statements_does_not_follow_the_machines(self):
        def statements(scope):
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.draw(scope, details=True)
            return self.env.cr.sql_log_count - before

        more = [make_work_center(self.env, self.area, f"X{number}", line=self.line) for number in range(5)]
        for machine in more:
            feed_evidence(self.env, machine, [(BEGIN, NOW)])
            feed_states(self.env, machine, [(BEGIN, "running"), (BEGIN + HOUR, "down", "4")])
        self.fold()
        every = ",".join(str(machine.id) for machine in more)
        statements(f"machine-{every}")  # the rules of access are read once
        self.assertEqual(statements(f"machine-{every}"), statements(f"machine-{more[0].id}"))

    def test_span_must_end_after_it_begins(self):
        with self.assertRaisesRegex(UserError, "later end"):
            self.draw(start=NOW, end=NOW)

    def test_nonsense_is_refused_with_a_sentence(self):
        """Times that no clock shows, and more stops than anybody can mean."""
        for start, end in ((-(2**60), 5), (0, 2**60), ("x", 5), (None, 5)):
            with self.assertRaisesRegex(UserError, "no clock shows"):
                self.screen().draw("", start, end)
        with self.assertRaisesRegex(UserError, "no clock shows"):
            self.screen().seek("", 2**60)
        for method, args in (("about", [[1] * 501]), ("explain", [[{"id": 1}] * 501, 1])):
            with self.assertRaisesRegex(UserError, "at most 500"):
                getattr(self.screen(), method)(*args)

    def test_long_span_leaves_out_machines_and_says_so(self):
        with patch("odoo.addons.mes_oee.models.mes_timeline_screen.MACHINE_DAYS", 40):
            answer = self.draw(start=NOW - 30 * 24 * HOUR)
        self.assertEqual((len(answer["machines"]), answer["left_out"]), (1, 1))

    def test_future_is_empty(self):
        answer = self.draw(start=NOW + HOUR, end=NOW + 2 * HOUR)
        self.assertEqual((self.states(answer), self.stops_of(answer)), ([], []))


@tagged("post_install", "-at_install")
class TestTimelinePlaces(TimelineCase):
    """Who sees which machines."""

    def test_without_a_choice_the_first_line(self):
        answer = self.screen().draw("", BEGIN, NOW)
        first = self.env["mrp.workcenter"].search([("mes_level", "=", "unit")])
        self.assertTrue({row["id"] for row in answer["machines"]} <= set(first.ids))
        self.assertRegex(answer["scope"]["key"], "^(line|area)-[0-9]+$")

    def test_every_kind_of_place(self):
        both = (self.machine | self.other).ids
        for scope, expected in (
            (f"site-{self.site.id}", both),
            (f"area-{self.area.id}", both),
            (f"line-{self.line.id}", both),
            (f"machine-{self.other.id}", self.other.ids),
            (f"machine-{self.other.id},{self.machine.id}", both),
        ):
            self.assertEqual([row["id"] for row in self.draw(scope)["machines"]], expected, scope)

    def test_odd_places_are_refused(self):
        for scope in ("machine-", "machine-x", "line-0", "company-1", "machine-999999999", "line-1;drop", "-"):
            with self.assertRaises(UserError, msg=scope):
                self.draw(scope)

    def stranger(self):
        """An operator of another company with a machine of its own."""
        company = make_company(self.env)
        line = make_line(self.env, make_area(self.env, make_site(self.env, "S9", company=company)), "L9")
        machine = make_work_center(self.env, line.mes_area_id, "M9", line=line)
        return make_user(self.env, "operator", company=company), machine

    def test_other_companies_machines_are_not_shown(self):
        stranger, machine = self.stranger()
        places = {"site": self.site, "area": self.area, "line": self.line, "machine": self.machine}
        for scope in (f"{kind}-{place.id}" for kind, place in places.items()):
            with self.assertRaises(UserError, msg=scope):
                self.draw(scope, user=stranger)
        own = self.draw(f"machine-{machine.id},{self.machine.id}", user=stranger)
        self.assertEqual([row["id"] for row in own["machines"]], machine.ids)

    def test_other_companies_stops_are_not_told_and_not_explained(self):
        stranger, machine = self.stranger()
        stop = self.stop
        self.assertEqual(self.screen(stranger).about(stop.ids), [])
        self.assertIsNone(self.screen(stranger).seek(f"machine-{machine.id}", BEGIN))
        with self.assertRaises(AccessError):
            self.screen(stranger).explain([{"id": stop.id, "version": None}], self.reason.id)

    def test_user_without_a_role_is_refused(self):
        self.operator.group_ids = [(6, 0, [self.env.ref("base.group_user").id])]
        for call in (
            lambda: self.draw(),
            lambda: self.screen().seek(f"line-{self.line.id}", 0),
            lambda: self.screen().about(self.stop.ids),
            lambda: self.screen().explain([{"id": self.stop.id, "version": None}], self.reason.id),
        ):
            with self.assertRaises(AccessError):
                call()


@tagged("post_install", "-at_install")
class TestTimelineStops(TimelineCase):
    """What the screen says of stops, and what is said through it."""

    def about(self, user=None):
        return self.screen(user).about(self.stop.ids)[0]

    def test_stop_with_all_that_is_known(self):
        told = self.about()
        self.assertEqual((told["from_ms"], told["until_ms"]), (BEGIN + HOUR, BEGIN + 90 * MINUTE))
        self.assertEqual((told["state"], told["codes"], told["kind"]), ("down", ["17"], "unplanned"))
        self.assertEqual((told["shift"], told["business_date"]), ("E", "2026-03-02"))
        self.assertEqual(told["product"], self.product.display_name)
        self.assertEqual(told["lost_pieces"], 900)
        self.assertEqual((told["tz"], told["needs_reason"]), ("UTC", True))
        self.assertEqual((told["may"]["merge"], self.about(self.supervisor)["may"]["merge"]), (False, True))

    def test_without_an_ideal_cycle_no_pieces_are_guessed(self):
        stop = self.env["mes.stop"].search([("workcenter_id", "=", self.other.id)])
        self.assertIsNone(self.screen().about(stop.ids)[0]["lost_pieces"])

    def test_several_stops_get_one_reason_and_lose_it_again(self):
        stops = self.env["mes.stop"].search([("workcenter_id", "in", (self.machine | self.other).ids)])
        told = [{"id": one["id"], "version": one["version"]} for one in self.screen().about(stops.ids)]
        said = self.screen().explain(told, self.reason.id, "all of them")
        self.assertEqual({one["id"] for one in said}, set(stops.ids))
        self.assertEqual({one["effective"]["name"] for one in self.screen().about(stops.ids)}, {"Film tore"})
        self.screen().undo(said)
        self.assertEqual({one["effective"] for one in self.screen().about(stops.ids)}, {None})

    def test_conflict_about_one_stop_leaves_all_as_they_were(self):
        stops = self.env["mes.stop"].search([("workcenter_id", "in", (self.machine | self.other).ids)], order="id")
        told = [{"id": one["id"], "version": one["version"]} for one in self.screen().about(stops.ids)]
        words = self.env["mes.state.override"].search_count([])
        stops[-1].with_user(self.supervisor).explain(make_reason(self.env, "Jam").id)
        with self.assertRaisesRegex(StopConflict, "Sam"), self.env.cr.savepoint():
            self.screen().explain(told, self.reason.id)
        self.assertEqual(self.env["mes.state.override"].search_count([]), words + 1)

    def test_next_and_previous_to_explain(self):
        scope = f"line-{self.line.id}"
        first = self.screen().seek(scope, BEGIN)
        self.assertEqual(
            first,
            {"id": self.stop.id, "machine": self.machine.id, "start": BEGIN + HOUR, "end": BEGIN + 90 * MINUTE},
        )
        second = self.screen().seek(scope, first["start"])
        self.assertEqual(second["machine"], self.other.id)
        self.assertIsNone(self.screen().seek(scope, second["start"]))
        self.assertEqual(self.screen().seek(scope, second["start"], False)["id"], first["id"])

    def test_what_was_dissolved_is_told_as_no_more(self):
        ids = self.stop.ids
        feed_states(self.env, self.machine, [(BEGIN + HOUR, "running")], priority=9, seq=99)
        self.fold()
        self.assertEqual(self.screen().about(ids), [])

    def test_clock_of_the_drawing_is_the_plants(self):
        screen = at_time(self.env["mes.timeline.screen"], NOW + HOUR).with_user(self.operator)
        self.assertEqual(screen.draw(f"line-{self.line.id}", BEGIN, NOW)["now"], NOW + HOUR)
