import glob

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..timeline import Limit, ReasonRule, chained
from ..tools import bulk
from ..tools.periods import CLOSED_UNTIL

ICONS = [
    ("fa-wrench", "Wrench"), ("fa-cog", "Cogwheel"), ("fa-cogs", "Gears"), ("fa-bolt", "Lightning"),
    ("fa-plug", "Plug"), ("fa-tint", "Drop"), ("fa-fire", "Fire"), ("fa-thermometer-half", "Thermometer"),
    ("fa-microchip", "Chip"), ("fa-life-ring", "Ring"), ("fa-scissors", "Scissors"), ("fa-print", "Printer"),
    ("fa-exchange", "Exchange"), ("fa-sliders", "Sliders"), ("fa-crosshairs", "Cross Hairs"),
    ("fa-coffee", "Cup"), ("fa-cutlery", "Cutlery"), ("fa-shower", "Shower"), ("fa-recycle", "Recycling"),
    ("fa-calendar-check-o", "Calendar"), ("fa-users", "People"), ("fa-user-times", "Nobody"),
    ("fa-graduation-cap", "Cap"), ("fa-cubes", "Boxes"), ("fa-archive", "Case"), ("fa-truck", "Lorry"),
    ("fa-hourglass-half", "Hourglass"), ("fa-arrow-circle-left", "Arrow Back"),
    ("fa-arrow-circle-right", "Arrow Forward"), ("fa-search", "Magnifier"), ("fa-balance-scale", "Scales"),
    ("fa-file-text-o", "Paper"), ("fa-ban", "Ban"), ("fa-shield", "Shield"), ("fa-ellipsis-h", "Dots"),
]  # fmt: skip
BIG_LOSSES = [
    ("breakdown", "Breakdowns"),
    ("setup", "Set-up and Adjustment"),
    ("idling", "Idling and Minor Stops"),
    ("speed", "Reduced Speed"),
    ("startup", "Start-up Rejects"),
    ("reject", "Production Rejects"),
]


class MrpWorkcenterProductivityLoss(models.Model):
    """Odoo's loss reasons as a tree of stop reasons with the flags that the figures need."""

    _name = "mrp.workcenter.productivity.loss"
    _inherit = ["mrp.workcenter.productivity.loss", "mes.marking.mixin"]
    _parent_store = True
    _marking_why = "reason"

    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index=True, help="Empty: for every company.")
    mes_code = fields.Char(string="Reason Code", copy=False)
    parent_id = fields.Many2one(
        "mrp.workcenter.productivity.loss", string="Parent Reason", index=True, ondelete="restrict"
    )
    parent_path = fields.Char(index=True)
    child_ids = fields.One2many("mrp.workcenter.productivity.loss", "parent_id", string="Reasons Below")
    mes_planned = fields.Boolean(
        string="Planned", help="Time under this reason is a planned stop and no availability loss."
    )
    mes_setup = fields.Boolean(string="Set-up", help="Time under this reason is set-up.")
    mes_failure = fields.Boolean(string="Failure", help="A stop with this reason counts as a failure (MTBF, MTTR).")
    mes_comment_required = fields.Boolean(string="Needs a Comment")
    mes_max_minutes = fields.Integer(
        string="Maximum Duration (min)", help="0: no limit. A longer stop needs another reason."
    )
    mes_next_loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss",
        string="Then",
        index="btree_not_null",
        ondelete="restrict",
        help="The reason of what lasts longer than the maximum duration. Empty: a longer explanation is refused.",
    )
    mes_class_ids = fields.Many2many(
        "mes.equipment.class",
        "mes_reason_equipment_class",
        "loss_id",
        "class_id",
        string="Equipment Classes",
        help="The kinds of machines at which people are offered this reason. Empty: at all of them.",
    )
    mes_icon = fields.Selection(ICONS, string="Icon")
    mes_big_loss = fields.Selection(
        BIG_LOSSES,
        string="Big Loss",
        help="Which of Nakajima's six big losses the time counts to. Empty: as its flags and its length say.",
    )

    _mes_code_unique = models.UniqueIndex(
        "(COALESCE(company_id, 0), mes_code) WHERE mes_code IS NOT NULL",
        "Another reason of this company already has this code.",
    )
    _mes_max_minutes_positive = models.Constraint(
        "CHECK(mes_max_minutes IS NULL OR mes_max_minutes >= 0)", "A maximum duration is not negative."
    )

    def _marking_fields(self):
        return {"mes_planned", "mes_setup", "mes_code", "active"}

    def _marked_spans(self):
        """The spans that have this reason, by a person's word or by the machine's code: its flags decide about them."""
        overrides = self.env["mes.state.override"].sudo()  # of every company: the reason may be common to all
        given = overrides.search([("loss_id", "in", self.ids), ("withdrawn_at", "=", False)])
        # Of every company too, as far as it is open: what a rule said of a closed period stays as it was counted.
        ruled = self.env["mes.reason.rule"].sudo()._of_reasons(self)._open_spans()
        return given._marked_spans() + self._coded_spans() + ruled

    def _coded_spans(self) -> list[tuple[int, int, int | None]]:
        """Where the machines told a stop code that one of these reasons carries; one statement."""
        codes = [loss.mes_code for loss in self if loss.mes_code]
        if not codes:
            return []
        self.env.cr.execute(
            SQL(
                """
                SELECT workcenter_id, %s, %s FROM mes_state_point p
                 WHERE code = ANY(%s::text[]) AND at >= COALESCE((SELECT %s FROM mrp_workcenter w
                       WHERE w.id = p.workcenter_id), '-infinity')
                """,
                bulk.millis("at"),
                bulk.millis("until"),
                bulk.text_array(codes),
                CLOSED_UNTIL,
            )
        )
        return self.env.cr.fetchall()

    @api.private
    def _code_rules(self) -> dict[int | None, tuple[ReasonRule, ...]]:
        """Company id (None: any other) -> the rules that stand for reasons which carry a machine's stop code.

        A company's own reason comes before one for all companies. Two statements at most.
        """
        # Whoever may read a machine's time may know what its codes mean, whatever company he looks from.
        losses = self.sudo().search([("mes_code", "!=", False)], order="id")
        rules = {
            loss: ReasonRule(
                f"code/{loss.id}", loss.id, loss.mes_planned, loss.mes_setup, (glob.escape(loss.mes_code),)
            )
            for loss in losses
        }
        common = tuple(rule for loss, rule in rules.items() if not loss.company_id)
        found: dict[int | None, tuple[ReasonRule, ...]] = {None: common}
        for company, own in losses.filtered("company_id").grouped("company_id").items():
            found[company.id] = (*(rules[loss] for loss in own), *common)
        return found

    def write(self, vals):
        """How long a reason lasts, and what follows it, decides about words that have no end."""
        result = super().write(vals)
        if {"mes_max_minutes", "mes_next_loss_id"} & set(vals):
            self._mark_open_words()
        return result

    def _mark_open_words(self) -> None:
        """Mark what people said without an end and what comes, now or later, to one of these reasons."""
        chain = losses = self
        while losses := self.sudo().search([("mes_next_loss_id", "in", losses.ids), ("id", "not in", chain.ids)]):
            chain |= losses
        words = self.env["mes.state.override"].sudo()  # of every company: the reason may be common to all
        open_words = words.search(
            [("loss_id", "in", chain.ids), ("at_until", "=", False), ("withdrawn_at", "=", False)]
        )
        self.env["mes.dirty.span"]._mark(open_words._marked_spans(), self._marking_why)

    @api.private
    def _mes_limits(self) -> dict[int, Limit]:
        """How long each reason lasts at most and which one follows; reasons without a limit are left out."""
        # Every company's: whoever may read a machine's time may know what its reasons mean.
        limited = self.sudo().with_context(active_test=False).search([("mes_max_minutes", ">", 0)])
        return {loss.id: Limit(loss.mes_max_minutes * 60_000, loss.mes_next_loss_id.id or None) for loss in limited}

    @api.private
    def _mes_split(self, start_ms: int, end_ms: int | None) -> list[tuple[int, int | None, models.BaseModel]]:
        """An explanation of [start, end) with this reason in parts (from ms, until ms, reason), to be recorded.

        What is longer than the maximum duration goes on with the next reason. An explanation without an end
        stays one part: it ends when the machine runs again, which nobody knows yet, and is divided whenever
        the timeline is read.

        :raises UserError: it lasts longer than the reasons may.
        """
        self.ensure_one()
        if end_ms is None:
            return [(start_ms, None, self)]
        parts = chained(start_ms, end_ms, self.id, self._mes_limits())
        if parts[-1][2] is None:
            limit = sum(until - since for since, until, _reason in parts[:-1]) // 60_000
            raise UserError(
                self.env._("%(reason)s lasts at most %(limit)s minutes: split the span or choose another reason.",
                           reason=self.name, limit=limit)
            )  # fmt: skip
        return [(since, until, self.browse(reason)) for since, until, reason in parts]

    @api.private
    def _mes_icon_class(self) -> str:
        """The icon of the reason, of the one above, or of what it means."""
        if self.mes_icon or self.parent_id:
            return self.mes_icon or self.parent_id._mes_icon_class()
        flags = (("mes_planned", "fa-calendar-check-o"), ("mes_setup", "fa-exchange"), ("mes_failure", "fa-wrench"))
        return next((icon for flag, icon in flags if self[flag]), "fa-hourglass-half")

    @api.model
    @api.readonly
    def name_search(self, name="", domain=None, operator="ilike", limit=100):
        """For a stop (``mes_reasons_of_stop`` in the context): the reasons for its machine, the most probable first."""
        stop_id = self.env.context.get("mes_reasons_of_stop")
        stop = self.env["mes.stop"].search([("id", "=", stop_id)]) if isinstance(stop_id, int) else None
        if not stop:
            return super().name_search(name, domain, operator, limit)
        order = {id_: place for place, id_ in enumerate(self.env["mes.reason.picker"].order(stop.workcenter_id, stop))}
        found = super().name_search(name, [*(domain or []), ("id", "in", list(order))], operator, None)
        return sorted(found, key=lambda pair: order[pair[0]])[:limit]

    @api.constrains("mes_next_loss_id", "mes_max_minutes", "company_id")
    def _check_next(self):
        for loss in self:
            after = loss.mes_next_loss_id
            if after and not loss.mes_max_minutes:
                raise ValidationError(
                    self.env._("%s is followed by a reason: give its maximum duration too.", loss.name)
                )
            if loss._has_cycle("mes_next_loss_id"):
                raise ValidationError(self.env._("%s would follow itself: choose another next reason.", loss.name))
            if after.company_id and after.company_id != loss.company_id:
                raise ValidationError(
                    self.env._("%(reason)s must belong to %(company)s, as the reason that follows it does.",
                               reason=loss.name, company=after.company_id.name)
                )  # fmt: skip

    @api.constrains("mes_planned", "mes_setup", "mes_failure")
    def _check_flags(self):
        for loss in self:
            if loss.mes_planned + loss.mes_setup + loss.mes_failure > 1:
                raise ValidationError(
                    self.env._("%s can be planned, set-up or a failure, only one of them.", loss.name)
                )

    @api.constrains("parent_id", "company_id")
    def _check_parent(self):
        for loss in self:
            company = loss.parent_id.company_id
            if company and company != loss.company_id:
                raise ValidationError(
                    self.env._("%(reason)s must belong to %(company)s, as its parent does.", reason=loss.name,
                               company=company.name)
                )  # fmt: skip

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        if self.env["mes.state.override"].sudo().search_count([("loss_id", "in", self.ids)], limit=1):
            raise ValidationError(self.env._("A reason that was given to a stop cannot be deleted: archive it."))
        if rule := self.env["mes.reason.rule"].sudo()._of_reasons(self)[:1]:
            raise ValidationError(
                self.env._("The rule %s gives this reason: change the rule first, or archive the reason.", rule.name)
            )
