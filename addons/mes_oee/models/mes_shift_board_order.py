from typing import Any

from odoo import models
from odoo.addons.mes_base.timeline import Timeline
from odoo.addons.mes_base.tools import clock

from .. import kpi
from ..tools import board, shift_board


class MesShiftBoard(models.AbstractModel):
    """The order and the changeover that the shift board shows."""

    _inherit = "mes.shift.board"

    def _run(self, timeline: Timeline) -> models.BaseModel:
        """The order run of the last moment that had one."""
        last = next((piece for piece in reversed(timeline.slices) if piece.runs), None)
        ids = sorted(run.id for run in last.runs) if last else []
        # The number of the order, its product and quantity are on the work sheet anyway; an operator may have
        # no right on manufacturing orders and products.
        return self.env["mes.order.run"].browse(ids[:1]).sudo()

    def _told_order(
        self,
        output: models.BaseModel,
        run: models.BaseModel,
        cycle_ns: int | None,
        target_oee: float,
        now: int,
    ) -> dict[str, Any]:
        """The running order, how far it is, and when it will be done at its own pace."""
        production = run.production_id
        wanted = round(production.product_qty) if production else None
        since = clock.to_ms(run.at_from)
        parts = self.env["mes.oee"].figures(output, since, now, by=("run",), registry=kpi.Registry())
        totals = next((part.totals for part in parts if part.key[0] == run.id), kpi.Totals())
        ends = None
        if wanted is not None:
            shifts = self.env["mes.calendar"].shifts(output, now, now + shift_board.AHEAD_MS)[output.id]
            cycle = board.mean_cycle_ms(totals, cycle_ns)
            ends = shift_board.expected_end(
                wanted - totals.good, totals.good, totals.pbt_ms, cycle, target_oee, shifts, now
            )
        return {
            "name": production.name or "",
            "product": run.product_id.name or "",
            "wanted": wanted,
            "made": totals.good,
            "since": since,
            "ends": ends,
        }

    def _changeover(self, pacer: models.BaseModel, timeline: Timeline) -> dict[str, Any] | None:
        """The changeover that is going on, as :meth:`mes.changeover.running` tells it; asked only during a set-up,
        because the orders around it are looked for over days."""
        if not timeline.slices or timeline.slices[-1].category != "setup":
            return None
        return self.env["mes.changeover"].running(pacer).get(pacer.id)
