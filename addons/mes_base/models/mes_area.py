from odoo import fields, models


class MesArea(models.Model):
    """A part of a site (ISA-95 area): a hall, a department."""

    _name = "mes.area"
    _description = "Area"
    _order = "site_id, sequence, code"
    _check_company_auto = True

    name = fields.Char(required=True)
    code = fields.Char(required=True, help="Second part of a machine's code, such as PACK.")
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    site_id = fields.Many2one(
        "mes.site", required=True, index=True, ondelete="restrict", check_company=True
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    tz = fields.Selection(related="site_id.tz")
    workcenter_ids = fields.One2many("mrp.workcenter", "mes_area_id", string="Work Centers")

    _code_unique = models.Constraint(
        "UNIQUE(site_id, code)", "An area of this site already has this code."
    )
