"""The list of what machines say and nobody explained: raw values in no map, stop codes without a reason."""

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    feed_evidence,
    make_company,
    make_reason,
    make_shift_pattern,
    make_user,
)
from odoo.addons.mes_base.tools.clock import At, from_ms
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import NOW, event, state
from .test_state_maps import MapCase


@tagged("post_install", "-at_install")
class TestUnmappedCodes(MapCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context={**cls.env.context, "mes_now_ms": At(NOW)})
        cls.supervisor = make_user(cls.env, "supervisor")

    def rows(self, user=None):
        """(kind, code, times, minutes) of the list."""
        found = self.env["mes.unmapped.code"].with_user(user or self.supervisor).search(
            [("workcenter_id", "=", self.machine.id)]
        )
        return [(row.kind, row.code, row.times, round(row.minutes, 1)) for row in found]

    def answer(self, row, **values):
        """What an engineer says of a row, in its form."""
        action = row.with_user(self.engineer).action_answer()
        with Form(self.env[action["res_model"]].with_user(self.engineer).with_context(**action["context"])) as form:
            for name, value in values.items():
                form[name] = value
        return form.record.action_answer()

    def tell(self):
        """Raw 9 is in no map, for 10 and 5 minutes; then the machine runs."""
        self.bridge.ingest(
            [
                state(1, self.machine, NOW - HOUR, "running", raw=1),
                state(2, self.machine, NOW - 50 * MINUTE, None, raw=9),
                state(3, self.machine, NOW - 40 * MINUTE, "running", raw=1),
                state(4, self.machine, NOW - 20 * MINUTE, None, raw=9),
                state(5, self.machine, NOW - 15 * MINUTE, "running", raw=1),
            ]
        )

    def test_raw_value_is_listed_mapped_and_replayed(self):
        """Times and minutes; the answer adds the line, the waiting events become facts, the list is empty."""
        tag = self.tag(map_id=self.map.id)
        self.tell()
        self.assertEqual(self.rows(), [("state", "9", 2, 15)])
        row = self.env["mes.unmapped.code"].search([])
        self.assertEqual((row.at_first, row.at_last), (from_ms(NOW - 50 * MINUTE), from_ms(NOW - 20 * MINUTE)))
        self.answer(row, state="down")
        self.assertEqual((tag.map["9"], self.rows()), ("down", []))
        points = self.env["mes.state.point"].search([("workcenter_id", "=", self.machine.id)], order="at")
        self.assertEqual(points.mapped("value"), ["running", "down", "running", "down", "running"])
        self.assertEqual(points[1].map_revision, tag.map_revision)

    def test_a_tag_with_its_own_map_is_completed_too(self):
        """No state map: the value goes into the tag's own."""
        tag = self.tag(map={"1": "running"})
        self.tell()
        self.answer(self.env["mes.unmapped.code"].search([]), state="setup")
        self.assertEqual((tag.map, self.rows()), ({"1": "running", "9": "setup"}, []))

    def test_a_map_completed_elsewhere_needs_only_a_replay(self):
        """The line was added in the map itself; the row's button lets the events in."""
        self.tag(map_id=self.map.id)
        self.tell()
        self.map.write({"line_ids": [(0, 0, {"raw": "9", "state": "down"})]})
        self.assertEqual(len(self.rows()), 1)
        self.env["mes.unmapped.code"].search([]).with_user(self.engineer).action_replay()
        self.assertEqual(self.rows(), [])

    def test_without_a_tag_the_mend_is_said(self):
        """Nothing could take the value."""
        self.tell()
        with self.assertRaisesRegex(UserError, "no tag whose map"):
            self.answer(self.env["mes.unmapped.code"].search([]), state="down")

    def stops(self):
        """Two stops with code E7 and one with K1, whose reason is known; the alarm's text came with it."""
        make_shift_pattern(self.env, self.site)
        make_reason(self.env, "Known", mes_code="K1")
        feed_evidence(self.env, self.machine, [(NOW - 3 * HOUR, NOW)])
        self.env["mes.order.run"].create(
            {"workcenter_id": self.machine.id, "product_id": self.product.id, "at_from": from_ms(NOW - 3 * HOUR)}
        )
        points = ((180, "running", None), (170, "down", "E7"), (160, "running", None), (150, "down", "K1"),
                  (140, "running", None), (130, "down", "E7"), (125, "running", None))  # fmt: skip
        self.bridge.ingest(
            [state(n + 1, self.machine, NOW - minute * MINUTE, value, code=code)
             for n, (minute, value, code) in enumerate(points)]
            + [event(8, "alarm", self.machine, NOW - 170 * MINUTE, code="E7", active=True, text="Door open")]
        )  # fmt: skip
        self.fold()

    def fold(self):
        while marks := self.env["mes.dirty.span"]._take("stop"):
            self.env["mes.stop"]._fold(marks)

    def test_stop_code_gets_a_new_reason(self):
        """Listed with its alarm's text; the new reason carries the code and holds for the past."""
        self.stops()
        self.assertEqual(self.rows(), [("code", "E7", 2, 15)])
        row = self.env["mes.unmapped.code"].search([])
        self.assertEqual(row.text, "Door open")
        self.answer(row, how="make")
        loss = self.env["mrp.workcenter.productivity.loss"].search([("mes_code", "=", "E7")])
        self.assertEqual((loss.name, self.rows()), ("Door open", []))
        self.env["mes.stop"]._fold({self.machine.id: [(0, None)]})
        stops = self.env["mes.stop"].search([("workcenter_id", "=", self.machine.id), ("codes", "=", "E7")])
        self.assertEqual((stops.machine_loss_id, len(stops)), (loss, 2))

    def test_stop_code_becomes_a_rule_where_the_reason_has_a_code(self):
        """A second code of one reason is a rule; the job makes the stops anew by itself."""
        self.stops()
        known = self.env["mrp.workcenter.productivity.loss"].search([("mes_code", "=", "K1")])
        self.answer(self.env["mes.unmapped.code"].search([]), loss_id=known, only_here=True)
        rule = self.env["mes.reason.rule"].search([("loss_id", "=", known.id)])
        self.assertEqual((rule.codes, rule.scope, rule.workcenter_ids), ("E7", "machine", self.machine))
        self.fold()
        self.assertEqual(self.rows(), [])

    def test_who_sees_and_who_answers(self):
        """A supervisor looks, an engineer answers, an operator and another company see nothing."""
        self.tell()
        row = self.env["mes.unmapped.code"].search([])
        for call in (row.with_user(self.supervisor).action_answer, row.with_user(self.supervisor).action_replay):
            with self.assertRaises(AccessError):
                call()
        with self.assertRaises(AccessError):
            self.rows(make_user(self.env, "operator"))
        stranger = make_user(self.env, "engineer", company=make_company(self.env))
        self.assertEqual(self.rows(stranger), [])
