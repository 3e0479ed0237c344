import glob

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..timeline import ReasonRule
from ..tools import bulk
from ..tools.periods import CLOSED_UNTIL


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
        return given._marked_spans() + self._coded_spans()

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
