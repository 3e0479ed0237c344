from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any, NamedTuple

from odoo import api, models
from odoo.addons.mes_base.tools import bulk, clock
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import kpi
from ..tools.grouping import COLUMNS, REASON_COLUMNS, sortable
from ..tools.levels import FIGURES, REASONS, Cube
from ..tools.scope import Scope
from .mes_oee_store import Answer, Cuts, Question

# Longer spans are nobody's question, but would keep a worker busy for minutes.
LONGEST_MS = 3660 * 24 * 3_600_000

OEE_ONLY = kpi.Registry()
OEE_ONLY.register(kpi.REGISTRY["oee"])


class Part(NamedTuple):
    """The figures of one group.

    ``key`` has one value for each name it was grouped by. They tell of all that was before ``as_of`` (ms);
    ``pending_hours`` machine-hours of the whole question have newer facts than the figures show (0 but after
    a flood of late facts).
    """

    key: tuple
    totals: kpi.Totals
    figures: dict[str, kpi.Figure]
    as_of: int
    pending_hours: int


class ReasonPart(NamedTuple):
    """The lost time of one group: milliseconds, and the stops that began; the rest as in :class:`Part`."""

    key: tuple
    ms: int
    stops: int
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
        live: bool = True,
    ) -> list[Part]:
        """The figures of a scope over ``[start, end)`` ms, up to now; in order of their keys.

        ``scope``: sites, areas, a line (its units) or work centers. ``by``: any of
        ``tools.grouping.COLUMNS``. ``dates``: only shifts with a business date from .. to, both included.
        ``live``: without it only complete hours are told of, up to ``as_of``; of hundreds of machines that
        is much faster, because nothing is computed from facts.

        :raises AccessError: the user may not read the scope or figures at all.
        :raises UserError: an unknown name in ``by``, a span that ends before it starts or is longer than ten years,
            or more time without rollups than can be computed while somebody waits.
        """
        self._check_question(by, start, end, COLUMNS)
        chosen = self._scope(scope)
        now = self.env["mes.clock"].now_ms()
        question = Question(FIGURES, chosen, start, end, tuple(by), dates)
        answer = self.env["mes.oee.store"]._sums(question, now, live)
        settings = self._settings(chosen.workcenter_ids, start, end)
        common = _common(list(settings.values()))
        more = self._more(chosen, start, max(start, min(end, now)), tuple(by), dates, registry.inputs, live)
        machine_at = list(by).index("machine") if "machine" in by else None
        found = []
        for key, values in sorted(answer.sums.items(), key=lambda item: sortable(item[0])):
            own = common if machine_at is None else settings[key[machine_at]]
            totals = kpi.Totals(*values)
            made = kpi.figures(totals, own, more=more.get(key), method=chosen.method, registry=registry)
            found.append(Part(key, totals, made, answer.as_of, answer.pending_hours))
        return found

    @api.private
    def reasons(
        self,
        scope: models.BaseModel,
        start: int,
        end: int,
        by: Sequence[str] = ("reason",),
        dates: tuple[date, date] | None = None,
        live: bool = True,
    ) -> list[ReasonPart]:
        """Where the time without production went; the arguments and errors are those of :meth:`figures`.

        ``by`` knows also ``bucket``, ``reason`` (an id, None where nobody told one) and ``code``. Of each
        bucket the parts sum to the totals of :meth:`figures`.
        """
        self._check_question(by, start, end, REASON_COLUMNS)
        question = Question(REASONS, self._scope(scope), start, end, tuple(by), dates)
        answer = self.env["mes.oee.store"]._sums(question, self.env["mes.clock"].now_ms(), live)
        return [
            ReasonPart(key, *values, answer.as_of, answer.pending_hours)
            for key, values in sorted(answer.sums.items(), key=lambda item: sortable(item[0]))
        ]

    @api.private
    def _parted(
        self,
        cube: Cube,
        scope: Scope,
        start: int,
        end: int,
        by: Sequence[str],
        dates: tuple[date, date] | None,
        cuts: Cuts,
        live: bool = True,
    ) -> Answer:
        """The sums behind :meth:`figures` or :meth:`reasons` of a checked scope, each machine's parted at its ``cuts``.

        :raises UserError: as :meth:`figures`.
        """
        self._check_question(by, start, end, COLUMNS if cube is FIGURES else REASON_COLUMNS)
        question = Question(cube, scope, start, end, tuple(by), dates, cuts)
        return self.env["mes.oee.store"]._sums(question, self.env["mes.clock"].now_ms(), live)

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
        if pacing := workcenters._mes_pacing():
            return Scope(pacing.ids, method="bottleneck")
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
    def too_long_cycles(
        self, scope: models.BaseModel, start: int, end: int, present: bool = False
    ) -> dict[int, list[kpi.IdealTooLong]]:
        """Machine -> its products that were made faster than ideal in [start, end) ms, with the proposed cycle.

        ``present``: only hours in which the ideal cycle held that is in force at the end.

        :raises AccessError: the user may not read the scope or figures at all.
        """
        hourly: dict[tuple[int, int | None], list[kpi.Totals]] = {}
        ids = self._scope(scope).workcenter_ids
        known = {wc: kpi.Ideals(found) for wc, found in self.env["mes.oee.engine"]._ideals(ids).items()}
        for part in self.figures(scope, start, end, by=("machine", "product", "hour"), registry=kpi.Registry()):
            machine, product, hour = part.key
            if machine not in known:
                continue
            if not present or clock.to_ms(hour) >= (known[machine].since(product, end) or 0):
                hourly.setdefault((machine, product), []).append(part.totals)
        found: dict[int, list[kpi.IdealTooLong]] = {}
        for (machine, product), parts in hourly.items():
            if finding := kpi.ideal_too_long(product, parts):
                found.setdefault(machine, []).append(finding)
        return found

    @api.private
    def _last(
        self, workcenters: models.BaseModel, span_ms: int, registry: kpi.Registry = OEE_ONLY
    ) -> dict[int, Part]:
        """The figures of each work center over the last so many milliseconds; lines by their own method.

        Where the first fact is younger, since then: before it nobody could watch.
        """
        now = self.env["mes.clock"].now_ms()
        members = {one: self._scope(one).workcenter_ids for one in workcenters}
        firsts = self._first_facts({wc for ids in members.values() for wc in ids}, now)
        together: dict[tuple[int, int | bool], list[int]] = {}
        for one, ids in members.items():
            since = min((firsts[wc] for wc in ids if wc in firsts), default=now)
            line = one.mes_level == "line" and one.id
            together.setdefault((max(since, now - span_ms), line), []).append(one.id)
        return {
            line or part.key[0]: part
            for (start, line), ids in together.items()
            for part in self.figures(
                workcenters.browse(ids), start, now, by=() if line else ("machine",), registry=registry
            )
        }

    def _first_facts(self, workcenter_ids: Iterable[int], now: int) -> dict[int, int]:
        """The hour (ms) of each machine's first fact; those without facts are left out."""
        extents = self.env["mes.oee.refresh"]._extents(workcenter_ids, now)
        return {wc: one.first for wc, one in extents.items() if one.first is not None}

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

    def _check_question(self, by: Sequence[str], start: int, end: int, known: Mapping[str, Any]) -> None:
        """:raises UserError: the question makes no sense."""
        if unknown := [name for name in by if name not in known]:
            raise UserError(
                self.env._(
                    "Figures cannot be grouped by %(unknown)s: use %(known)s.",
                    unknown=", ".join(map(str, unknown)),
                    known=", ".join(known),
                )
            )
        if end < start:
            raise UserError(self.env._("The span ends before it starts: swap the two times."))
        if end - start > LONGEST_MS or end > self.env["mes.clock"].now_ms() + LONGEST_MS:
            raise UserError(self.env._("Figures are told of at most ten years: choose a shorter span."))


def _common(settings: list[kpi.Settings]) -> kpi.Settings:
    """The settings for figures of several machines: the strictest, and every calendar's version."""
    if not settings:
        return kpi.Settings()
    return kpi.Settings(
        no_order_is_loss=any(one.no_order_is_loss for one in settings),
        coverage_limit=max(one.coverage_limit for one in settings),
        calendar_version=" ".join(sorted({one.calendar_version for one in settings})),
    )
