from datetime import date

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    at_time,
    feed_evidence,
    feed_states,
    make_company,
    make_reason,
    make_run,
    make_shift_pattern,
    make_user,
    make_workorder,
    set_ideal_cycle,
)
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import OeeCase


@tagged("post_install", "-at_install")
class TestReasons(OeeCase):
    """Where the time went, asked as an operator would: complete hours and the running one, by anything."""

    def setUp(self):
        """Five hours, two shifts, two crews, one order: two jams, a stop that a person explained, one nobody did."""
        super().setUp()
        pattern = make_shift_pattern(self.env, self.site, [("A", 0, 3), ("B", 3, 24)])
        self.crews = self.env["mes.crew"].create([{"name": f"Crew {code}", "code": code} for code in "XY"])
        for shift, crew in zip(pattern.shift_ids.sorted("start_hour"), self.crews, strict=True):
            shift.crew_ids = [Command.create({"crew_id": crew.id})]
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 24 * HOUR)])
        set_ideal_cycle(self.env, self.machine, 1)
        workorder = make_workorder(self.env, self.machine, self.product)
        self.order = workorder.production_id
        values = {"workorder_id": workorder.id, "production_id": self.order.id}
        make_run(self.env, self.machine, self.product, MONDAY, MONDAY + 24 * HOUR, **values)
        self.jam = make_reason(self.env, "Jam", mes_code="E17")
        self.said = make_reason(self.env, "Waited for the forklift")
        at = [MONDAY + hour * HOUR for hour in range(6)]
        points = [
            (at[0], "running"),
            (at[0] + 10 * MINUTE, "down", "E17"),
            (at[0] + 14 * MINUTE, "running"),
            (at[2] + 50 * MINUTE, "down", "E99"),
            (at[3] + 10 * MINUTE, "running"),
            (at[4] + 5 * MINUTE, "idle"),
            (at[4] + 15 * MINUTE, "running"),
            (at[4] + 30 * MINUTE, "down", "E17"),
            (at[4] + 30 * MINUTE + 20_000, "running"),
        ]
        feed_states(self.env, self.machine, points)
        self.at(at[4] + 40 * MINUTE)
        self.env["mes.state.override"].create(
            {
                "workcenter_id": self.machine.id,
                "at_from": clock.from_ms(at[4] + 5 * MINUTE),
                "at_until": clock.from_ms(at[4] + 15 * MINUTE),
                "loss_id": self.said.id,
            }
        )
        self.refresh()
        self.now = at[4] + 40 * MINUTE

    def asked(self, by, user=None, **values):
        """Key -> (minutes, stops), as an operator."""
        user = user or make_user(self.env, "operator")
        machine = at_time(self.machine.with_user(user), self.now)
        parts = machine.env["mes.oee"].reasons(machine, MONDAY, self.now, by, **values)
        return {part.key: (part.ms / MINUTE, part.stops) for part in parts}

    def test_by_bucket_reason_and_code(self):
        """A person's reason, else the machine's, else none; the hour that is running is in it."""
        self.assertEqual(
            self.asked(("bucket", "reason", "code")),
            {
                ("minor", self.jam.id, "E17"): (1 / 3, 1),
                ("unplanned", None, "E99"): (20, 1),
                ("unplanned", self.jam.id, "E17"): (4, 1),
                ("unplanned", self.said.id, None): (10, 1),
            },
        )

    def test_of_each_bucket_what_the_figures_say(self):
        """Two roads to one number."""
        totals = self.totals(MONDAY, self.now)
        for (bucket,), (minutes, stops) in self.asked(("bucket",)).items():
            self.assertEqual(minutes * MINUTE, getattr(totals, f"{bucket}_ms"))
            self.assertEqual(stops, getattr(totals, f"{bucket}_stops"))
        self.assertEqual(totals.minor_stops + totals.unplanned_stops, 4)

    def test_by_crew_and_shift(self):
        """The stop over the change of shifts counts once, with the crew in whose shift it began; its time is split."""
        one, other = self.crews.ids
        found = self.asked(("crew", "reason"))
        self.assertEqual(found[one, None], (10, 1))
        self.assertEqual(found[other, None], (10, 0))
        self.assertEqual(self.asked(("shift_name",)), {("A",): (14, 2), ("B",): (20 + 1 / 3, 2)})
        figures = self.env["mes.oee"].figures(self.machine, MONDAY, self.now, ("crew",))
        self.assertEqual([part.key for part in figures], [(one,), (other,)])
        self.assertEqual(figures[0].totals.pot_ms, 3 * HOUR)

    def test_by_order_day_and_month(self):
        """The manufacturing order, and days and months of the site's clock, in figures and in lost time."""
        first = date(2026, 3, 2)
        for by, key in ((("order",), self.order.id), (("day",), first), (("month",), first.replace(day=1))):
            found = self.asked(by)
            figures = self.env["mes.oee"].figures(self.machine, MONDAY, self.now, by)
            self.assertEqual([part.key for part in figures], [(key,)])
            self.assertEqual(found, {(key,): (34 + 1 / 3, 4)})
            self.assertEqual(figures[0].totals.calendar_ms, self.now - MONDAY)

    def test_by_business_dates(self):
        """Only shifts of these dates."""
        self.assertEqual(self.asked(("reason",), dates=(date(2026, 3, 3), date(2026, 3, 9))), {})
        self.assertEqual(len(self.asked(("reason",), dates=(date(2026, 3, 1), date(2026, 3, 2)))), 3)

    def test_questions_that_make_no_sense(self):
        """What is not known is told with what is."""
        oee = self.env["mes.oee"]
        with self.assertRaisesRegex(UserError, "weather.*bucket"):
            oee.reasons(self.machine, MONDAY, self.now, ("weather",))
        with self.assertRaisesRegex(UserError, "reason"):
            oee.figures(self.machine, MONDAY, self.now, ("reason",))
        with self.assertRaisesRegex(UserError, "swap"):
            oee.reasons(self.machine, self.now, MONDAY)

    def test_who_may_ask(self):
        """An operator of another company, and who has no role at all, may not."""
        other = make_company(self.env)
        stranger = make_user(self.env, "operator", company=other)
        nobody = make_user(self.env, "operator")
        nobody.group_ids = [Command.set([self.env.ref("base.group_user").id])]
        for user in (stranger, nobody):
            with self.assertRaises(AccessError):
                self.asked(("reason",), user)

    def test_a_corrected_word_moves_the_time(self):
        """The reason is taken back: the complete hour's time goes to nobody's reason, its rows are made anew."""
        self.at(MONDAY + 6 * HOUR)
        self.refresh()
        self.now = MONDAY + 5 * HOUR
        self.assertIn((self.said.id,), self.asked(("reason",)))
        self.env["mes.state.override"].search([("workcenter_id", "=", self.machine.id)]).withdraw()
        self.assertNotIn((self.said.id,), self.asked(("reason",)), "as soon as it is said")
        self.refresh()
        self.assertEqual(self.asked(("reason",))[(None,)], (30, 2))
        self.assertEqual(self.everything(), self.everything_rebuilt())
