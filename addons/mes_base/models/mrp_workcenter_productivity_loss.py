from odoo import api, fields, models
from odoo.exceptions import ValidationError


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
        return {"mes_planned", "mes_setup"}

    def _marked_spans(self):
        """The spans that were given this reason: its flags decide what they count as."""
        overrides = self.env["mes.state.override"].sudo()  # of every company: the reason may be common to all
        return overrides.search([("loss_id", "in", self.ids), ("withdrawn_at", "=", False)])._marked_spans()

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
