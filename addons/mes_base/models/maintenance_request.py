from odoo import fields, models


class MaintenanceRequest(models.Model):
    """A request may come from a stop; it follows the stop's identity when stops are joined."""

    _inherit = "maintenance.request"

    mes_stop_id = fields.Many2one(
        "mes.stop", string="Stop", index="btree_not_null", ondelete="restrict", readonly=True, copy=False,
        help="The stop of the machine from which this request was raised.",
    )  # fmt: skip
    mes_workcenter_id = fields.Many2one(related="mes_stop_id.workcenter_id", string="Machine")
