from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

# More than a year of one exception is a new pattern.
MOST_DAYS = 366
# So much longer may one exception make a shift.
MOST_EXTRA_MINUTES = 720


class MesShiftException(models.Model):
    """One day or a range of days on which the pattern does not hold.

    Closed, an additional shift, a longer shift, or another crew. Of two crews the one named for the nearest
    place (machine, line, area, site) works, then the one recorded last.
    """

    _name = "mes.shift.exception"
    _inherit = ["mes.marking.mixin"]
    _description = "Shift Exception"
    _order = "date desc, id desc"
    _check_company_auto = True
    _marking_why = "calendar"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    kind = fields.Selection(
        [
            ("closed", "No work"),
            ("overtime", "Additional shift"),
            ("extension", "Longer shift"),
            ("crew", "Other crew"),
        ],
        required=True,
        default="closed",
    )
    date = fields.Date(required=True, help="Local date on which the shift starts.")
    date_until = fields.Date(string="Until", help="Last of several days; empty: only the one date.")
    last_date = fields.Date(string="Last Day", compute="_compute_last_date", store=True, index=True)
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    site_id = fields.Many2one("mes.site", index=True, ondelete="restrict", check_company=True)
    area_id = fields.Many2one("mes.area", index=True, ondelete="restrict", check_company=True)
    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Line or Machine", index=True, ondelete="restrict", check_company=True
    )
    shift_code = fields.Char(
        help="No work or other crew: only the shift with this code (empty: all of the day). "
        "Longer shift: which one. Additional shift: its code."
    )
    start_hour = fields.Float(string="Start")
    end_hour = fields.Float(string="End", help="At or before the start: next day.")
    extra_minutes = fields.Integer(
        string="Longer by (min)", help="The shift ends so much later; it lasts a day at most."
    )
    crew_id = fields.Many2one(
        "mes.crew", string="Crew", ondelete="restrict", check_company=True, help="Who works instead, or overtime."
    )

    _one_place = models.Constraint(
        "CHECK(num_nonnulls(site_id, area_id, workcenter_id) = 1)",
        "An exception is for exactly one site, area or work center.",
    )
    _hours_in_day = models.Constraint(
        "CHECK(start_hour >= 0 AND start_hour < 24 AND end_hour >= 0 AND end_hour <= 24)",
        "A shift's start is from 00:00 to 23:59 and its end from 00:00 to 24:00.",
    )

    @api.depends("date", "date_until")
    def _compute_last_date(self):
        for exception in self:
            exception.last_date = exception.date_until or exception.date

    def _marking_fields(self):
        return super()._marking_fields() - {"name", "last_date"}

    @api.constrains("date", "date_until")
    def _check_dates(self):
        for exception in self:
            days = (exception.last_date - exception.date).days
            if days < 0:
                raise ValidationError(self.env._("%s ends before it begins: swap the dates.", exception.name))
            if days >= MOST_DAYS:
                raise ValidationError(
                    self.env._("%s is for more than a year: make a new shift pattern instead.", exception.name)
                )

    @api.constrains("kind", "start_hour", "end_hour", "shift_code", "extra_minutes", "crew_id")
    def _check_kind(self):
        for exception in self:
            if problem := exception._problem():
                raise ValidationError(problem)

    def _problem(self) -> str | None:
        """What the kind of exception lacks, as a sentence."""
        if self.kind == "overtime" and self.start_hour == self.end_hour:
            return self.env._("An additional shift needs a start and an end that differ.")
        if self.kind == "extension" and not self.shift_code:
            return self.env._("A longer shift needs the code of the shift, such as L.")
        if self.kind == "extension" and not 0 < self.extra_minutes <= MOST_EXTRA_MINUTES:
            return self.env._("A shift becomes longer by 1 to %s minutes.", MOST_EXTRA_MINUTES)
        if self.kind == "crew" and not self.crew_id:
            return self.env._("Choose the crew that works instead.")
        return None

    @api.model
    def _within(self, first, last):
        """The exceptions that bear on shifts beginning on the days (dates) ``first``..``last``.

        Server code may leave some out, to compare; a client cannot, no frozenset comes over RPC.
        """
        domain = Domain("date", "<=", last) & Domain("last_date", ">=", first)
        left_out = self.env.context.get("mes_without_exceptions")
        if isinstance(left_out, frozenset):
            domain &= Domain("id", "not in", list(left_out))
        return self.search(domain, order="id")

    def _marked_spans(self):
        """The time whose shifts are others because of the exception, and no other."""
        return [
            span
            for exception in self.filtered("active")
            for span in self.env["mes.calendar"]._difference(exception, exception.date, exception.last_date)
        ]

    def action_undo(self):
        """Take the exception back; it stays on record, archived."""
        self.write({"active": False})
        return True

    def _concerns(self, machines) -> bool:
        """Whether the exception is for a place where one of the machines stands now."""
        if self.workcenter_id:
            return self.workcenter_id in machines | machines.mes_line_id
        return self.area_id in machines.mes_area_id if self.area_id else self.site_id in machines.mes_site_id
