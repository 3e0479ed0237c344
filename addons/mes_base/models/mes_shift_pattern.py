from datetime import date

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date

from ..tools.calendar_rules import WEEKDAYS, minutes

DAY = 1440
WEEK = 7 * DAY


class MesShiftPattern(models.Model):
    """A named rhythm of shifts, such as "three shifts, Monday to Friday"."""

    _name = "mes.shift.pattern"
    _inherit = ["mes.marking.mixin"]
    _description = "Shift Pattern"
    _order = "company_id, name"
    _check_company_auto = True
    _marking_why = "calendar"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    cycle_weeks = fields.Integer(string="Weeks per Cycle", default=1, required=True, help="1: every week is alike.")
    cycle_start = fields.Date(string="Cycle Starts On", help="A Monday on which week 1 of the cycle began.")
    version = fields.Integer(default=1, readonly=True, copy=False, help="Grows with each change.")
    shift_ids = fields.One2many("mes.shift", "pattern_id", string="Shifts", copy=True)
    assignment_ids = fields.One2many("mes.shift.assignment", "pattern_id", string="Valid For")
    origin_id = fields.Many2one(
        "mes.shift.pattern", string="New Version Of", readonly=True, copy=False, index=True, ondelete="set null",
        check_company=True, help="The pattern that this one takes the place of from its first day on.",
    )  # fmt: skip
    successor_ids = fields.One2many("mes.shift.pattern", "origin_id", string="Later Versions")
    reflow_note = fields.Char(string="What a Change Makes Anew", compute="_compute_reflow_note")

    _cycle_positive = models.Constraint("CHECK(cycle_weeks BETWEEN 1 AND 52)", "A cycle has 1 to 52 weeks.")

    @api.depends("assignment_ids.date_from", "assignment_ids.site_id", "assignment_ids.area_id",
                 "assignment_ids.workcenter_id")  # fmt: skip
    def _compute_reflow_note(self):
        """Whose figures a change of a pattern in use makes anew, and since when; empty for one not in use yet."""
        today = self.env["mes.clock"].now().date()
        for pattern in self:
            begun = pattern._origin.assignment_ids.filtered(lambda one: one.date_from <= today)
            machines = {
                wc
                for one in begun
                for found in self.env["mes.calendar"]._machines_of(one).values()
                for wc in found
            }  # fmt: skip
            pattern.reflow_note = bool(machines) and self.env._(
                "%(machines)s machines have worked by this pattern since %(date)s. A change here changes their past as "
                "well: all figures from that day on are made anew. To change shifts from a day on, use New Version.",
                machines=len(machines),
                date=format_date(self.env, min(begun.mapped("date_from"))),
            )

    def _marking_fields(self):
        return {"cycle_weeks", "cycle_start"}

    def _week_number(self, day: date) -> int:
        """The week of the cycle (1, 2, ...) in which a day lies."""
        if self.cycle_weeks == 1 or not self.cycle_start:
            return 1
        return ((day - self.cycle_start).days // 7) % self.cycle_weeks + 1

    def _marked_spans(self):
        """Wherever and whenever the pattern is valid."""
        return self.assignment_ids._marked_spans()

    @api.private
    def new_version(self, date_from: date, name: str):
        """A copy of the pattern that takes its place from a local date on, everywhere; the past stays as it is.

        A place that would have taken up the old pattern later takes up the new one then.

        :raises ValidationError: the pattern is not in force anywhere on that date or later
        :raises UserError: the figures of that date are closed
        """
        self.ensure_one()
        held = self._places_from(date_from)
        later = self.assignment_ids.filtered(lambda one: one.date_from >= date_from)
        if not held and not later:
            raise ValidationError(
                self.env._("%s is not in force anywhere from that day on: assign it to a place first.", self.name)
            )
        version = self.copy({"name": name, "origin_id": self.id, "assignment_ids": []})
        later.write({"pattern_id": version.id})
        self.env["mes.shift.assignment"].create(
            [{**place, "pattern_id": version.id, "date_from": date_from} for place in held]
        )
        return version

    def _places_from(self, day: date) -> list[dict[str, int]]:
        """The places that work by this pattern on a day on which none of them takes up another."""
        return [
            one._place()
            for one in self.assignment_ids
            if one.date_from < day and not ((upto := one._next_start()) and upto <= day)
        ]

    def _grow_version(self) -> None:
        """Note that the rules are others now."""
        for pattern in self:
            pattern.version += 1

    def write(self, vals):
        """A change of the rhythm is a new version."""
        result = super().write(vals)
        if self._marking_fields() & set(vals):
            self._grow_version()
        return result

    @api.constrains("cycle_weeks", "cycle_start")
    def _check_cycle(self):
        for pattern in self:
            if pattern.cycle_weeks > 1 and (not pattern.cycle_start or pattern.cycle_start.weekday()):
                raise ValidationError(
                    self.env._("A cycle of several weeks needs a Monday on which its first week began.")
                )
            pattern._check_shifts()

    def _check_shifts(self) -> None:
        """Refuse shifts that overlap or belong to a week that the cycle does not have.

        :raises ValidationError: naming the two shifts, or the shift and its week.
        """
        for pattern in self:
            for shift in pattern.shift_ids:
                if not 0 <= shift.week <= pattern.cycle_weeks:
                    raise ValidationError(
                        self.env._(
                            "Shift %(shift)s is for week %(week)s, but the cycle has %(weeks)s: "
                            "choose another week (0: every week) or a longer cycle.",
                            shift=shift.name, week=shift.week, weeks=pattern.cycle_weeks,
                        )
                    )  # fmt: skip
            if clash := pattern._clash():
                raise ValidationError(
                    self.env._(
                        "Shifts %(one)s and %(other)s overlap: let one end before the other begins.",
                        one=clash[0].name,
                        other=clash[1].name,
                    )
                )

    def _clash(self):
        """Two shifts that overlap in the cycle, or None."""
        total = self.cycle_weeks * WEEK
        spans = sorted(
            (
                (start, start + length, shift)
                for shift in self.shift_ids
                for start, length in _occurrences(shift, self.cycle_weeks)
            ),
            key=lambda span: span[:2],
        )
        if not spans:
            return None
        first = spans[0]
        for one, other in zip(spans, [*spans[1:], (first[0] + total, first[1] + total, first[2])], strict=True):
            if one[1] > other[0]:
                return one[2], other[2]
        return None


def _occurrences(shift, weeks: int):
    """(start in minutes of the cycle, length) of each occurrence of a shift in its cycle."""
    start, end = minutes(shift.start_hour), minutes(shift.end_hour)
    length = (end - start) % DAY or DAY
    for week in range(1, weeks + 1):
        if shift.week in (0, week):
            for day, name in enumerate(WEEKDAYS):
                if shift[name]:
                    yield (week - 1) * WEEK + day * DAY + start, length
