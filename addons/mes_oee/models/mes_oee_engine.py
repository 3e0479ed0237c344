from bisect import bisect_right
from collections.abc import Iterable, Mapping
from fractions import Fraction
from operator import itemgetter

from odoo import api, models
from odoo.addons.mes_base.timeline import History, Shift, Span, Timeline, build
from odoo.addons.mes_base.tools import bulk
from odoo.tools import SQL

from .. import kpi
from ..tools.rows import NOWHERE, Place, ReasonRow, Row

Windows = Mapping[int, tuple[int, int]]
Loaded = Mapping[int, tuple[tuple[int, int], History]]
"""Machine -> the window whose facts were read, and they."""


class MesOeeEngine(models.AbstractModel):
    """Facts to rows by the pure engine: the only place where the rollup and every figure come from."""

    _name = "mes.oee.engine"
    _description = "OEE Engine"

    @api.private
    def _timelines(self, windows: Windows, now: int) -> dict[int, Timeline]:
        """The effective timeline of each machine over its own window, up to now; ms."""
        settings = self._settings(list(windows))
        histories = self.env["mes.timeline"].load(_earlier(windows, settings))
        return {
            wc: build(history, Span(*windows[wc]), now, settings[wc].startup_ms) for wc, history in histories.items()
        }

    @api.private
    def _rows(self, windows: Windows, now: int) -> list[Row]:
        """The rows of each machine over its own window, up to now, in order of machine and time."""
        return [row for work in self._work(windows, now) for row in work.rows()]

    @api.private
    def _reason_rows(self, windows: Windows, now: int) -> list[ReasonRow]:
        """Where the time without production went, as :meth:`_rows`."""
        return [row for work in self._work(windows, now) for row in work.reason_rows()]

    @api.private
    def _all_rows(self, windows: Windows, now: int, known: Loaded | None = None) -> tuple[list[Row], list[ReasonRow]]:
        """Both, of the same timelines; facts that are ``known`` for such a window are not read again."""
        works = self._work(windows, now, known)
        return [row for work in works for row in work.rows()], [row for work in works for row in work.reason_rows()]

    def _work(self, windows: Windows, now: int, known: Loaded | None = None) -> "list[Work]":
        """All that the rows of each machine are made of, in order of machine."""
        windows = {wc: (start, end) for wc, (start, end) in sorted(windows.items()) if start < min(end, now)}
        if not windows:
            return []
        ids = list(windows)
        settings, ideals, places = self._settings(ids), self._ideals(ids), self._places(ids)
        earlier, known = _earlier(windows, settings), known or {}
        histories = {wc: known[wc][1] for wc, window in earlier.items() if wc in known and _holds(known[wc][0], window)}
        unread = {wc: window for wc, window in earlier.items() if wc not in histories}
        histories |= self.env["mes.timeline"].load(unread)
        productions = self._productions(histories.values())
        return [
            Work(
                wc,
                build(histories[wc], Span(*windows[wc]), now, settings[wc].startup_ms),
                settings[wc],
                ideals.get(wc, ()),
                places.get(wc, []),
                productions,
            )
            for wc in ids
        ]

    def _productions(self, histories: Iterable[History]) -> dict[int, int | None]:
        """The manufacturing order of each order run; one statement."""
        runs = {run.id for history in histories for run in (*history.runs, *history.line_runs)}
        if not runs:
            return {}
        self.env.cr.execute(
            SQL("SELECT id, production_id FROM mes_order_run WHERE id = ANY(%s::int4[])", bulk.int_array(runs))
        )
        return dict(self.env.cr.fetchall())

    @api.private
    def _settings(self, workcenter_ids: list[int]) -> dict[int, kpi.Settings]:
        """The settings of each machine: its own times, its site's rules, the flags of reasons; few statements."""
        failures, maintenance = self.env["mrp.workcenter.productivity.loss"]._mes_flagged()
        thresholds = self.env["mes.timeline"]._thresholds(workcenter_ids)
        self.env.cr.execute(
            SQL(
                """
                SELECT w.id, COALESCE(site.mes_no_order_is_loss, TRUE), COALESCE(site.mes_coverage_limit, 80),
                       COALESCE(w.mes_startup_minutes, 0)
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
                startup_ms=startup_minutes * 60_000,
                failures=failures,
                maintenance=maintenance,
            )
            for wc, no_order_is_loss, limit, startup_minutes in self.env.cr.fetchall()
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


class Work:
    """One machine's timeline with all that its rows are made of."""

    def __init__(
        self,
        wc: int,
        timeline: Timeline,
        settings: kpi.Settings,
        ideals: Iterable[kpi.Ideal],
        places: list[tuple[int, Place]],
        productions: Mapping[int, int | None],
    ) -> None:
        self._wc, self._timeline, self._settings, self._ideals = wc, timeline, settings, ideals
        self._places, self._productions = places, productions
        self._hours = {hour.start: hour for hour in timeline.hours}
        self._shifts = _shifts_by_hour(timeline)

    def rows(self) -> list[Row]:
        """The totals by hour, shift and order run."""
        made = totals_of(self._timeline, self._settings, self._ideals)
        return [Row(*self._about(key), totals) for key, totals in made.items()]

    def reason_rows(self) -> list[ReasonRow]:
        """Where the time without production went."""
        made = kpi.reasons(
            self._timeline.slices, self._timeline.quantities, self._timeline.stops, list(self._hours), self._settings
        )
        return [
            ReasonRow(*self._about(key), key.bucket, key.reason, key.code, lost.ms, lost.stops)
            for key, lost in made.items()
        ]

    def _about(self, key: kpi.RowKey | kpi.ReasonKey) -> tuple:
        """Machine, place, hour, shift, run, manufacturing order and product of a key."""
        since = bisect_right(self._places, key.hour, key=itemgetter(0))
        place = self._places[since - 1][1] if since else NOWHERE
        shift = self._shifts.get((key.hour, key.shift))
        production = self._productions.get(key.run)
        return self._wc, place, self._hours[key.hour], shift, key.run, production, key.product


def _shifts_by_hour(timeline: Timeline) -> dict[tuple[int, str], Shift]:
    """The shift of each key in each hour; a move may have cut it, so that it is another one before."""
    starts = [hour.start for hour in timeline.hours]
    found: dict[tuple[int, str], Shift] = {}
    for piece in timeline.slices:
        if piece.shift:
            found.setdefault((starts[bisect_right(starts, piece.start) - 1], piece.shift.key), piece.shift)
    return found


def _earlier(windows: Windows, settings: Mapping[int, kpi.Settings]) -> dict[int, tuple[int, int]]:
    """The windows with the time before in which a set-up may have ended whose start-up time reaches into them."""
    return {wc: (start - settings[wc].startup_ms, end) for wc, (start, end) in windows.items()}


def _holds(window: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether the other window lies within."""
    return window[0] <= other[0] and other[1] <= window[1]


def totals_of(
    timeline: Timeline, settings: kpi.Settings, ideals: Iterable[kpi.Ideal]
) -> dict[kpi.RowKey, kpi.Totals]:
    """A timeline's totals by hour, shift and order run."""
    hours = [hour.start for hour in timeline.hours]
    return kpi.rows(
        timeline.slices, timeline.quantities, timeline.stops, hours, settings, ideals, timeline.startups
    )
