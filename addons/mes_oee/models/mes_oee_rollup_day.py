from odoo import models


class MesOeeRollupDay(models.Model):
    """The hour rows of one machine and local date added up, apart by shift and order run.

    Kept by ``mes.oee.levels`` in the transaction that changes the hours.
    """

    _name = "mes.oee.rollup.day"
    _inherit = ["mes.oee.date.mixin", "mes.oee.sum.mixin"]
    _description = "OEE of a Machine by Day"
    _order = "hour_date desc, workcenter_id, id"
    _log_access = False
    _rec_name = "hour_date"

    _by_machine = models.Index("(workcenter_id, hour_date)")
    _by_date = models.Index("(hour_date DESC, workcenter_id, id)")
