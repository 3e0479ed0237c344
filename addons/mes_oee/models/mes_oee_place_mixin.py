from odoo import fields, models


class MesOeePlaceMixin(models.AbstractModel):
    """What a row of every rollup is about, on every level."""

    _name = "mes.oee.place.mixin"
    _description = "Machine, Place, Shift, Crew and Product"

    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Work Center", required=True, ondelete="cascade"
    )
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    site_id = fields.Many2one("mes.site", ondelete="restrict")
    area_id = fields.Many2one("mes.area", ondelete="restrict", help="Where the machine stood then.")
    line_id = fields.Many2one(
        "mrp.workcenter", string="Line", ondelete="restrict", help="The line it belonged to then."
    )
    shift_name = fields.Char(string="Shift", help="Empty: outside the shifts.")
    crew_id = fields.Many2one("mes.crew", string="Crew", ondelete="restrict", help="Who worked the shift.")
    product_id = fields.Many2one("product.product", string="Product", ondelete="restrict")
