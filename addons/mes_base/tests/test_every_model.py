"""Every model of every MES room, present and to come: rights, company rule, no hand on facts (invariant 8)."""

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, tagged

from .common import make_user

ROOM = "mes_"
RIGHTS = ("read", "write", "create", "unlink")
# Written by the writer of facts, by jobs and by the gateway's calls: nobody has a hand on them.
MACHINE_FACTS = {
    "mes.state.point", "mes.evidence.span", "mes.count.point", "mes.equipment.live", "mes.dirty.span",
    "mes.late.fact", "mes.stop", "mes.measurement", "mes.event.pending",
    "mes.measurement.minute", "mes.measurement.hour", "mes.measurement.mark",
    "mes.alarm", "mes.alarm.point", "mes.gateway.heartbeat",
    "mes.oee.rollup.day", "mes.oee.rollup.month", "mes.oee.rollup.month.product", "mes.oee.rollup.month.crew",
    "mes.oee.reason.report", "mes.oee.reason.rollup", "mes.oee.reason.rollup.day", "mes.oee.reason.rollup.month",
    "mes.oee.rollup", "mes.oee.report", "mes.andon.call", "mes.andon.escalation",
}  # fmt: skip
# Forms that live for an hour and show their owner's rows only.
FORMS = {"mes.stop.explanation", "mes.shift.plan"}
ENGINEERS_FORMS = {
    "mes.shift.pattern.version", "mes.gateway.tag.import", "mes.gateway.tag.import.row", "mes.unmapped.code.answer",
}  # fmt: skip
SUPERVISORS_FORMS = {"mes.overtime"}
# What each limited role may change; everything else is closed to it.
MAY_CHANGE = {
    "portal": set(),
    "public": set(),
    "internal": set(),
    "gateway": set(),
    "operator": FORMS,
    "supervisor": FORMS | SUPERVISORS_FORMS | {
        "mes.crew", "mes.order.run", "mes.shift.exception", "mes.period.lock", "mes.shift.report",
    },
}


@tagged("post_install", "-at_install")
class TestEveryModel(TransactionCase):
    """Walks the registry, so that a model that is forgotten here is found."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.models = {
            name: cls.env[name]
            for name, model in cls.registry.items()
            if (model._original_module or "").startswith(ROOM) and not model._abstract
        }
        groups = {"portal": "base.group_portal", "public": "base.group_public", "internal": "base.group_user"}
        cls.users = {role: make_user(cls.env, role) for role in ("gateway", "operator", "supervisor", "engineer")}
        for role, group in groups.items():
            cls.users[role] = make_user(
                cls.env, "gateway", f"every-{role}", group_ids=[Command.set([cls.env.ref(group).id])]
            )

    def test_the_walk_finds_the_rooms(self):
        """A walk that finds nothing would prove nothing."""
        self.assertLessEqual({"mes.state.point", "mes.site", "mes.stop"}, set(self.models))

    def test_every_model_has_rights(self):
        """Somebody may read it, and each row names its group: none is for everybody."""
        for name in self.models:
            rows = self.env["ir.model.access"].search([("model_id.model", "=", name)])
            with self.subTest(model=name):
                self.assertTrue(rows.filtered("perm_read"))
                self.assertTrue(all(row.group_id for row in rows))

    def test_every_model_has_a_company_rule(self):
        """A rule for everybody, for all four rights, on the row's own company; of a form, on its owner."""
        for name, model in self.models.items():
            rules = self.env["ir.rule"].search([("model_id.model", "=", name), ("groups", "=", False)])
            if name in FORMS | SUPERVISORS_FORMS | ENGINEERS_FORMS:
                self.assertTrue(model._transient)
                self.assertIn("[('create_uid', '=', user.id)]", rules.mapped("domain_force"), name)
                continue
            with self.subTest(model=name):
                self.assertIn("company_id", model._fields)
                whole = [rule for rule in rules if all(rule[f"perm_{right}"] for right in RIGHTS)]
                self.assertTrue([rule for rule in whole if "company_ids" in rule.domain_force])

    def test_what_gives_the_company_can_be_chosen_first(self):
        """A new row has no company yet: who asked for one of the same company would be offered nothing in its form."""
        for name, model in self.models.items():
            company = model._fields.get("company_id")
            if company is None:
                continue
            sources = {path.split(".")[0] for path in model.env.registry.field_depends[company]}
            with self.subTest(model=name):
                asked = [source for source in sources if getattr(model._fields[source], "check_company", False)]
                self.assertEqual(asked, [])

    def test_who_may_change_what(self):
        """The table above, and no more."""
        for role, open_models in MAY_CHANGE.items():
            for name in self.models:
                may = [right for right in RIGHTS[1:] if self.env[name].with_user(self.users[role]).has_access(right)]
                with self.subTest(model=name, role=role):
                    self.assertEqual(bool(may), name in open_models, may)

    def test_machine_facts_have_one_door(self):
        """No role writes them, the engineer's neither."""
        for name in MACHINE_FACTS & set(self.models):
            for role, user in self.users.items():
                model = self.env[name].with_user(user)
                with self.subTest(model=name, role=role), self.assertRaises(AccessError):
                    model.create({})
                for right in RIGHTS[1:]:
                    self.assertFalse(model.has_access(right), f"{name} {role} {right}")

    def test_outsiders_read_nothing(self):
        """Portal and public users, the gateway's and people without a MES role see no row of any room."""
        for role in ("portal", "public", "gateway", "internal"):
            for name in self.models:
                with self.subTest(model=name, role=role):
                    self.assertFalse(self.env[name].with_user(self.users[role]).has_access("read"))
