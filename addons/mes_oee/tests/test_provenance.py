from fractions import Fraction
from unittest.mock import patch

from odoo.addons.mes_base.tests.common import HOUR, MINUTE, MONDAY, feed_states, make_company, make_user
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models import mes_oee_store
from ..models.mes_loss_drill import Question
from ..tools.loss_choice import choice
from .common import OeeCase
from .eight_hours import eight_hours

END = MONDAY + 8 * HOUR


@tagged("post_install", "-at_install")
class TestProvenance(OeeCase):
    """Every figure opens to its inputs, formula, calendar, coverage and the intervals behind it."""

    def setUp(self):
        """See eight_hours; an operator asks at 09:00."""
        super().setUp()
        eight_hours(self)
        self.at(MONDAY + 9 * HOUR)
        self.operator = make_user(self.env, "operator")
        self.scope = ["mrp.workcenter", self.machine.ids]
        self.env = self.env(user=self.operator)

    def ask(self, key, scope=None, start=MONDAY, end=END):
        return self.env["mes.oee"].provenance(scope or self.scope, start, end, key)

    def test_an_auditor_can_redo_it(self):
        """The inputs give the value by the formula; all is told with its unit."""
        told = self.ask("oee")
        given = {one["name"]: Fraction(one["exact"]) for one in told["inputs"]}
        redone = (given["APT"] / given["PBT"]) * (given["PRU*PQ"] / given["APT"]) * (given["GQ"] / given["PQ"])
        self.assertEqual(told["value"], float(redone))
        self.assertEqual({one["name"]: one["unit"] for one in told["inputs"]}["PQ"], "pieces")
        self.assertEqual((told["number"], told["formula_version"], told["coverage"]), (6, 1, 1.0))
        self.assertEqual(told["calendars"][0]["machine"], self.machine.id)
        self.assertTrue(told["calendars"][0]["version"])

    def test_the_intervals_open(self):
        """Each action finds the rows of the span, as the user."""
        self.refresh_as_root()
        found = {
            name: self.env[action["res_model"]].search(action["domain"])
            for name, action in self.ask("mtbf")["intervals"].items()
        }
        self.assertEqual(len(found["stops"]), 2)
        self.assertEqual(len(found["hours"]), 8)
        self.assertEqual(len(found["states"]), 6, "the one at the end is not within")
        self.assertEqual(found["orders"], self.run.with_env(self.env))

    def refresh_as_root(self):
        """Rows and stops, as the jobs make them."""
        root = self.env(su=True)
        root["mes.oee.refresh"]._advance()
        root["mes.stop"]._fold(root["mes.dirty.span"]._take("stop"))

    def test_every_indicator_tells(self):
        """A value, or a sentence, and never an error."""
        for indicator in self.figures(MONDAY, END):
            told = self.ask(indicator)
            with self.subTest(indicator):
                self.assertTrue((told["value"] is None) == bool(told["refusal"]))
                self.assertTrue(told["inputs"])

    def test_a_line_names_its_method(self):
        """Sums, or the bottleneck by name."""
        self.assertIn("sums", self.ask("oee", ["mrp.workcenter", self.line.ids])["method"])
        self.line.sudo().write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": self.machine.id})
        self.assertIn(self.machine.name, self.ask("oee", ["mrp.workcenter", self.line.ids])["method"])

    def test_nonsense_is_refused(self):
        """Unknown indicators, scopes that are none, spans without anything."""
        for scope, key in ((self.scope, "luck"), (["res.users", [1]], "oee"), ("mrp.workcenter", "oee"), (None, "oee")):
            with self.subTest(scope=scope, key=key), self.assertRaises(UserError):
                self.env["mes.oee"].provenance(scope, MONDAY, END, key)

    def test_not_of_another_company(self):
        """Neither figures nor names."""
        stranger = make_user(self.env(su=True), "operator", "stranger", company=make_company(self.env(su=True)))
        with self.assertRaises(AccessError):
            self.env["mes.oee"].with_user(stranger).provenance(self.scope, MONDAY, END, "oee")

    def test_prices_are_for_supervisors(self):
        """Which price, cost and rate stand behind the money."""
        with self.assertRaises(AccessError):
            self.env["mes.oee.worth"].told(self.scope, MONDAY, END)
        supervisor = make_user(self.env(su=True), "supervisor")
        (told,) = self.env["mes.oee.worth"].with_user(supervisor).told(self.scope, MONDAY, END)
        wanted = {"price": 3.0, "cost": 1.0, "contribution": 2.0, "hour_cost": 60.0, "share": 1.0, "cycle_ms": 2000.0}
        self.assertEqual({name: told[name] for name in wanted}, wanted)
        self.assertEqual(told["valued_by"], "contribution")

    def test_nobody_keeps_a_worker_busy(self):
        """Spans of decades and nonsense are refused with a sentence, before anything is computed."""
        for start, end in ((0, END), (MONDAY, 2**53), (-(2**40), END), (2**53, 2**53 + 1)):
            with self.assertRaisesRegex(UserError, "ten years"):
                self.ask("oee", start=start, end=end)
        machines = "mrp.workcenter"
        for scope in ([machines, ["a"]], [machines, [2**40]], [machines, 1], ["res.users", [2]], 7):
            with self.assertRaises(UserError):
                self.ask("oee", scope)
        with self.assertRaisesRegex(UserError, "two dates"):
            self.env["mes.oee"].provenance(self.scope, MONDAY, END, "oee", ["x", "y"])

    def test_time_without_rollups_is_bounded(self):
        """What would have to be computed from facts is refused where it is too much, rollups are not."""
        with patch.object(mes_oee_store, "MOST_LIVE_DAYS", 2), self.assertRaisesRegex(UserError, "no rollup"):
            self.ask("oee", start=MONDAY - 3 * 24 * HOUR)

    # -- value ---------------------------------------------------------------------------------------

    def test_ten_points(self):
        """Nine hours of data: ten points of the busy time, by the ideal cycle, a year of it."""
        told = self.env["mes.oee.value"].ten_points(self.scope)
        self.assertAlmostEqual(told["days"], 9 / 24)
        busy = 9 * HOUR
        busy -= HOUR  # after 08:00 nobody watched
        pieces = busy * 0.1 / 2000 * 365 / (9 / 24)
        self.assertAlmostEqual(told["pieces"], pieces, 3)
        self.assertAlmostEqual(told["money"], pieces * 2, 1)
        self.assertEqual({one["key"] for one in told["industries"]} & {"packaging"}, {"packaging"})
        paid = self.env["mes.oee.value"].payback(self.scope, told["money"] / 2)
        self.assertEqual(paid["months"], 6.0)
        for wrong in (0, -1):
            with self.assertRaises(UserError):
                self.env["mes.oee.value"].payback(self.scope, wrong)
            with self.assertRaises(UserError):
                self.env["mes.oee.value"].ten_points(self.scope, wrong)


@tagged("post_install", "-at_install")
class TestMoney(OeeCase):
    """Money opens to time, pieces, rule and stops for operators, and to the prices behind for supervisors."""

    def setUp(self):
        """See eight_hours; it is 09:00."""
        super().setUp()
        eight_hours(self)
        self.at(MONDAY + 9 * HOUR)
        self.env["mes.stop"]._fold(self.env["mes.dirty.span"]._take("stop"))
        self.scope, self.people = ["mrp.workcenter", self.machine.ids], {}

    def ask(self, *drill, role="operator"):
        if role not in self.people:
            self.people[role] = make_user(self.env, role)
        money = self.env["mes.oee.money"].with_user(self.people[role])
        return money.provenance(self.scope, MONDAY, END, [list(one) for one in drill])

    def values(self, part):
        return {one["name"]: Fraction(one["exact"]) for one in part["values"]}

    def test_each_step_is_what_the_waterfall_says(self):
        """The parts come to the very money that the screen shows, of each step and each big loss."""
        losses = self.env["mes.oee.losses"]
        for kind in (losses.waterfall, losses.six):
            for lost in kind(self.machine, MONDAY, END)[0].lost:
                told = self.ask(("step", lost.name))
                with self.subTest(lost.name):
                    self.assertEqual(sum(Fraction(part["exact"]) for part in told["parts"]), lost.money)
                    self.assertEqual(told["value"], float(lost.money))
                    self.assertTrue(told["formula"] and told["coverage"] == 1.0 and told["calendars"][0]["version"])
                    self.assertEqual(told["currency_id"], self.env.company.currency_id.id)

    def test_a_supervisor_can_redo_it(self):
        """An hour of breakdown at 2 s and 3 − 1 a piece; rejects at their price; nobody else sees a price."""
        told = self.ask(("step", "unplanned"), role="supervisor")
        (part,) = told["parts"]
        given = self.values(part)
        redone = given["time"] / given["cycle"] * (given["price"] - given["cost"]) * given["share"]
        self.assertEqual((redone, told["value"]), (Fraction(part["exact"]), 3600.0))
        self.assertIn("price − cost", part["rule"])
        rejects = self.ask(("step", "production_reject"), role="supervisor")
        given = self.values(rejects["parts"][0])
        self.assertEqual((given["pieces"] * given["price"], rejects["value"]), (300, 300.0))
        self.assertTrue(any("today" in note for note in told["notes"]))
        for step in ("unplanned", "production_reject", "no_order", "value_adding", "setup"):
            told = self.ask(("step", step))
            names = {one["name"] for part in told["parts"] for one in part["values"]}
            self.assertFalse(names & {"price", "cost", "hour_cost"}, step)
        self.assertTrue(any("supervisors" in note for note in told["notes"]))

    def test_without_contribution_the_hour_counts(self):
        """At cost price an hour of breakdown costs what the machine's hour costs, and the panel says why."""
        self.product.standard_price = 3.0
        told = self.ask(("step", "breakdowns"), role="supervisor")
        given = self.values(told["parts"][0])
        self.assertEqual((given["time"] / HOUR * given["hour_cost"], told["value"]), (60, 60.0))
        self.assertTrue(any("machine's hour" in note for note in told["notes"]))

    def test_the_way_down_opens_its_stops(self):
        """Of a row of the Pareto there are only its stops; where nothing stands there are none."""
        told = self.ask(("step", "unplanned"), ("reason", str(self.reason.id)), ("machine", str(self.machine.id)))
        action = told["intervals"]["stops"]
        (stop,) = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual((stop.codes, told["value"]), ("17", 3600.0))
        self.assertNotIn("stops", self.ask(("step", "speed"))["intervals"])
        self.assertEqual(self.ask(("step", "unplanned"), ("reason", "-"))["value"], 0.0)

    def stop(self, kind="unplanned", start=MONDAY, end=END, role="operator", user=None):
        """The money of the day's stop of a kind."""
        if role not in self.people:
            self.people[role] = make_user(self.env, role)
        stop = self.env["mes.stop"].search([("workcenter_id", "=", self.machine.id), ("kind", "=", kind)])
        return self.env["mes.oee.money"].with_user(user or self.people[role]).stop(stop.id, start, end)

    def test_a_single_stop_opens(self):
        """An hour at 2 s and 3 − 1 a piece: what its row shows, with rule, pieces, time, coverage and the stop."""
        told = self.stop(role="supervisor")
        (part,) = told["parts"]
        given = self.values(part)
        redone = given["time"] / given["cycle"] * (given["price"] - given["cost"]) * given["share"]
        self.assertEqual((redone, told["value"]), (Fraction(part["exact"]), 3600.0))
        self.assertEqual((given["pieces"], told["coverage"]), (1800, 1.0))
        self.assertEqual(told["interval"], [MONDAY + 2 * HOUR, MONDAY + 3 * HOUR])
        self.assertIn("price − cost", told["formula"])
        self.assertEqual(told["currency_id"], self.env.company.currency_id.id)
        action = told["intervals"]["stops"]
        self.assertEqual(self.env[action["res_model"]].search(action["domain"]).codes, "17")
        self.assertEqual(self.stop("minor")["value"], 30.0)
        names = {one["name"] for one in self.stop()["parts"][0]["values"]}
        self.assertFalse(names & {"price", "cost", "hour_cost"}, "for supervisors only")

    def test_rows_and_their_provenance_agree(self):
        """Every row of the screen, stop or hour, opens to the money that it shows; also of a part of the span."""
        self.product.standard_price = 1.7
        again = MONDAY + 4 * HOUR + 30 * MINUTE  # a set-up in the hour of the minor stop
        feed_states(self.env, self.machine, [(again, "setup"), (again + 10 * MINUTE, "running")])
        self.env["mes.stop"]._fold(self.env["mes.dirty.span"]._take("stop"))
        begin, end = MONDAY + 15 * MINUTE, MONDAY + 2 * HOUR + 20 * MINUTE
        for drill in ([], [["step", "unplanned"]], [["step", "setup"]], [["step", "speed"]], [["reason", "-"]]):
            for start, until in ((MONDAY, END), (begin, end)):
                chosen = choice({"drill": drill, "unit": "money"})
                question = Question(self.machine, start, until, "UTC")
                rows = self.env["mes.loss.drill"].singles(question, chosen, 99)["rows"]
                self.assertTrue(rows or start != MONDAY, drill)
                for row in rows:
                    with self.subTest(drill=drill, start=start, row=row["what"], at=row["start"]):
                        self.assertAlmostEqual(self.money_of(row, drill, start, until), row["money"], 2)

    def money_of(self, row, drill, start, end):
        """As the browser asks."""
        money = self.env["mes.oee.money"]
        if row["what"] == "stop":
            return money.stop(row["id"], start, end)["value"]
        span = (max(start, row["start"]), min(end, row["end"]))
        return money.provenance(["mrp.workcenter", [row["machine"]["id"]]], *span, drill, True)["value"]

    def test_of_a_stop_only_what_lies_in_the_span(self):
        """Half of it costs half, and the panel says so; of nothing there is no money, nor of a stop that is gone."""
        told = self.stop(end=MONDAY + 2 * HOUR + 30 * MINUTE)
        self.assertEqual(told["value"], 1800.0)
        self.assertTrue(any("within the chosen span" in note for note in told["notes"]))
        self.assertFalse(any("within the chosen span" in note for note in self.stop()["notes"]))
        with self.assertRaisesRegex(UserError, "outside the chosen time"):
            self.stop(end=MONDAY + 2 * HOUR)
        for nonsense in (2**30, 0, -1, "x", None, True, 2**40):
            with self.assertRaisesRegex(UserError, "no more"):
                self.env["mes.oee.money"].stop(nonsense, MONDAY, END)

    def test_a_stop_of_others_stays_shut(self):
        """Another company's operator, and who has no role."""
        stranger = make_user(self.env, "operator", "elsewhere", company=make_company(self.env))
        nobody = self.env["res.users"].create({"name": "O", "login": "o", "group_ids": self.env.ref("base.group_user")})
        for user in (stranger, nobody):
            with self.assertRaises(AccessError):
                self.stop(user=user)

    def test_the_rule_of_the_line_is_told(self):
        """Whether the bottleneck earns, or all machines in equal parts."""
        self.assertIn("each of 1 machines", self.ask(("step", "setup"))["method"])
        self.line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": self.machine.id})
        self.assertIn(self.machine.name, self.ask(("step", "setup"))["method"])

    def test_points_and_payback(self):
        """The parts come to the money of the payback page; the investment is among the inputs."""
        operator = make_user(self.env, "operator")
        value = self.env["mes.oee.value"].with_user(operator).ten_points(self.scope)
        told = self.env["mes.oee.money"].with_user(operator).points(self.scope, 0.1, 50000)
        (part,) = told["parts"]
        given = {**self.values(part), **{one["name"]: Fraction(one["exact"]) for one in told["inputs"]}}
        redone = given["busy"] * given["points"] * given["earned"] / given["adding"] * 365 / given["days"]
        self.assertEqual(Fraction(part["exact"]), redone)
        self.assertEqual((told["value"], round(float(redone), 2)), (value["money"], value["money"]))
        self.assertEqual(given["investment"], 50000)
        self.assertIn("months", told["formula"])

    def test_nonsense_and_strangers(self):
        """A way down that is none, another company's machine, somebody without a role."""
        for drill in (("step", "luck"), ("reason", "x"), ("shoe", "1")):
            with self.assertRaises(UserError):
                self.ask(drill)
        stranger = make_user(self.env, "operator", "stranger", company=make_company(self.env))
        nobody = self.env["res.users"].create({"name": "N", "login": "n", "group_ids": self.env.ref("base.group_user")})
        for user in (stranger, nobody):
            money = self.env["mes.oee.money"].with_user(user)
            with self.assertRaises(AccessError):
                money.provenance(self.scope, MONDAY, END, [["step", "setup"]])
            with self.assertRaises(AccessError):
                money.points(self.scope)
