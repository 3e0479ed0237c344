from odoo import fields, models


class MesOeeReasonRollupMonth(models.Model):
    """The days of ``mes.oee.reason.rollup.day`` of one machine and local month added up, whatever shift and code."""

    _name = "mes.oee.reason.rollup.month"
    _inherit = ["mes.oee.place.mixin", "mes.oee.reason.mixin"]
    _description = "Lost Time of a Machine by Month"
    _order = "month desc, workcenter_id, id"
    _log_access = False
    _rec_name = "month"

    month = fields.Date(required=True, help="The first day of the month, on the clock of the site.")

    _by_machine = models.Index("(workcenter_id, month)")
