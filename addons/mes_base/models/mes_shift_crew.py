from odoo import api, fields, models
from odoo.exceptions import ValidationError


class MesShiftCrew(models.Model):
    """Which crew works a shift: in every week, or in one week of the pattern's cycle."""

    _name = "mes.shift.crew"
    _inherit = ["mes.marking.mixin"]
    _description = "Crew of a Shift"
    _order = "shift_id, week, id"
    _check_company_auto = True
    _marking_why = "calendar"

    shift_id = fields.Many2one("mes.shift", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="shift_id.company_id", store=True, index=True)
    week = fields.Integer(
        string="Week of the Cycle", default=0, help="0: in every week for which no other crew is named."
    )
    crew_id = fields.Many2one("mes.crew", required=True, index=True, ondelete="restrict", check_company=True)

    _week_unique = models.UniqueIndex(
        "(shift_id, week)", "A shift has one crew a week: another one is already named for this week."
    )

    def _marking_fields(self):
        return {"shift_id", "week", "crew_id"}

    def _marked_spans(self):
        """The shift's own hours in the weeks in question, wherever the pattern is valid."""
        return [span for line in self for span in line.shift_id._occurrences_marked(line.week)]

    def _mark_spans(self, spans=None) -> None:
        """A change of crews is a new version of the pattern."""
        super()._mark_spans(spans)
        self.shift_id.pattern_id._grow_version()

    @api.constrains("shift_id", "week")
    def _check_week(self):
        for line in self:
            weeks = line.shift_id.pattern_id.cycle_weeks
            if not 0 <= line.week <= weeks:
                raise ValidationError(
                    self.env._(
                        "%(crew)s is for week %(week)s, but the cycle has %(weeks)s: "
                        "choose another week (0: every week) or a longer cycle.",
                        crew=line.crew_id.name, week=line.week, weeks=weeks,
                    )
                )  # fmt: skip
            if line.shift_id.week and line.week not in (0, line.shift_id.week):
                raise ValidationError(
                    self.env._(
                        "Shift %(shift)s is only in week %(week)s of the cycle: name its crew for that week.",
                        shift=line.shift_id.name,
                        week=line.shift_id.week,
                    )
                )
