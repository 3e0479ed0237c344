from odoo import fields, models

from ..tools.fields import Timestamp


class MesOrderRun(models.Model):
    """A span in which a work center worked on an order; runs may overlap with declared shares."""

    _name = "mes.order.run"
    _description = "Order Run"
    _order = "at_from desc, id desc"
    _check_company_auto = True

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="restrict", check_company=True)
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="restrict")
    workorder_id = fields.Many2one("mrp.workorder", index=True, ondelete="restrict", check_company=True)
    production_id = fields.Many2one("mrp.production", index=True, ondelete="restrict", check_company=True)
    product_id = fields.Many2one("product.product", required=True, ondelete="restrict", check_company=True)
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", help="Empty: still open.")
    share = fields.Float(digits=(16, 6), default=1.0, required=True)
    recorded_at = Timestamp(string="Recorded", required=True)
    origin = fields.Selection(
        [("workorder", "Work order"), ("manual", "Entered by hand"), ("rule", "Rule")],
        required=True,
        default="workorder",
    )

    _by_start = models.Index("(workcenter_id, at_from)")
    _one_open = models.UniqueIndex(
        "(workcenter_id, workorder_id) WHERE at_until IS NULL",
        "This work order already has an open run on this work center.",
    )
    _span_ordered = models.Constraint("CHECK(at_until IS NULL OR at_until >= at_from)", "A run ends after it begins.")
    _share_positive = models.Constraint("CHECK(share > 0 AND share <= 1)", "A share is more than 0 and at most 1.")
