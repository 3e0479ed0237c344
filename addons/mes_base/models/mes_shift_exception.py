from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from .mes_shift import minutes


class MesShiftException(models.Model):
    """One day on which the pattern does not hold: closed, or an additional (overtime) shift."""

    _name = "mes.shift.exception"
    _inherit = ["mes.marking.mixin"]
    _description = "Shift Exception"
    _order = "date desc, id desc"
    _check_company_auto = True
    _marking_why = "calendar"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    kind = fields.Selection([("closed", "No work"), ("overtime", "Additional shift")], required=True, default="closed")
    date = fields.Date(required=True, help="Local date on which the shift starts.")
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    site_id = fields.Many2one("mes.site", index=True, ondelete="restrict", check_company=True)
    area_id = fields.Many2one("mes.area", index=True, ondelete="restrict", check_company=True)
    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Line or Machine", index=True, ondelete="restrict", check_company=True
    )
    shift_code = fields.Char(
        help="No work: only the shift with this code (empty: all of the day). Additional shift: its code."
    )
    start_hour = fields.Float(string="Start")
    end_hour = fields.Float(string="End", help="At or before the start: next day.")

    _one_place = models.Constraint(
        "CHECK(num_nonnulls(site_id, area_id, workcenter_id) = 1)",
        "An exception is for exactly one site, area or work center.",
    )
    _hours_in_day = models.Constraint(
        "CHECK(start_hour >= 0 AND start_hour < 24 AND end_hour >= 0 AND end_hour <= 24)",
        "A shift's start is from 00:00 to 23:59 and its end from 00:00 to 24:00.",
    )

    def _marking_fields(self):
        return super()._marking_fields() - {"name"}

    @api.constrains("kind", "start_hour", "end_hour")
    def _check_hours(self):
        for exception in self:
            if exception.kind == "overtime" and exception.start_hour == exception.end_hour:
                raise ValidationError(self.env._("An additional shift needs a start and an end that differ."))

    def _marked_spans(self):
        """An additional shift's own hours; a closed day up to the end of the shifts that begin on it."""
        calendar = self.env["mes.calendar"]
        spans = []
        for exception in self:
            day = exception.date
            if exception.kind == "closed":
                spans += calendar._touched(exception, day, day + timedelta(days=2))
                continue
            start, end = minutes(exception.start_hour), minutes(exception.end_hour)
            spans += calendar._touched(exception, day, day + timedelta(days=end <= start), start, end)
        return spans
