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
    make_area,
    make_company,
    make_line,
    make_run,
    make_shift_pattern,
    make_site,
    make_user,
    make_work_center,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models import mes_overview, mes_overview_money
from .common import OeeCase

BEGIN = MONDAY + 6 * HOUR
NOW = BEGIN + 2 * HOUR + 30 * MINUTE
TUESDAY = MONDAY + DAY


@tagged("post_install", "-at_install")
class TestOverview(OeeCase):
    """The plant at a glance, as an operator gets it: early shift 06:00 to 14:00, one piece a second ideally.

    M1 feeds M2 on the line; M3 stands alone in another area. M1 was down from 07:00 to 07:20, unexplained.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = make_user(cls.env, "operator")
        make_shift_pattern(cls.env, cls.site, [("E", 6, 14), ("L", 14, 22)])
        cls.second = make_work_center(cls.env, cls.area, "M2", line=cls.line)
        cls.hall = make_area(cls.env, cls.site, "A2")
        cls.lone = make_work_center(cls.env, cls.hall, "M3")
        for machine in (cls.machine, cls.second, cls.lone):
            set_ideal_cycle(cls.env, machine, 1.0)
            make_run(cls.env, machine, cls.product, BEGIN)
            feed_evidence(cls.env, machine, [(BEGIN, NOW)])
        feed_states(
            cls.env, cls.machine, [(BEGIN, "running"), (BEGIN + HOUR, "down"), (BEGIN + 80 * MINUTE, "running")]
        )
        feed_states(cls.env, cls.second, [(BEGIN, "running")])
        feed_states(cls.env, cls.lone, [(BEGIN, "running"), (BEGIN + HOUR, "down"), (BEGIN + HOUR + SECOND, "running")])
        feed_counts(cls.env, cls.machine, [(BEGIN, 0), (NOW, 7000)])
        feed_counts(cls.env, cls.second, [(BEGIN, 0), (NOW, 6000)])
        feed_counts(cls.env, cls.lone, [(BEGIN, 0), (NOW, 8000)])

    def fold(self, now=NOW):
        stops = at_time(self.env["mes.stop"], now)
        while marks := self.env["mes.dirty.span"]._take("stop"):
            stops._fold(marks)

    def snapshot(self, span="shift", now=NOW, user=None):
        return at_time(self.env["mes.overview"].with_user(user or self.operator), now).snapshot(span)

    def rows(self, *asked, **options):
        return {row["key"]: row for row in self.snapshot(*asked, **options)["places"]}

    def row(self, record, *asked, **options):
        kind = {"mes.site": "site", "mes.area": "area"}.get(record._name) or (
            "line" if record.mes_level == "line" else "machine"
        )
        return self.rows(*asked, **options)[f"{kind}-{record.id}"]

    def assertFiguresOf(self, row, scope, start, end):
        """The row tells what the service of figures tells of the same scope and span."""
        part = at_time(self.env["mes.oee"], NOW).figures(scope, start, end)[0]
        for shown, key in (("oee", "oee"), ("availability", "availability"), ("performance", "effectiveness")):
            self.assertAlmostEqual(row["figures"][shown], float(part.figures[key].value), 12, shown)
        self.assertAlmostEqual(row["figures"]["coverage"], float(part.figures["oee"].coverage), 12)

    def test_every_place_tells_what_the_figures_tell_of_it(self):
        """Machine, line by sums, line by its bottleneck, area, site: none is a mean of percentages."""
        for place in (self.machine, self.lone, self.line, self.area, self.hall, self.site):
            with self.subTest(place.display_name):
                self.assertFiguresOf(self.row(place), place, BEGIN, NOW)
        self.line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": self.machine.id})
        row = self.row(self.line)
        self.assertFiguresOf(row, self.line, BEGIN, NOW)
        self.assertEqual(row["figures"]["lost_ms"], self.row(self.machine)["figures"]["lost_ms"])
        self.assertFiguresOf(self.row(self.area), self.area, BEGIN, NOW)
        self.env["mes.ideal.cycle"].search([("workcenter_id", "=", self.machine.id)]).seconds = 2.0
        target = self.row(self.machine)["figures"]["target"]
        self.assertEqual(target, self.row(self.second)["figures"]["target"], "a machine is paced by the bottleneck")

    def test_pieces_that_pass_two_machines_are_one(self):
        """A line has made what its last machine has; a site what its lines and lone machines have."""
        rows = self.rows()
        self.assertEqual(rows[f"line-{self.line.id}"]["figures"]["good"], 6000)
        self.assertEqual(rows[f"area-{self.area.id}"]["figures"]["good"], 6000)
        self.assertEqual(rows[f"site-{self.site.id}"]["figures"]["good"], 14000)
        self.assertEqual(rows[f"line-{self.line.id}"]["figures"]["target"], round(9000 * 0.85))
        self.assertEqual(rows[f"site-{self.site.id}"]["figures"]["target"], 2 * round(9000 * 0.85))

    def test_a_place_has_lost_the_pieces_of_what_is_below_it(self):
        """Also where the mean ideal cycle of the place is longer than that of a part: a whole has never lost less."""
        slow = self.env["mes.ideal.cycle"].search([("workcenter_id", "=", self.lone.id)])
        slow.seconds = 60.0  # so slow that few pieces are in much lost time
        rows = self.rows()
        lost = {key: row["figures"]["lost_pieces"] for key, row in rows.items()}
        self.assertEqual(lost[f"area-{self.area.id}"], lost[f"line-{self.line.id}"])
        self.assertEqual(lost[f"area-{self.hall.id}"], lost[f"machine-{self.lone.id}"])
        self.assertEqual(lost[f"site-{self.site.id}"], lost[f"area-{self.area.id}"] + lost[f"area-{self.hall.id}"])

    def test_a_tree_from_site_to_machine(self):
        rows = self.rows()
        self.assertEqual(rows[f"machine-{self.second.id}"]["parent"], f"line-{self.line.id}")
        self.assertEqual(rows[f"machine-{self.lone.id}"]["parent"], f"area-{self.hall.id}")
        self.assertEqual(rows[f"site-{self.site.id}"]["machines"], 3)
        self.assertEqual(rows[f"line-{self.line.id}"]["machines"], 2)

    def test_lost_time_first_in_minutes_and_pieces(self):
        """M1: two and a half hours less the ideal time of 7000 good pieces."""
        figures = self.row(self.machine)["figures"]
        self.assertEqual((figures["lost_ms"], figures["lost_pieces"]), (9000_000 - 7000_000, 2000))

    def test_targets_come_from_the_place_or_above(self):
        self.site.mes_target_oee = 80
        self.line.mes_target_oee = 70
        rows = self.rows()
        for record, kind, goal in (
            (self.site, "site", 0.8),
            (self.area, "area", 0.8),
            (self.line, "line", 0.7),
            (self.machine, "machine", 0.7),
            (self.lone, "machine", 0.8),
        ):
            self.assertEqual(rows[f"{kind}-{record.id}"]["targets"]["oee"], goal, record.display_name)

    def test_too_little_watched_is_a_refusal_with_its_reason(self):
        """M4 was watched for half an hour of two and a half: no figure, and the site says why not of M4 alone."""
        fourth = make_work_center(self.env, self.hall, "M4")
        feed_evidence(self.env, fourth, [(BEGIN, BEGIN + 30 * MINUTE)])
        feed_states(self.env, fourth, [(BEGIN, "running")])
        figures = self.row(fourth)["figures"]
        self.assertIsNone(figures["oee"])
        self.assertIn("too little of the shift time was watched", figures["reason"])
        self.assertAlmostEqual(figures["coverage"], 0.2)
        self.assertIsNotNone(self.row(self.lone)["figures"]["oee"])

    def test_a_machine_that_never_told_anything_has_no_figure(self):
        row = self.row(make_work_center(self.env, self.hall, "M5"))
        self.assertIsNone(row["figures"]["oee"])
        self.assertTrue(row["figures"]["reason"])
        self.assertEqual((row["silent"], row["unheard"]), (0, 1))

    def test_unexplained_stops_open_calls_and_silence_add_up(self):
        self.fold()
        kind = self.env.ref("mes_base.andon_maintenance")
        at_time(self.env["mes.andon.call"].with_user(self.operator), NOW).call(self.lone.id, kind.id)
        rows = self.rows()
        self.assertEqual(rows[f"machine-{self.machine.id}"]["unexplained"], 1)
        self.assertEqual(rows[f"line-{self.line.id}"]["unexplained"], 1)
        self.assertEqual(rows[f"area-{self.hall.id}"]["unexplained"], 0)
        self.assertEqual(rows[f"area-{self.hall.id}"]["calls"], 1)
        site = rows[f"site-{self.site.id}"]
        self.assertEqual((site["unexplained"], site["calls"]), (1, 1))

    def test_a_machine_without_data_is_told_from_a_silent_gateway(self):
        """M1 shows a value, M2's is bad though its gateway speaks, of M3 nobody has spoken for a minute."""
        live = self.env["mes.equipment.live"]
        told = ((self.machine, "running", 0), (self.second, False, 0), (self.lone, "running", 60))
        for machine, state, silent_s in told:
            at = clock.from_ms(NOW - silent_s * SECOND)
            company = machine.company_id.id
            live.create({"workcenter_id": machine.id, "company_id": company, "at": at, "recv": at, "state": state})
        rows = self.rows()
        told = {place.id: rows[f"machine-{place.id}"] for place in (self.machine, self.second, self.lone)}
        self.assertEqual([(row["silent"], row["unheard"]) for row in told.values()], [(0, 0), (1, 0), (0, 1)])
        site = rows[f"site-{self.site.id}"]
        self.assertEqual((site["silent"], site["unheard"]), (1, 1))

    def test_the_stop_of_yesterday_is_not_of_today(self):
        self.fold()
        tuesday = MONDAY + DAY + 8 * HOUR
        self.assertEqual(self.row(self.machine, "today", now=tuesday)["unexplained"], 0)
        yesterday = self.row(self.machine, "yesterday", now=tuesday)
        self.assertEqual(yesterday["unexplained"], 1)
        self.assertEqual((yesterday["from"], yesterday["until"]), (MONDAY, TUESDAY))

    def test_compared_with_the_span_before(self):
        """The late shift of Monday has the early one before it; Tuesday has Monday."""
        late = MONDAY + 15 * HOUR
        feed_evidence(self.env, self.machine, [(NOW, late)])
        self.at(late)
        self.refresh()
        early = self.env["mes.oee"].figures(self.machine, BEGIN, MONDAY + 14 * HOUR)[0]
        row = self.row(self.machine, now=late)
        self.assertAlmostEqual(row["before"]["oee"], float(early.figures["oee"].value), 12)
        self.at(TUESDAY + 15 * HOUR)
        self.refresh()
        row = self.row(self.machine, "today", now=TUESDAY + 15 * HOUR)
        whole = self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY + 15 * HOUR)[0]
        self.assertAlmostEqual(row["before"]["oee"], float(whole.figures["oee"].value), 12)

    def test_the_curve_is_the_oee_hour_by_hour_or_day_by_day(self):
        row = self.row(self.machine)
        told = [None if value is None else round(value, 6) for value in row["curve"]]
        hours = at_time(self.env["mes.oee"], NOW).figures(self.machine, BEGIN, NOW, ("hour",))
        self.assertEqual(told[-3:], [round(float(part.figures["oee"].value), 6) for part in hours])
        self.assertEqual(told[:-3], [None] * 11)
        week = self.row(self.machine, "week")
        self.assertEqual(week["curve"][:-1], [None] * 13)
        self.assertAlmostEqual(week["curve"][-1], row["figures"]["oee"], 12)

    def test_curves_only_of_what_is_shown(self):
        """Closed places cost nothing; what is open is told, so that the screen draws just that."""
        told = self.snapshot()
        self.assertIn(f"line-{self.line.id}", told["open"])
        overview = at_time(self.env["mes.overview"].with_user(self.operator), NOW)
        closed = overview.snapshot("shift", [f"site-{self.site.id}"])
        curves = {row["key"]: row["curve"] for row in closed["places"]}
        self.assertIsNone(curves[f"machine-{self.machine.id}"])
        for place in (f"site-{self.site.id}", f"area-{self.area.id}"):
            whole = next(row for row in told["places"] if row["key"] == place)
            self.assertEqual(curves[place], whole["curve"])
        self.assertAlmostEqual(curves[f"area-{self.hall.id}"][-2], 8000 / 9000, 12)

    def test_of_many_machines_only_complete_hours_are_told_of(self):
        self.patch(mes_overview, "LIVE_MACHINES", 2)
        self.at(NOW)
        self.refresh()
        told = self.snapshot()
        self.assertEqual((told["is_live"], told["as_of"]), (False, BEGIN + 2 * HOUR))
        row = next(one for one in told["places"] if one["key"] == f"machine-{self.machine.id}")
        self.assertFiguresOf(row, self.machine, BEGIN, BEGIN + 2 * HOUR)

    def test_sites_of_two_clocks_have_their_own_day(self):
        """23:30 UTC on Monday is Tuesday in Berlin: today is half an hour old there, and a day old here."""
        berlin = make_site(self.env, "S2", "Europe/Berlin")
        make_work_center(self.env, make_area(self.env, berlin, "B1"), "M9")
        late = MONDAY + 23 * HOUR + 30 * MINUTE
        self.assertEqual(self.row(berlin, "today", now=late)["from"], MONDAY + 23 * HOUR)
        self.assertEqual(self.row(self.site, "today", now=late)["from"], MONDAY)

    def test_another_company_is_closed(self):
        other = make_site(self.env, "S9", company=make_company(self.env))
        theirs = make_work_center(self.env, make_area(self.env, other, "X"), "M1")
        self.assertNotIn(f"machine-{theirs.id}", self.rows())
        stranger = make_user(self.env, "operator", company=other.company_id)
        self.assertEqual(
            set(self.rows(user=stranger)),
            {f"site-{other.id}", f"area-{theirs.mes_area_id.id}", f"machine-{theirs.id}"},
        )

    def test_who_may_not(self):
        with self.assertRaises(AccessError):
            self.snapshot(user=make_user(self.env, "gateway", "overview-gateway"))
        with self.assertRaisesRegex(UserError, "choose one of the buttons"):
            self.snapshot("century")

    def money(self, span="shift", opened=False, now=NOW):
        if not hasattr(self, "supervisor"):
            self.supervisor = make_user(self.env, "supervisor")
            self.product.write({"list_price": 3.0, "standard_price": 1.3})
            (self.machine | self.second | self.lone).write({"costs_hour": 61.0})
        return at_time(self.env["mes.overview"].with_user(self.supervisor), now).money(span, opened)

    def assertMoneyOfLosses(self, told, start, end):
        """Each place tells the money that its own waterfall has lost."""
        losses = at_time(self.env["mes.oee.losses"], NOW)
        places = {"line": self.line, "area": self.area, "site": self.site}
        told_of = {f"{kind}-{record.id}": record for kind, record in places.items()}
        told_of |= {f"machine-{one.id}": one for one in (self.machine, self.second, self.lone)}
        self.assertLessEqual(told_of.keys(), told.keys())
        for key, record in told_of.items():
            (whole,) = losses.waterfall(record, start, end)
            lost = sum(one.money for one in whole.lost if one.name != "value_adding")
            self.assertNotEqual(lost, 0, key)
            self.assertAlmostEqual(told[key]["money"], float(lost), 2, key)
            self.assertEqual(told[key]["currency_id"], self.env.company.currency_id.id)

    def test_money_is_that_of_the_losses(self):
        """Of each place and span; a line with a bottleneck loses its money there only, its area all of it."""
        for span, start in (("shift", BEGIN), ("today", MONDAY), ("week", MONDAY - 6 * DAY)):
            with self.subTest(span):
                self.assertMoneyOfLosses(self.money(span), start, NOW)
        self.line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": self.machine.id})
        told = self.money()
        self.assertMoneyOfLosses(told, BEGIN, NOW)
        self.assertEqual(told[f"line-{self.line.id}"], told[f"machine-{self.machine.id}"])

    def test_money_of_another_ideal_cycle_meanwhile(self):
        """Each hour by its own cycle, as in the waterfall."""
        self.env["mes.ideal.cycle"].create(
            {"workcenter_id": self.lone.id, "seconds": 4.0, "date_from": clock.from_ms(BEGIN + 90 * MINUTE)}
        )
        self.assertMoneyOfLosses(self.money("today"), MONDAY, NOW)

    def test_money_of_many_machines_is_of_complete_hours(self):
        self.at(NOW)
        self.refresh()
        self.patch(mes_overview_money, "LIVE_MACHINES", 2)
        self.assertMoneyOfLosses(self.money(), BEGIN, BEGIN + 2 * HOUR)

    def test_money_of_what_is_shown_for_supervisors(self):
        """Closed places are not told of, nor is any to operators, who are told by the snapshot not to ask."""
        closed = self.money(opened=[f"site-{self.site.id}"])
        self.assertIn(f"area-{self.area.id}", closed)
        self.assertNotIn(f"machine-{self.machine.id}", closed)
        self.assertEqual(self.money("yesterday")[f"machine-{self.machine.id}"]["money"], 0, "nothing was known then")
        self.assertEqual([self.snapshot(user=one)["prices"] for one in (self.supervisor, self.operator)], [True, False])
        with self.assertRaisesRegex(AccessError, "supervisors"):
            self.env["mes.overview"].with_user(self.operator).money()
        with self.assertRaisesRegex(UserError, "choose one of the buttons"):
            self.money("century")
        other = make_company(self.env)
        stranger = make_user(self.env, "supervisor", "stranger", company=other)
        self.assertEqual(at_time(self.env["mes.overview"].with_user(stranger), NOW).money(), {})

    def test_the_number_of_statements_does_not_grow_with_the_places(self):
        def statements():
            found = []
            for ask in (self.snapshot, self.money):
                self.env.flush_all()
                self.env.invalidate_all()
                ask()
                self.env.invalidate_all()
                before = self.env.cr.sql_log_count
                ask()
                found.append(self.env.cr.sql_log_count - before)
            return found

        def grow(number):
            line = make_line(self.env, make_area(self.env, self.site, f"Z{number}"), "L")
            for unit in range(4):
                make_work_center(self.env, line.mes_area_id, f"U{unit}", line=line)

        grow(0)  # machines without facts are a kind of their own
        few = statements()
        for number in range(1, 6):
            grow(number)
        for many, before in zip(statements(), few, strict=True):
            self.assertLessEqual(many, before + 2)
