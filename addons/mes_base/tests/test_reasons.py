"""Reasons: classes, maximum durations and what follows, and the order in which they are offered."""

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from ..tools import clock
from ..tools.ranking import probabilities
from .common import (
    DAY,
    HOUR,
    MINUTE,
    MONDAY,
    feed_evidence,
    feed_states,
    make_area,
    make_class,
    make_company,
    make_reason,
    make_site,
    make_user,
    make_work_center,
)  # fmt: skip
from .test_stops import StopCase


@tagged("post_install", "-at_install")
class TestReasons(StopCase):
    def test_a_long_explanation_goes_on_with_the_next_reason(self):
        """A closed span comes in parts, each no longer than its reason may last."""
        away = make_reason(self.env, "Away")
        lunch = make_reason(self.env, "Lunch", mes_max_minutes=30, mes_next_loss_id=away.id)
        parts = lunch._mes_split(MONDAY, MONDAY + HOUR)
        self.assertEqual(
            parts, [(MONDAY, MONDAY + 30 * MINUTE, lunch), (MONDAY + 30 * MINUTE, MONDAY + HOUR, away)]
        )
        self.assertEqual(lunch._mes_split(MONDAY, MONDAY + 30 * MINUTE), [(MONDAY, MONDAY + 30 * MINUTE, lunch)])
        self.assertEqual(lunch._mes_split(MONDAY, None), [(MONDAY, None, lunch)])

    def test_without_a_next_reason_it_is_refused(self):
        """The message says how long the reason may last."""
        call = make_reason(self.env, "Call", mes_max_minutes=5)
        with self.assertRaisesRegex(UserError, "Call lasts at most 5 minutes: split"):
            call._mes_split(MONDAY, MONDAY + HOUR)

    def test_a_word_without_an_end_follows_the_chain_until_the_machine_runs(self):
        """An hour after "coffee" (10 min, then "away") the stop is away; running again ends both."""
        away = make_reason(self.env, "Away")
        coffee = make_reason(
            self.env, "Coffee", mes_max_minutes=10, mes_next_loss_id=away.id, mes_planned=True
        )
        self.feed((60, "down"))
        self.env["mes.state.override"].record(self.machine.id, clock.from_ms(MONDAY + HOUR), loss_id=coffee.id)
        self.fold()
        self.assertEqual(self.reasons(60, 120), [(60, coffee.id, "planned"), (70, away.id, "delay")])
        self.feed((65, "running"))
        self.assertEqual(
            self.reasons(60, 120), [(60, coffee.id, "planned"), (65, None, "production")]
        )

    def test_a_word_that_has_lasted_its_time_leaves_the_rest_to_explain(self):
        """Without a next reason the rest has none; a later next reason explains it after all."""
        call = make_reason(self.env, "Call", mes_max_minutes=5)
        self.feed((60, "down"))
        self.env["mes.state.override"].record(self.machine.id, clock.from_ms(MONDAY + HOUR), loss_id=call.id)
        self.fold()
        self.assertEqual(self.reasons(60, 120), [(60, call.id, "delay"), (65, None, "delay")])
        away = make_reason(self.env, "Away")
        call.mes_next_loss_id = away
        self.fold()
        self.assertEqual(self.records().loss_id, away)

    def reasons(self, start, end):
        """(minute, a person's reason, category) wherever one of them changes."""
        found = []
        slices = self.env["mes.timeline"].effective(self.machine, MONDAY + start * MINUTE, MONDAY + end * MINUTE)
        for piece in slices[self.machine.id]:
            if not found or found[-1][1:] != (piece.reason, piece.category):
                found.append(((piece.start - MONDAY) / MINUTE, piece.reason, piece.category))
        return found

    def test_chains_that_cannot_be_are_refused(self):
        """A reason that follows itself, and one that follows without a limit."""
        one = make_reason(self.env, "One", mes_max_minutes=5)
        other = make_reason(self.env, "Other", mes_max_minutes=5, mes_next_loss_id=one.id)
        with self.assertRaisesRegex(ValidationError, "would follow itself"):
            one.mes_next_loss_id = other
        with self.assertRaisesRegex(ValidationError, "give its maximum duration"):
            make_reason(self.env, "Third", mes_next_loss_id=one.id)

    def test_a_class_of_one_company_takes_no_machine_of_another(self):
        """Nor may a class in use elsewhere be narrowed to one company."""
        fillers = make_class(self.env, "FILLER")
        other = make_company(self.env)
        machine = make_work_center(
            self.env, make_area(self.env, make_site(self.env, "S9", company=other)), "F", mes_class_id=fillers.id
        )
        with self.assertRaisesRegex(ValidationError, "leave its company empty"):
            fillers.company_id = self.env.company
        with self.assertRaises(UserError):
            machine.mes_class_id = make_class(self.env, "LATHE", company_id=self.env.company.id)

    def test_reasons_are_imported_and_exported_with_their_tree(self):
        """Odoo's own import takes parent, classes and next reason by name or code."""
        make_class(self.env, "FILLER", name="Fillers")
        made = self.env["mrp.workcenter.productivity.loss"].load(
            ["id", "name", "mes_code", "parent_id/id", "mes_class_ids", "mes_max_minutes", "mes_next_loss_id/id"],
            [
                ["x.top", "Valves", "V", "", "", "", ""],
                ["x.leak", "Leak", "V-LEAK", "x.top", "Fillers", "0", ""],
                ["x.drip", "Drip", "V-DRIP", "x.top", "Fillers", "10", "x.leak"],
            ],
        )
        self.assertFalse(made["messages"])
        leak, drip = self.env["mrp.workcenter.productivity.loss"].browse(made["ids"][1:])
        self.assertEqual((drip.mes_next_loss_id, drip.parent_id.mes_code), (leak, "V"))
        told = drip.export_data(["name", "parent_id/mes_code", "mes_class_ids", "mes_next_loss_id/mes_code"])
        self.assertEqual(told["datas"], [["Drip", "V", "Fillers", "V-LEAK"]])


@tagged("post_install", "-at_install")
class TestPicker(StopCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = make_user(cls.env, "operator")
        cls.fillers = make_class(cls.env, "FILLER")
        cls.machine.mes_class_id = cls.fillers
        cls.jam = make_reason(cls.env, "Jam", mes_code="T-JAM", sequence=801, mes_icon="fa-cogs")
        cls.leak = make_reason(cls.env, "Leak", mes_code="T-LEAK", sequence=802)
        cls.label = make_reason(cls.env, "Label", mes_code="T-LABEL", sequence=803)

    def choices(self, machine=None, stop=None):
        picker = self.env["mes.reason.picker"].with_user(self.operator)
        return picker.choices((machine or self.machine).id, stop.id if stop else None)

    def top(self, *args, **kwargs):
        return [reason["id"] for reason in self.choices(*args, **kwargs)["top"]]

    def stopped(self, machine, at, code, loss, minutes=5):
        """A stop of a machine with a code, explained by a reason."""
        feed_states(self.env, machine, [(MONDAY + at * MINUTE, "down", code),
                                        (MONDAY + (at + minutes) * MINUTE, "running")])  # fmt: skip
        self.fold()
        if loss:
            self.records(machine)[-1].explain(loss.id)
            self.fold()
        return self.records(machine)[-1]

    def test_what_the_machine_had_most_comes_first(self):
        """With its probability and how often; eight at most."""
        for at, loss in ((10, self.jam), (30, self.leak), (50, self.leak)):
            self.stopped(self.machine, at, None, loss)
        found = self.choices()
        self.assertEqual([one["id"] for one in found["top"][:2]], [self.leak.id, self.jam.id])
        self.assertEqual(len(found["top"]), 8)
        self.assertEqual([one["count"] for one in found["top"][:3]], [2, 1, 0])
        self.assertGreater(found["top"][0]["share"], found["top"][1]["share"])
        self.assertEqual([one["id"] for one in found["recent"]], [self.leak.id, self.jam.id])

    def test_the_same_code_decides_before_mere_frequency(self):
        """Three leaks, one jam with code 17: a stop with code 17 is a jam."""
        for at in (10, 30, 50):
            self.stopped(self.machine, at, "4", self.leak)
        self.stopped(self.machine, 70, "17", self.jam)
        stop = self.stopped(self.machine, 90, "17", None)
        self.assertEqual(self.top(stop=stop)[0], self.jam.id)
        self.assertEqual(self.top()[0], self.leak.id)

    def test_a_new_machine_learns_from_its_class(self):
        """Machines of the class weigh more than others of the company."""
        sister = make_work_center(self.env, self.area, "M2", mes_class_id=self.fillers.id)
        stranger = make_work_center(self.env, self.area, "M3")
        for machine in (sister, stranger):
            feed_evidence(self.env, machine, [(MONDAY, MONDAY + 2 * DAY)])
            self.env["mes.order.run"].create(
                {"workcenter_id": machine.id, "product_id": self.product.id, "at_from": clock.from_ms(MONDAY)}
            )
            feed_states(self.env, machine, [(MONDAY, "running")])
        for at in (10, 30, 50):
            self.stopped(stranger, at, None, self.label)
        for at in (10, 30):
            self.stopped(sister, at, None, self.jam)
        self.assertEqual(self.top()[:2], [self.jam.id, self.label.id])

    def test_only_reasons_for_the_machine_are_offered(self):
        """Not another class's, another company's, archived, automatic or speed losses."""
        self.jam.mes_class_ids = make_class(self.env, "LATHE")
        self.leak.active = False
        self.label.manual = False
        foreign = make_reason(self.env, "Foreign", company_id=make_company(self.env).id)
        shown = str(self.choices())
        for loss in (self.jam, self.leak, self.label, foreign):
            self.assertNotIn(f"'id': {loss.id},", shown)
        self.assertNotIn("Reduced Speed", shown)
        self.jam.mes_class_ids |= self.fillers
        self.assertIn(f"'id': {self.jam.id},", str(self.choices()))

    def test_the_tree_keeps_headings_that_may_not_be_chosen(self):
        """A group for other machines still stands above its reason for this one."""
        group = make_reason(self.env, "Group", mes_class_ids=[Command.set(make_class(self.env, "LATHE").ids)])
        self.jam.parent_id = group
        heading = next(one for one in self.choices()["tree"] if one["id"] == group.id)
        self.assertFalse(heading["choosable"])
        self.assertEqual([(one["id"], one["icon"]) for one in heading["children"]], [(self.jam.id, "fa-cogs")])

    def test_roles(self):
        """Strangers to the company and people without a role are refused."""
        stranger = make_user(self.env, "operator", company=make_company(self.env))
        picker = self.env["mes.reason.picker"]
        with self.assertRaises(AccessError):
            picker.with_user(stranger).choices(self.machine.id)
        clerk = make_user(self.env, "operator", group_ids=[Command.set([self.env.ref("mrp.group_mrp_user").id])])
        with self.assertRaises(AccessError):
            picker.with_user(clerk).choices(self.machine.id)

    def test_a_stop_of_another_machine_lends_no_code(self):
        """A stop that is not this machine's is not looked at."""
        stop = self.stopped(self.machine, 10, "17", self.jam)
        other = make_work_center(self.env, self.area, "M2")
        self.assertEqual(self.choices(other, stop)["top"], self.choices(other)["top"])

    def test_the_desk_form_offers_the_same_order(self):
        """The list of the form begins with the most probable reason and leaves out what is not for the machine."""
        self.stopped(self.machine, 10, None, self.leak)
        self.jam.mes_class_ids = make_class(self.env, "LATHE")
        stop = self.stopped(self.machine, 30, None, None)
        form = self.env.ref("mes_base.mes_stop_explanation_view_form")
        self.assertIn("'mes_reasons_of_stop': stop_id", form.arch)
        losses = self.env["mrp.workcenter.productivity.loss"].with_user(self.operator)
        found = losses.with_context(mes_reasons_of_stop=stop.id).name_search("")
        self.assertEqual(found[0][0], self.leak.id)
        self.assertNotIn(self.jam.id, dict(found))
        self.assertIn(self.jam.id, dict(losses.name_search("", limit=None)))

    def test_probabilities(self):
        """They sum to 1; an empty level changes nothing; many own cases outweigh the others'."""
        alike = probabilities("abcd", [])
        self.assertEqual(alike, dict.fromkeys("abcd", 0.25))
        self.assertEqual(probabilities("abcd", [{}, {"z": 9}]), alike)
        learned = probabilities("abcd", [{"a": 900, "b": 100}, {"b": 50}])
        self.assertAlmostEqual(sum(learned.values()), 1)
        self.assertGreater(learned["b"], 0.95)
        self.assertGreater(learned["a"], learned["c"])
