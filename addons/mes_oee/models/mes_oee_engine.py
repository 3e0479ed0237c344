from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from operator import itemgetter

from odoo import api, models
from odoo.addons.mes_base.timeline import Shift, Span, Timeline, build
from odoo.addons.mes_base.tools import bulk
from odoo.tools import SQL

from .. import kpi
from ..tools.rows import NOWHERE, Place, Row

Windows = Mapping[int, tuple[int, int]]


class MesOeeEngine(models.AbstractModel):
    """Facts to rows by the pure engine: the only place where the rollup and every figure come from."""

    _name = "mes.oee.engine"
    _description = "OEE Engine"

    @api.private
    def _timelines(self, windows: Windows, now: int) -> dict[int, Timeline]:
        """The effective timeline of each machine over its own window, up to now; ms."""
        histories = self.env["mes.timeline"].load(windows)
        return {wc: build(history, Span(*windows[wc]), now) for wc, history in histories.items()}

    @api.private
    def _rows(self, windows: Windows, now: int) -> list[Row]:
        """The rows of each machine over its own window, up to now, in order of machine and time."""
        windows = {wc: (start, end) for wc, (start, end) in sorted(windows.items()) if start < min(end, now)}
        if not windows:
            return []
        ids = list(windows)
        timelines = self._timelines(windows, now)
        settings, ideals, places = self._settings(ids), self._ideals(ids), self._places(ids)
        return [
            row
            for wc in ids
            for row in _rows_of(wc, timelines[wc], settings[wc], ideals.get(wc, ()), places.get(wc, []))
        ]

    @api.private
    def _settings(self, workcenter_ids: list[int]) -> dict[int, kpi.Settings]:
        """The settings of each machine: its own thresholds, its site's rules; two statements."""
        thresholds = self.env["mes.timeline"]._thresholds(workcenter_ids)
        self.env.cr.execute(
            SQL(
                """
                SELECT w.id, COALESCE(site.mes_no_order_is_loss, TRUE), COALESCE(site.mes_coverage_limit, 80)
                  FROM mrp_workcenter w LEFT JOIN mes_site site ON site.id = w.mes_site_id
                 WHERE w.id = ANY(%s::int4[])
                """,
                bulk.int_array(workcenter_ids),
            )
        )
        return {
            wc: kpi.Settings(
                minor_stop_ms=thresholds[wc].default_ms,
                minor_by_mode=thresholds[wc].by_mode,
                no_order_is_loss=no_order_is_loss,
                coverage_limit=Fraction(limit, 100),
            )
            for wc, no_order_is_loss, limit in self.env.cr.fetchall()
        }

    @api.private
    def _ideals(self, workcenter_ids: list[int]) -> dict[int, list[kpi.Ideal]]:
        """The ideal cycles of each machine; one statement."""
        return {
            wc: [kpi.Ideal.of_seconds(product_id, start, seconds) for product_id, start, seconds in cycles]
            for wc, cycles in self.env["mes.ideal.cycle"]._lookup(workcenter_ids).items()
        }

    @api.private
    def _places(self, workcenter_ids: list[int]) -> dict[int, list[tuple[int, Place]]]:
        """Since when (ms) each machine stands where, the latest last."""
        spans = self.env["mes.placement"]._spans(workcenter_ids)
        # Only the ids of sites are read, of machines that the caller may read.
        areas = self.env["mes.area"].sudo().browse({stay[2] for stays in spans.values() for stay in stays})
        sites = {area.id: area.site_id.id for area in areas}
        return {
            wc: [(since, Place(sites[area_id], area_id, line_id)) for since, _until, area_id, line_id in stays]
            for wc, stays in spans.items()
        }


def _rows_of(
    wc: int,
    timeline: Timeline,
    settings: kpi.Settings,
    ideals: Iterable[kpi.Ideal],
    places: list[tuple[int, Place]],
) -> Iterator[Row]:
    """The rows of one machine's timeline."""
    hours = {hour.start: hour for hour in timeline.hours}
    shifts = _shifts_by_hour(timeline)
    for key, totals in totals_of(timeline, settings, ideals).items():
        since = bisect_right(places, key.hour, key=itemgetter(0))
        place = places[since - 1][1] if since else NOWHERE
        yield Row(wc, place, hours[key.hour], shifts.get((key.hour, key.shift)), key.run, key.product, totals)


def _shifts_by_hour(timeline: Timeline) -> dict[tuple[int, str], Shift]:
    """The shift of each key in each hour; a move may have cut it, so that it is another one before."""
    starts = [hour.start for hour in timeline.hours]
    found: dict[tuple[int, str], Shift] = {}
    for piece in timeline.slices:
        if piece.shift:
            found.setdefault((starts[bisect_right(starts, piece.start) - 1], piece.shift.key), piece.shift)
    return found


def totals_of(
    timeline: Timeline, settings: kpi.Settings, ideals: Iterable[kpi.Ideal]
) -> dict[kpi.RowKey, kpi.Totals]:
    """A timeline's totals by hour, shift and order run."""
    hours = [hour.start for hour in timeline.hours]
    return kpi.rows(timeline.slices, timeline.quantities, timeline.stops, hours, settings, ideals)
