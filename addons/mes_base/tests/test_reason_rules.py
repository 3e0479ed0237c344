"""Reason rules: what they explain, when and where they hold, what their changes touch, their preview."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from ..tools import clock
from .common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    at_time,
    feed_evidence,
    feed_states,
    make_area,
    make_class,
    make_company,
    make_line,
    make_product,
    make_reason,
    make_reason_rule,
    make_site,
    make_user,
    make_work_center,
)  # fmt: skip
from .test_stops import StopCase


class RuleCase(StopCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.film = make_reason(cls.env, "Film break")
        cls.jam = make_reason(cls.env, "Jam")

    def rule(self, reason=None, **values):
        return make_reason_rule(self.env, reason or self.film, **values)

    def machine_reasons(self, machine=None):
        """The machine's reason of each stop, in order."""
        self.fold()
        return [stop.machine_loss_id for stop in self.records(machine)]

    def marks(self):
        """Marked (machine, from, until), in ms after Monday."""
        found = self.env["mes.dirty.span"]._take("stop")
        return {
            (machine, start - MONDAY, None if end is None else end - MONDAY)
            for machine, spans in found.items()
            for start, end in spans
        }


@tagged("post_install", "-at_install")
class TestReasonRules(RuleCase):
    def test_first_rule_that_fits_gives_the_reason(self):
        """Patterns of codes, in the order of the rules; dragging another one up changes the past."""
        self.feed((60, "down", "E17"), (70, "running"), (80, "down", "E2"), (90, "running"))
        wide = self.rule(self.jam, codes="E*", sequence=20)
        self.rule(codes="X*, E1?\nE9", sequence=10)
        self.assertEqual(self.machine_reasons(), [self.film, self.jam])
        wide.sequence = 5
        self.assertEqual(self.machine_reasons(), [self.jam, self.jam])

    def test_a_persons_word_wins(self):
        """The machine's reason stays beside it."""
        self.feed((60, "down", "E17"), (70, "running"))
        self.rule(codes="E*")
        self.fold()
        self.records().explain(self.jam.id)
        self.fold()
        stop = self.records()
        self.assertEqual((stop.loss_id, stop.machine_loss_id, stop.effective_loss_id), (self.jam, self.film, self.jam))

    def test_a_rule_comes_before_a_reason_that_has_the_code(self):
        """Only a code without a rule means the reason of that code."""
        self.jam.mes_code = "E17"
        self.feed((60, "down", "E17"), (70, "running"))
        self.assertEqual(self.machine_reasons(), [self.jam])
        rule = self.rule(codes="E*")
        self.assertEqual(self.machine_reasons(), [self.film])
        rule.active = False
        self.assertEqual(self.machine_reasons(), [self.jam])

    def test_a_planned_reason_makes_the_time_planned(self):
        """The rule's reason brings its flags: the stop is none any more, and a changed flag marks its time."""
        self.feed((60, "idle"), (70, "running"))
        self.rule(state_idle=True)
        self.assertEqual(self.machine_reasons(), [self.film])
        self.film.mes_planned = True
        self.assertEqual(self.machine_reasons(), [])

    def test_what_the_controller_said_bit_by_bit(self):
        """All of the bits must be set in the raw word."""
        writer = [(60, "down", 0b1010), (70, "running", 0), (80, "down", 0b0010), (90, "running", 0)]
        self.feed(*[(at, state) for at, state, _raw in writer])
        for at, _state, raw in writer:
            point = self.env["mes.state.point"].search(
                [("workcenter_id", "=", self.machine.id), ("at", "=", clock.from_ms(MONDAY + at * MINUTE))]
            )
            point.raw = hex(raw)
        self.rule(bits="1, 3")
        self.assertEqual(self.machine_reasons(), [self.film, self.env[self.film._name]])

    def test_starved_and_blocked_come_with_the_product(self):
        """PackML Suspended with "starved" is idle, starved, and waits for the machine before it (V15)."""
        self.feed((60, "idle", None, "starved"), (70, "running"), (80, "idle", None, "blocked"), (90, "running"))
        self.assertEqual(
            self.machine_reasons(),
            [self.env.ref("mes_base.reason_starved"), self.env.ref("mes_base.reason_blocked")],
        )

    def test_modes_products_and_categories(self):
        """Each condition that is given must hold; a category stands for those below it."""
        self.feed((60, "down"), (70, "running"))
        feed_states(self.env, self.machine, [(MONDAY, "manual")], lane="mode")
        drinks = self.env["product.category"].create({"name": "Drinks"})
        self.product.categ_id = self.env["product.category"].create({"name": "Water", "parent_id": drinks.id})
        rule = self.rule(mode_manual=True, category_ids=[Command.set(drinks.ids)])
        self.assertEqual(self.machine_reasons(), [self.film])
        rule.category_ids = self.env["product.category"].create({"name": "Nothing in it"})
        self.assertFalse(self.machine_reasons()[0])
        rule.product_ids = self.product
        self.assertEqual(self.machine_reasons(), [self.film])
        rule.product_ids = make_product(self.env, "Other")
        self.assertFalse(self.machine_reasons()[0])
        rule.write({"mode_manual": False, "mode_trial": True, "product_ids": [Command.set(self.product.ids)]})
        self.assertFalse(self.machine_reasons()[0])

    def test_hours_of_the_sites_clock(self):
        """A window over midnight, on the weekday on which it begins; the stop is split where it opens."""
        self.site.tz = "Asia/Kolkata"  # 18:30 UTC is midnight there
        self.feed((16 * 60, "down"), (17 * 60, "running"), (20 * 60, "down"), (20 * 60 + 10, "running"))
        self.rule(hour_from=22, hour_until=6, monday=True)
        self.assertEqual(self.machine_reasons(), [self.film, self.film])
        cut = self.env["mes.timeline"].effective(self.machine, MONDAY + 16 * HOUR, MONDAY + 17 * HOUR)
        self.assertEqual(
            [(piece.start - MONDAY, piece.machine_reason) for piece in cut[self.machine.id]],
            [(16 * HOUR, None), (16 * HOUR + 30 * MINUTE, self.film.id)],
        )

    def test_scopes(self):
        """Machines, a class, a line while the machine stood on it, all of a company, every company."""
        self.feed((60, "down", "E1"), (70, "running"))
        other = make_company(self.env)
        area = make_area(self.env, self.site, "A2")
        loose = make_work_center(self.env, area, "LOOSE")
        fillers = make_class(self.env)
        second = make_line(self.env, area, "L2")
        fits = {
            "machine": {"scope": "machine", "workcenter_ids": [Command.set(self.machine.ids)]},
            "line": {"scope": "line", "line_ids": [Command.set(self.line.ids)]},
            "company": {},
            "common": {"company_id": False},
        }
        not_ = {
            "other machine": {"scope": "machine", "workcenter_ids": [Command.set(loose.ids)]},
            "other line": {"scope": "line", "line_ids": [Command.set(second.ids)]},
            "other company": {"company_id": other.id},
            "class": {"scope": "class", "class_ids": [Command.set(fillers.ids)]},
        }
        for expected, cases in ((self.film, fits), (self.film.browse(), not_)):
            for name, values in cases.items():
                with self.subTest(scope=name):
                    rule = self.rule(codes="E*", **values)
                    self.assertEqual(self.machine_reasons(), [expected])
                    rule.unlink()
        self.rule(codes="E*", **not_["class"])
        self.assertFalse(self.machine_reasons()[0])
        self.machine.mes_class_id = fillers
        self.assertEqual(self.machine_reasons(), [self.film])

    def test_a_rule_of_a_line_holds_while_the_machine_stands_on_it(self):
        """After a move the stops of before keep their reason."""
        self.feed((60, "down", "E1"), (70, "running"), (26 * 60, "down", "E1"), (26 * 60 + 10, "running"))
        self.rule(codes="E*", scope="line", line_ids=[Command.set(self.line.ids)])
        at_time(self.machine, MONDAY + DAY)._mes_move(self.area, None, MONDAY + DAY)
        self.assertEqual(self.machine_reasons(), [self.film, self.film.browse()])

    def test_days_of_validity(self):
        """From the first day's to the last day's local midnight; only that is marked."""
        self.feed((60, "down", "E1"), (70, "running"), (26 * 60, "down", "E1"), (26 * 60 + 10, "running"))
        self.env["mes.dirty.span"]._take("stop")
        rule = self.rule(codes="E*", date_from="2026-03-03", date_until="2026-03-03",
                         scope="machine", workcenter_ids=[Command.set(self.machine.ids)])  # fmt: skip
        self.assertEqual(self.marks(), {(self.machine.id, DAY, 2 * DAY)})
        rule.codes = "E1"
        self.assertEqual(self.marks(), {(self.machine.id, DAY, 2 * DAY)})
        rule.name = "Another name"
        self.assertEqual(self.marks(), set())
        rule.sequence = 1
        self.assertEqual(self.machine_reasons(), [self.film.browse(), self.film])

    def test_a_new_rule_begins_a_week_ago(self):
        """Unless another day is chosen."""
        rule = self.env["mes.reason.rule"].create({"name": "R", "loss_id": self.film.id, "codes": "E"})
        self.assertEqual(str(rule.date_from), "2026-02-25")

    def test_closed_periods_keep_the_rule_as_it_was(self):
        """A new rule holds from the end of the closed period on; a changed one leaves its old self there."""
        self.feed((60, "down", "E1"), (70, "running"), (26 * 60, "down", "E1"), (26 * 60 + 10, "running"))
        old = self.rule(codes="E*")
        self.fold()
        self.env["mes.period.lock"].create({"at_until": clock.from_ms(MONDAY + DAY)})
        self.marks()
        old.loss_id = self.jam
        self.assertTrue(all(start >= DAY for _machine, start, _end in self.marks()))
        self.assertEqual(clock.to_ms(old.effective_from), MONDAY + DAY)
        told = self.env["mes.timeline"].effective(self.machine, MONDAY + 60 * MINUTE, MONDAY + 27 * HOUR)
        reasons = [piece.machine_reason for piece in told[self.machine.id] if piece.machine_reason]
        self.assertEqual(reasons, [self.film.id, self.jam.id])
        self.rule(self.film, codes="E1", sequence=1)
        told = self.env["mes.timeline"].effective(self.machine, MONDAY + 60 * MINUTE, MONDAY + 27 * HOUR)
        reasons = [piece.machine_reason for piece in told[self.machine.id] if piece.machine_reason]
        self.assertEqual(reasons, [self.film.id, self.film.id])
        with self.assertRaisesRegex(UserError, "Closed figures rest on Rule"):
            old.unlink()
        old.active = False
        versions = self.env["mes.reason.rule"].with_context(active_test=False).search([("version_of_id", "=", old.id)])
        self.assertEqual(versions.loss_id, self.film)

    def test_rules_that_cannot_be_are_refused(self):
        """Each with the mend."""
        with self.assertRaisesRegex(ValidationError, "would explain every stop"):
            self.rule()
        with self.assertRaisesRegex(ValidationError, "numbers from 0 to 63"):
            self.rule(bits="3, x")
        with self.assertRaisesRegex(ValidationError, "numbers from 0 to 63"):
            self.rule(bits="64")
        with self.assertRaisesRegex(ValidationError, "choose its classes"):
            self.rule(codes="E", scope="class")
        with self.assertRaisesRegex(ValidationError, "give the company"):
            self.rule(codes="E", scope="machine", workcenter_ids=[Command.set(self.machine.ids)], company_id=False)
        with self.assertRaisesRegex(UserError, "The rule Rule gives this reason"):
            self.rule(codes="E")
            self.film.unlink()

    def test_rules_are_loaded_in_a_fixed_number_of_statements(self):
        """For one machine or ten, three rules or twelve."""
        self.rule(codes="E", scope="class", class_ids=[Command.set(make_class(self.env).ids)])
        self.rule(codes="E", scope="line", line_ids=[Command.set(self.line.ids)], hour_from=6, hour_until=14)
        self.rule(codes="E", product_ids=[Command.set(self.product.ids)],
                  category_ids=[Command.set(self.product.categ_id.ids)])  # fmt: skip
        one = self.statements(self.machine)
        machines = self.machine
        for number in range(9):
            machines |= make_work_center(self.env, self.area, f"N{number}", line=self.line)
            named = make_class(self.env, f"C{number}")
            self.rule(codes=f"E{number}", scope="class", class_ids=[Command.set(named.ids)])
        self.assertEqual(self.statements(machines), one)

    def statements(self, machines):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        self.assertTrue(self.env["mes.reason.rule"]._for_machines(machines.ids, MONDAY, MONDAY + DAY))
        return self.env.cr.sql_log_count - before

    def test_roles(self):
        """Operators and supervisors read rules, engineers keep them, each of their own company."""
        rule = self.rule(codes="E")
        operator = make_user(self.env, "operator")
        self.assertEqual(rule.with_user(operator).name, "Rule")
        with self.assertRaises(AccessError):
            rule.with_user(make_user(self.env, "supervisor")).name = "Mine"
        stranger = make_user(self.env, "engineer", company=make_company(self.env))
        with self.assertRaises(AccessError):
            rule.with_user(stranger).read(["name"])
        rule.with_user(make_user(self.env, "engineer")).name = "Mine"

    def test_trying_out_is_for_who_writes_rules(self):
        """Whoever may only read rules could keep a worker busy with the last week of all of them."""
        rule = self.rule(codes="E")
        for role in ("operator", "supervisor"):
            reader = rule.with_user(make_user(self.env, role))
            with self.assertRaises(AccessError):
                reader.read(["last_week"])
            with self.assertRaises(AccessError):
                reader.read(["fired_count"])
            with self.assertRaises(AccessError):
                reader.action_last_week()


@tagged("post_install", "-at_install")
class TestPreview(RuleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        feed_states(cls.env, cls.machine, [
            (MONDAY + 60 * MINUTE, "down", "E17"), (MONDAY + 70 * MINUTE, "running"),
            (MONDAY + 80 * MINUTE, "down", "E17"), (MONDAY + 85 * MINUTE, "running"),
            (MONDAY + 90 * MINUTE, "down", "E18"), (MONDAY + 91 * MINUTE, "running"),
        ])  # fmt: skip
        cls.fold()

    def test_form_tells_before_it_is_saved(self):
        """How often, how long and who explains it already; the answer follows each change of the form."""
        self.rule(self.jam, name="Older rule", codes="E18", sequence=1)
        self.records()[1].explain(self.jam.id)
        with Form(self.env["mes.reason.rule"].with_user(make_user(self.env, "engineer"))) as form:
            form.name = "Film"
            form.loss_id = self.film
            self.assertIn("Give a condition", form.last_week)
            form.codes = "E17"
            self.assertIn("Fits 2 times in the last seven days, 15 min in all; it would decide 1", form.last_week)
            self.assertIn("Jam", form.last_week)
            form.codes = "E1*"
            self.assertIn("Fits 3 times in the last seven days, 16 min in all; it would decide 1", form.last_week)
            self.assertIn("rule Older rule", form.last_week)
            form.sequence = 0
            self.assertIn("it would decide 2", form.last_week)
            form.bits = "x"
            self.assertIn("no number of a bit", form.last_week)
            form.bits = False
        self.assertEqual(form.record.fired_count, 3)

    def test_button_opens_the_stops(self):
        """Those of the last week in which the rule fits."""
        rule = self.rule(codes="E17")
        action = rule.action_last_week()
        self.assertEqual(self.env["mes.stop"].search(action["domain"]), self.records()[1] | self.records()[0])

    def test_an_eight_days_old_stop_is_not_last_week(self):
        """Seven days, to the millisecond."""
        rule = at_time(self.rule(codes="E17"), MONDAY + 7 * DAY + 75 * MINUTE)
        feed_evidence(self.env, self.machine, [(MONDAY + 2 * DAY, MONDAY + 8 * DAY)])
        self.assertEqual(rule.fired_count, 1)

    def test_of_other_companies_nothing_is_shown(self):
        """A common rule shows an engineer the stops of his own company only."""
        rule = self.rule(codes="E17", company_id=False)
        stranger = make_user(self.env, "engineer", company=make_company(self.env))
        make_work_center(self.env, make_area(self.env, make_site(self.env, "S7", company=stranger.company_id)), "M7")
        seen = rule.with_user(stranger)
        self.assertEqual(seen.fired_count, 0)
        self.assertNotIn(self.machine.name, str(seen.last_week))
