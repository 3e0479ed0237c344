from odoo import api, models
from odoo.addons.mes_base.timeline import Shift
from odoo.tools import format_date

from .. import kpi
from ..tools.headline import Headline, headline

# Far enough back to find the last shift of a plant that rests over a long weekend.
LOOK_BACK_MS = 5 * 24 * 3_600_000
# The figures that a screen shows at a glance; computing no others is several times faster.
GLANCE = kpi.Registry()
for _key in ("availability", "effectiveness", "quality", "oee"):
    GLANCE.register(kpi.REGISTRY[_key])


class MesOeeShift(models.AbstractModel):
    """The shift that is running now, and its figures so far."""

    _name = "mes.oee.shift"
    _description = "Figures of the Present Shift"

    @api.private
    def present(self, workcenters: models.BaseModel, now: int) -> dict[int, Shift]:
        """The shift of each machine that is running at ``now`` (ms), or else the last one that ended."""
        found = self.env["mes.calendar"].shifts(workcenters, now - LOOK_BACK_MS, now + 1)
        return {wc: shifts[-1] for wc, shifts in found.items() if shifts}

    @api.private
    def headlines(self, workcenters: models.BaseModel) -> dict[int, Headline]:
        """The headline of each work center's present shift; a line's by its own method."""
        now = self.env["mes.clock"].now_ms()
        together: dict[Shift, list[int]] = {}
        for wc, shift in self.present(workcenters, now).items():
            together.setdefault(shift, []).append(wc)
        found: dict[int, Headline] = {}
        for shift, ids in together.items():
            members = workcenters.browse(ids)
            lines = members.filtered(lambda one: one.mes_level == "line")
            for line in lines:
                found.update(self._headlines_of(line, shift, ()))
            if machines := members - lines:
                found.update(self._headlines_of(machines, shift, ("machine",)))
        return found

    def _headlines_of(self, asked: models.BaseModel, shift: Shift, by: tuple[str, ...]) -> dict[int, Headline]:
        """The headlines of one line, or of several machines, over a shift."""
        name = f"{shift.name} · {format_date(self.env, shift.business_date)}"
        parts = self.env["mes.oee"].figures(asked, shift.start, shift.end, by=by, registry=GLANCE)
        return {part.key[0] if by else asked.id: headline(name, part.figures) for part in parts}
