from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from operator import add
from typing import Any, NamedTuple

from odoo import api, models

from .. import kpi
from ..kpi.totals import NAMES
from ..tools import hours
from ..tools.grouping import sortable
from ..tools.levels import FIGURES, REASONS, Cube
from ..tools.losses import Breakdown, Lost, in_six, in_steps
from ..tools.scope import Scope
from .mes_oee_store import Answer

APART = ("machine", "product")
WITHOUT_IDEAL = NAMES.index("without_ideal")


class Valued(NamedTuple):
    """Sums of one ideal cycle and one worth under one key.

    ``mark`` keeps apart what must not be added up; ``ordered``: a product was to be made.
    """

    key: tuple
    mark: Any
    cycle: int | None
    worth: kpi.Worth
    ordered: bool
    values: tuple[int, ...]

    @property
    def priced(self) -> bool:
        """Whether what was to be made earns something and has an ideal cycle."""
        return not self.ordered or (self.worth.contribution is not None and bool(self.cycle))


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
        chosen = self.env["mes.oee"]._scope(scope)
        currency = self.env["mes.oee.worth"].currency(scope)
        asked = [*by, *(name for name in APART if name not in by)]
        answer = self._sums(FIGURES, chosen, start, end, asked, dates)
        gathered: dict[tuple, list[Valued]] = {}
        for one in self._valued(answer, asked, len(by), currency, lambda _key, values: bool(values[WITHOUT_IDEAL])):
            gathered.setdefault(one.key, []).append(one)
        made = []
        for key, found in gathered.items():
            totals = [kpi.Totals(*one.values) for one in found]
            steps = (kpi.steps(sums, one.cycle, one.worth) for sums, one in zip(totals, found, strict=True))
            made.append(
                Breakdown(
                    key,
                    tell(key, kpi.add_steps(steps)),
                    sum(sums.calendar_ms for sums in totals),
                    not any(sums.without_ideal for sums in totals),
                    all(one.priced for one in found),
                    currency.id,
                    chosen.method,
                    answer.as_of,
                    answer.pending_hours,
                )
            )
        return made

    @api.private
    def lost_money(
        self, scope: models.BaseModel, start: int, end: int, by: Sequence[str], live: bool = True
    ) -> dict[tuple, Fraction]:
        """Key of a group -> all money that its waterfall has lost; without ``live`` of complete hours only.

        The arguments and errors are those of ``mes.oee.figures``.
        """
        chosen = self.env["mes.oee"]._scope(scope)
        asked = [*by, *(name for name in APART if name not in by)]
        answer = self._sums(FIGURES, chosen, start, end, asked, None, live)
        currency = self.env["mes.oee.worth"].currency(scope)
        found: dict[tuple, Fraction] = {}
        for one in self._valued(answer, asked, len(by), currency, lambda _key, values: bool(values[WITHOUT_IDEAL])):
            money = kpi.lost_money(kpi.Totals(*one.values), one.cycle, one.worth)
            found[one.key] = found.get(one.key, Fraction(0)) + money
        return found

    def _sums(
        self, cube: Cube, chosen: Scope, start: int, end: int, asked: Sequence[str], dates, live: bool = True
    ) -> Answer:
        """The sums by key and by the hour since which a machine's ideal cycles hold; one question for all."""
        cuts = self._cuts(chosen.workcenter_ids, start, end)
        return self.env["mes.oee"]._parted(cube, chosen, start, end, asked, dates, cuts, live)

    def _valued(
        self,
        answer: Answer,
        asked: Sequence[str],
        width: int,
        currency: models.BaseModel,
        mark: Callable[[tuple, tuple[int, ...]], Any],
    ) -> Iterable[Valued]:
        """The sums under the first ``width`` names of their keys, in order of these.

        What has one cycle and one worth is added up first, for money and pieces are in proportion to it.
        """
        machine_at, product_at = asked.index("machine"), asked.index("product")
        cycles = self._cycles({key[machine_at] for key in answer.sums})
        worths = self.env["mes.oee.worth"].of({(key[machine_at], key[product_at]) for key in answer.sums}, currency)
        found: dict[tuple, Valued] = {}
        for key, values in sorted(answer.sums.items(), key=lambda item: sortable(item[0])):
            wc, product = key[machine_at], key[product_at]
            cycle, worth, about = cycles(wc, product, key[-1]), worths[wc, product], mark(key, values)
            # Equal worths are one object: it stands for itself.
            place = (key[:width], about, cycle, id(worth), bool(product))
            if known := found.get(place):
                values = tuple(map(add, known.values, values))
            found[place] = Valued(key[:width], about, cycle, worth, bool(product), values)
        return found.values()

    def _cuts(self, workcenter_ids: list[int], start: int, end: int) -> Mapping[int, list[int]]:
        """The full hours of the span at which another ideal cycle begins to hold for a machine.

        Lost time of an hour becomes pieces by the cycle at the hour's beginning: so the losses of
        hours sum to those of the day, whatever was changed meanwhile.
        """
        changed = {
            wc: begun
            for wc, ideals in self.env["mes.oee.engine"]._ideals(workcenter_ids).items()
            if (begun := [ideal.start for ideal in ideals if start < ideal.start < end])
        }
        zones = self._zones(changed)
        cuts = {wc: sorted({hours.ceil(zones[wc], at) for at in begun}) for wc, begun in changed.items()}
        return {wc: [cut for cut in found if start < cut < end] for wc, found in cuts.items()}

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
        bucket_at = asked.index("bucket")
        answer = self._sums(REASONS, self.env["mes.oee"]._scope(scope), start, end, asked, dates)
        counted = {key: values for key, values in answer.sums.items() if key[bucket_at] in PARETO}
        currency = self.env["mes.oee.worth"].currency(scope)
        whole: dict[tuple, kpi.Loss] = {}
        for one in self._valued(
            answer._replace(sums=counted), asked, len(by), currency, lambda key, _values: key[bucket_at]
        ):
            loss = kpi.of_bucket(one.mark, *one.values, one.cycle, one.worth)
            whole[one.key] = whole[one.key] + loss if one.key in whole else loss
        lost = [Lost(key, "", one.ns // kpi.NS_PER_MS, one.pieces, one.money, one.stops) for key, one in whole.items()]
        return sorted(lost, key=lambda one: (-one.ms, -one.count, _sortable(one.key)))


PARETO = frozenset({"setup", "no_order", "unplanned", "minor", "undetermined"})


def _sortable(key: tuple) -> tuple[Any, ...]:
    return tuple((value is not None, str(value)) for value in key)
