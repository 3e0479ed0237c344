from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from operator import attrgetter
from typing import Any, NamedTuple

from odoo import api, models
from odoo.addons.mes_base.tools import clock
from odoo.fields import Domain

from .. import kpi
from ..tools import loss_spans
from ..tools.levels import day_start
from ..tools.loss_choice import DIMENSIONS, LOST_TIME, NO_LOSS, STOPS, Choice
from ..tools.losses import Lost
from .mes_oee import _common as common_settings

# So many of the longest stops are valued before the dearest of them are shown.
MOST_VALUED = 500
# So many hours of machines are looked through one by one: of more, days are told.
MOST_HOURS = 50_000


class Question(NamedTuple):
    """What is asked of: a checked scope, a span [start, end) in ms up to now, and the clock of its days."""

    scope: models.BaseModel
    start: int
    end: int
    tz: str


class Valued(NamedTuple):
    """A stop, its time within what was asked [start, end) in ms, and what that is worth, by which worth and cycle."""

    stop: models.BaseModel
    start: int
    end: int
    lost: Lost
    worth: kpi.Worth
    cycle: int | None


class MesLossDrill(models.AbstractModel):
    """From a step of the waterfall down to the single stop: sums by anything, and what they are made of.

    All sums are those of ``mes.oee.losses`` and ``mes.oee.reasons``; here they are only chosen from.
    """

    _name = "mes.loss.drill"
    _description = "Drill-Down of Losses"

    @api.private
    def cells(self, asked: Question, chosen: Choice, by: Sequence[str]) -> dict[tuple, Lost]:
        """Lost time, pieces and money of the chosen steps and filters, by names of ``mes.oee``.

        Without a step it is all time that was lost standing: stops, set-up, time without an order.
        """
        names = (*by, *(DIMENSIONS[one.kind] for one in chosen.filters))
        wanted = tuple(one.value for one in chosen.filters)
        found: dict[tuple, Lost] = {}
        for part in self._parts(asked, chosen.steps or LOST_TIME, names):
            if part.key[len(by) : len(names)] == wanted:
                key = part.key[: len(by)]
                found[key] = add_up(found.get(key), part._replace(key=key))
        return found

    @api.private
    def by_reason(self, asked: Question, chosen: Choice) -> dict[tuple, Lost]:
        """As :meth:`cells` by reason, but what has none is told apart, see :func:`told_apart`."""
        return told_apart(self.cells(asked, chosen, ("reason", "bucket")).values())

    @api.private
    def unsaid(self, bucket: str) -> str:
        """What time without a reason is called: nobody is asked to explain a set-up or a minor stop."""
        return {
            "setup": self.env._("Set-up"),
            "no_order": self.env._("No order"),
            "minor": self.env._("Minor stops"),
            "undetermined": self.env._("Stops still open"),
        }.get(bucket) or self.env._("No reason given")

    def _parts(self, asked: Question, steps: Sequence[str], names: Sequence[str]) -> Iterable[Lost]:
        """Parts of the steps by names; what has no reason is parted by the waterfall itself."""
        service = self.env["mes.oee.losses"]
        span = (asked.scope, asked.start, asked.end)
        if all(step in LOST_TIME for step in steps):
            asked_by = names if "bucket" in names else (*names, "bucket")
            at = asked_by.index("bucket")
            return (one for one in service.pareto(*span, by=asked_by) if one.key[at] in steps)
        if all(step in NO_LOSS for step in steps):
            parts = self.env["mes.oee"].reasons(*span, by=(*names, "bucket"))
            nothing = Fraction(0)
            return (Lost(one.key, "", one.ms, nothing, nothing, 0) for one in parts if one.key[-1] in steps)
        return (one for part in service.waterfall(*span, by=names) for one in part.lost if one.name in steps)

    @api.private
    def trend(self, asked: Question, chosen: Choice, oee: bool) -> list[dict[str, Any]]:
        """The chosen loss (or the figure) hour by hour, day by day, week by week or month by month.

        ``[{at, ms, pieces, money, count}]``, with ``oee`` instead ``[{at, value, coverage}]``; ``at`` ms.
        """
        grain = loss_spans.grain(asked.start, asked.end)
        by = "day" if grain == "week" else grain
        return self._oee_trend(asked, grain, by) if oee else self._loss_trend(asked, chosen, grain, by)

    def _loss_trend(self, asked: Question, chosen: Choice, grain: str, by: str) -> list[dict[str, Any]]:
        found: dict[int, Lost] = {}
        for key, lost in self.cells(asked, chosen, (by,)).items():
            at = _begins(key[0], grain, asked.tz)
            found[at] = add_up(found.get(at), lost)
        return [{"at": at, **plain(found[at])} for at in sorted(found)]

    def _oee_trend(self, asked: Question, grain: str, by: str) -> list[dict[str, Any]]:
        """OEE over time: of weeks from the sums of their days, never from the days' percentages."""
        oee = self.env["mes.oee"]
        found: dict[int, kpi.Totals] = {}
        for part in oee.figures(asked.scope, asked.start, asked.end, (by,), registry=kpi.Registry()):
            at = _begins(part.key[0], grain, asked.tz)
            found[at] = found.get(at, kpi.Totals()) + part.totals
        scope = oee._scope(asked.scope)
        settings = common_settings(list(oee._settings(scope.workcenter_ids, asked.start, asked.end).values()))
        told = []
        for at in sorted(found):
            figure = kpi.figures(found[at], settings, method=scope.method, registry=OEE)["oee"]
            value, coverage = (None if one is None else float(one) for one in (figure.value, figure.coverage))
            told.append({"at": at, "value": value, "coverage": coverage})
        return told

    @api.private
    def singles(self, asked: Question, chosen: Choice, most: int) -> dict[str, Any]:
        """What the sums are made of: the single stops, and hours of what is no stop; the greatest first.

        ``{rows, total}``: of ``total`` at most ``most`` are told, see :meth:`_told_stop` and :meth:`_told_hour`.
        """
        steps = chosen.steps or LOST_TIME
        stops, count = self._stops(asked, chosen, [step for step in steps if step in STOPS])
        of_hours = [step for step in steps if step not in STOPS]
        hours = self._hours(asked, chosen, of_hours) if of_hours else []
        rows = sorted([*stops, *hours], key=lambda row: (-row[chosen.unit], -row["ms"], row["start"]))
        return {"rows": rows[:most], "total": count + len(hours)}

    def _stops(self, asked: Question, chosen: Choice, kinds: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
        """The longest stops of some kinds, valued, and how many there are."""
        if not kinds:
            return [], 0
        domain = self.stop_domain(asked, chosen, kinds)
        count = self.env["mes.stop"].search_count(domain)
        found = self.env["mes.stop"].search(domain, limit=MOST_VALUED, order="duration_ms desc, id")
        return self.told_stops(asked, found), count

    @api.private
    def stop_domain(self, asked: Question, chosen: Choice, kinds: Sequence[str] = STOPS) -> Domain:
        """The stops of the scope that lasted within the span and pass the filters."""
        ids = self.env["mes.oee"]._scope(asked.scope).workcenter_ids
        domain = Domain("workcenter_id", "in", list(ids)) & Domain("kind", "in", list(kinds))
        domain &= Domain("at_from", "<", clock.from_ms(asked.end)) & Domain(
            "seen_until", ">", clock.from_ms(asked.start)
        )
        for one in chosen.filters:
            domain &= self._stop_filter(one.kind, one.value)
        return domain

    def _stop_filter(self, kind: str, value: int | str | None) -> Domain:
        """One filter, as stops know it."""
        if kind == "code":
            return _with_code(value)
        field = {
            "reason": "effective_loss_id", "machine": "workcenter_id", "product": "product_id", "shift": "shift_name",
            "crew": "crew_id",
        }[kind]  # fmt: skip
        return Domain(field, "=", False if value is None else value)

    @api.private
    def valued(self, asked: Question, stops: models.BaseModel) -> list[Valued]:
        """Each stop with its time within the span, and what that is worth."""
        currency = self.env["mes.oee.worth"].currency(asked.scope)
        cycles = self.env["mes.oee.losses"]._cycles(set(stops.workcenter_id.ids))
        worths = self.env["mes.oee.worth"].of(
            {(one.workcenter_id.id, one.product_id.id or None) for one in stops}, currency
        )
        found = []
        for stop in stops:
            key, begun = (stop.workcenter_id.id, stop.product_id.id or None), clock.to_ms(stop.at_from)
            start = max(begun, asked.start)
            end = max(start, min(clock.to_ms(stop.seen_until), asked.end))
            cycle, worth = cycles(*key, begun), worths[key]
            loss = kpi.of_bucket(stop.kind, end - start, 1, cycle, worth)
            lost = Lost(key, stop.kind, end - start, loss.pieces, loss.money, 1)
            found.append(Valued(stop, start, end, lost, worth, cycle))
        return found

    @api.private
    def told_stops(self, asked: Question, stops: models.BaseModel) -> list[dict[str, Any]]:
        """Stops as plain values: the time within the span, and what that is worth."""
        # Names of reasons and products stand on the shop floor anyway: an operator may have no right on them.
        return [
            {
                "what": "stop",
                "id": stop.id,
                "machine": {"id": stop.workcenter_id.id, "name": stop.workcenter_id.name},
                "start": clock.to_ms(stop.at_from),
                "end": clock.to_ms(stop.seen_until),
                "open": not stop.at_until,
                "kind": stop.kind,
                "reason": stop.effective_loss_id.name or None,
                "codes": stop.codes or None,
                "product": stop.product_id.display_name or None,
                "shift": stop.shift_name or None,
                "ms": one.lost.ms,
                "pieces": _number(one.lost.pieces),
                "money": _number(one.lost.money),
            }
            for one in self.valued(asked, stops.sudo())
            for stop in [one.stop]
        ]

    def _hours(self, asked: Question, chosen: Choice, steps: Sequence[str]) -> list[dict[str, Any]]:
        """The hours in which the steps without stops took their time; days where there would be too many hours."""
        found: dict[tuple, Lost] = {}
        machines = len(self.env["mes.oee"]._scope(asked.scope).workcenter_ids)
        hourly = machines * (asked.end - asked.start) <= MOST_HOURS * HOUR_MS
        names = ("machine", "hour" if hourly else "day", *(DIMENSIONS[one.kind] for one in chosen.filters))
        wanted = tuple(one.value for one in chosen.filters)
        for part in self._parts(asked, steps, names):
            if part.key[2 : len(names)] == wanted and part.ms:
                found[part.key[:2]] = add_up(found.get(part.key[:2]), part)
        machines = self.env["mrp.workcenter"].sudo().browse({key[0] for key in found})
        names_of = {one.id: one.name for one in machines}
        return [
            {
                "what": "hour",
                "id": None,
                "machine": {"id": wc, "name": names_of[wc]},
                "start": _begins(at, "day", asked.tz),
                "end": _begins(at + timedelta(days=1), "day", asked.tz) if not hourly else clock.to_ms(at) + HOUR_MS,
                **plain(lost),
            }
            for (wc, at), lost in found.items()
        ]


HOUR_MS = 3_600_000
OEE = kpi.Registry()
OEE.register(kpi.REGISTRY["oee"])


def plain(lost: Lost) -> dict[str, Any]:
    """Time, pieces, money and number as JSON carries them."""
    return {"ms": lost.ms, "pieces": _number(lost.pieces), "money": _number(lost.money), "count": lost.count}


def _number(value: Fraction) -> float:
    return round(float(value), 2)


def add_up(one: Lost | None, other: Lost) -> Lost:
    """Both together, under the first one's key."""
    if one is None:
        return other
    add = attrgetter("ms", "pieces", "money", "count")
    return Lost(one.key, one.name, *(left + right for left, right in zip(add(one), add(other), strict=True)))


def told_apart(lost: Iterable[Lost]) -> dict[tuple, Lost]:
    """Of losses with the keys (reason, bucket) one for each reason, and what has none by its bucket.

    (reason id, None) or (None, bucket) -> their sum.
    """
    found: dict[tuple, Lost] = {}
    for one in lost:
        reason, bucket = one.key
        key = (reason, bucket if reason is None else None)
        found[key] = add_up(found.get(key), one._replace(key=key))
    return found


def _begins(value: datetime | date, grain: str, tz: str) -> int:
    """When a point of the trend begins; ms."""
    if isinstance(value, datetime):
        return clock.to_ms(value)
    return day_start(tz, loss_spans.week(value) if grain == "week" else value)


def _with_code(code: int | str | None) -> Domain:
    """Stops in whose list of codes there is this one."""
    if code is None:
        return Domain("codes", "=", False)
    text = str(code).replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
    return Domain("codes", "=", str(code)) | Domain.OR(
        Domain("codes", "=like", pattern) for pattern in (f"{text},%", f"%,{text}", f"%,{text},%")
    )
