from fractions import Fraction
from typing import Any, NamedTuple

from odoo import api, models
from odoo.exceptions import UserError

from .. import kpi
from ..tools.losses import Lost

DAY_MS = 24 * 3_600_000
LOOK_BACK_DAYS = 90
TEN_POINTS = Fraction(1, 10)
OEE_AND_TIME = kpi.Registry()
for _key in ("oee", "availability"):
    OEE_AND_TIME.register(kpi.REGISTRY[_key])


class Earner(NamedTuple):
    """A machine: its planned busy time (ms), its value-adding time with good pieces and what they earned; ``priced``:
    every product that was made has a contribution."""

    wc: int
    busy: Fraction
    adding: Lost
    priced: bool

    def of_points(self, days: Fraction, share: Fraction) -> Fraction:
        """What so many points of OEE earn here a year, from what these days were like."""
        return kpi.value_of_points(self.busy, days, share, self.adding.money, Fraction(self.adding.ms))


class MesOeeValue(models.AbstractModel):
    """What better figures are worth, from a place's own last 90 days, beside what others reach."""

    _name = "mes.oee.value"
    _description = "Value of Better Figures"

    @api.model
    @api.readonly
    def ten_points(self, scope, points: float = 0.1) -> dict[str, Any]:
        """What so many points of OEE (0.1 are ten) are worth a year at this place.

        ``scope``: sites, areas, a line, work centers, or ``[model, ids]``. Σ over the machines of

            planned busy time × points × good pieces ÷ value-adding time × 365 ÷ days          pieces a year
            planned busy time × points × what they earned ÷ value-adding time × 365 ÷ days     money a year

        over the last 90 days, or since the first fact if that is later. ``{points, days, oee, pieces, money,
        currency_id, priced, world_class, industries}``; oee None where the engine refuses it; ``priced``: every product
        that was made has a contribution. A machine whose hours bear no contribution (not the bottleneck) adds none.

        :raises AccessError: the user may not read the scope or figures at all.
        :raises UserError: the points are not above 0 and at most 1.
        """
        if not 0 < points <= 1:
            raise UserError(self.env._("Give the points as a share above 0 and at most 1: ten points are 0.1."))
        asked = self.env["mes.oee"]._scope_records(scope)
        start, end = self._span(asked)
        share, days = Fraction(repr(float(points))), self._days(start, end)
        pieces = money = Fraction(0)
        priced = True
        for one in self._by_machine(asked, start, end):
            pieces += kpi.value_of_points(one.busy, days, share, one.adding.pieces, Fraction(one.adding.ms))
            money += one.of_points(days, share)
            priced = priced and one.priced
        whole = self.env["mes.oee"].figures(asked, start, end, registry=OEE_AND_TIME)
        oee = whole[0].figures["oee"].value if whole else None
        return {
            "points": points,
            "days": float(days),
            "oee": None if oee is None else float(oee),
            "pieces": float(pieces),
            "money": round(float(money), 2),
            "currency_id": self.env["mes.oee.worth"].currency(asked).id,
            "priced": priced,
            "world_class": {key: float(value) for key, value in kpi.WORLD_CLASS.items()},
            "industries": self._industries(),
        }

    @api.model
    @api.readonly
    def payback(self, scope, investment: float, points: float = 0.1) -> dict[str, Any]:
        """When an investment that brings so many points of OEE is earned back.

        The answer of :meth:`ten_points` with ``investment`` and ``months`` (None: never), in the scope's currency.

        :raises UserError: the investment is not above 0.
        """
        if not investment > 0:
            raise UserError(self.env._("Give an investment above 0."))
        value = self.ten_points(scope, points)
        earned = kpi.payback(Fraction(repr(float(investment))), Fraction(repr(value["money"])))
        months = None if earned.months is None else round(float(earned.months), 1)
        return {**value, "investment": investment, "months": months}

    def _span(self, scope) -> tuple[int, int]:
        """The last 90 days, or from the first fact on; ms."""
        now = self.env["mes.clock"].now_ms()
        ids = self.env["mes.oee"]._scope(scope).workcenter_ids
        first = min(self.env["mes.oee"]._first_facts(ids, now).values(), default=now)
        return max(first, now - LOOK_BACK_DAYS * DAY_MS), now

    def _days(self, start: int, end: int) -> Fraction:
        """The days of a span."""
        return Fraction(end - start, DAY_MS)

    def _by_machine(self, scope, start: int, end: int) -> list[Earner]:
        """What each machine was busy and earned."""
        busy = self._busy(scope, start, end)
        return [
            Earner(
                part.key[0],
                busy.get(part.key[0], Fraction(0)),
                next(one for one in part.lost if one.name == "value_adding"),
                part.priced,
            )
            for part in self.env["mes.oee.losses"].waterfall(scope, start, end, by=("machine",))
        ]

    def _busy(self, scope, start: int, end: int) -> dict[int, Fraction]:
        """Planned busy time (ms) of each machine, by the rule of its site."""
        return {
            part.key[0]: Fraction(part.figures["availability"].inputs.get("PBT", part.totals.pbt_ms))
            for part in self.env["mes.oee"].figures(scope, start, end, by=("machine",), registry=OEE_AND_TIME)
        }

    def _industries(self) -> list[dict[str, Any]]:
        """The table of industries: percent, and US dollars for ten points a line a year."""
        names = {
            "automotive": self.env._("Automotive"),
            "pharmaceutical": self.env._("Pharmaceutical"),
            "food_beverage": self.env._("Food and beverage"),
            "electronics": self.env._("Electronics"),
            "packaging": self.env._("Packaging"),
        }
        return [
            {
                "key": one.key,
                "name": names[one.key],
                "average": list(one.average),
                "world_class": list(one.world_class),
                "ten_points_usd": list(one.ten_points),
            }
            for one in kpi.INDUSTRIES
        ]
