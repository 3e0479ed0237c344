from odoo.addons.mes_base.tests.common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    at_time,
    feed_counts,
    feed_evidence,
    feed_states,
    make_company,
    make_line,
    make_product,
    make_reason,
    make_shift_pattern,
    make_user,
    make_work_center,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..tools import shift_board
from .common import OeeCase, make_run

BEGIN = MONDAY + 6 * HOUR + 30 * MINUTE
NOW = BEGIN + 2 * HOUR


@tagged("post_install", "-at_install")
class TestShiftBoard(OeeCase):
    """The snapshot of the shift board, as an operator gets it: early shift 06:30 to 14:30, one piece a second."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = make_user(cls.env, "operator")
        make_shift_pattern(cls.env, cls.site, [("E", 6.5, 14.5, [(9, 30)]), ("L", 14.5, 22)])
        set_ideal_cycle(cls.env, cls.machine, 1.0)
        cls.run_ = make_run(cls.env, cls.line, cls.product, BEGIN)
        feed_evidence(cls.env, cls.machine, [(BEGIN, NOW)])

    def produce(self):
        """Two hours: 5 min down unexplained from 07:10, a jam of 20 min from 07:40, a minor stop at 08:20."""
        self.jam = make_reason(self.env, "Jam", mes_code="17", company_id=self.env.company.id)
        feed_states(
            self.env,
            self.machine,
            [
                (BEGIN, "running"),
                (BEGIN + 40 * MINUTE, "down"),
                (BEGIN + 45 * MINUTE, "running"),
                (BEGIN + 70 * MINUTE, "down", "17"),
                (BEGIN + 90 * MINUTE, "running"),
                (BEGIN + 110 * MINUTE, "down", "18"),
                (BEGIN + 110 * MINUTE + 20 * SECOND, "running"),
            ],
        )
        feed_counts(self.env, self.machine, [(BEGIN, 0), (BEGIN + 30 * MINUTE, 1800), (NOW, 1800 + 3600)])
        self.env["mes.stop"]._fold({self.machine.id: [(BEGIN, NOW)]})

    def snapshot(self, place=None, now=NOW, user=None, **values):
        board = at_time(self.env["mes.shift.board"], now).with_user(user or self.operator)
        return board.snapshot((place or self.line).id, **values)

    def test_a_shift_from_half_past_six_has_its_rows_on_the_clock(self):
        """V17: no row lost or doubled, the first and the last are half."""
        told = self.snapshot()
        self.assertEqual(
            [row["label"] for row in told["hours"]],
            ["06:00", "07:00", "08:00", "09:00", "10:00", "11:00", "12:00", "13:00", "14:00"],
        )
        first, last = told["hours"][0], told["hours"][-1]
        self.assertEqual((first["from"] - MONDAY, first["until"] - MONDAY), (390 * MINUTE, 420 * MINUTE))
        self.assertEqual((last["from"] - MONDAY, last["until"] - MONDAY), (14 * HOUR, 870 * MINUTE))
        self.assertEqual([row["phase"] for row in told["hours"]], ["past"] * 2 + ["now"] + ["future"] * 6)

    def test_the_night_with_two_oclock_twice_has_it_twice(self):
        """25 October 2026 in Berlin: 22:00 to 06:00 lasts nine hours."""
        self.site.tz = "Europe/Berlin"
        make_shift_pattern(self.env, self.line, [("N", 22, 6)], date_from="2026-01-01")
        night = clock.to_ms(clock.EPOCH.replace(year=2026, month=10, day=24, hour=20))
        labels = [row["label"] for row in self.snapshot(now=night + HOUR)["hours"]]
        self.assertEqual(labels[4:7], ["02:00", "02:00 (2)", "03:00"])
        self.assertEqual(len(labels), 9)

    def test_what_the_hours_made_and_lost_sums_to_the_shift(self):
        self.produce()
        told = self.snapshot()
        past = [row for row in told["hours"] if row["phase"] != "future"]
        whole = self.env["mes.oee"].figures(self.machine, BEGIN, NOW)[0]
        self.assertEqual(sum(row["made"] for row in past), whole.totals.good)
        self.assertEqual(past[-1]["sum_made"], whole.totals.good)
        self.assertEqual(sum(row["lost_ms"] for row in past), told["figures"]["lost_ms"])
        self.assertEqual(told["figures"]["target"], round(7200 * 0.85))
        self.assertEqual(past[-1]["sum_target"], told["figures"]["target"])

    def test_losses_of_an_hour_are_its_lost_time(self):
        """Each hour's losses add up to the planned busy time less the ideal time of its good pieces."""
        self.produce()
        for row in self.snapshot()["hours"][:3]:
            # Whoever made pieces faster than ideal lost less than stood: then there is no equation.
            if all(loss["kind"] != "fast" for loss in row["losses"]) and row["lost_ms"] >= 0:
                self.assertEqual(sum(loss["ms"] for loss in row["losses"]), row["lost_ms"], row["label"])

    def test_the_greatest_loss_comes_first(self):
        self.produce()
        losses = {row["label"]: row["losses"] for row in self.snapshot()["hours"]}
        self.assertEqual(losses["07:00"][0]["name"], "Jam")
        self.assertEqual(losses["07:00"][0]["ms"], 20 * MINUTE)
        self.assertIn(("Not explained", 5 * MINUTE), [(one["name"], one["ms"]) for one in losses["07:00"]])
        self.assertIn(("Minor stops", 20 * SECOND), [(one["name"], one["ms"]) for one in losses["08:00"]])

    def test_hours_to_come_have_their_target_and_breaks_have_none(self):
        self.produce()
        rows = {row["label"]: row for row in self.snapshot()["hours"]}
        self.assertEqual(rows["10:00"]["target_whole"], round(3600 * 0.85))
        self.assertEqual(rows["09:00"]["target_whole"], round(1800 * 0.85))
        self.assertEqual(rows["14:00"]["target_whole"], round(1800 * 0.85))
        self.assertIsNone(rows["10:00"]["made"])
        now = rows["08:00"]
        self.assertEqual((now["target"], now["target_whole"]), (round(1800 * 0.85), round(3600 * 0.85)))

    def test_only_long_stops_that_nobody_knows_ask_for_a_reason(self):
        self.produce()
        stops = self.snapshot()["stops"]
        self.assertEqual([(one["kind"], one["needs"]) for one in stops],
                         [("unplanned", True), ("unplanned", False), ("minor", False)])  # fmt: skip
        self.assertEqual([one["name"] for one in stops], ["", "Jam", "Code 18"])
        self.assertTrue(all(one["id"] for one in stops))

    def test_a_reason_given_is_seen_at_once(self):
        """Before the job that folds the stops has run."""
        self.produce()
        asked = self.snapshot()["stops"][0]
        reason = make_reason(self.env, "Label roll", company_id=self.env.company.id)
        at_time(self.env["mes.stop"], NOW).with_user(self.operator).browse(asked["id"]).explain(reason.id)
        told = self.snapshot()
        self.assertEqual((told["stops"][0]["needs"], told["stops"][0]["name"]), (False, "Label roll"))
        self.assertIn("Label roll", [loss["name"] for loss in told["hours"][1]["losses"]])

    def test_an_open_stop_runs_on(self):
        feed_states(self.env, self.machine, [(BEGIN, "running"), (NOW - 10 * MINUTE, "down")])
        self.env["mes.stop"]._fold({self.machine.id: [(BEGIN, NOW)]})
        stop = self.snapshot()["stops"][-1]
        self.assertEqual((stop["end"], stop["seen"] - stop["start"], stop["needs"]), (None, 10 * MINUTE, True))
        feed_evidence(self.env, self.machine, [(NOW, NOW + 5 * MINUTE)])
        stored = at_time(self.env["mes.stop"], NOW + 5 * MINUTE).with_user(self.operator).browse(stop["id"])
        self.assertEqual(stored.lasting_minutes, 15)

    def test_order_with_its_progress_and_expected_end(self):
        """4000 wanted, 2000 made in one hour of the shift: two hours at this pace, and the break in between."""
        order = self.env["mrp.production"].create({"product_id": self.product.id, "product_qty": 4000})
        self.run_.production_id = order
        feed_states(self.env, self.machine, [(BEGIN, "running")])
        feed_counts(self.env, self.machine, [(BEGIN, 0), (BEGIN + HOUR, 2000)])
        told = self.snapshot(now=BEGIN + HOUR)["order"]
        self.assertEqual((told["wanted"], told["made"]), (4000, 2000))
        self.assertEqual(told["name"], order.name)
        self.assertEqual(told["ends"], BEGIN + 2 * HOUR)
        feed_counts(self.env, self.machine, [(NOW, 2500)], seq=9)
        # 1500 at 2500 in two hours: 72 min from 08:30, of which 30 lie before the break.
        self.assertEqual(self.snapshot()["order"]["ends"], NOW + 102 * MINUTE)

    def test_changeover_is_counted_while_it_runs(self):
        change = NOW - 10 * MINUTE
        self.run_.at_until = clock.from_ms(change)
        make_run(self.env, self.line, make_product(self.env, "Can"), change)
        feed_states(self.env, self.machine, [(BEGIN, "running"), (change, "setup")])
        told = self.snapshot()["changeover"]
        self.assertEqual((told["from"]["name"], told["to"]["name"]), ("Bottle", "Can"))
        self.assertEqual((told["since"], told["elapsed_ms"]), (NOW - 10 * MINUTE, 10 * MINUTE))
        feed_states(self.env, self.machine, [(NOW - MINUTE, "running")], seq=9)
        self.assertIsNone(self.snapshot()["changeover"])

    def test_the_shift_before_and_after(self):
        self.produce()
        told = self.snapshot()["shift"]
        self.assertEqual(told["previous"], MONDAY - DAY + 14 * HOUR + 30 * MINUTE)
        self.assertEqual(told["next"], BEGIN + 8 * HOUR)
        earlier = self.snapshot(at=told["previous"])
        self.assertEqual((earlier["shift"]["phase"], earlier["shift"]["next"]), ("past", BEGIN))
        self.assertIsNone(earlier["order"])
        later = self.snapshot(at=told["next"])
        self.assertEqual({row["phase"] for row in later["hours"]}, {"future"})
        self.assertIsNone(later["figures"]["oee"])

    def test_a_day_is_its_first_shift(self):
        told = self.snapshot(day="2026-03-03")["shift"]
        self.assertEqual((told["start"], told["business_date"]), (BEGIN + DAY, "2026-03-03"))

    def test_no_time_and_no_date_are_said(self):
        """What came from an address by hand."""
        board = self.env["mes.shift.board"].with_user(self.operator)
        for at, day in ((2**60, False), (-1, False), (False, "zzz"), (False, "0001-01-01")):
            with self.assertRaises(UserError):
                board.snapshot(self.machine.id, at, day)

    def test_between_shifts_the_last_one_and_when_the_next_begins(self):
        told = self.snapshot(now=MONDAY + 23 * HOUR)["shift"]
        self.assertEqual((told["name"], told["phase"], told["waits"]), ("L", "past", BEGIN + DAY))

    def test_line_shows_its_bottleneck_and_counts_at_its_end(self):
        packer = make_work_center(self.env, self.area, "M2", line=self.line, sequence=99)
        self.line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": self.machine.id})
        self.produce()
        feed_evidence(self.env, packer, [(BEGIN, NOW)])
        feed_states(self.env, packer, [(BEGIN, "running")])
        feed_counts(self.env, packer, [(BEGIN, 0), (NOW, 5000)])
        told = self.snapshot()
        self.assertEqual((told["machine"]["id"], told["output"]["id"]), (self.machine.id, packer.id))
        self.assertEqual(told["figures"]["made"], 5000)
        self.assertEqual(told["method"], "bottleneck")
        self.assertEqual(self.snapshot(packer)["stops"], [])

    def test_what_waits_at_the_lines_other_machines_is_told(self):
        packer = make_work_center(self.env, self.area, "M2", line=self.line, sequence=99)
        self.line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": self.machine.id})
        self.produce()
        self.assertEqual(self.snapshot()["elsewhere"]["count"], 0)
        feed_evidence(self.env, packer, [(BEGIN, NOW)])
        states = [(BEGIN, "running"), (BEGIN + HOUR, "down"), (BEGIN + HOUR + 9 * MINUTE, "running")]
        feed_states(self.env, packer, states)
        at_time(self.env["mes.stop"], NOW)._fold({packer.id: [(BEGIN, NOW)]})
        told = self.snapshot()
        self.assertEqual((told["elsewhere"]["count"], told["elsewhere"]["machines"]), (1, packer.ids))
        self.assertEqual(self.snapshot(packer)["elsewhere"]["count"], 0, "a machine's own board tells its own")

    def test_targets_of_the_line_before_those_of_the_site(self):
        self.produce()
        self.site.mes_target_oee = 60
        self.assertEqual(self.snapshot()["targets"]["oee"], 0.6)
        self.assertEqual(self.snapshot()["figures"]["target"], round(7200 * 0.6))
        self.line.mes_target_oee = 50
        told = self.snapshot(self.machine)
        self.assertEqual((told["targets"]["oee"], told["targets"]["quality"]), (0.5, 0.99))
        board = at_time(self.env["mes.board"], NOW).with_user(self.operator).snapshot(self.line.id)
        self.assertEqual((board["targets"]["oee"], board["machines"][0]["target"]), (0.5, round(7200 * 0.5)))

    def test_only_supervisors_may_order_overtime(self):
        self.assertFalse(self.snapshot()["may"]["overtime"])
        self.assertTrue(self.snapshot(user=make_user(self.env, "supervisor"))["may"]["overtime"])

    def test_without_a_plan_there_is_no_shift(self):
        line = make_line(self.env, self.area, "L9")
        make_work_center(self.env, self.area, "M9", line=line)
        self.env["mes.shift.assignment"].search([]).unlink()
        self.assertIsNone(self.snapshot(line)["shift"])

    def test_statements_do_not_grow_with_what_happened(self):
        """An hour and two, few stops and many: the same number of statements."""
        self.produce()
        self.snapshot()

        def statements():
            self.env.invalidate_all()
            self.env.cr.cache.clear()
            before = self.env.cr.sql_log_count
            self.snapshot()
            return self.env.cr.sql_log_count - before

        few = statements()
        points = [(BEGIN + n * MINUTE, "running" if n % 2 else "down") for n in range(1, 110)]
        feed_states(self.env, self.machine, points, seq=100)
        self.env["mes.stop"]._fold({self.machine.id: [(BEGIN, NOW)]})
        self.assertLessEqual(statements(), few)

    def test_another_companys_line_is_not_shown_by_its_id(self):
        stranger = make_user(self.env, "operator", company=make_company(self.env))
        self.assertEqual(self.snapshot(user=stranger)["places"], [])

    def test_user_without_a_role_is_refused(self):
        self.operator.group_ids = [(6, 0, [self.env.ref("base.group_user").id])]
        with self.assertRaisesRegex(AccessError, "Operator"):
            self.snapshot()


@tagged("post_install", "-at_install")
class TestScreen(OeeCase):
    """What all screens ask for."""

    def setUp(self):
        super().setUp()
        self.screen = self.env["mes.screen"].with_user(make_user(self.env, "operator"))

    def test_places_in_the_order_of_the_plant(self):
        alone = make_work_center(self.env, self.area, "M7")
        own = {place["key"]: place for place in self.screen.places()}
        keys = [key for key in own if own[key]["name"] in ("S1", "A1", "L1", "M1", "M7")]
        self.assertEqual(
            keys,
            [
                f"site-{self.site.id}",
                f"area-{self.area.id}",
                f"line-{self.line.id}",
                f"machine-{self.machine.id}",
                f"machine-{alone.id}",
            ],
        )
        self.assertEqual([own[key]["depth"] for key in keys], [0, 1, 2, 3, 2])
        self.assertEqual(own[f"machine-{self.machine.id}"]["parent"], f"line-{self.line.id}")

    def test_a_key_is_its_record(self):
        self.assertEqual(self.screen.scope(f"area-{self.area.id}"), self.area)
        self.assertEqual(self.screen.scope(f"line-{self.line.id}"), self.line)

    def test_what_is_no_place_is_said(self):
        for key in ("hall-1", "line-x", "line", "", "line--1"):
            with self.subTest(key), self.assertRaisesRegex(UserError, "no place"):
                self.screen.scope(key)
        with self.assertRaisesRegex(UserError, "gone"):
            self.screen.scope("line-999999999")

    def test_another_companys_place_is_refused(self):
        stranger = make_user(self.env, "operator", company=make_company(self.env))
        with self.assertRaises(AccessError):
            self.screen.with_user(stranger).scope(f"site-{self.site.id}")
        self.assertEqual(self.screen.with_user(stranger).places(), [])


@tagged("post_install", "-at_install")
class TestExpectedEnd(OeeCase):
    """When an order will be done."""

    def test_nothing_tells_the_pace(self):
        self.assertIsNone(shift_board.expected_end(10, 0, 0, None, 0.85, [], NOW))

    def test_done_is_now(self):
        self.assertEqual(shift_board.expected_end(0, 10, 10, None, 0.85, [], NOW), NOW)
