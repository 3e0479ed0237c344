from collections.abc import Callable, Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

from odoo import api, models

from .. import kpi
from ..tools import hours
from ..tools.losses import Breakdown, Lost, in_six, in_steps

NO_FIGURES = kpi.Registry()
APART = ("machine", "product")


class Group(NamedTuple):
    """The steps of one machine and one product under one key, in hours of one ideal cycle."""

    key: tuple
    totals: kpi.Totals
    steps: dict[str, kpi.Loss]
    priced: bool
    as_of: int
    pending_hours: int


class MesOeeLosses(models.AbstractModel):
    """Where calendar time went: the waterfall, the six big losses and the Pareto, in time, pieces and money."""

    _name = "mes.oee.losses"
    _description = "Losses"

    @api.private
    def waterfall(
        self,
        scope: models.BaseModel,
        start: int,
        end: int,
        by: Sequence[str] = (),
        dates: tuple[date, date] | None = None,
    ) -> list[Breakdown]:
        """Calendar time of each group step by step (``kpi.STEPS``); its milliseconds sum to calendar time.

        The arguments and errors are those of ``mes.oee.figures``.
        """
        return self._broken_down(scope, start, end, by, dates, in_steps)

    @api.private
    def six(
        self,
        scope: models.BaseModel,
        start: int,
        end: int,
        by: Sequence[str] = (),
        dates: tuple[date, date] | None = None,
    ) -> list[Breakdown]:
        """The six big losses (``kpi.SIX``) of each group; as :meth:`waterfall`."""
        return self._broken_down(scope, start, end, by, dates, in_six)

    def _broken_down(
        self, scope, start, end, by, dates, tell: Callable[[tuple, dict[str, kpi.Loss]], list[Lost]]
    ) -> list[Breakdown]:
        """The groups added up under their keys."""
        method = self.env["mes.oee"]._scope(scope).method
        currency = self.env["mes.oee.worth"].currency(scope)
        gathered: dict[tuple, list[Group]] = {}
        for group in self._groups(scope, start, end, by, dates, currency):
            gathered.setdefault(group.key, []).append(group)
        return [
            Breakdown(
                key,
                tell(key, kpi.add_steps(group.steps for group in groups)),
                sum(group.totals.calendar_ms for group in groups),
                not any(group.totals.without_ideal for group in groups),
                all(group.priced for group in groups),
                currency.id,
                method,
                max(group.as_of for group in groups),
                max(group.pending_hours for group in groups),
            )
            for key, groups in gathered.items()
        ]

    def _groups(self, scope, start, end, by, dates, currency) -> Iterable[Group]:
        """The steps of each machine and product under each key, valued."""
        asked = [*by, *(name for name in APART if name not in by)]
        machine_at, product_at = asked.index("machine"), asked.index("product")
        found = [
            (since, part)
            for since, until in self._pieces(scope, start, end)
            for part in self.env["mes.oee"].figures(scope, since, until, asked, dates, NO_FIGURES)
        ]
        machines = {part.key[machine_at] for _since, part in found}
        cycles = self._cycles(machines)
        worths = self.env["mes.oee.worth"].of(
            {(part.key[machine_at], part.key[product_at]) for _since, part in found}, currency
        )
        for since, part in found:
            wc, product = part.key[machine_at], part.key[product_at]
            cycle, worth = cycles(wc, product, since), worths[wc, product]
            priced = not product or (worth.contribution is not None and bool(cycle))
            steps = kpi.steps(part.totals, cycle, worth)
            yield Group(part.key[: len(by)], part.totals, steps, priced, part.as_of, part.pending_hours)

    def _pieces(self, scope, start: int, end: int) -> list[tuple[int, int]]:
        """The span cut at the full hours after which another ideal cycle holds for a machine of the scope.

        Lost time of an hour becomes pieces by the cycle at the hour's beginning: so the losses of
        hours sum to those of the day, whatever was changed meanwhile.
        """
        ids = self.env["mes.oee"]._scope(scope).workcenter_ids
        zones = self._zones(ids)
        cuts = {
            hours.ceil(zones[wc], ideal.start)
            for wc, ideals in self.env["mes.oee.engine"]._ideals(ids).items()
            for ideal in ideals
            if start < ideal.start < end
        }
        return list(pairwise([start, *sorted(cut for cut in cuts if start < cut < end), end]))

    def _cycles(self, workcenter_ids: Iterable[int]) -> Callable[[int, int | None, int], int | None]:
        """A look-up of the ideal cycle (ns) of a machine, product and time, at the beginning of its hour."""
        ids = sorted(workcenter_ids)
        known = {wc: kpi.Ideals(ideals) for wc, ideals in self.env["mes.oee.engine"]._ideals(ids).items()}
        zones = self._zones(ids)

        def look_up(wc: int, product: int | None, at: int) -> int | None:
            return known[wc].ns(product, hours.floor(zones[wc], at)) if wc in known else None

        return look_up

    def _zones(self, workcenter_ids: Iterable[int]) -> dict[int, str]:
        """The clock of each machine's hours."""
        # Only the zone's name is read, of machines that the caller may read.
        machines = self.env["mrp.workcenter"].sudo().browse(workcenter_ids)
        return {machine.id: machine.mes_site_id.tz or "UTC" for machine in machines}

    @api.private
    def pareto(
        self,
        scope: models.BaseModel,
        start: int,
        end: int,
        dates: tuple[date, date] | None = None,
        by: Sequence[str] = ("reason",),
    ) -> list[Lost]:
        """Stops and set-ups by reason, code, machine, product, … , the longest first.

        ``by``: what ``mes.oee.reasons`` can group by. Counted are the buckets of :attr:`PARETO`: delays,
        set-up and time without an order; the key of a reason that nobody gave is None.
        """
        asked = [*by, *(name for name in (*APART, "bucket") if name not in by)]
        place = {name: asked.index(name) for name in (*APART, "bucket")}
        currency = self.env["mes.oee.worth"].currency(scope)
        found = [
            (since, part)
            for since, until in self._pieces(scope, start, end)
            for part in self.env["mes.oee"].reasons(scope, since, until, asked, dates)
            if part.key[place["bucket"]] in PARETO
        ]
        cycles = self._cycles({part.key[place["machine"]] for _since, part in found})
        worths = self.env["mes.oee.worth"].of(
            {(part.key[place["machine"]], part.key[place["product"]]) for _since, part in found}, currency
        )
        whole: dict[tuple, kpi.Loss] = {}
        for since, part in found:
            wc, product = part.key[place["machine"]], part.key[place["product"]]
            loss = kpi.of_bucket(
                part.key[place["bucket"]], part.ms, part.stops, cycles(wc, product, since), worths[wc, product]
            )
            key = part.key[: len(by)]
            whole[key] = whole[key] + loss if key in whole else loss
        lost = [Lost(key, "", one.ns // kpi.NS_PER_MS, one.pieces, one.money, one.stops) for key, one in whole.items()]
        return sorted(lost, key=lambda one: (-one.ms, -one.count, _sortable(one.key)))


PARETO = frozenset({"setup", "no_order", "unplanned", "minor", "undetermined"})


def _sortable(key: tuple) -> tuple[Any, ...]:
    return tuple((value is not None, str(value)) for value in key)
