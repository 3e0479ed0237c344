from collections.abc import Iterable
from fractions import Fraction

from odoo import api, fields, models

from ..kpi import Worth


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
        known = {machine.id: machine for machine in machines}
        sold = {product.id: product for product in products}
        shares = {machine.id: _share(machine) for machine in machines}
        return {
            (wc, product): self._worth(known[wc], sold.get(product), shares[wc], currency) for wc, product in wanted
        }

    def _worth(self, machine, product, share: Fraction, currency) -> Worth:
        """One pair's worth."""
        company = machine.company_id
        hour = self._in(currency, machine.costs_hour, company.currency_id, company)
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

    @api.private
    def currency(self, scope: models.BaseModel) -> models.BaseModel:
        """The currency of the scope's company; the present company's if it spans several."""
        companies = scope.sudo().company_id  # only the currency is read
        return (companies if len(companies) == 1 else self.env.company).currency_id


def _share(machine) -> Fraction:
    """The part of a piece's contribution that an hour of this machine bears, see ``kpi.money``."""
    line = machine.mes_line_id
    if not line:
        return Fraction(1)
    if line.mes_bottleneck_id:
        return Fraction(int(line.mes_bottleneck_id == machine))
    return Fraction(1, max(1, len(line.mes_unit_ids)))
