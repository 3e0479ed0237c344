from typing import Any

from odoo import api, models
from odoo.addons.mes_base.timeline import Shift, Timeline
from odoo.addons.mes_base.tools import bulk, clock
from odoo.exceptions import AccessError
from odoo.tools import SQL

from .. import kpi
from ..tools import board, ribbon
from .mes_oee_shift import GLANCE

DAY_MS = 24 * 3_600_000
# Between shifts the board shows so much of the past.
LOOK_BACK_MS = 8 * 3_600_000
# The next shift is looked for over a free day, then over a company's longest holiday.
AHEAD_MS = (2 * DAY_MS, 21 * DAY_MS)


class MesBoard(models.AbstractModel):
    """What the live board of a line shows when it is opened; then it follows the bus."""

    _name = "mes.board"
    _description = "Live Board"

    @api.model
    def snapshot(self, line_id: int | bool = False) -> dict[str, Any]:
        """The board of a line, or of the first one; shape: see ``static/src/board/board_model.js``.

        Times are integer milliseconds of plant time, ratios plain fractions, None where there is no figure.

        :raises AccessError: the user is no operator.
        """
        if not self.env.user.has_group("mes_base.group_mes_operator"):
            raise AccessError(self.env._("The live board is for operators: ask for the role Operator."))
        now = self.env["mes.clock"].now_ms()
        head = {"now": now, "speed": _speed()}
        lines = self.env["mrp.workcenter"].search([("mes_level", "=", "line")])
        lines = lines.filtered(lambda line: line.mes_unit_ids)
        if not lines:
            return {**head, "lines": [], "line": None, "machines": []}
        line = lines.filtered(lambda one: one.id == line_id) or lines[0]
        return {
            **head,
            "lines": [{"id": one.id, "name": one.name} for one in lines],
            **self._line(line, line.mes_unit_ids.sorted("sequence"), now),
        }

    def _line(self, line: models.BaseModel, units: models.BaseModel, now: int) -> dict[str, Any]:
        """All that is shown of one line."""
        shift = self._shift(units[0], now)
        schedules = self._schedules(units, now)
        start, end = (shift.start, shift.end) if shift else (now - LOOK_BACK_MS, now)
        timelines = self.env["mes.timeline"].timelines(units, start, min(end, now), now)
        codes = self._reasons_by_code(line.company_id)
        machines = self._machines(units, timelines, codes, start, now)
        for machine in machines:
            machine["schedule"] = schedules[machine["id"]]
        return {
            "tz": line.mes_site_id.tz,
            "shift": shift and board.shift_values(shift, self._shift_name(line.company_id, shift.name)),
            "span": {"start": start, "end": end, "breaks": []},
            "next_shift": None if shift else schedules[units[0].id]["next"],
            "order": self._running_order(timelines.values()),
            "targets": line._targets()[line.id],
            "reasons": codes,
            "as_of": max((m["live"]["recv"] for m in machines if m["live"]), default=None),
            "line": {
                "id": line.id,
                "name": line.name,
                "path": f"{line.mes_site_id.name} · {line.mes_area_id.name}",
                "output_code": units[-1].mes_code,
                "bottleneck": line.mes_oee_method == "bottleneck" and line.mes_bottleneck_id.name,
                "figures": self._figures(line, start, now)[None],
            },
            "machines": machines,
        }

    # -- calendar ----------------------------------------------------------------------------------

    def _shift(self, unit: models.BaseModel, now: int) -> Shift | None:
        """The shift that runs now where the unit stands."""
        shifts = self.env["mes.calendar"].shifts(unit, now, now + 1)[unit.id]
        return next((one for one in shifts if one.start <= now < one.end), None)

    def _schedules(self, units: models.BaseModel, now: int) -> dict[int, dict[str, int | None]]:
        """By machine: until when its shift runs (None: none runs now), and when its next one begins; ms.

        A fixed number of statements. None for ``next``: no shift is planned far and wide.
        """
        found: dict[int, dict[str, int | None]] = {unit.id: {"until": None, "next": None} for unit in units}
        for ahead in AHEAD_MS:
            waiting = units.filtered(lambda unit: found[unit.id]["next"] is None)
            for wc, shifts in self.env["mes.calendar"].shifts(waiting, now, now + ahead).items():
                running = max((one.end for one in shifts if one.start <= now < one.end), default=None)
                coming = min((one.start for one in shifts if one.start > now), default=None)
                found[wc] = {"until": running, "next": coming}
        return found

    def _shift_name(self, company: models.BaseModel, code: str) -> str:
        """The name of the shift with this short key; the key itself when the shift is gone."""
        shift = self.env["mes.shift"].search([("company_id", "=", company.id), ("code", "=", code)], limit=1)
        return shift.name or code

    # -- machines ----------------------------------------------------------------------------------

    def _machines(
        self,
        units: models.BaseModel,
        timelines: dict[int, Timeline],
        codes: dict[str, str],
        start: int,
        now: int,
    ) -> list[dict[str, Any]]:
        """A row for each unit, in the order of the flow."""
        figures = self._figures(units, start, now)
        live = self._live(units, now)
        counters = self._counters(units, start)
        settings = self.env["mes.oee.engine"]._settings(units.ids)
        reasons = self._reason_names(timelines.values())

        def label(piece: Any) -> str:
            return reasons.get(piece.reason) or codes.get(piece.code) or piece.interlock or piece.code or ""

        rows = []
        for unit in units:
            timeline, value = timelines[unit.id], live.get(unit.id)
            spans = ribbon.ribbon(timeline.slices, timeline.stops, settings[unit.id], label)
            rows.append(
                {
                    "id": unit.id,
                    "code": unit.mes_code,
                    "name": unit.name,
                    "stale_ms": unit.mes_stale_ms,
                    "live": value,
                    "ribbon": ribbon.up_to_now(spans, value, now),
                    "counters": counters.get(unit.id, {}),
                    "figures": figures[unit.id],
                    "target": figures[unit._mes_paced_by().id]["target"],
                }
            )
        return rows

    def _live(self, units: models.BaseModel, now: int) -> dict[int, dict[str, Any]]:
        """The latest values by machine; a value without a fresh read has no state."""
        found = {}
        for row in self.env["mes.equipment.live"].search([("workcenter_id", "in", units.ids)]):
            at = clock.to_ms(row.at)
            limit = row.workcenter_id.mes_stale_ms + board.SLACK_MS * _speed()
            fresh = row.state if now - at <= limit else None
            found[row.workcenter_id.id] = {
                "at": at,
                "recv": clock.to_ms(row.recv) if row.recv else at,
                "state": fresh or None,
                "since": clock.to_ms(row.since) if fresh and row.since else at,
                "mode": row.mode or None,
                "code": row.code or None,
                "interlock": row.interlock or None,
                "counts": row.counts or {},
            }
        return found

    def _counters(self, units: models.BaseModel, start: int) -> dict[int, dict[str, Any]]:
        """Counters by machine and name with the running total at ``start``, and the last one that is stored (None:
        there is none); one statement."""
        self.env["mes.count.point"].check_access("read")
        self.env.cr.execute(
            SQL(
                """
                SELECT k.workcenter_id, k.name, k.role, k.pieces_per_unit,
                       COALESCE(before.total, after.total - COALESCE(after.delta, 0), 0), last.total
                  FROM mes_counter k
                  LEFT JOIN LATERAL (SELECT total FROM mes_count_point WHERE counter_id = k.id AND at <= %(at)s
                        ORDER BY at DESC LIMIT 1) before ON TRUE
                  LEFT JOIN LATERAL (SELECT total, delta FROM mes_count_point WHERE counter_id = k.id
                        AND at > %(at)s ORDER BY at LIMIT 1) after ON TRUE
                  LEFT JOIN LATERAL (SELECT total FROM mes_count_point WHERE counter_id = k.id
                        ORDER BY at DESC LIMIT 1) last ON TRUE
                 WHERE k.workcenter_id = ANY(%(ids)s::int4[]) AND k.active
                """,
                at=clock.from_ms(start),
                ids=bulk.int_array(units.ids),
            )
        )
        found: dict[int, dict[str, Any]] = {}
        for workcenter_id, name, role, pieces, base, told in self.env.cr.fetchall():
            found.setdefault(workcenter_id, {})[name] = {
                "role": role,
                "pieces_per_unit": float(pieces),
                "base": base,
                "told": told,
            }
        return found

    # -- figures -----------------------------------------------------------------------------------

    def _figures(self, scope: models.BaseModel, start: int, now: int) -> dict[int | None, dict[str, Any]]:
        """The figures of machines by id, or of a line under None."""
        service = self.env["mes.oee"]
        if scope[:1].mes_level == "line":
            whole = service.figures(scope, start, now, registry=GLANCE)
            return {None: self._values(whole[0] if whole else None, scope, now)}
        parts = {part.key[0]: part for part in service.figures(scope, start, now, by=("machine",), registry=GLANCE)}
        return {unit.id: self._values(parts.get(unit.id), unit, now) for unit in scope}

    def _values(self, part: Any, workcenter: models.BaseModel, now: int) -> dict[str, Any]:
        """One part of the service's answer as the board's plain values."""
        if part is None:
            return board.NO_FIGURES
        refusal = part.figures["oee"].refusal
        reason = self.env["mes.oee"]._refusal_text(refusal) if refusal else None
        cycle_ns, target_oee = self._cycle_ns(workcenter, now), workcenter._target("oee")
        return board.figure_values(part.totals, part.figures, reason, cycle_ns, target_oee)

    def _cycle_ns(self, workcenter: models.BaseModel, now: int) -> int | None:
        """The ideal cycle for any product now: the target's measure while nothing was made yet."""
        ideals = self.env["mes.oee.engine"]._ideals(workcenter.ids).get(workcenter.id, ())
        return kpi.Ideals(ideals).ns(None, now)

    # -- words -------------------------------------------------------------------------------------

    def _reasons_by_code(self, company: models.BaseModel) -> dict[str, str]:
        """What the machines' stop codes mean: reasons that carry the code."""
        losses = self.env["mrp.workcenter.productivity.loss"].search(
            [("mes_code", "!=", False), ("company_id", "in", [False, company.id])]
        )
        return {loss.mes_code: loss.name for loss in losses}

    def _reason_names(self, timelines: Any) -> dict[int, str]:
        """Names of the reasons that people gave."""
        given = {piece.reason for timeline in timelines for piece in timeline.slices} - {None}
        losses = self.env["mrp.workcenter.productivity.loss"].with_context(active_test=False)
        return {loss.id: loss.name for loss in losses.browse(sorted(given))}

    def _running_order(self, timelines: Any) -> dict[str, str] | None:
        """The order that runs now on the line."""
        runs = {run.id for timeline in timelines for piece in timeline.slices[-1:] for run in piece.runs}
        run = self.env["mes.order.run"].browse(sorted(runs)[:1])
        # The number of the order and its product are on the work sheet anyway; an operator may
        # have no right on manufacturing orders and products.
        run = run.sudo()
        return {"name": run.production_id.name or "", "product": run.product_id.name} if run else None


def _speed() -> float:
    """Plant seconds a real second."""
    anchor = clock.anchor()
    return anchor.speed if anchor else 1.0
