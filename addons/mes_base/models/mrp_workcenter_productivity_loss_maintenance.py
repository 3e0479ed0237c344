from odoo import fields, models


class MrpWorkcenterProductivityLoss(models.Model):
    """A reason may call maintenance by itself."""

    _inherit = "mrp.workcenter.productivity.loss"

    mes_raise_maintenance = fields.Boolean(
        string="Calls Maintenance",
        help="A stop that gets this reason, from a person or from the machine, raises a maintenance request, once.",
    )
