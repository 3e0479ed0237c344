"""Every screen of the room opens for the role that has its menu."""

from lxml import etree
from odoo.tests import Form, tagged

from ..tools import clock
from .common import HOUR, MINUTE, MONDAY, feed_states, make_reason, make_user
from .test_stops import StopCase


@tagged("post_install", "-at_install")
class TestViews(StopCase):
    def test_menus_open_for_their_roles(self):
        """An operator sees the shop floor, a supervisor facts and settings; each action's views load."""
        expected = {"operator": "Shop Floor", "supervisor": "Facts", "engineer": "Configuration"}
        for role, menu in expected.items():
            user = make_user(self.env, role)
            with self.subTest(role=role):
                visible = set(self.env["ir.ui.menu"].with_user(user)._visible_menu_ids())
                ours = (
                    self.env["ir.ui.menu"]
                    .browse(visible)
                    .filtered(
                        lambda m, visible=visible: (
                            {int(part) for part in m.parent_path.split("/") if part} <= visible
                            and (m.get_external_id()[m.id] or "").startswith("mes_base.")
                        )
                    )
                )
                self.assertIn(menu, ours.mapped("name"))
                for action in [entry.action for entry in ours if entry.action]:
                    views = [(False, mode) for mode in action.view_mode.split(",")]
                    model = self.env[action.res_model].with_user(user)
                    loaded = model.get_views([*views, (action.search_view_id.id, "search")])
                    if "list" not in loaded["views"]:  # a form of its own, such as the shift plan
                        Form(model)
                        continue
                    names = set(etree.fromstring(loaded["views"]["list"]["arch"]).xpath("/list/field/@name"))
                    self.assertTrue(names)
                    model.web_search_read([], {name: {} for name in names}, limit=3)

    def test_stop_is_explained_from_its_form(self):
        """The button's form records the reason under the user's name."""
        feed_states(self.env, self.machine, [(MONDAY + HOUR, "down"), (MONDAY + HOUR + MINUTE, "running")])
        self.fold()
        operator = make_user(self.env, "operator")
        reason = make_reason(self.env, "Label torn", mes_comment_required=True)
        model = self.env["mes.stop.explanation"].with_user(operator).with_context(active_id=self.records().id)
        with Form(model) as form:
            form.loss_id = reason
            form.comment = "Roll 7"
        form.record.action_explain()
        self.fold()
        self.assertEqual(self.records().loss_id, reason)
        override = self.env["mes.state.override"].search([("workcenter_id", "=", self.machine.id)])
        self.assertEqual((override.user_id, override.comment), (operator, "Roll 7"))
        self.assertEqual(clock.to_ms(override.at_from), MONDAY + HOUR)

    def test_machine_is_added_on_the_form(self):
        """The work center's form gives a machine its place and its code."""
        with Form(self.env["mrp.workcenter"].with_context(default_mes_level="unit")) as form:
            form.name = "Case packer"
            form.code = "CP"
            form.mes_area_id = self.area
            form.mes_line_id = self.line
        self.assertEqual(form.record.mes_code, "S1/A1/L1/CP")
