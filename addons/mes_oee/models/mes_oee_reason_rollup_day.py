from odoo import fields, models


class MesOeeReasonRollupDay(models.Model):
    """The hours of ``mes.oee.reason.rollup`` of one machine and local date added up."""

    _name = "mes.oee.reason.rollup.day"
    _inherit = ["mes.oee.date.mixin", "mes.oee.reason.mixin"]
    _description = "Lost Time of a Machine by Day"
    _order = "hour_date desc, workcenter_id, id"
    _log_access = False
    _rec_name = "hour_date"

    code = fields.Char(string="Machine's Code")

    _by_machine = models.Index("(workcenter_id, hour_date)")
    _by_date = models.Index("(hour_date DESC, workcenter_id, id)")
