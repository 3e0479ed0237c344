from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from odoo import api, models
from odoo.addons.mes_base.timeline import History, Shift, Span, build
from odoo.addons.mes_base.tools import bulk, clock, spans
from odoo.tools import SQL

from .. import kpi
from ..tools.extent import Extent
from ..tools.grouping import LiveRow
from ..tools.levels import FIGURES, Cube
from ..tools.rows import Place
from .mes_oee_engine import Work

Spans = dict[int, list[tuple[int, int]]]


class Alike(NamedTuple):
    """What the quiet time of machines depends on: equal ones have equal rows."""

    shifts: tuple[Shift, ...]
    tz: str
    place: Place
    window: tuple[int, int]


class MesOeeQuiet(models.AbstractModel):
    """Time before a machine's first fact: shift time without data and time outside the shifts, and nothing else.

    That depends on calendar and place alone, so it is computed once for all machines that share them. Machines with an
    order, a word of a person or a move in that time are left to the engine, which has the same answer for every one.
    """

    _name = "mes.oee.quiet"
    _description = "Time of Machines without Facts"

    @api.private
    def _parted(self, rest: Spans, extents: Mapping[int, Extent]) -> tuple[Spans, Spans]:
        """The spans before their machine's first fact in which nothing was told either, and what is left."""
        quiet = {wc: before for wc, found in rest.items() if (before := _before(found, extents[wc]))}
        told = self._told(quiet)
        quiet = {wc: found for wc, found in quiet.items() if wc not in told}
        left = {
            wc: [part for one in found for part in spans.subtract(one, quiet.get(wc, ()))] for wc, found in rest.items()
        }
        return quiet, left

    def _told(self, quiet: Spans) -> set[int]:
        """The machines with an order of theirs or their lines, words or a move; one statement."""
        if not quiet:
            return set()
        ends = [edge for found in quiet.values() for one in found for edge in one]
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                SELECT wc FROM unnest(%(ids)s::int4[]) AS t(wc)
                 WHERE (SELECT count(*) FROM mes_placement p WHERE p.workcenter_id = wc) <> 1
                    OR EXISTS (SELECT FROM mes_state_override o WHERE o.workcenter_id = wc AND o.at_from < %(end)s)
                    OR EXISTS (SELECT FROM mes_order_run o
                                WHERE o.workcenter_id IN (SELECT wc UNION ALL SELECT line_id FROM mes_placement p
                                                           WHERE p.workcenter_id = wc AND line_id IS NOT NULL)
                                  AND o.at_from < %(end)s AND COALESCE(o.at_until, 'infinity') > %(start)s)
                """,
                ids=bulk.int_array(quiet),
                start=clock.from_ms(min(ends)),
                end=clock.from_ms(max(ends)),
            )
        )
        return {wc for (wc,) in self.env.cr.fetchall()}

    @api.private
    def _alike(self, quiet: Spans) -> dict[Alike, list[int]]:
        """The machines whose quiet time is the same; a fixed number of statements."""
        if not quiet:
            return {}
        machines = self.env["mrp.workcenter"].browse(sorted(quiet))
        ends = [edge for found in quiet.values() for one in found for edge in one]
        shifts = self.env["mes.calendar"].shifts(machines, min(ends), max(ends))
        zones = self.env["mes.calendar"].zones(machines, max(ends))
        places = self.env["mes.oee.engine"]._places(machines.ids)
        # Machines of one calendar have equal shifts: the first of them stand for all.
        known: dict[tuple[Shift, ...], tuple[Shift, ...]] = {}
        found: dict[Alike, list[int]] = {}
        for wc, windows in quiet.items():
            own = known.setdefault(shifts.get(wc, ()), shifts.get(wc, ()))
            for window in windows:
                found.setdefault(Alike(own, zones[wc], places[wc][0][1], window), []).append(wc)
        return found

    @api.private
    def _rows(self, cube: Cube, alike: Alike, machine: int, now: int) -> Sequence[LiveRow]:
        """The engine's rows of one of the machines."""
        history = History(shifts=_within(alike.shifts, alike.window), tz=alike.tz)
        timeline = build(history, Span(*alike.window), now)
        work = Work(machine, timeline, kpi.Settings(), (), [(0, alike.place)], {})
        return work.rows() if cube is FIGURES else work.reason_rows()


def _before(found: Iterable[tuple[int, int]], extent: Extent) -> list[tuple[int, int]]:
    """What of the spans lies before the hour of their machine's first fact."""
    if extent.first is None:
        return list(found)
    return [(start, min(end, extent.first)) for start, end in found if start < extent.first]


def _within(shifts: Iterable[Shift], window: tuple[int, int]) -> tuple[Shift, ...]:
    return tuple(shift for shift in shifts if shift.start < window[1] and shift.end > window[0])
