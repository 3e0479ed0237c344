from odoo import fields, models
from odoo.addons.mes_base.tools.fields import UncheckedMany2one


class MesOeeRollupMonth(models.Model):
    """The day rows of one machine and local month added up, apart by shift name, crew and product.

    Kept by ``mes.oee.levels`` in the transaction that changes the hours.
    """

    _name = "mes.oee.rollup.month"
    _inherit = ["mes.oee.place.mixin", "mes.oee.sum.mixin"]
    _description = "OEE of a Machine by Month"
    _order = "month desc, workcenter_id, id"
    _log_access = False
    _rec_name = "month"

    month = fields.Date(required=True, help="The first day of the month, on the clock of the site.")
    shift_name = fields.Char(string="Shift", help="Empty: outside the shifts.")
    crew_id = UncheckedMany2one("mes.crew", string="Crew", help="Who worked the shift.")

    _by_machine = models.Index("(workcenter_id, month)")
