from datetime import date
from fractions import Fraction

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
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
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from .common import OeeCase


@tagged("post_install", "-at_install")
class TestFigures(OeeCase):
    """The figures service: any scope and span, one engine, the rights of the user."""

    def produce(self, machine, hours=4, down=HOUR, made=9000, rejects=0, ideal=1.0, watched=None):
        """A machine that runs from Monday 00:00 with one stop, and counts at either end."""
        end = MONDAY + hours * HOUR
        feed_evidence(self.env, machine, [(MONDAY, MONDAY + (hours * HOUR if watched is None else watched))])
        set_ideal_cycle(self.env, machine, ideal)
        make_run(self.env, machine, self.product, MONDAY, end)
        stop = MONDAY + HOUR
        feed_states(self.env, machine, [(MONDAY, "running"), (stop, "down"), (stop + down, "running")])
        feed_counts(self.env, machine, [(MONDAY, 0), (end, made)])
        feed_counts(self.env, machine, [(MONDAY, 0), (end, rejects)], "reject")

    def setUp(self):
        """Round-the-clock shifts; it is 06:00."""
        super().setUp()
        self.pattern = make_shift_pattern(self.env, self.site)
        self.at(MONDAY + 6 * HOUR)

    def ask(self, scope, hours=4, **options):
        return self.env["mes.oee"].figures(scope, MONDAY, MONDAY + hours * HOUR, **options)

    # -- scopes --------------------------------------------------------------------------------------

    def test_a_line_is_the_sum_of_its_units(self):
        """Σ numerators ÷ Σ denominators, never a mean of percentages, and it says so."""
        second = make_work_center(self.env, self.area, "M2", line=self.line)
        self.produce(self.machine, down=2 * HOUR)
        self.produce(second, down=0, made=14000, rejects=700)
        self.refresh()
        part = self.ask(self.line)[0]
        self.assertEqual(part.figures["availability"].value, Fraction(2 + 4, 8))
        self.assertEqual(part.figures["quality"].value, Fraction(22300, 23000))
        self.assertEqual(part.figures["oee"].value, Fraction(22300, 8 * 3600))
        self.assertEqual(part.figures["oee"].method, "sums")

    def test_a_line_by_its_bottleneck(self):
        """The line's figure is the bottleneck's, and it says so."""
        second = make_work_center(self.env, self.area, "M2", line=self.line)
        self.produce(self.machine, down=2 * HOUR)
        self.produce(second, down=HOUR)
        self.line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": second.id})
        self.refresh()
        part = self.ask(self.line)[0]
        self.assertEqual(part.figures["availability"].value, Fraction(3, 4))
        self.assertEqual(part.figures["availability"].method, "bottleneck")

    def test_a_bottleneck_stands_in_its_line(self):
        """Another line's machine is refused, so is archiving it; once it was moved away the sums tell."""
        other = make_line(self.env, self.area, "L2")
        strange = make_work_center(self.env, self.area, "M2", line=other)
        with self.assertRaisesRegex(ValidationError, "does not stand in"):
            self.line.mes_bottleneck_id = strange
        self.produce(self.machine, down=2 * HOUR)
        self.line.write({"mes_oee_method": "bottleneck", "mes_bottleneck_id": self.machine.id})
        with self.assertRaisesRegex(ValidationError, "choose another one"):
            self.machine.active = False
        self.machine.active = True
        self.assertEqual(self.env["mes.oee"]._scope(self.line).method, "bottleneck")
        self.machine.write({"mes_line_id": other.id})
        self.assertEqual(self.env["mes.oee"]._scope(self.line).method, "sums")

    def test_area_and_site(self):
        """An area and a site are the sums of their machines; another site's are not in it."""
        self.produce(self.machine)
        site = make_site(self.env, "S2")
        make_shift_pattern(self.env, site)
        self.produce(make_work_center(self.env, make_area(self.env, site), "X"), down=3 * HOUR)
        self.refresh()
        for scope in (self.area, self.site):
            self.assertEqual(self.ask(scope)[0].figures["availability"].value, Fraction(3, 4))
        both = self.ask(self.site + site)[0]
        self.assertEqual(both.figures["availability"].value, Fraction(4, 8))
        by_site = {part.key[0]: part.totals.production_ms for part in self.ask(self.site + site, by=("site",))}
        self.assertEqual(by_site, {self.site.id: 3 * HOUR, site.id: HOUR})

    def test_a_machine_that_moved_counts_where_it_stood(self):
        """Each line has the machine's time while it stood there."""
        self.produce(self.machine, down=0)
        other = make_line(self.env, self.area, "L2")
        self.machine._mes_move(self.area, other, MONDAY + HOUR)
        self.refresh()
        found = [self.ask(line)[0].totals.production_ms for line in (self.line, other)]
        self.assertEqual(found, [HOUR, 3 * HOUR])

    def test_by_machine_and_shift(self):
        """Groups come in order, each with the exact sums of its own."""
        self.pattern.shift_ids.unlink()
        day = dict.fromkeys(("saturday", "sunday"), True)
        for code, start, end in (("A", 0, 2), ("B", 2, 4)):
            self.env["mes.shift"].create(
                {"pattern_id": self.pattern.id, "name": code, "code": code, "start_hour": start, "end_hour": end, **day}
            )
        second = make_work_center(self.env, self.area, "M2", line=self.line)
        self.produce(self.machine, down=2 * HOUR)
        self.produce(second)
        self.refresh()
        parts = self.ask(self.line, by=("machine", "shift"))
        found = {(part.key[0], part.key[1][2]): part.totals.production_ms for part in parts}
        one, two = self.machine.id, second.id
        self.assertEqual(found, {(one, "A"): HOUR, (one, "B"): HOUR, (two, "A"): HOUR, (two, "B"): 2 * HOUR})
        self.assertEqual([part.key[0] for part in parts], sorted(part.key[0] for part in parts))

    def test_business_dates(self):
        """Only shifts of the dates asked for."""
        self.produce(self.machine)
        self.refresh()
        dates = (date(2026, 3, 3), date(2026, 3, 3))
        self.assertEqual(self.ask(self.machine, dates=dates), [])
        dates = (date(2026, 3, 2), date(2026, 3, 2))
        self.assertEqual(self.ask(self.machine, dates=dates)[0].totals.pot_ms, 4 * HOUR)

    # -- roads ---------------------------------------------------------------------------------------

    def test_part_of_the_hours_from_the_rollup(self):
        """A span with cut hours at both ends, some rolled up and one still open, is the engine's answer."""
        self.produce(self.machine, hours=6)
        self.at(MONDAY + 5 * HOUR + 20 * MINUTE)
        self.refresh()
        for start, end in ((10 * MINUTE, 5 * HOUR + 15 * MINUTE), (HOUR, 3 * HOUR), (70 * MINUTE, 80 * MINUTE)):
            self.assertEqual(
                self.totals(MONDAY + start, MONDAY + end), self.engine_totals(MONDAY + start, MONDAY + end)
            )

    def test_the_rollup_is_used(self):
        """Complete hours really come from the rollup: a row that was tampered with shows."""
        self.produce(self.machine)
        self.refresh()
        self.env.cr.execute("UPDATE mes_oee_rollup SET good = good + 1000 WHERE workcenter_id = %s", [self.machine.id])
        self.assertEqual(self.ask(self.machine)[0].totals.good, 9000 + 4 * 1000)

    def test_nothing_after_now(self):
        """The future is not in a figure."""
        self.produce(self.machine, hours=12)
        self.at(MONDAY + 4 * HOUR)
        self.assertEqual(self.ask(self.machine, 12)[0].totals.calendar_ms, 4 * HOUR)

    def test_a_flood_of_late_facts_is_told(self):
        """More waiting hours than are computed on the fly: the rollup's state, and how much is pending."""
        self.at(MONDAY + 100 * HOUR)
        self.produce(self.machine, hours=90)
        self.refresh()
        self.env["mes.dirty.span"]._mark([(self.machine.id, MONDAY, MONDAY + 80 * HOUR)], "test")
        part = self.ask(self.machine, 90)[0]
        # The hour after the last one waits too: rejects in it may have been made while the machine started up.
        self.assertEqual(part.pending_hours, 81)
        self.refresh()
        self.assertEqual(self.ask(self.machine, 90)[0].pending_hours, 0)

    # -- refusals and settings -------------------------------------------------------------------------

    def test_below_the_coverage_limit(self):
        """A figure is refused with its reason and coverage; the site's limit decides."""
        self.produce(self.machine, watched=3 * HOUR)
        self.refresh()
        figure = self.ask(self.machine)[0].figures["oee"]
        self.assertEqual((figure.value, figure.refusal, figure.coverage), (None, "coverage_too_low", Fraction(3, 4)))
        self.assertTrue(self.env["mes.oee"]._refusal_text(figure.refusal))
        self.site.mes_coverage_limit = 75
        self.assertIsNotNone(self.ask(self.machine)[0].figures["oee"].value)

    def test_time_without_an_order_by_the_sites_setting(self):
        """Taken out of the planned busy time, and the figure says so."""
        self.produce(self.machine, down=0)
        feed_evidence(self.env, self.machine, [(MONDAY, MONDAY + 6 * HOUR)])
        self.refresh()
        figure = self.ask(self.machine, 6)[0].figures["availability"]
        self.assertEqual((figure.value, figure.notes), (Fraction(4, 6), ()))
        self.site.mes_no_order_is_loss = False
        figure = self.ask(self.machine, 6)[0].figures["availability"]
        self.assertEqual((figure.value, figure.notes), (1, ("no_order_excluded",)))

    def test_a_figure_keeps_its_inputs(self):
        """An auditor can redo it: inputs, formula and the calendar's version, which moves with the calendar."""
        self.produce(self.machine)
        figure = self.ask(self.machine)[0].figures["oee"]
        self.assertEqual(figure.inputs["PBT"], 4 * HOUR)
        self.assertTrue(figure.formula)
        self.pattern.shift_ids.end_hour = 5
        self.assertNotEqual(self.ask(self.machine)[0].figures["oee"].calendar_version, figure.calendar_version)

    def test_bad_questions(self):
        """A wrong question says what would be right."""
        with self.assertRaisesRegex(UserError, "business_date"):
            self.ask(self.machine, by=("colour",))
        with self.assertRaisesRegex(UserError, "swap"):
            self.env["mes.oee"].figures(self.machine, MONDAY, MONDAY - 1)

    def test_no_facts_no_groups(self):
        """A machine without facts has time without data, and no figure."""
        part = self.ask(self.machine)[0]
        self.assertEqual((part.totals.no_data_ms, part.figures["oee"].refusal), (4 * HOUR, "coverage_too_low"))

    # -- rights ----------------------------------------------------------------------------------------

    def as_user(self, user):
        """The machine and the service as a user sees them."""
        return at_time(self.machine.with_user(user), MONDAY + 6 * HOUR)

    def test_an_operator_reads_the_own_companys_figures(self):
        """The operator's rights suffice for figures of the own company."""
        self.produce(self.machine)
        self.refresh()
        machine = self.as_user(make_user(self.env, "operator"))
        part = machine.env["mes.oee"].figures(machine, MONDAY, MONDAY + 4 * HOUR)[0]
        self.assertEqual(part.figures["availability"].value, Fraction(3, 4))
        self.assertTrue(machine.env["mes.oee.rollup"].search([("workcenter_id", "=", machine.id)]))

    def test_nobody_reads_another_companys_figures(self):
        """Invariant 8: not the figures, not the rows."""
        self.produce(self.machine)
        self.refresh()
        stranger = make_user(self.env, "operator", company=make_company(self.env))
        machine = self.as_user(stranger)
        with self.assertRaises(AccessError):
            machine.env["mes.oee"].figures(machine, MONDAY, MONDAY + 4 * HOUR)
        self.assertFalse(machine.env["mes.oee.rollup"].search([]))
        self.assertFalse(machine.env["mes.oee.report"].search([]))

    def test_without_a_role_there_are_no_figures(self):
        """A user without an MES role, and a gateway's user, are refused."""
        plain = make_user(self.env, "operator", login="plain")
        plain.group_ids = [(5,), (4, self.env.ref("mrp.group_mrp_user").id)]
        for user in (plain, make_user(self.env, "gateway")):
            machine = self.as_user(user)
            with self.assertRaises(AccessError):
                machine.env["mes.oee"].figures(machine, MONDAY, MONDAY + 4 * HOUR)

    def test_nobody_writes_the_rollup_by_hand(self):
        """Not even an engineer: it is a cache of facts."""
        self.produce(self.machine)
        self.refresh()
        engineer = make_user(self.env, "engineer")
        row = self.env["mes.oee.rollup"].with_user(engineer).search([], limit=1)
        for method, values in (("write", [{"good": 1}]), ("unlink", [])):
            with self.assertRaises(AccessError):
                getattr(row, method)(*values)
