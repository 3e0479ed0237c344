from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..kpi import Registry, Worth


class MesOeeWorth(models.AbstractModel):
    """Prices and costs of Odoo as the engine of losses wants them."""

    _name = "mes.oee.worth"
    _description = "Worth of Time and Pieces"

    @api.private
    def of(
        self, pairs: Iterable[tuple[int, int | None]], currency: models.BaseModel
    ) -> dict[tuple[int, int | None], Worth]:
        """What each (machine id, product id or None) is worth in ``currency``, at today's prices.

        Price is the product's sales price, cost its cost in the machine's company, the hour the work
        center's cost per hour. Who may see figures may see what a loss costs, so they are read with
        all rights; the prices themselves are handed out by :meth:`told` only.
        """
        wanted = set(pairs)
        machines = self.env["mrp.workcenter"].sudo().browse(sorted({wc for wc, _product in wanted}))
        products = self.env["product.product"].sudo().browse(sorted({p for _wc, p in wanted if p}))
        sold = {product.id: product for product in products}
        shares = _shares(machines)
        about = {one.id: (one.company_id, one.costs_hour, shares[one.id]) for one in machines}
        made: dict[tuple, Worth] = {}
        found = {}
        for wc, product in wanted:
            company, hour, share = about[wc]
            # Hundreds of machines have a handful of worths: each is made once and shared.
            key = (product, company.id, hour, share)
            if key not in made:
                made[key] = self._worth(company, hour, sold.get(product), share, currency)
            found[wc, product] = made[key]
        return found

    def _worth(self, company, costs_hour: float, product, share: Fraction, currency) -> Worth:
        """The worth of a product on machines of one company, cost per hour and share."""
        hour = self._in(currency, costs_hour, company.currency_id, company)
        if not product:
            return Worth(hour_cost=hour, share=share)
        own = product.with_company(company)
        return Worth(
            price=self._in(currency, own.lst_price, own.currency_id, company),
            cost=self._in(currency, own.standard_price, company.currency_id, company),
            hour_cost=hour,
            share=share,
        )

    def _in(self, currency, amount: float, own, company) -> Fraction:
        """An amount of one currency in another, at today's rate: the exact fraction of its decimal digits."""
        if own and own != currency:
            amount = own._convert(amount, currency, company, fields.Date.today(), round=False)
        return Fraction(repr(float(amount or 0.0)))

    @api.model
    @api.readonly
    def told(self, scope, start: int, end: int) -> list[dict[str, Any]]:
        """Which prices, costs and rates stand behind the money of losses; for supervisors.

        ``scope``: sites, areas, a line, work centers, or ``[model, ids]``. For each machine and product of the
        span: ``{machine, product, price, cost, contribution, hour_cost, share, cycle_ms, valued_by, currency_id}``,
        amounts a piece or an hour in the scope's currency; ``valued_by`` contribution or hour; contribution
        None where price does not exceed cost.

        :raises AccessError: the user is no supervisor, or may not read the scope.
        """
        self._check_prices()
        asked = self.env["mes.oee"]._scope_records(scope)
        currency = self.currency(asked)
        parts = self.env["mes.oee"].figures(asked, start, end, ("machine", "product"), registry=Registry())
        cycles = self.env["mes.oee.losses"]._cycles({part.key[0] for part in parts})
        worths = self.of({part.key for part in parts}, currency)
        return [
            self._told(wc, product, worths[wc, product], cycles(wc, product, end), currency)
            for wc, product in (part.key for part in parts)
        ]

    @api.private
    def _may_see_prices(self) -> bool:
        return self.env.su or self.env.user.has_group("mes_base.group_mes_supervisor")

    @api.private
    def _check_prices(self) -> None:
        """:raises AccessError: the user is no supervisor."""
        if not self._may_see_prices():
            raise AccessError(self.env._("Prices and costs are for supervisors: ask for the role Supervisor."))

    def _told(self, wc, product, worth: Worth, cycle: int | None, currency) -> dict[str, Any]:
        """One pair's prices for people; names of what they may see the figures of."""
        return {
            "machine": {"id": wc, "name": self.env["mrp.workcenter"].sudo().browse(wc).name},
            "product": product and {
                "id": product, "name": self.env["product.product"].sudo().browse(product).display_name
            },
            "price": None if worth.price is None else float(worth.price),
            "cost": None if worth.cost is None else float(worth.cost),
            "contribution": None if worth.contribution is None else float(worth.contribution),
            "hour_cost": float(worth.hour_cost),
            "share": float(worth.share),
            "cycle_ms": None if cycle is None else cycle / 1e6,
            "valued_by": "contribution" if worth.by_contribution(cycle) else "hour",
            "currency_id": currency.id,
        }  # fmt: skip

    @api.private
    def currency(self, scope: models.BaseModel) -> models.BaseModel:
        """The currency of the scope's company; the present company's if it spans several."""
        companies = scope.sudo().company_id  # only the currency is read
        return (companies if len(companies) == 1 else self.env.company).currency_id


def _shares(machines) -> dict[int, Fraction]:
    """The part of a piece's contribution that an hour of each machine bears, see ``kpi.money``."""
    found = {}
    for line, mine in machines.grouped("mes_line_id").items():
        each = Fraction(1, max(1, len(line.mes_unit_ids))) if line else Fraction(1)
        pacing = line.mes_bottleneck_id
        found |= {one.id: Fraction(int(pacing == one)) if pacing else each for one in mine}
    return found
