from odoo import fields, models


class MesShiftException(models.Model):
    """One day on which the pattern does not hold: closed, or an additional (overtime) shift."""

    _name = "mes.shift.exception"
    _description = "Shift Exception"
    _order = "date desc, id desc"
    _check_company_auto = True

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    kind = fields.Selection([("closed", "No work"), ("overtime", "Additional shift")], required=True, default="closed")
    date = fields.Date(required=True, help="Local date on which the shift starts.")
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    site_id = fields.Many2one("mes.site", index=True, ondelete="restrict", check_company=True)
    area_id = fields.Many2one("mes.area", index=True, ondelete="restrict", check_company=True)
    workcenter_id = fields.Many2one("mrp.workcenter", index=True, ondelete="restrict", check_company=True)
    shift_code = fields.Char(
        help="Closed: only the shift with this code (empty: all of the day). Additional: its code."
    )
    start_hour = fields.Float(string="Start")
    end_hour = fields.Float(string="End")

    _one_place = models.Constraint(
        "CHECK(num_nonnulls(site_id, area_id, workcenter_id) = 1)",
        "An exception is for exactly one site, area or work center.",
    )
