from odoo import fields, models


class MesCounter(models.Model):
    """A counter of a machine; its points are totals, quantities are their differences."""

    _name = "mes.counter"
    _description = "Counter"
    _order = "workcenter_id, name"

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    name = fields.Char(required=True)
    role = fields.Selection(
        [
            ("total", "Total (authoritative)"),
            ("good", "Good (authoritative)"),
            ("reject", "Reject (authoritative)"),
            ("check", "Cross-check"),
        ],
        required=True,
        default="total",
    )
    unit = fields.Char(default="pcs")
    pieces_per_unit = fields.Float(digits=(16, 6), default=1.0, required=True)
    tolerance = fields.Float(digits=(16, 6), default=0.0, help="Pieces by which a cross-check may differ.")
    active = fields.Boolean(default=True)

    _name_unique = models.Constraint(
        "UNIQUE(workcenter_id, name)", "This work center already has a counter of this name."
    )
    _one_total = models.UniqueIndex(
        "(workcenter_id) WHERE role = 'total' AND active",
        "A work center has one authoritative counter for the total.",
    )
    _one_quality = models.UniqueIndex(
        "(workcenter_id) WHERE role IN ('good', 'reject') AND active",
        "A work center has one authoritative counter for good or for rejected parts.",
    )
    _pieces_positive = models.Constraint(
        "CHECK(pieces_per_unit > 0 AND tolerance >= 0)",
        "Pieces per unit are more than 0 and a tolerance is not negative.",
    )
