from odoo import fields, models
from odoo.addons.mes_base.tools.fields import UncheckedMany2one


class MesOeeRollupMonthCrew(models.Model):
    """The month rows of one machine added up, apart by shift name and crew only.

    Kept by ``mes.oee.levels`` in the transaction that changes the hours.
    """

    _name = "mes.oee.rollup.month.crew"
    _inherit = ["mes.oee.sum.mixin"]
    _description = "OEE of a Machine by Month and Crew"
    _order = "month desc, workcenter_id, id"
    _log_access = False
    _rec_name = "month"

    workcenter_id = fields.Many2one("mrp.workcenter", string="Work Center", required=True, ondelete="cascade")
    company_id = UncheckedMany2one("res.company", required=True)
    site_id = UncheckedMany2one("mes.site")
    area_id = UncheckedMany2one("mes.area", help="Where the machine stood then.")
    line_id = UncheckedMany2one("mrp.workcenter", string="Line", help="The line it belonged to then.")
    month = fields.Date(required=True, help="The first day of the month, on the clock of the site.")
    shift_name = fields.Char(string="Shift", help="Empty: outside the shifts.")
    crew_id = UncheckedMany2one("mes.crew", string="Crew", help="Who worked the shift.")

    _by_machine = models.Index("(workcenter_id, month)")
