from odoo import fields, models


class MesShiftAssignment(models.Model):
    """From this date on a site, an area or a work center works by this pattern."""

    _name = "mes.shift.assignment"
    _description = "Validity of a Shift Pattern"
    _order = "date_from desc, id desc"
    _check_company_auto = True

    pattern_id = fields.Many2one(
        "mes.shift.pattern", required=True, index=True, ondelete="restrict", check_company=True
    )
    company_id = fields.Many2one(related="pattern_id.company_id", store=True, index=True)
    site_id = fields.Many2one("mes.site", index=True, ondelete="restrict", check_company=True)
    area_id = fields.Many2one("mes.area", index=True, ondelete="restrict", check_company=True)
    workcenter_id = fields.Many2one("mrp.workcenter", index=True, ondelete="restrict", check_company=True)
    date_from = fields.Date(string="From", required=True, help="Local date of the first shift.")

    _one_place = models.Constraint(
        "CHECK(num_nonnulls(site_id, area_id, workcenter_id) = 1)",
        "A shift pattern is assigned to exactly one site, area or work center.",
    )
    _start_unique = models.UniqueIndex(
        "(COALESCE(site_id, 0), COALESCE(area_id, 0), COALESCE(workcenter_id, 0), date_from)",
        "This place already has a shift pattern from that date.",
    )
