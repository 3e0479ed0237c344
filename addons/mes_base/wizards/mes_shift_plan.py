from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from odoo import api, fields, models
from odoo.tools import format_date, get_lang
from odoo.tools.misc import babel_locale_parse

from ..models.mes_shift_assignment import PLACES
from ..models.mes_shift_overtime import _local, _machines
from ..timeline.calendar import to_ms

WEEK = timedelta(days=7)


class MesShiftPlan(models.TransientModel):
    """Who works when: the shifts of the coming weeks of a place, to look at."""

    _name = "mes.shift.plan"
    _description = "Shift Plan"

    site_id = fields.Many2one("mes.site", ondelete="cascade", default=lambda self: self._first_site())
    area_id = fields.Many2one("mes.area", ondelete="cascade")
    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Line or Machine", ondelete="cascade", domain="[('mes_level', '!=', False)]"
    )
    date_from = fields.Date(string="Week Of", required=True, default=lambda self: self.env["mes.clock"].now().date())
    weeks = fields.Selection(
        [("1", "1 week"), ("2", "2 weeks"), ("4", "4 weeks"), ("8", "8 weeks")], required=True, default="4"
    )
    table = fields.Html(compute="_compute_table", sanitize=False)

    @api.depends(*PLACES)
    def _compute_display_name(self):
        """The place whose plan it is."""
        for plan in self:
            place = next((plan[name] for name in reversed(PLACES) if plan[name]), None)
            plan.display_name = place.display_name if place else self.env._("Shift Plan")

    def _first_site(self):
        """The first site, unless the form was opened from another place."""
        if any(self.env.context.get(f"default_{name}") for name in PLACES):
            return False
        return self.env["mes.site"].search([], limit=1)

    @api.depends("date_from", "weeks", *PLACES)
    def _compute_table(self):
        """The table; one block for all machines that work the same shifts."""
        for plan in self:
            plan.table = self.env["ir.qweb"]._render(
                "mes_base.shift_plan_table", {"blocks": plan._blocks(), "weeks": plan._headings()}
            )

    def _monday(self):
        """The first day shown."""
        day = self.date_from or self.env["mes.clock"].now().date()
        return day - timedelta(days=day.weekday())

    def _headings(self) -> list[str]:
        """The first day of each week, as the user writes dates."""
        return [format_date(self.env, self._monday() + number * WEEK) for number in range(int(self.weeks or "1"))]

    def _blocks(self) -> list[dict]:
        """{machines, crews, weeks: [[{day, today, shifts, notes}, ... seven days], ...]} of machines alike."""
        # The narrowest place that is chosen counts.
        place = next((self[name] for name in reversed(PLACES) if self[name]), None)
        machines = _machines(place) if place else self.env["mrp.workcenter"]
        if not machines:
            return []
        calendar = self.env["mes.calendar"]
        zone = ZoneInfo(calendar.zones(machines[:1], 0)[machines[:1].id])
        monday, weeks = self._monday(), int(self.weeks or "1")
        start, end = (
            to_ms(zone, datetime(day.year, day.month, day.day)) for day in (monday, monday + weeks * WEEK)
        )
        alike: dict = {}
        for wc, shifts in calendar.shifts(machines, start, end).items():
            alike.setdefault(shifts, []).append(wc)
        return [
            self._block(self.env["mrp.workcenter"].browse(ids), shifts, zone, monday, weeks)
            for shifts, ids in alike.items()
        ]

    def _block(self, machines, shifts, zone, monday, weeks) -> dict:
        """The days of machines that work the same shifts."""
        crews = self.env["mes.crew"].browse({shift.crew for shift in shifts if shift.crew})
        names = {crew.id: crew.display_name for crew in crews}
        entries: dict = {}
        for shift in shifts:
            begins, ends = _local(zone, shift.start), _local(zone, shift.end)
            entries.setdefault(begins.date(), []).append(
                {"code": shift.name, "hours": f"{begins:%H:%M}–{ends:%H:%M}", "crew": names.get(shift.crew, "")}
            )
        notes = self._notes(machines, monday, weeks)
        today = _local(zone, self.env["mes.clock"].now_ms()).date()
        days = [monday + timedelta(days=number) for number in range(7 * weeks)]
        cells = [
            {
                "day": format_skeleton("MMMEd", day, locale=babel_locale_parse(get_lang(self.env).code)),
                "today": day == today,
                "shifts": entries.get(day, []),
                "notes": notes.get(day, []),
            }
            for day in days
        ]
        return {
            "machines": ", ".join(machines.mapped("name")),
            "crews": [
                {"name": crew.display_name, "members": ", ".join(crew.member_ids.mapped("name"))} for crew in crews
            ],
            "weeks": [cells[first : first + 7] for first in range(0, len(cells), 7)],
        }

    def _notes(self, machines, monday, weeks) -> dict:
        """The names of the exceptions of each day at the places of these machines."""
        found: dict = {}
        last = monday + weeks * WEEK - timedelta(days=1)
        for one in self.env["mes.shift.exception"]._within(monday, last):
            if one._concerns(machines):
                day = max(one.date, monday)
                while day <= min(one.last_date, last):
                    found.setdefault(day, []).append(one.name)
                    day += timedelta(days=1)
        return found

    def _shifted(self, weeks: int):
        """The same plan some weeks on."""
        self.ensure_one()
        self.date_from = self._monday() + weeks * WEEK
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self.id,
            "views": [(False, "form")],
            "target": "current",
        }

    def action_earlier(self):
        """The week before."""
        return self._shifted(-1)

    def action_later(self):
        """The week after."""
        return self._shifted(1)
