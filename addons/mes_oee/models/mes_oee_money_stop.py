from typing import Any

from odoo import api, models
from odoo.addons.mes_base.tools import clock
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..tools.scope import is_id
from .mes_loss_drill import Question
from .mes_oee_money import COVERAGE, Part
from .mes_oee_provenance import _window


class MesOeeMoney(models.AbstractModel):
    """The money of a single stop opens too: to its rule, its time and pieces, and the prices behind."""

    _inherit = "mes.oee.money"

    @api.model
    @api.readonly
    def stop(self, stop_id: int, start: int, end: int) -> dict[str, Any]:
        """What the money of a single stop was made of: of its time within ``start`` to ``end`` ms.

        Shape as of :meth:`provenance`, and ``interval`` ``[from, until]`` ms, the time that counts. Coverage,
        calendar and method are those of its machine in this time.

        :raises AccessError: the user may not read the stop or figures at all.
        :raises UserError: the stop is gone, or lies outside the span.
        """
        stop = self._stop(stop_id)
        machine = stop.workcenter_id
        question = Question(machine, start, end, self.env["mes.loss.screen"]._tz(machine))
        # The product is only named, as wherever its figures are: an operator may have no right on it.
        (valued,) = self.env["mes.loss.drill"].valued(question, stop.sudo())
        since, until = valued.start, valued.end
        whole = self.env["mes.oee"].figures(machine, since, until, registry=COVERAGE) if since < until else None
        if not whole:
            raise UserError(self.env._("The stop lies outside the chosen time: choose a longer one."))
        part = Part(*valued.lost.key, stop.kind, valued.lost, valued.worth, valued.cycle)
        found = self.env["mes.oee"]._intervals(self.env["mes.oee"]._scope(machine), since, until)
        window = _window(self.env._("Stops"), "mes.stop", Domain("id", "=", stop.id))
        return {
            **self._head(machine, whole[0], since, until),
            "value": float(part.lost.money),
            "formula": self._rule_text(part.rule),
            "inputs": self._inputs([part]),
            "notes": [self._today_note(machine), *self._stop_notes(stop, since, until), *self._rule_notes([part])],
            "intervals": {**found, "stops": window},
            "interval": [since, until],
            **self._told([part], self._tell),
        }

    def _stop(self, stop_id: Any) -> models.BaseModel:
        """:raises UserError: there is no such stop; new facts may have dissolved it."""
        stop = self.env["mes.stop"].browse(stop_id if is_id(stop_id) else 0).exists()
        if not stop:
            raise UserError(self.env._("This stop is no more, new facts have changed it: read the page again."))
        stop.check_access("read")
        return stop

    def _stop_notes(self, stop: models.BaseModel, since: int, until: int) -> list[str]:
        """How much of a stop counts."""
        notes = []
        if since > clock.to_ms(stop.at_from) or until < clock.to_ms(stop.seen_until):
            notes.append(self.env._("Of the stop only the time within the chosen span counts."))
        if not stop.at_until:
            notes.append(self.env._("The stop is still open: it costs more every minute."))
        return notes
