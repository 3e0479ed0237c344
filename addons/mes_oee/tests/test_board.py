from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    SECOND,
    at_time,
    feed_counts,
    feed_evidence,
    feed_states,
    make_area,
    make_company,
    make_line,
    make_reason,
    make_run,
    make_shift_pattern,
    make_site,
    make_user,
    make_work_center,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools.rows import LiveRow
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import OeeCase

BEGIN = MONDAY + 6 * HOUR
NOW = BEGIN + 2 * HOUR


@tagged("post_install", "-at_install")
class TestBoard(OeeCase):
    """The snapshot from which the live board starts, as an operator gets it."""

    def setUp(self):
        super().setUp()
        self.operator = make_user(self.env, "operator")
        make_shift_pattern(self.env, self.site, [("E", 6, 14, [(9, 30)]), ("L", 14, 22)])
        set_ideal_cycle(self.env, self.machine, 1.0)
        make_run(self.env, self.line, self.product, BEGIN)
        feed_evidence(self.env, self.machine, [(BEGIN, NOW + 5 * SECOND)])

    def produce(self):
        """An hour of running, a fault of 30 minutes, 20 seconds of a minor stop, running again."""
        feed_states(
            self.env,
            self.machine,
            [
                (BEGIN, "running"),
                (BEGIN + HOUR, "down", "17"),
                (BEGIN + 90 * MINUTE, "running"),
                (BEGIN + 100 * MINUTE, "down", "18"),
                (BEGIN + 100 * MINUTE + 20 * SECOND, "running"),
            ],
        )
        feed_counts(self.env, self.machine, [(BEGIN, 1000), (NOW, 1000 + 4000)])
        feed_counts(self.env, self.machine, [(BEGIN, 7), (NOW, 107)], name="reject")

    def live(self, at=NOW - SECOND, state="running", **values):
        row = {"mode": None, "code": None, "interlock": None, "counts": {"total": 5000, "reject": 107}}
        self.env["mes.fact.writer"].write_live(
            [LiveRow(self.machine.id, state, version=at, at=at, recv=at, stream="TEST", **{**row, **values})]
        )

    def snapshot(self, line_id=False, now=NOW, user=None):
        return at_time(self.env["mes.board"], now).with_user(user or self.operator).snapshot(line_id)

    def machine_row(self, **values):
        return self.snapshot(**values)["machines"][0]

    def test_ribbon_shows_what_the_machine_did(self):
        self.produce()
        self.live()
        kinds = [(s["start"] - BEGIN, s["kind"]) for s in self.machine_row()["ribbon"]]
        self.assertEqual(
            kinds,
            [
                (0, "running"),
                (HOUR, "down"),
                (90 * MINUTE, "running"),
                (100 * MINUTE, "minor"),
                (100 * MINUTE + 20 * SECOND, "running"),
            ],
        )

    def test_ribbon_touches_and_stays_open_at_its_end(self):
        self.produce()
        self.live()
        ribbon = self.machine_row()["ribbon"]
        self.assertEqual([s["end"] for s in ribbon[:-1]], [s["start"] for s in ribbon[1:]])
        self.assertIsNone(ribbon[-1]["end"])

    def test_live_state_is_ahead_of_the_facts(self):
        self.produce()
        self.live(at=NOW - 3 * SECOND, state="down", code="17")
        last = self.machine_row()["ribbon"][-1]
        self.assertEqual((last["kind"], last["start"], last["end"]), ("down", NOW - 3 * SECOND, None))

    def test_without_a_fresh_read_there_is_no_state(self):
        self.produce()
        self.live(at=NOW - 20 * SECOND)
        row = self.machine_row()
        self.assertIsNone(row["live"]["state"])
        self.assertEqual(row["live"]["since"], NOW - 20 * SECOND)
        self.assertEqual(row["ribbon"][-1]["kind"], "no_data")

    def test_counts_start_at_the_begin_of_the_shift(self):
        self.produce()
        self.live()
        counters = self.machine_row()["counters"]
        self.assertEqual(counters["total"], {"role": "total", "pieces_per_unit": 1.0, "base": 1000, "told": 5000})
        self.assertEqual(counters["reject"]["base"], 7)

    def test_first_reading_inside_the_shift_is_its_base(self):
        feed_counts(self.env, self.machine, [(BEGIN + HOUR, 500), (NOW, 600)])
        base = self.machine_row()["counters"]["total"]["base"]
        first = self.env["mes.count.point"].search([], order="at", limit=1)
        self.assertEqual(base, 500 - (first.delta or 0))

    def test_figures_are_the_services(self):
        self.produce()
        figures = self.env["mes.oee"].figures(self.machine, BEGIN, NOW)[0].figures
        shown = self.machine_row()["figures"]
        for ours, theirs in (
            ("oee", "oee"),
            ("availability", "availability"),
            ("performance", "effectiveness"),
            ("quality", "quality"),
        ):
            self.assertEqual(shown[ours], float(figures[theirs].value), ours)

    def test_lost_time_is_what_oee_says(self):
        """120 min planned busy, 3900 good pieces at 1 s: 55 min lost, 3300 pieces."""
        self.produce()
        shown = self.machine_row()["figures"]
        self.assertEqual(shown["good"], 3900)
        self.assertEqual(shown["lost_ms"], 55 * MINUTE)
        self.assertEqual(shown["lost_pieces"], 3300)

    def test_target_is_world_class_in_the_time_there_was(self):
        self.produce()
        self.assertEqual(self.machine_row()["target"], round(7200 * 0.85))

    def test_machines_of_a_line_share_the_bottlenecks_target(self):
        slow = make_work_center(self.env, self.area, "M2", line=self.line)
        set_ideal_cycle(self.env, slow, 2.0)
        feed_evidence(self.env, slow, [(BEGIN, NOW)])
        feed_states(self.env, slow, [(BEGIN, "running")])
        self.produce()
        self.line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": slow.id})
        told = self.snapshot()
        self.assertEqual({row["target"] for row in told["machines"]}, {round(3600 * 0.85)})
        self.assertEqual(told["line"]["bottleneck"], slow.name)
        board = at_time(self.env["mes.shift.board"], NOW).with_user(self.operator).snapshot(self.machine.id)
        self.assertEqual(board["figures"]["target"], round(3600 * 0.85), "another board told another target")
        mine = next(row["figures"] for row in told["machines"] if row["id"] == self.machine.id)
        self.assertEqual(board["figures"]["made"], mine["good"])
        self.assertEqual(board["figures"]["planned_busy_ms"], mine["planned_busy_ms"])

    def test_refused_figure_names_its_reason(self):
        feed_states(self.env, self.machine, [(BEGIN, "running")])
        shown = self.machine_row(now=NOW + 5 * HOUR)["figures"]
        self.assertIsNone(shown["oee"])
        self.assertTrue(shown["reason"])
        self.assertLess(shown["coverage"], 0.8)

    def test_shift_with_its_breaks_and_name(self):
        shift = self.snapshot()["shift"]
        self.assertEqual((shift["start"], shift["end"]), (BEGIN, BEGIN + 8 * HOUR))
        self.assertEqual(shift["breaks"], [[BEGIN + 3 * HOUR, BEGIN + 3 * HOUR + 30 * MINUTE]])
        self.assertEqual(shift["name"], "E")

    def test_first_instant_of_a_shift_has_a_board(self):
        row = self.machine_row(now=BEGIN + 8 * HOUR)
        self.assertIsNone(row["figures"]["oee"])

    def test_between_shifts_the_past_hours_and_the_next_begin(self):
        told = self.snapshot(now=MONDAY + 23 * HOUR)
        self.assertIsNone(told["shift"])
        self.assertEqual(told["span"]["end"], MONDAY + 23 * HOUR)
        self.assertEqual(told["next_shift"], MONDAY + 30 * HOUR)

    def test_between_shifts_a_machine_that_stands_is_not_scheduled(self):
        """It went idle before the shift was over and tells so still: ribbon, timeline and wall agree that it rests."""
        night = MONDAY + 23 * HOUR
        feed_states(self.env, self.machine, [(BEGIN, "running"), (MONDAY + 21 * HOUR, "idle")])
        feed_evidence(self.env, self.machine, [(BEGIN, night)])
        self.live(at=MONDAY + 21 * HOUR, state="idle")
        self.live(at=night - SECOND, state="idle")
        row = self.machine_row(now=night)
        rest = {"start": MONDAY + 22 * HOUR, "end": None, "kind": "off", "label": ""}
        self.assertEqual(row["ribbon"][-1], rest)
        self.assertEqual(row["ribbon"][-2]["kind"], "idle")
        self.assertEqual(row["schedule"], {"until": None, "next": MONDAY + 30 * HOUR})
        screens = at_time(self.env["mes.timeline.screen"], night).with_user(self.operator)
        drawn = screens.draw(f"machine-{self.machine.id}", BEGIN, night + HOUR)
        offset, length, kind, _text = drawn["machines"][0]["state"][-4:]
        self.assertEqual((offset, length, drawn["kinds"][kind]), (16 * HOUR, HOUR, "off"))

    def test_order_and_reasons_are_told(self):
        self.produce()
        make_reason(self.env, "Jam", mes_code="17", company_id=self.env.company.id)
        told = self.snapshot()
        self.assertEqual(told["order"]["product"], self.product.name)
        self.assertEqual(told["reasons"]["17"], "Jam")
        self.assertEqual(told["machines"][0]["ribbon"][1]["label"], "Jam")

    def test_operator_of_another_company_sees_no_line(self):
        other = make_user(self.env, "operator", company=make_company(self.env))
        self.assertEqual(self.snapshot(user=other)["machines"], [])

    def test_line_of_another_company_is_not_shown_by_its_id(self):
        company = make_company(self.env)
        own = make_line(self.env, make_area(self.env, make_site(self.env, "S9", company=company)), "L9")
        make_work_center(self.env, own.mes_area_id, "M9", line=own)
        stranger = make_user(self.env, "operator", company=company)
        told = self.snapshot(self.line.id, user=stranger)
        self.assertEqual(told["line"]["id"], own.id)

    def test_user_without_a_role_is_refused(self):
        self.operator.group_ids = [(6, 0, [self.env.ref("base.group_user").id])]
        with self.assertRaisesRegex(AccessError, "Operator"):
            self.snapshot()
