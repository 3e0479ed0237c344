from odoo import fields, models

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class MesShift(models.Model):
    """A named shift of a pattern; an end at or before the start means the next morning."""

    _name = "mes.shift"
    _description = "Shift"
    _order = "pattern_id, week, sequence, start_hour, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(required=True, help="Short key of the shift in figures, such as N.")
    sequence = fields.Integer(default=10)
    pattern_id = fields.Many2one("mes.shift.pattern", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="pattern_id.company_id", store=True, index=True)
    week = fields.Integer(string="Week of the Cycle", default=0, help="0: in every week.")
    monday = fields.Boolean(default=True)
    tuesday = fields.Boolean(default=True)
    wednesday = fields.Boolean(default=True)
    thursday = fields.Boolean(default=True)
    friday = fields.Boolean(default=True)
    saturday = fields.Boolean()
    sunday = fields.Boolean()
    start_hour = fields.Float(string="Start", required=True, help="Local wall-clock time.")
    end_hour = fields.Float(
        string="End", required=True, help="Local wall-clock time; at or before the start: next day."
    )
    business_day = fields.Selection(
        [("start", "Day on which it starts"), ("end", "Day on which it ends")],
        string="Business Date",
        required=True,
        default="start",
    )
    break_ids = fields.One2many("mes.shift.break", "shift_id", string="Breaks", copy=True)

    _hours_in_day = models.Constraint(
        "CHECK(start_hour >= 0 AND start_hour < 24 AND end_hour >= 0 AND end_hour <= 24)",
        "A shift's start is from 00:00 to 23:59 and its end from 00:00 to 24:00.",
    )
