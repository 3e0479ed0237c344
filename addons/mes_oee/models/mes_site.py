from odoo import fields, models


class MesSite(models.Model):
    """How the figures of a site are read."""

    _inherit = "mes.site"

    mes_coverage_limit = fields.Integer(
        string="Least Coverage (%)",
        default=80,
        required=True,
        help="A figure is refused when less of the shift time than this was watched.",
    )
    mes_no_order_is_loss = fields.Boolean(
        string="Time without an Order is a Loss",
        default=True,
        help="Otherwise it is taken out of the planned busy time, and every figure says so.",
    )

    _coverage_limit_percent = models.Constraint(
        "CHECK(mes_coverage_limit BETWEEN 0 AND 100)", "The least coverage is from 0 to 100 percent."
    )
