from datetime import date, timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.calendar_rules import WEEKDAYS, minutes

# A change that touches more occurrences of a shift marks their whole time: so many marks would cost more.
MOST_OCCURRENCES = 800


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
    crew_ids = fields.One2many("mes.shift.crew", "shift_id", string="Crews", copy=True)
    crew_names = fields.Char(string="Crew", compute="_compute_crew_names")

    _hours_in_day = models.Constraint(
        "CHECK(start_hour >= 0 AND start_hour < 24 AND end_hour >= 0 AND end_hour <= 24)",
        "A shift's start is from 00:00 to 23:59 and its end from 00:00 to 24:00.",
    )

    @api.depends("crew_ids.crew_id.code", "crew_ids.week")
    def _compute_crew_names(self):
        """The codes of the crews in the order of weeks, such as "A, B, C"."""
        for shift in self:
            shift.crew_names = ", ".join(line.crew_id.code for line in shift.crew_ids.sorted("week"))

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
        self.crew_ids._check_week()

    def _length(self) -> int:
        """Minutes from start to end on the clock."""
        return (minutes(self.end_hour) - minutes(self.start_hour)) % 1440 or 1440

    def _crew_of(self, week: int):
        """The crew in a week (1, 2, ...) of the cycle: the one named for it, else that of every week."""
        named = {line.week: line.crew_id for line in self.crew_ids}
        return named.get(week) or named.get(0) or self.env["mes.crew"]

    def _occurrences_marked(self, week: int) -> list[tuple[int, int, int | None]]:
        """(machine, from, until) of the shift's own hours in a week of the cycle (0: any), as marks want them.

        What is past is marked shift by shift; of what is to come there are no derived rows yet, so that it
        needs only one mark, without an end.
        """
        spans: list[tuple[int, int, int | None]] = []
        for assignment in self.pattern_id.assignment_ids:
            spans += self._occurrences_at(assignment, week)
        return spans

    def _occurrences_at(self, assignment, week: int) -> list[tuple[int, int, int | None]]:
        """The same for one place of the pattern."""
        calendar = self.env["mes.calendar"]
        first, until = assignment.date_from, assignment._next_start()
        tomorrow = self.env["mes.clock"].now().date() + timedelta(days=2)  # in any time zone
        last = min(until, tomorrow) if until else tomorrow
        days = [day for day in _dates(first, last) if self[WEEKDAYS[day.weekday()]] and self._is_in(week, day)]
        if len(days) > MOST_OCCURRENCES:
            return calendar._touched(assignment, first, until)
        start, end = minutes(self.start_hour), minutes(self.end_hour)
        spans = calendar._touched_days(assignment, days, start, end)
        if until is None or until > tomorrow:
            spans += calendar._touched(assignment, tomorrow, until)
        return spans

    def _is_in(self, week: int, day: date) -> bool:
        """Whether the shift works on the day, and the day lies in this week of the cycle (0: any)."""
        number = self.pattern_id._week_number(day)
        return self.week in (0, number) and week in (0, number)


def _dates(first: date, last: date):
    """The days from first to before last."""
    while first < last:
        yield first
        first += timedelta(days=1)
