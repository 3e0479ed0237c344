from odoo import fields, models


class ProductTemplate(models.Model):
    """How much scrap the plan reckons with."""

    _inherit = "product.template"

    mes_planned_scrap = fields.Float(
        string="Planned Scrap (%)",
        digits=(5, 2),
        help="Share of the pieces made that the plan reckons to be scrap. 0: that of the machine holds.",
    )

    _mes_planned_scrap_percent = models.Constraint(
        "CHECK(mes_planned_scrap IS NULL OR mes_planned_scrap BETWEEN 0 AND 100)",
        "Planned scrap is from 0 to 100 percent.",
    )
