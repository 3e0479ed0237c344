from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ..timeline import Shift
from ..tools import clock
from .mes_shift_exception import MOST_EXTRA_MINUTES
from .mes_state_override import SUPERVISOR

MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
# Shifts are looked at so far back and ahead: the last one before a long holiday is nobody's to extend.
LOOK_MS = 3 * DAY_MS
# The field of an exception that names a place of this model.
PLACE_FIELD = {"mes.site": "site_id", "mes.area": "area_id", "mrp.workcenter": "workcenter_id"}


class Overtime(NamedTuple):
    """What overtime would be: the exception's values, its time in ms, and a sentence that says it."""

    values: dict
    start: int
    end: int
    text: str


class MesShiftException(models.Model):
    """Overtime in two clicks: the running or last shift goes on, or a shift is added from now on."""

    _inherit = "mes.shift.exception"

    @api.model
    def overtime(self, workcenter_id, minutes, seen=None):
        """Let a line or a machine work longer: {"id", "kind", "shift", "from_ms", "until_ms", "text"}.

        The shift that runs ends later by ``minutes``; so does the last one, if it would then still run. Else a
        shift is added from now on. :meth:`action_undo` of the exception with this ``id`` takes it back.

        ``seen``: what :meth:`overtime_seen` told when the person looked. Of two who order at one moment the second
        is told what the first did, and orders nothing; without ``seen`` orders add up, one after the other.

        :raises AccessError: no supervisor, or another company's machine
        :raises UserError: no room before the next shift, machines with different shifts, a closed period, or
            somebody has ordered overtime since
        """
        return self._overtime(self.env["mrp.workcenter"].browse(workcenter_id), minutes, seen)

    @api.model
    @api.readonly
    def overtime_seen(self) -> int:
        """The number of the newest exception: what is ordered later was not seen yet by whoever asks now."""
        self.check_access("read")
        # Of all companies and archived ones: it is only a number, and rises.
        self.env.cr.execute("SELECT COALESCE(max(id), 0) FROM mes_shift_exception")
        return self.env.cr.fetchone()[0]

    @api.private
    def _overtime(self, place, minutes, seen=None) -> dict:
        """The same for a site, an area, a line or a machine."""
        self._one_at_a_time(place)
        if seen is not None:
            self._refuse_unseen(place, seen)
        planned = self._planned_overtime(place, minutes)
        made = self.create(planned.values)
        return {
            "id": made.id,
            "kind": made.kind,
            "shift": made.shift_code,
            "from_ms": planned.start,
            "until_ms": planned.end,
            "text": planned.text,
        }

    def _one_at_a_time(self, place) -> None:
        """Let those who order overtime at a site do so one after the other.

        Not a lock alone: whoever has waited would plan by what he saw before. The site's row is written, though
        nothing changes: so PostgreSQL lets nobody go on by an older view, and Odoo runs the call anew.
        """
        place.ensure_one().check_access("read")
        site = place if place._name == "mes.site" else place.site_id if place._name == "mes.area" else place.mes_site_id
        self.env.flush_all()
        self.env.cr.execute("UPDATE mes_site SET code = code WHERE id = %s", [site.id])

    def _refuse_unseen(self, place, seen: int) -> None:
        """:raises UserError: there is overtime of the place's machines that whoever orders now has not seen."""
        if isinstance(seen, bool) or not isinstance(seen, int):
            raise UserError(self.env._("Open overtime again: what was seen is the number that overtime_seen tells."))
        machines = _machines(place)
        since = self.env["mes.clock"].now().date() - timedelta(days=1)
        domain = [("id", ">", seen), ("kind", "in", ("overtime", "extension")), ("last_date", ">=", since)]
        for one in self.search(domain, order="id desc"):
            if one._concerns(machines):
                raise UserError(
                    self.env._(
                        "%(who)s has ordered overtime meanwhile, %(what)s. Open overtime again if that is not enough.",
                        who=one.create_uid.sudo().name,  # who ordered stands beside it in the list of exceptions
                        what=one._ordered_text(),
                    )
                )

    def _ordered_text(self) -> str:
        """What an order of overtime says, as part of a sentence."""
        if self.kind == "extension":
            return self.env._(
                "shift %(shift)s longer by %(minutes)s min", shift=self.shift_code, minutes=self.extra_minutes
            )
        hours = [f"{int(hour):02d}:{round(hour % 1 * 60):02d}" for hour in (self.start_hour, self.end_hour)]
        return self.env._("an additional shift from %(start)s until %(end)s", start=hours[0], end=hours[1])

    @api.private
    def _planned_overtime(self, place, minutes) -> Overtime:
        """What :meth:`overtime` would enter; refuses with the sentence that says the mend."""
        if not self.env.user.has_group(SUPERVISOR) and not self.env.su:
            raise AccessError(self.env._("Only a supervisor may order overtime: ask one."))
        place.ensure_one().check_access("read")
        if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 < minutes <= MOST_EXTRA_MINUTES:
            raise UserError(self.env._("Give 1 to %s minutes of overtime.", MOST_EXTRA_MINUTES))
        machines = _machines(place)
        if not machines:
            raise UserError(self.env._("%s has no machines: choose a place that has.", place.name))
        now = self.env["mes.clock"].now_ms()
        zone = ZoneInfo(self.env["mes.calendar"].zones(machines[:1], now)[machines[:1].id])
        last, following = self._around(place, machines, now)
        if last and last.end + minutes * MINUTE_MS > now:
            planned = self._longer(place, last, minutes, zone)
        else:
            planned = self._additional(place, now, minutes, zone)
        self._check_room(planned, following, zone)
        return planned

    def _around(self, place, machines, now: int) -> tuple[Shift | None, Shift | None]:
        """The shift that runs or ran last and the next one, the same for all machines of the place."""
        shifts = self.env["mes.calendar"].shifts(machines, now - LOOK_MS, now + LOOK_MS)
        working = {wc: found for wc, found in shifts.items() if found}
        lasts = {wc: next((s for s in reversed(found) if s.start <= now), None) for wc, found in working.items()}
        if len({last and (last.name, last.start, last.end) for last in lasts.values()}) > 1:
            raise UserError(
                self.env._("The machines of %s work different shifts now: choose a line or a machine.", place.name)
            )
        coming = [shift for found in working.values() for shift in found if shift.start > now]
        return next(iter(lasts.values()), None), min(coming, key=lambda shift: shift.start, default=None)

    @api.private
    def _recent_overtime(self, place):
        """The overtime ordered for a place for yesterday, today or later, which may be undone."""
        yesterday = self.env["mes.clock"].now().date() - timedelta(days=1)
        domain = [(PLACE_FIELD[place._name], "=", place.id), ("last_date", ">=", yesterday)]
        return self.search([*domain, ("kind", "in", ("overtime", "extension"))])

    def _longer(self, place, shift: Shift, minutes: int, zone: ZoneInfo) -> Overtime:
        """The shift goes on."""
        end = shift.end + minutes * MINUTE_MS
        if end - shift.start > DAY_MS:
            raise UserError(self.env._("Shift %s would last longer than a day: give fewer minutes.", shift.name))
        values = {
            **self._overtime_values(place, _local(zone, shift.start)),
            "kind": "extension",
            "shift_code": shift.name,
            "extra_minutes": minutes,
        }
        text = self.env._(
            "Shift %(shift)s of %(place)s goes on until %(time)s.",
            shift=shift.name, place=place.name, time=_time(zone, end),
        )  # fmt: skip
        return Overtime(values, shift.end, end, text)

    def _additional(self, place, now: int, minutes: int, zone: ZoneInfo) -> Overtime:
        """A shift from this minute on."""
        start = now - now % MINUTE_MS
        end = start + minutes * MINUTE_MS
        first, last = _local(zone, start), _local(zone, end)
        values = {
            **self._overtime_values(place, first),
            "kind": "overtime",
            "start_hour": first.hour + first.minute / 60,
            "end_hour": last.hour + last.minute / 60,
        }
        values["shift_code"] = self._free_code(values["date"])
        text = self.env._(
            "Additional shift at %(place)s from %(start)s until %(end)s.",
            place=place.name, start=_time(zone, start), end=_time(zone, end),
        )  # fmt: skip
        return Overtime(values, start, end, text)

    def _overtime_values(self, place, day: datetime) -> dict:
        """The values that both kinds share."""
        return {
            "name": self.env._("Overtime"),
            "date": day.date(),
            "company_id": place.company_id.id,
            PLACE_FIELD[place._name]: place.id,
        }

    def _free_code(self, day) -> str:
        """OT, or OT2, OT3, ...: a code that no additional shift of the day has, so that each can go on alone."""
        taken = {one.shift_code for one in self._within(day - timedelta(days=1), day) if one.kind == "overtime"}
        number = next(n for n in range(1, len(taken) + 2) if f"OT{n if n > 1 else ''}" not in taken)
        return f"OT{number if number > 1 else ''}"

    def _check_room(self, planned: Overtime, following: Shift | None, zone: ZoneInfo) -> None:
        """Refuse overtime that runs into the next shift, and say how much room there is."""
        if following is None or planned.end <= following.start:
            return
        room = (following.start - planned.start) // MINUTE_MS
        raise UserError(
            self.env._(
                "Shift %(next)s begins at %(time)s: there is room for %(room)s minutes of overtime before it.",
                next=following.name,
                time=_time(zone, following.start),
                room=max(room, 0),
            )
        )


def _machines(place):
    """The machines that stand at a place now; a line with its units."""
    if place._name == "mrp.workcenter":
        return (place | place.mes_unit_ids).filtered("mes_level")
    field = "mes_site_id" if place._name == "mes.site" else "mes_area_id"
    return place.env["mrp.workcenter"].search([(field, "=", place.id), ("mes_level", "!=", False)])


def _local(zone: ZoneInfo, ms: int) -> datetime:
    """What the clock of the zone shows at an instant."""
    return clock.from_ms(ms).replace(tzinfo=timezone.utc).astimezone(zone)


def _time(zone: ZoneInfo, ms: int) -> str:
    """The clock's hours and minutes at an instant."""
    return f"{_local(zone, ms):%H:%M}"
