from odoo import fields, models
from odoo.addons.mes_base.tools.fields import UncheckedMany2one


class MesOeePlaceMixin(models.AbstractModel):
    """What a row of every rollup is about, on every level.

    Only the hours of ``mes.oee.rollup`` check their links: whatever another row names, one of them names too.
    """

    _name = "mes.oee.place.mixin"
    _description = "Machine, Place and Product"

    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Work Center", required=True, ondelete="cascade"
    )
    company_id = UncheckedMany2one("res.company", required=True)
    site_id = UncheckedMany2one("mes.site")
    area_id = UncheckedMany2one("mes.area", help="Where the machine stood then.")
    line_id = UncheckedMany2one("mrp.workcenter", string="Line", help="The line it belonged to then.")
    product_id = UncheckedMany2one("product.product", string="Product")
