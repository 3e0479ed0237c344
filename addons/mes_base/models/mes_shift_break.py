from odoo import fields, models


class MesShiftBreak(models.Model):
    """A break inside a shift: planned time off, in local wall-clock time."""

    _name = "mes.shift.break"
    _description = "Break of a Shift"
    _order = "shift_id, start_hour, id"

    name = fields.Char(required=True, translate=True, default=lambda self: self.env._("Break"))
    shift_id = fields.Many2one("mes.shift", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="shift_id.company_id", store=True, index=True)
    start_hour = fields.Float(string="Start", required=True)
    minutes = fields.Integer(required=True, default=30)

    _minutes_positive = models.Constraint(
        "CHECK(minutes > 0 AND start_hour >= 0 AND start_hour < 24)",
        "A break starts from 00:00 to 23:59 and lasts at least one minute.",
    )
