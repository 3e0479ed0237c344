from odoo import fields, models

from ..tools.fields import Timestamp


class MesIdealCycle(models.Model):
    """Shortest time per piece of a product on a work center, valid from a date (PRU of ISO 22400)."""

    _name = "mes.ideal.cycle"
    _description = "Ideal Cycle"
    _order = "workcenter_id, product_id, date_from desc"
    _check_company_auto = True

    workcenter_id = fields.Many2one(
        "mrp.workcenter", required=True, index=True, ondelete="restrict", check_company=True
    )
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    product_id = fields.Many2one(
        "product.product", ondelete="restrict", check_company=True, help="Empty: for every product."
    )
    date_from = Timestamp(string="From", required=True, default=lambda self: self.env["mes.clock"].now())
    seconds = fields.Float(string="Seconds per Piece", digits=(16, 6), required=True)
    source = fields.Selection(
        [
            ("nameplate", "Machine's nameplate"),
            ("study", "Time study"),
            ("best", "Best sustained rate"),
            ("estimate", "Estimate"),
        ],
        required=True,
        default="nameplate",
    )

    _seconds_positive = models.Constraint("CHECK(seconds > 0)", "An ideal cycle is longer than 0 seconds.")
    _start_unique = models.UniqueIndex(
        "(workcenter_id, COALESCE(product_id, 0), date_from)",
        "This work center already has an ideal cycle for this product from that time.",
    )
