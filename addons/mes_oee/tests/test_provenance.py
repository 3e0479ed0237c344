from fractions import Fraction
from unittest.mock import patch

from odoo.addons.mes_base.tests.common import HOUR, MONDAY, make_company, make_user
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..models import mes_oee_store
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
