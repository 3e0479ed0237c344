from fractions import Fraction
from typing import Any

from odoo import api, models

from ..tools import overview
from .mes_oee_shift import LOOK_BACK_MS
from .mes_overview import LIVE_MACHINES, PARTS, Plant, _bottlenecks, _occurrence

# Key of a group (site, area, line, machine) and what it lost.
Cost = tuple[tuple, Fraction]


class MesOverview(models.AbstractModel):
    """What the places lost in money: asked for apart, so that nobody waits for it to see the plant."""

    _inherit = "mes.overview"

    @api.model
    @api.readonly
    def money(self, span: str = "shift", open_keys: list[str] | bool = False) -> dict[str, dict[str, Any]]:
        """Key of a place -> ``{money, currency_id}``: what its losses cost, as the loss analysis of the place tells.

        Arguments as of :meth:`snapshot`. Only places that are shown are told, and only those of which something is
        known. Money is in the currency of the place's company.

        :raises AccessError: the user is no supervisor.
        :raises UserError: no such span.
        """
        places = self._asked(span)
        self.env["mes.oee.worth"]._check_prices()
        plant = self._plant(places)
        now, live = self.env["mes.clock"].now_ms(), len(plant.machines) <= LIVE_MACHINES
        costs = self._costs_of_shifts(plant, now, live) if span == "shift" else self._costs(plant, span, now, live)
        found = overview.at_places(costs, _bottlenecks(plant))
        keys = overview.opened(places) if open_keys is False else [str(key) for key in open_keys]
        worth = self.env["mes.oee.worth"]
        return {
            place["key"]: {
                "money": round(float(sum(found[place["key"]])), 2),
                "currency_id": worth.currency(plant.record(place)).id,
            }
            for place in overview.shown(places, keys)
            if place["key"] in found
        }

    def _costs(self, plant: Plant, span: str, now: int, live: bool) -> list[Cost]:
        """What each machine lost where it stood, over a span of days."""
        costs: list[Cost] = []
        for (tz, _company), sites in plant.sites.grouped(lambda site: (site.tz, site.company_id)).items():
            chosen = overview.span_of(span, tz or "UTC", now)
            costs += self._lost(sites, chosen.start, chosen.end, (), live).items()
        return costs

    def _costs_of_shifts(self, plant: Plant, now: int, live: bool) -> list[Cost]:
        """The same over the shift that each machine is in or was last."""
        shifts = self.env["mes.calendar"].shifts(plant.machines, now - LOOK_BACK_MS, now + 1)
        latest = {wc: found[-1] for wc, found in shifts.items() if found}
        start = min((one.start for one in latest.values()), default=now)
        wanted = {wc: _occurrence(one) for wc, one in latest.items()}
        width = len(PARTS)
        return [
            (key[:width], lost)
            for sites in plant.sites.grouped("company_id").values()
            for key, lost in self._lost(sites, start, now, ("shift",), live).items()
            if key[width] == wanted.get(key[width - 1])
        ]

    def _lost(
        self, sites: models.BaseModel, start: int, end: int, by: tuple[str, ...], live: bool
    ) -> dict[tuple, Fraction]:
        """Money by machine; nothing of no time."""
        if start >= end:
            return {}
        return self.env["mes.oee.losses"].lost_money(sites, start, end, (*PARTS, *by), live)
