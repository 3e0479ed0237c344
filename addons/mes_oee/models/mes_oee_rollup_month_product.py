from odoo import fields, models


class MesOeeRollupMonthProduct(models.Model):
    """The month rows of one machine added up, apart by product only: most questions need no more.

    Kept by ``mes.oee.levels`` in the transaction that changes the hours.
    """

    _name = "mes.oee.rollup.month.product"
    _inherit = ["mes.oee.place.mixin", "mes.oee.sum.mixin"]
    _description = "OEE of a Machine by Month and Product"
    _order = "month desc, workcenter_id, id"
    _log_access = False
    _rec_name = "month"

    month = fields.Date(required=True, help="The first day of the month, on the clock of the site.")

    _by_machine = models.Index("(workcenter_id, month)")
