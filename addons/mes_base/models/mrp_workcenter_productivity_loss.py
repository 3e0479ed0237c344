from odoo import fields, models


class MrpWorkcenterProductivityLoss(models.Model):
    """Odoo's loss reasons as a tree of stop reasons with the flags that the figures need."""

    _inherit = "mrp.workcenter.productivity.loss"
    _parent_store = True

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
