from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ..tools import clock
from ..tools.fields import Timestamp
from .mes_marking_mixin import OpenSpan
from .mes_shift import WEEKDAYS

SCOPES = [("all", "All Machines"), ("class", "Equipment Classes"), ("line", "Lines"), ("machine", "Machines")]
# Which field says who is meant, by scope.
SCOPE_FIELDS = {"class": "class_ids", "line": "line_ids", "machine": "workcenter_ids"}
# What a machine may say, as one tick for each word: state_idle, interlock_starved, mode_manual, ...
WORDS = {
    "state": ("idle", "down", "setup", "maintenance"),
    "interlock": ("starved", "blocked"),
    "mode": ("production", "changeover", "maintenance", "cleaning", "trial", "manual"),
}
TICKS = tuple(f"{lane}_{word}" for lane, words in WORDS.items() for word in words)
# A new rule holds for the week that its preview shows.
FIRST_DAYS = timedelta(days=7)
BITS = 64


class MesReasonRule(models.Model):
    """IF a machine says this while it stands, THEN that is the reason, as long as no person gives one.

    The first rule that fits decides. Rules are applied whenever a timeline is read: a corrected rule holds
    for the past too, from its first day on, but not for closed periods. There the rule as it was stays on
    record (``version_of_id``) and the corrected one holds from the end of the closed period on.
    """

    _name = "mes.reason.rule"
    _inherit = ["mes.marking.mixin"]
    _description = "Reason Rule"
    _order = "sequence, id"
    _check_company_auto = True
    _marking_why = "rule"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=100, help="The first rule that fits gives the reason.")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", index=True, default=lambda self: self.env.company, help="Empty: for every company."
    )
    loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss", string="Reason", required=True, ondelete="restrict", check_company=True,
        index=True,
    )  # fmt: skip
    scope = fields.Selection(SCOPES, string="For", required=True, default="all")
    class_ids = fields.Many2many("mes.equipment.class", string="Classes", check_company=True)
    line_ids = fields.Many2many(
        "mrp.workcenter", "mes_reason_rule_line", "rule_id", "line_id", string="Lines",
        domain="[('mes_level', '=', 'line')]", check_company=True,
    )  # fmt: skip
    workcenter_ids = fields.Many2many(
        "mrp.workcenter", "mes_reason_rule_machine", "rule_id", "workcenter_id", string="Machines",
        domain="[('mes_level', '!=', False)]", check_company=True,
    )  # fmt: skip

    codes = fields.Text(
        string="Stop Codes",
        help="One a line or separated by commas. * stands for any letters, ? for one, [12] for either: E1*, 20?",
    )
    bits = fields.Char(
        string="Bits of the State Word",
        help="Numbers of the bits that must all be set in what the controller said, counted from 0: 3, 7",
    )
    state_idle = fields.Boolean(string="Idle")
    state_down = fields.Boolean(string="Down")
    state_setup = fields.Boolean(string="Set-up")
    state_maintenance = fields.Boolean(string="Under Maintenance")
    interlock_starved = fields.Boolean(string="Starved")
    interlock_blocked = fields.Boolean(string="Blocked")
    mode_production = fields.Boolean(string="Production")
    mode_changeover = fields.Boolean(string="Changeover")
    mode_maintenance = fields.Boolean(string="Maintenance")
    mode_cleaning = fields.Boolean(string="Cleaning")
    mode_trial = fields.Boolean(string="Trial")
    mode_manual = fields.Boolean(string="Manual")
    product_ids = fields.Many2many("product.product", string="Products", check_company=True)
    category_ids = fields.Many2many(
        "product.category", string="Product Categories", help="With the categories below them."
    )
    hour_from = fields.Float(string="From Hour", help="Time of the day on the site's clock.")
    hour_until = fields.Float(
        string="Until Hour", help="At or before the first time: on the next day. Equal: the whole day."
    )
    monday = fields.Boolean()
    tuesday = fields.Boolean()
    wednesday = fields.Boolean()
    thursday = fields.Boolean()
    friday = fields.Boolean()
    saturday = fields.Boolean()
    sunday = fields.Boolean()

    date_from = fields.Date(
        string="Valid From",
        default=lambda self: self.env["mes.clock"].now().date() - FIRST_DAYS,
        help="First day on the site's clock. Empty: from the beginning.",
    )
    date_until = fields.Date(string="Valid Until", help="Last day on the site's clock. Empty: until further notice.")
    effective_from = Timestamp(
        readonly=True, copy=False, help="Up to here the figures were closed when the rule was made or changed."
    )
    effective_until = Timestamp(readonly=True, copy=False)
    version_of_id = fields.Many2one(
        "mes.reason.rule", string="Earlier Version Of", readonly=True, copy=False, index="btree_not_null",
        ondelete="restrict",
    )  # fmt: skip

    _days_ordered = models.Constraint(
        "CHECK(date_until IS NULL OR date_from IS NULL OR date_until >= date_from)",
        "A rule's last day is not before its first.",
    )
    _hours_of_the_day = models.Constraint(
        "CHECK(hour_from >= 0 AND hour_from < 24 AND hour_until >= 0 AND hour_until <= 24)",
        "Times of the day are between 00:00 and 24:00.",
    )

    # The reason is always given: so a rule that is made without any of the others is looked at too.
    @api.constrains("loss_id", "codes", "bits", "product_ids", "category_ids", "hour_from", "hour_until", *TICKS,
                    *WEEKDAYS)  # fmt: skip
    def _check_conditions(self):
        for rule in self:
            if problem := rule._bits_problem():
                raise ValidationError(problem)
            if not rule._has_condition():
                raise ValidationError(
                    self.env._("%s has no condition and would explain every stop: give at least one.", rule.name)
                )

    @api.constrains("scope", "class_ids", "line_ids", "workcenter_ids", "company_id")
    def _check_scope(self):
        for rule in self:
            field = SCOPE_FIELDS.get(rule.scope)
            if field and not rule[field]:
                raise ValidationError(
                    self.env._("%s is for nobody: choose its classes, lines or machines.", rule.name)
                )
            if rule.scope in ("line", "machine") and not rule.company_id:
                raise ValidationError(
                    self.env._("%s names lines or machines: give the company to which they belong.", rule.name)
                )

    def _bits_problem(self) -> str | None:
        """What is wrong with the numbers of bits, as a sentence."""
        wrong = [word for word in _listed(self.bits) if not (word.isdecimal() and int(word) < BITS)]
        if wrong:
            return self.env._(
                "%(word)s is no number of a bit: write numbers from 0 to %(last)s, separated by commas.",
                word=wrong[0], last=BITS - 1,
            )  # fmt: skip
        return None

    def _has_condition(self) -> bool:
        """Whether the rule asks for anything at all."""
        plain = self._code_patterns() or self._bit_mask() or self.product_ids or self.category_ids
        return bool(plain or any(self[name] for name in TICKS) or not self._week_window().is_always)

    # Changes: what they touch, and what of them is closed.

    def _marking_fields(self):
        """All but what only people read."""
        return set(self._fields) - {"name", "display_name", "effective_from", "effective_until", "version_of_id"}

    def _marked_spans(self) -> list[OpenSpan]:
        """The machines in scope, over the days on which the rule holds."""
        spans = []
        for rule in self:
            machines = rule._machines()
            zones = self.env["mes.calendar"].zones(machines, self.env["mes.clock"].now_ms()) if machines else {}
            for machine in machines:
                start, end = rule._validity(zones[machine.id])
                if end is None or start < end:
                    spans.append((machine.id, start, end))
        return spans

    @api.private
    def _open_spans(self) -> list[OpenSpan]:
        """The same without closed periods."""
        spans = self._marked_spans()
        locks = self._locks({span[0] for span in spans})
        clipped = [(machine, max(start, locks.get(machine, start)), end) for machine, start, end in spans]
        return [(machine, start, end) for machine, start, end in clipped if end is None or start < end]

    def _refuse_closed(self, spans):
        """Nothing is refused: a closed period keeps the rule as it was, see :meth:`_keep_closed`."""

    @api.model_create_multi
    def create(self, vals_list):
        """A new rule holds from the end of the closed period on."""
        rules = super().create(vals_list)
        rules._begin_after_closed()
        return rules

    def write(self, vals):
        """A changed rule holds from the end of the closed period on; before, the rule as it was."""
        if not self._marking_fields() & set(vals):
            return super().write(vals)
        self._keep_closed()
        result = super().write(vals)
        self._begin_after_closed()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_closed(self):
        versions = self.sudo().with_context(active_test=False).search([("version_of_id", "in", self.ids)])
        for rule in self:
            if rule in versions.version_of_id or rule.version_of_id or rule._closed_ms() is not None:
                raise UserError(
                    self.env._("Closed figures rest on %s, so it cannot be deleted: archive it.", rule.name)
                )

    def _keep_closed(self) -> None:
        """Have the closed period keep each rule as it is now."""
        for rule in self.filtered(lambda one: one.active and not one.version_of_id):
            closed = rule._closed_ms()
            if closed is not None:
                version = {"active": False, "version_of_id": rule.id, "effective_from": rule.effective_from,
                           "effective_until": clock.from_ms(closed), "name": rule.name}  # fmt: skip
                rule.copy(version)

    def _begin_after_closed(self) -> None:
        """Note from when on each rule, as it is now, holds."""
        for rule in self.filtered(lambda one: not one.version_of_id):
            closed = rule._closed_ms()
            if closed is not None:
                rule.effective_from = clock.from_ms(closed)

    def _closed_ms(self) -> int | None:
        """The latest end of the closed periods of its machines, if the rule holds before it; else None.

        One instant for all of its machines: where sites close at different times, the last decides.
        """
        spans = self._marked_spans()
        locks = self._locks({span[0] for span in spans})
        if not locks or min(span[1] for span in spans) >= max(locks.values()):
            return None
        return max(locks.values())

    def _locks(self, workcenter_ids) -> dict[int, int]:
        """Up to when the figures of each machine are closed, of those that have a closed period."""
        heads = self.env["mes.fact.writer"].heads(set(workcenter_ids), for_writing=False) if workcenter_ids else {}
        return {machine: head.lock for machine, head in heads.items() if head.lock is not None}

    @api.private
    def _class_changed(self, machines, classes) -> None:
        """Mark the time of machines that came into or left classes which rules name."""
        # Rules for every company and of every company that has such machines.
        rules = self.sudo().search([("scope", "=", "class"), ("class_ids", "in", classes.ids)])
        starts = [rule._validity("UTC")[0] for rule in rules]
        if starts:
            # A day earlier, because each site's own clock says when the first day begins.
            first = max(0, min(starts) - 86_400_000)
            self.env["mes.dirty.span"]._mark([(machine.id, first, None) for machine in machines], "rule")

    @api.private
    def _of_reasons(self, losses):
        """The rules that give one of these reasons, archived and earlier ones too."""
        return self.with_context(active_test=False).search([("loss_id", "in", losses.ids)])

    def _machines(self):
        """The machines that the rule may reach: in scope now or, for lines, ever."""
        self.ensure_one()
        machines = self.env["mrp.workcenter"].sudo().with_context(active_test=False)  # marks reach every company
        domain = [("mes_level", "!=", False)]
        if self.company_id:
            domain.append(("company_id", "=", self.company_id.id))
        if self.scope == "class":
            domain.append(("mes_class_id", "in", self.class_ids.ids))
        elif self.scope == "line":
            places = self.env["mes.placement"].sudo().search([("line_id", "in", self.line_ids.ids)])
            domain.append(("id", "in", self.line_ids.ids + places.workcenter_id.ids))
        elif self.scope == "machine":
            domain.append(("id", "in", self.workcenter_ids.ids))
        return machines.search(domain)


def _listed(text: str | None) -> list[str]:
    """The words of a list that is separated by commas or lines."""
    return [word.strip() for line in (text or "").splitlines() for word in line.split(",") if word.strip()]
