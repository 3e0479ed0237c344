from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.calendar_rules import minutes


class MesShiftBreak(models.Model):
    """A break inside a shift: planned time off, in local wall-clock time."""

    _name = "mes.shift.break"
    _inherit = ["mes.marking.mixin"]
    _description = "Break of a Shift"
    _order = "shift_id, start_hour, id"
    _marking_why = "calendar"

    name = fields.Char(required=True, translate=True, default=lambda self: self.env._("Break"))
    shift_id = fields.Many2one("mes.shift", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="shift_id.company_id", store=True, index=True)
    start_hour = fields.Float(string="Start", required=True)
    minutes = fields.Integer(required=True, default=30)
    stops = fields.Boolean(
        string="Machine Stops",
        default=True,
        help="On: the break is a planned stop. Off: work goes on through it, people relieve each other.",
    )

    _minutes_positive = models.Constraint(
        "CHECK(minutes > 0 AND start_hour >= 0 AND start_hour < 24)",
        "A break starts from 00:00 to 23:59 and lasts at least one minute.",
    )

    def _marking_fields(self):
        return {"shift_id", "start_hour", "minutes", "stops"}

    def _marked_spans(self):
        """Wherever and whenever the shift's pattern is valid."""
        return self.shift_id._marked_spans()

    def _mark_spans(self, spans=None) -> None:
        """A change of a break is a new version of its pattern."""
        super()._mark_spans(spans)
        self.shift_id.pattern_id._grow_version()

    @api.constrains("shift_id", "start_hour", "minutes")
    def _check_inside(self):
        for rest in self:
            shift = rest.shift_id
            offset = (minutes(rest.start_hour) - minutes(shift.start_hour)) % 1440
            if offset + rest.minutes > shift._length():
                raise ValidationError(
                    self.env._(
                        "Break %(rest)s lies outside shift %(shift)s: let it begin and end within the shift.",
                        rest=rest.name,
                        shift=shift.name,
                    )
                )
