import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo import api, models
from odoo.tools import SQL

from ..timeline import Calendar, Pattern, Shift, ShiftRule, Span, expand
from ..timeline.calendar import changed, to_ms
from ..tools import clock
from ..tools.calendar_rules import calendar_exceptions, shift_rules
from .mes_shift_exception import MOST_EXTRA_MINUTES

# Shifts of the days around a window may reach into it, in any time zone.
MARGIN = timedelta(days=3)
# The fields that name a place, from the most specific to the widest: machine, its line, area, site.
LEVELS = ("workcenter_id", "workcenter_id", "area_id", "site_id")


class Place(NamedTuple):
    """What a machine's calendar depends on; None for a level that it does not have."""

    workcenter_id: int | None
    line_id: int | None
    area_id: int
    site_id: int


class MesCalendar(models.AbstractModel):
    """Shifts of machines: patterns, their validity, exceptions and moves, as ``timeline`` wants them.

    ``resource.calendar`` is not used: it knows no shift across midnight, no business date and no
    fold of the local clock.
    """

    _name = "mes.calendar"
    _description = "Shift Calendar"

    @api.private
    def shifts(self, workcenters, start_ms: int, end_ms: int) -> dict[int, tuple[Shift, ...]]:
        """The shifts of each machine that overlap [start, end), in order, following its moves.

        A fixed number of statements for any number of machines.
        """
        made = self._calendars(workcenters, start_ms, end_ms)
        # Machines of one place share one calendar object: its shifts are looked up once. An empty window has none.
        shared = {id(calendar): calendar for parts in made.values() for _start, _end, calendar in parts}
        calendars = shared if start_ms < end_ms else {}
        expanded = {key: self._expanded(calendar, start_ms, end_ms) for key, calendar in calendars.items()}
        return {
            wc: tuple(shift for part in self._parts(parts, expanded, start_ms, end_ms) for shift in part)
            for wc, parts in made.items()
        }

    @api.private
    def versions(self, workcenters, start_ms: int, end_ms: int) -> dict[int, str]:
        """A short hash of the rules that hold for each machine in [start, end); changes only with them."""
        made = self._calendars(workcenters, start_ms, end_ms)
        # Machines of one place share one calendar object: it is hashed once.
        calendars = {id(calendar): calendar for parts in made.values() for _start, _end, calendar in parts}
        versions = {key: calendar.version for key, calendar in calendars.items()}
        found = {}
        for wc, parts in made.items():
            own = [versions[id(calendar)] for _start, _end, calendar in parts]
            found[wc] = own[0] if len(own) == 1 else hashlib.sha256(json.dumps(own).encode()).hexdigest()[:16]
        return found

    @api.private
    def zones(self, workcenters, at_ms: int) -> dict[int, str]:
        """The time zone of each machine's site at an instant."""
        areas = self.env["mes.area"].sudo().with_context(active_test=False)  # only the zone's name is read
        found = {}
        for wc, spans in self.env["mes.placement"]._spans(workcenters.ids).items():
            area_id = next(area for start, end, area, _line in spans if end is None or at_ms < end)
            found[wc] = areas.browse(area_id).site_id.tz
        return found

    @api.private
    def _touched(self, place, first: date, last: date | None) -> list[tuple[int, int, int | None]]:
        """(machine, from, until) in ms of the shifts that begin from one local day to before another, None: no end.

        The last of them may run on into the next day, made longer even. ``place`` names a site, area, line or machine
        (fields site_id, area_id, workcenter_id); counted are all machines that ever stood there.
        """
        spans = []
        for zone, machines in self._machines_of(place).items():
            end = None if last is None else _instant(zone, last + timedelta(days=1), MOST_EXTRA_MINUTES)
            spans += [(machine, _instant(zone, first, 0), end) for machine in machines]
        return spans

    @api.private
    def _touched_days(self, place, days: Sequence[date], first: int, last: int) -> list[tuple[int, int, int | None]]:
        """The same from one minute of each of these local days to another, which may be on the next day."""
        spans: list[tuple[int, int, int | None]] = []
        for zone, machines in self._machines_of(place).items():
            crosses = timedelta(days=last <= first)
            hours = [(_instant(zone, day, first), _instant(zone, day + crosses, last)) for day in days]
            spans += [(machine, *span) for machine in machines for span in hours]
        return spans

    @api.private
    def _difference(self, exceptions, first: date, last: date) -> list[tuple[int, int, int | None]]:
        """(machine, from, until) in ms of the time whose shifts are others because of these exceptions.

        Compared are the calendars with and without them, for shifts that begin on the local days
        ``first``..``last``: so a holiday on a free day touches nothing, and overtime its own hours.
        """
        machines = {wc for one in exceptions for found in self._machines_of(one).values() for wc in found}
        if not machines:
            return []
        workcenters = self.env["mrp.workcenter"].browse(sorted(machines))
        start, end = (clock.to_ms(datetime(day.year, day.month, day.day)) for day in (first - MARGIN, last + MARGIN))
        after = self.shifts(workcenters, start, end)
        before = self.with_context(mes_without_exceptions=frozenset(exceptions.ids)).shifts(workcenters, start, end)
        # Machines of one place share their shifts: they are compared once.
        known: dict[tuple[tuple[Shift, ...], tuple[Shift, ...]], list[Span]] = {}
        spans: list[tuple[int, int, int | None]] = []
        for wc in workcenters.ids:
            pair = (before.get(wc, ()), after.get(wc, ()))
            if pair not in known:
                known[pair] = changed(*pair)
            spans += [(wc, span.start, span.end) for span in known[pair]]
        return spans

    def _machines_of(self, place) -> dict[str, list[int]]:
        """The machines that ever stood at a place, by the time zone of the site; one statement."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                SELECT s.tz, array_agg(DISTINCT p.workcenter_id)
                  FROM mes_placement p JOIN mes_area a ON a.id = p.area_id JOIN mes_site s ON s.id = a.site_id
                 WHERE s.id = %(site)s OR a.id = %(area)s OR %(workcenter)s IN (p.workcenter_id, p.line_id)
                 GROUP BY s.tz
                """,
                site=place.site_id.id or None,
                area=place.area_id.id or None,
                workcenter=place.workcenter_id.id or None,
            )
        )
        return dict(self.env.cr.fetchall())

    def _parts(self, parts, expanded, start_ms: int, end_ms: int) -> Iterable[tuple[Shift, ...]]:
        """The shifts of each placement that begin while it holds."""
        for start, end, calendar in parts:
            low, high = max(start, start_ms), end_ms if end is None else min(end, end_ms)
            if low < high:
                yield tuple(clip for shift in expanded[id(calendar)] if (clip := _clip(shift, start, end, low, high)))

    def _expanded(self, calendar: Calendar, start_ms: int, end_ms: int) -> tuple[Shift, ...]:
        """The calendar's shifts over a window; machines that share a calendar share the work."""
        memo = self.env.cr.cache.setdefault("mes.calendar", {})
        key = (calendar, start_ms, end_ms)
        if key not in memo:
            if len(memo) > 500:
                memo.clear()
            memo[key] = expand(calendar, Span(start_ms, end_ms))
        return memo[key]

    def _calendars(self, workcenters, start_ms: int, end_ms: int):
        """Work center id -> (from ms, until ms or None, Calendar) of its placements that touch the window."""
        spans = self.env["mes.placement"]._spans(workcenters.ids)
        areas = self.env["mes.area"].sudo().with_context(active_test=False)
        sites = {area.id: area.site_id for area in areas.browse({s[2] for found in spans.values() for s in found})}
        zones = {area_id: site.tz for area_id, site in sites.items()}
        first = clock.from_ms(start_ms).date() - MARGIN
        last = clock.from_ms(end_ms).date() + MARGIN
        rules = _Rules(self.env, first, last)
        made: dict[Place, Calendar] = {}
        result = {}
        for wc, found in spans.items():
            parts = []
            for start, end, area_id, line_id in found:
                if start < end_ms and (end is None or end > start_ms):
                    place = rules.place(wc, line_id, area_id, sites[area_id].id)
                    if place not in made:
                        made[place] = rules.calendar(place, zones[area_id])
                    parts.append((start, end, made[place]))
            result[wc] = parts
        return result


class _Rules:
    """All patterns and exceptions that bear on some days, read once."""

    def __init__(self, env, first: date, last: date) -> None:
        # Shift plans are no secret within the companies whose machines the caller may read.
        assignments = env["mes.shift.assignment"].sudo().search([("date_from", "<=", last)], order="date_from, id")
        exceptions = env["mes.shift.exception"].sudo()._within(first, last)
        self.first, self.last = first, last
        self.assignments = _by_place(assignments)
        self.exceptions = _by_place(exceptions)
        self.weeks: dict[tuple[int, int], tuple[ShiftRule, ...]] = {}

    def place(self, workcenter_id: int, line_id: int | None, area_id: int, site_id: int) -> Place:
        """The place without the levels that have no rules of their own: equal places share a calendar."""
        own = [
            id_ if ("workcenter_id", id_) in self.assignments or ("workcenter_id", id_) in self.exceptions else None
            for id_ in (workcenter_id, line_id)
        ]
        return Place(own[0], own[1], area_id, site_id)

    def calendar(self, place: Place, tz: str) -> Calendar:
        """The calendar of a place over the days read."""
        levels = [(name, id_) for name, id_ in zip(LEVELS, place, strict=True) if id_]
        patterns = tuple(self._patterns([self.assignments.get(level, []) for level in levels]))
        plain = Calendar(tz, patterns)
        exceptions = [one for level in reversed(levels) for one in self.exceptions.get(level, [])]
        return Calendar(tz, patterns, tuple(calendar_exceptions(exceptions, plain, self.first, self.last)))

    def _patterns(self, levels: list[list]) -> Iterable[Pattern]:
        """The pattern in force from each date: the most specific level's latest."""
        starts = sorted({assignment.date_from for level in levels for assignment in level})
        for index, start in enumerate(starts):
            end = starts[index + 1] if index + 1 < len(starts) else None
            if end is not None and end <= self.first:
                continue
            pattern = next(
                latest.pattern_id
                for level in levels
                for latest in reversed([one for one in level if one.date_from <= start])
            )
            yield from self._weekly(pattern, start, end)

    def _weekly(self, pattern, start: date, end: date | None) -> Iterable[Pattern]:
        """A pattern as weekly rules; one whose weeks rotate becomes one for each week around the window."""
        if pattern.cycle_weeks == 1:
            yield Pattern(start, self._week(pattern, 1))
            return
        monday = max(start, self.first)
        monday -= timedelta(days=monday.weekday())
        while monday <= self.last and (end is None or monday < end):
            yield Pattern(max(monday, start), self._week(pattern, pattern._week_number(monday)))
            monday += timedelta(days=7)

    def _week(self, pattern, number: int) -> tuple[ShiftRule, ...]:
        """The rules of week ``number`` (1, 2, ...) of a pattern."""
        key = (pattern.id, number)
        if key not in self.weeks:
            self.weeks[key] = tuple(
                rule for shift in pattern.shift_ids if shift.week in (0, number) for rule in shift_rules(shift, number)
            )
        return self.weeks[key]


def _instant(zone: str, day: date, minute: int) -> int:
    """The instant of a minute of a local day, in ms."""
    return to_ms(ZoneInfo(zone), datetime(day.year, day.month, day.day) + timedelta(minutes=minute))


def _by_place(records) -> dict[tuple[str, int], list]:
    """Records by the one place they name, in their order."""
    found: dict[tuple[str, int], list] = {}
    for record in records:
        name = next(name for name in ("workcenter_id", "area_id", "site_id") if record[name])
        found.setdefault((name, record[name].id), []).append(record)
    return found


def _clip(shift: Shift, start: int, end: int | None, low: int, high: int) -> Shift | None:
    """The shift if it touches [low, high), cut to the placement [start, end) in which it holds."""
    if shift.start >= high or shift.end <= low:
        return None
    if shift.start >= start and (end is None or shift.end <= end):
        return shift
    cut_start = max(shift.start, start)
    cut_end = shift.end if end is None else min(shift.end, end)
    breaks = tuple(
        type(one)(max(one.start, cut_start), min(one.end, cut_end), one.stops)
        for one in shift.breaks
        if one.start < cut_end and one.end > cut_start
    )
    return replace(shift, start=cut_start, end=cut_end, breaks=breaks)
