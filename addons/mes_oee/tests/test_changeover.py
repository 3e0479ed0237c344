from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    feed_evidence,
    feed_states,
    make_product,
    make_run,
    make_shift_pattern,
    make_user,
    make_work_center,
)
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import OeeCase

START = MONDAY + 2 * HOUR


@tagged("post_install", "-at_install")
class TestChangeover(OeeCase):
    """From water to lemonade on one machine: set-up from 02:00 to 02:45, with a break of 10 min in between."""

    def setUp(self):
        """Water ran until 02:00, lemonade runs from 02:30."""
        super().setUp()
        self.drinks = self.env["product.category"].create({"name": "Drinks"})
        self.sweet = self.env["product.category"].create({"name": "Sweet", "parent_id": self.drinks.id})
        self.water = make_product(self.env, "Water", categ_id=self.drinks.id)
        self.lemonade = make_product(self.env, "Lemonade", categ_id=self.sweet.id)
        make_shift_pattern(self.env, self.site, [("D", 0, 24, [(2.25, 10)])])
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 8 * HOUR)])
        make_run(self.env, self.machine, self.water, MONDAY, START)
        make_run(self.env, self.machine, self.lemonade, START + 30 * MINUTE, MONDAY + 8 * HOUR)
        feed_states(self.env, self.machine, [(MONDAY, "running"), (START, "setup"), (START + 45 * MINUTE, "running")])
        self.env = self.env(user=make_user(self.env, "operator"))

    def target(self, minutes, **values):
        return self.env["mes.changeover.target"].sudo().create({"minutes": minutes, **values})

    def running(self):
        return self.env["mes.changeover"].running(self.machine.ids)

    def test_what_it_took(self):
        """The break does not count; over the target is above 0."""
        self.target(30, from_product_id=self.water.id, to_product_id=self.lemonade.id)
        self.at(MONDAY + 8 * HOUR)
        (one,) = self.env["mes.changeover"].list(["mrp.workcenter", self.machine.ids], MONDAY, MONDAY + 8 * HOUR)
        self.assertEqual((one["from"]["name"], one["to"]["name"]), ("Water", "Lemonade"))
        self.assertEqual((one["start"], one["end"]), (START, START + 45 * MINUTE))
        self.assertEqual((one["setup_ms"], one["target_ms"], one["over_ms"]), (35 * MINUTE, 30 * MINUTE, 5 * MINUTE))
        self.assertEqual(self.env["mes.changeover"].list(self.machine, START + 1, MONDAY + 8 * HOUR), [])

    def test_the_countdown(self):
        """While it runs: since when, how much is left, and over the target once that is used up."""
        self.target(20, to_categ_id=self.drinks.id)
        self.at(START - MINUTE)
        self.assertEqual(self.running(), {})
        self.at(START + 10 * MINUTE)
        going = self.running()[self.machine.id]
        self.assertEqual((going["since"], going["left_ms"]), (START, None), "nobody knows what comes next")
        self.at(START + 35 * MINUTE)
        going = self.running()[self.machine.id]
        self.assertEqual(going["to"]["name"], "Lemonade")
        self.assertEqual((going["elapsed_ms"], going["target_ms"]), (25 * MINUTE, 20 * MINUTE))
        self.assertEqual(going["left_ms"], -5 * MINUTE)
        self.at(START + 50 * MINUTE)
        self.assertEqual(self.running(), {})

    def test_the_most_specific_target_holds(self):
        """Products before categories, narrow ones before wide ones, machine before line before anywhere."""
        self.at(START + 35 * MINUTE)

        def holds():
            return self.running()[self.machine.id]["target_ms"] // MINUTE

        self.target(60)
        self.assertEqual(holds(), 60)
        self.target(55, workcenter_id=self.line.id)
        self.assertEqual(holds(), 55)
        self.target(50, workcenter_id=self.machine.id)
        self.assertEqual(holds(), 50)
        self.target(45, to_categ_id=self.drinks.id)
        self.assertEqual(holds(), 45)
        self.target(40, to_categ_id=self.sweet.id)
        self.assertEqual(holds(), 40)
        self.target(35, to_product_id=self.lemonade.id)
        self.assertEqual(holds(), 35)
        self.target(30, from_product_id=self.water.id, to_product_id=self.lemonade.id)
        self.assertEqual(holds(), 30)
        self.target(25, from_product_id=self.lemonade.id, to_product_id=self.water.id)
        self.target(24, workcenter_id=make_work_center(self.env(su=True), self.area, "M2").id)
        self.assertEqual(holds(), 30)

    def test_a_target_is_clear(self):
        """A product or its category, not both."""
        with self.assertRaisesRegex(ValidationError, "not both"):
            self.target(10, from_product_id=self.water.id, from_categ_id=self.drinks.id)

    def test_years_are_not_read_from_facts(self):
        """A span that would load all facts of years is refused."""
        with self.assertRaisesRegex(UserError, "half a year"):
            self.env["mes.changeover"].list(self.machine, MONDAY - 365 * 24 * HOUR, MONDAY)
        with self.assertRaises(UserError):
            self.env["mes.changeover"].list(self.machine, MONDAY, 2**60)

    def test_others_see_nothing(self):
        """Neither a user without a role nor one of another company."""
        gateway = make_user(self.env(su=True), "gateway")
        with self.assertRaises(AccessError):
            self.env["mes.changeover"].with_user(gateway).running(self.machine.ids)
        company = self.env["res.company"].sudo().create({"name": "Other"})
        stranger = make_user(self.env(su=True), "operator", "stranger", company=company)
        with self.assertRaises(AccessError):
            self.env["mes.changeover"].with_user(stranger).list(["mrp.workcenter", self.machine.ids], MONDAY, START)
