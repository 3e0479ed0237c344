from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any, NamedTuple

from odoo import api, models
from odoo.addons.mes_base.tools import bulk, clock, spans
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import kpi
from ..kpi.totals import NAMES
from ..tools import hours
from ..tools.grouping import COLUMNS, live_key, stored_key
from ..tools.rows import Row
from ..tools.scope import Scope
from .mes_oee_refresh import CONSUMER

# Hours with facts that the rollup has not taken in yet are computed on the fly, up to so many; beyond,
# the figures say how many are still pending.
PENDING_LIMIT = 48
HOUR_MS = 3_600_000
OEE_ONLY = kpi.Registry()
OEE_ONLY.register(kpi.REGISTRY["oee"])


class Part(NamedTuple):
    """The figures of one group.

    ``key`` has one value for each name it was grouped by. ``pending_hours`` machine-hours of the whole
    question have newer facts than the figures show (0 but after a flood of late facts).
    """

    key: tuple
    totals: kpi.Totals
    figures: dict[str, kpi.Figure]
    as_of: int
    pending_hours: int


class MesOee(models.AbstractModel):
    """Figures of machines, lines, areas and sites over any span: complete hours from the rollup, the rest
    from the engine that made the rollup. Every button, board and report asks here."""

    _name = "mes.oee"
    _description = "OEE Figures"

    @api.private
    def figures(
        self,
        scope: models.BaseModel,
        start: int,
        end: int,
        by: Sequence[str] = (),
        dates: tuple[date, date] | None = None,
        registry: kpi.Registry = kpi.REGISTRY,
    ) -> list[Part]:
        """The figures of a scope over ``[start, end)`` ms, up to now; in order of their keys.

        ``scope``: sites, areas, a line (its units) or work centers. ``by``: any of
        ``tools.grouping.COLUMNS``. ``dates``: only shifts with a business date from .. to, both included.

        :raises AccessError: the user may not read the scope or figures at all.
        :raises UserError: an unknown name in ``by``, or a span that ends before it starts.
        """
        self._check_question(by, start, end)
        chosen = self._scope(scope)
        now = self.env["mes.clock"].now_ms()
        sums, pending = self._sums(chosen, start, min(end, now), tuple(by), dates, now)
        settings = self._settings(chosen.workcenter_ids, start, end)
        common = _common(list(settings.values()))
        machine_at = list(by).index("machine") if "machine" in by else None
        found = []
        for key, totals in sorted(sums.items(), key=lambda item: _sortable(item[0])):
            own = common if machine_at is None else settings[key[machine_at]]
            made = kpi.figures(totals, own, method=chosen.method, registry=registry)
            found.append(Part(key, totals, made, now, pending))
        return found

    def _settings(self, workcenter_ids: list[int], start: int, end: int) -> dict[int, kpi.Settings]:
        """The settings of each machine with the version of its calendar in the span."""
        machines = self.env["mrp.workcenter"].browse(workcenter_ids)
        versions = self.env["mes.calendar"].versions(machines, start, end)
        return {
            wc: replace(one, calendar_version=versions.get(wc, ""))
            for wc, one in self.env["mes.oee.engine"]._settings(workcenter_ids).items()
        }

    @api.private
    def _scope(self, scope: models.BaseModel) -> Scope:
        """The machines of a scope that the user may read.

        :raises AccessError: the user may not read the scope, or figures at all.
        """
        self.env["mes.oee.rollup"].check_access("read")
        scope.check_access("read")
        if scope._name == "mrp.workcenter":
            return self._scope_of_workcenters(scope)
        column = {"mes.area": "area_id", "mes.site": "site_id"}[scope._name]
        return Scope(self._machines(column, scope.ids), column, tuple(scope.ids), "sums")

    def _scope_of_workcenters(self, workcenters: models.BaseModel) -> Scope:
        """One line stands for its units or its bottleneck, other work centers for themselves."""
        if len(workcenters) != 1:
            return Scope(sorted(workcenters.ids), method="sums")
        if workcenters.mes_level != "line":
            return Scope(workcenters.ids)
        if workcenters.mes_oee_method == "bottleneck" and workcenters.mes_bottleneck_id:
            return Scope(workcenters.mes_bottleneck_id.ids, method="bottleneck")
        return Scope(self._machines("line_id", workcenters.ids), "line_id", tuple(workcenters.ids), "sums")

    def _machines(self, column: str, place_ids: Iterable[int]) -> list[int]:
        """The machines that ever stood at one of the places, as far as the user may read them."""
        at = {"site_id": "mes_site_id", "area_id": "mes_area_id", "line_id": "mes_line_id"}[column]
        placed = {"site_id": "area_id.site_id", "area_id": "area_id", "line_id": "line_id"}[column]
        ids = list(place_ids)
        domain = ["|", (at, "in", ids), (f"mes_placement_ids.{placed}", "in", ids)]
        machines = self.env["mrp.workcenter"].with_context(active_test=False).search(domain)
        return sorted(machines.filtered(lambda machine: machine.mes_level != "line").ids)

    @api.private
    def too_long_cycles(self, scope: models.BaseModel, start: int, end: int) -> dict[int, list[kpi.IdealTooLong]]:
        """Machine -> its products that were made faster than ideal in [start, end) ms, with the proposed cycle.

        :raises AccessError: the user may not read the scope or figures at all.
        """
        hourly: dict[tuple[int, int | None], list[kpi.Totals]] = {}
        for part in self.figures(scope, start, end, by=("machine", "product", "hour"), registry=kpi.Registry()):
            hourly.setdefault(part.key[:2], []).append(part.totals)
        found: dict[int, list[kpi.IdealTooLong]] = {}
        for (machine, product), parts in hourly.items():
            if finding := kpi.ideal_too_long(product, parts):
                found.setdefault(machine, []).append(finding)
        return found

    @api.private
    def _last(self, workcenters: models.BaseModel, span_ms: int) -> dict[int, Fraction | None]:
        """OEE of each work center over the last so many milliseconds; lines by their own method."""
        now = self.env["mes.clock"].now_ms()
        lines = workcenters.filtered(lambda one: one.mes_level == "line")
        asked = [(line, ()) for line in lines] + [(workcenters - lines, ("machine",))] * bool(workcenters - lines)
        return {
            part.key[0] if by else scope.id: part.figures["oee"].value
            for scope, by in asked
            for part in self.figures(scope, now - span_ms, now, by=by, registry=OEE_ONLY)
        }

    @api.private
    def _may_read(self) -> bool:
        """Whether the user may read figures at all."""
        return self.env["mes.oee.rollup"].has_access("read")

    @api.private
    def _with_facts(self, workcenter_ids: Iterable[int]) -> set[int]:
        """The machines with facts of their own, and the lines of which a unit has some."""
        self.env.cr.execute(
            SQL(
                """
                SELECT w.id, w.mes_line_id FROM mrp_workcenter w
                 WHERE (w.id = ANY(%(ids)s::int4[]) OR w.mes_line_id = ANY(%(ids)s::int4[]))
                   AND EXISTS (SELECT FROM mes_state_point p WHERE p.workcenter_id = w.id)
                """,
                ids=bulk.int_array(workcenter_ids),
            )
        )
        return {id_ for row in self.env.cr.fetchall() for id_ in row if id_}

    @api.private
    def _refusal_text(self, code: str) -> str:
        """Why the engine gives no figure, for people."""
        said = {
            "no_shift_time": self.env._("there is no shift time in this span"),
            "coverage_too_low": self.env._("too little of the shift time was watched"),
            "no_busy_time": self.env._("there is no planned busy time in this span"),
            "no_production_time": self.env._("the machine did not produce in this span"),
            "nothing_produced": self.env._("no piece was made in production time"),
            "no_ideal_cycle": self.env._(
                "some of the pieces have no ideal cycle: enter one for their product on this machine"
            ),
            "zero_divisor": self.env._("the divisor is zero"),
            "input_missing": self.env._("an input of the formula is not known here"),
        }
        return said.get(code) or kpi.REFUSALS[code]

    @api.private
    def _sums(
        self,
        scope: Scope,
        start: int,
        end: int,
        by: tuple[str, ...],
        dates: tuple[date, date] | None,
        now: int,
    ) -> tuple[dict[tuple, kpi.Totals], int]:
        """Totals by key over ``[start, end)``, and the machine-hours whose newer facts are left out."""
        stored, live, pending = self._parts(scope.workcenter_ids, start, end, now)
        parts: dict[tuple, list[kpi.Totals]] = {}
        for key, totals in self._stored(scope, stored, by, dates):
            parts.setdefault(key, []).append(totals)
        for row in self._live(live, now):
            if _wanted(row, scope, dates):
                parts.setdefault(live_key(row, by), []).append(row.totals)
        return {key: one[0] if len(one) == 1 else kpi.add_up(one) for key, one in parts.items()}, pending

    def _parts(
        self, workcenter_ids: list[int], start: int, end: int, now: int
    ) -> tuple[dict[int, list], dict[int, list], int]:
        """Which hours of each machine to take from the rollup, which spans to compute, how much is pending.

        An hour is taken from the rollup if it has rows, lies wholly in the span, and no fact of it waits.
        """
        extents = self.env["mes.oee.refresh"]._extents(workcenter_ids, now)
        waiting = self._waiting(workcenter_ids, start, end, now)
        stored: dict[int, list] = {}
        for wc, extent in extents.items():
            if extent.rolled_from is None or start >= end:
                continue
            low = max(hours.ceil(extent.tz, start), extent.rolled_from)
            high = min(hours.floor(extent.tz, end), extent.rolled_until)
            if low < high:
                stored[wc] = [(low, high)]
                outward = [hours.outward(extent.tz, *one) for one in waiting.get(wc, ())]
                waiting[wc] = spans.merge((max(s, low), min(e, high)) for s, e in outward if s < high and e > low)
        backlog = sum(e - s for wc in stored for s, e in waiting.get(wc, ())) // HOUR_MS
        if backlog <= PENDING_LIMIT:
            stored = {
                wc: [rest for one in found for rest in spans.subtract(one, waiting.get(wc, ()))]
                for wc, found in stored.items()
            }
            backlog = 0
        live = {wc: spans.subtract((start, end), stored.get(wc, ())) for wc in extents if start < end}
        return stored, live, backlog

    def _waiting(self, workcenter_ids: list[int], start: int, end: int, now: int) -> dict[int, list]:
        """The spans with facts that the rollup has not taken in yet."""
        self.env.cr.execute(
            SQL(
                """
                SELECT workcenter_id, %(from)s, COALESCE(%(until)s, %(end)s) FROM mes_dirty_span
                 WHERE consumer = %(consumer)s AND workcenter_id = ANY(%(ids)s::int4[])
                   AND at_from < %(end_at)s AND (at_until IS NULL OR at_until > %(start_at)s)
                """,
                **{"from": bulk.millis("at_from")},
                until=bulk.millis("at_until"),
                consumer=CONSUMER,
                ids=bulk.int_array(workcenter_ids),
                end=end,
                end_at=clock.from_ms(end),
                start_at=clock.from_ms(start),
            )
        )
        found: dict[int, list] = {}
        for wc, since, until in self.env.cr.fetchall():
            found.setdefault(wc, []).append((since, max(until, since + 1)))
        return found

    def _stored(
        self, scope: Scope, stored: dict[int, list], by: tuple[str, ...], dates: tuple[date, date] | None
    ) -> Iterable[tuple[tuple, kpi.Totals]]:
        """Sums of the rollup's rows by key; one statement, whatever their number."""
        rows = [(wc, *one) for wc, found in stored.items() for one in found]
        if not rows:
            return
        columns = [SQL.identifier("r", column) for name in by for column in COLUMNS[name]]
        # Thousands of groups with their sums take 20 MB: hashed in memory they need a third of the time.
        self.env.cr.execute("SET LOCAL work_mem = '64MB'")
        conditions = [SQL("TRUE")]
        if scope.place:
            conditions.append(SQL("%s = ANY(%s)", SQL.identifier("r", scope.place), list(scope.place_ids)))
        if dates:
            conditions.append(SQL("r.business_date BETWEEN %s AND %s", *dates))
        self.env.cr.execute(
            SQL(
                """
                SELECT %(keys)s %(sums)s
                  FROM %(rows)s AS s(wc, from_ms, until_ms)
                  JOIN mes_oee_rollup r
                    ON r.workcenter_id = s.wc AND r.hour_at >= %(from)s AND r.hour_at < %(until)s
                 WHERE %(where)s
                 %(group)s
                """,
                keys=SQL("%s,", SQL(", ").join(columns)) if columns else SQL(),
                sums=SQL(", ").join(_sum(name) for name in NAMES),
                rows=bulk.unnest(rows, ["int4", "int8", "int8"]),
                **{"from": bulk.timestamp("s.from_ms")},
                until=bulk.timestamp("s.until_ms"),
                where=SQL(" AND ").join(conditions),
                group=SQL("GROUP BY %s", SQL(", ").join(columns)) if columns else SQL("HAVING count(*) > 0"),
            )
        )
        width = len(columns)
        for row in self.env.cr.fetchall():
            yield stored_key(row[:width], by), kpi.Totals(*row[width:])

    def _live(self, live: dict[int, list], now: int) -> Iterable[Row]:
        """The engine's rows of spans that the rollup does not answer for, one of each machine at a time."""
        engine = self.env["mes.oee.engine"]
        queues = {wc: list(found) for wc, found in live.items()}
        while queues := {wc: left for wc, left in queues.items() if left}:
            yield from engine._rows({wc: left.pop() for wc, left in queues.items()}, now)

    def _check_question(self, by: Sequence[str], start: int, end: int) -> None:
        """:raises UserError: the question makes no sense."""
        if unknown := [name for name in by if name not in COLUMNS]:
            raise UserError(
                self.env._(
                    "Figures cannot be grouped by %(unknown)s: use %(known)s.",
                    unknown=", ".join(map(str, unknown)),
                    known=", ".join(COLUMNS),
                )
            )
        if end < start:
            raise UserError(self.env._("The span ends before it starts: swap the two times."))


def _sum(name: str) -> SQL:
    """The sum of a column; what is at most an hour or its stops is added as int4, which is much faster."""
    column = SQL.identifier("r", name)
    return SQL("sum(%s::int4)", column) if name.endswith(("_ms", "_stops")) else SQL("sum(%s)::int8", column)


def _wanted(row: Row, scope: Scope, dates: tuple[date, date] | None) -> bool:
    """Whether a live row belongs to the scope and the business dates."""
    if scope.place and getattr(row.place, scope.place) not in scope.place_ids:
        return False
    return dates is None or (row.shift is not None and dates[0] <= row.shift.business_date <= dates[1])


def _common(settings: list[kpi.Settings]) -> kpi.Settings:
    """The settings for figures of several machines: the strictest, and every calendar's version."""
    if not settings:
        return kpi.Settings()
    return kpi.Settings(
        no_order_is_loss=any(one.no_order_is_loss for one in settings),
        coverage_limit=max(one.coverage_limit for one in settings),
        calendar_version=" ".join(sorted({one.calendar_version for one in settings})),
    )


def _sortable(key: tuple) -> tuple[Any, ...]:
    """Keys in order, missing values first."""
    return tuple(
        _sortable(value) if isinstance(value, tuple) else (value is not None, 0 if value is None else value)
        for value in key
    )
