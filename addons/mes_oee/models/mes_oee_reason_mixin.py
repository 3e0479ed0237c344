from odoo import fields, models
from odoo.addons.mes_base.tools.fields import BigInteger, UncheckedMany2one

BUCKET_NAMES = [
    ("not_scheduled", "Not scheduled"),
    ("no_data", "No data"),
    ("planned", "Planned stop"),
    ("setup", "Set-up"),
    ("no_order", "No order"),
    ("unplanned", "Unplanned stop"),
    ("minor", "Minor stop"),
    ("undetermined", "Undetermined"),
]


class MesOeeReasonMixin(models.AbstractModel):
    """How long, how often and why a machine did not produce."""

    _name = "mes.oee.reason.mixin"
    _description = "Lost Time by Reason"

    bucket = fields.Selection(BUCKET_NAMES, required=True)
    loss_id = UncheckedMany2one(
        "mrp.workcenter.productivity.loss",
        string="Reason",
        help="A person's reason, or else the one that follows from what the machine said.",
    )
    ms = BigInteger(string="Time (ms)", required=True)
    stops = BigInteger(string="Stops Begun", required=True, help="A stop counts where it began.")
