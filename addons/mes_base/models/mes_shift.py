from odoo import api, fields, models
from odoo.exceptions import ValidationError

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def minutes(hours: float) -> int:
    """Minutes after midnight of a time of the day in hours; 24:00 is 00:00 of the next day."""
    return round(hours * 60) % 1440


class MesShift(models.Model):
    """A named shift of a pattern; an end at or before the start means the next morning."""

    _name = "mes.shift"
    _inherit = ["mes.marking.mixin"]
    _description = "Shift"
    _order = "pattern_id, week, sequence, start_hour, id"
    _marking_why = "calendar"

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

    def _marking_fields(self):
        return {"code", "pattern_id", "week", "start_hour", "end_hour", "business_day", *WEEKDAYS}

    def _marked_spans(self):
        """Wherever and whenever the pattern is valid."""
        return self.pattern_id._marked_spans()

    def _mark_spans(self, spans=None) -> None:
        """A change of a shift is a new version of its pattern."""
        super()._mark_spans(spans)
        self.pattern_id._grow_version()

    @api.constrains("pattern_id", "week", "start_hour", "end_hour", *WEEKDAYS)
    def _check_pattern(self):
        if any(not any(shift[day] for day in WEEKDAYS) for shift in self):
            raise ValidationError(self.env._("A shift needs at least one day of the week."))
        self.pattern_id._check_shifts()
        self.break_ids._check_inside()

    def _length(self) -> int:
        """Minutes from start to end on the clock."""
        return (minutes(self.end_hour) - minutes(self.start_hour)) % 1440 or 1440
