from collections.abc import Iterable
from dataclasses import replace

from odoo import api, models
from odoo.addons.mes_base.timeline import Counter, CountPoint, History, Span, StatePoint, build
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.rows import CountRow, EvidenceRow, StateRow

from .. import kpi
from .mes_oee_engine import totals_of

Rows = list[StateRow | CountRow | EvidenceRow]


class MesOeeLate(models.AbstractModel):
    """Facts that came for a closed period: what they would change if they were let in."""

    _name = "mes.oee.late"
    _description = "Difference That Late Facts Would Make"

    @api.private
    def differences(self, workcenters: models.BaseModel, start: int, end: int) -> dict[int, dict[str, int]]:
        """Machine -> {"facts": how many wait, and each sum that would change: by how much} in [start, end) ms.

        Machines without waiting facts are left out; the closed figures themselves are untouched.

        :raises AccessError: the user may not read the machines or their late facts.
        """
        workcenters.check_access("read")
        waiting = self._waiting(workcenters, start, end)
        now = self.env["mes.clock"].now_ms()
        histories = self.env["mes.timeline"].load(dict.fromkeys(waiting, (start, end)))
        names = self._counter_names(row for rows in waiting.values() for row in rows)
        return {
            wc: {
                "facts": len(rows),
                **_difference(
                    self._sum(wc, histories[wc], start, end, now),
                    self._sum(wc, _with(histories[wc], rows, names), start, end, now),
                ),
            }
            for wc, rows in waiting.items()
        }

    def _waiting(self, workcenters: models.BaseModel, start: int, end: int) -> dict[int, Rows]:
        """The late facts of each machine in the span that were not let in yet."""
        facts = self.env["mes.late.fact"].search(
            [
                ("workcenter_id", "in", workcenters.ids),
                ("applied_at", "=", False),
                ("at", ">=", clock.from_ms(start)),
                ("at", "<", clock.from_ms(end)),
            ],
            order="workcenter_id, id",
        )
        found: dict[int, Rows] = {}
        for fact in facts:
            found.setdefault(fact.workcenter_id.id, []).append(fact._row())
        return found

    def _counter_names(self, rows: Iterable) -> dict[int, str]:
        """Counter id -> its name, for the counters of late readings."""
        ids = {row.counter_id for row in rows if isinstance(row, CountRow)}
        return {counter.id: counter.name for counter in self.env["mes.counter"].browse(ids)}

    def _sum(self, wc: int, history: History, start: int, end: int, now: int) -> kpi.Totals:
        """What a history comes to."""
        engine = self.env["mes.oee.engine"]
        timeline = build(history, Span(start, end), now)
        made = totals_of(timeline, engine._settings([wc])[wc], engine._ideals([wc]).get(wc, ()))
        return kpi.add_up(made.values()) if made else kpi.Totals()


def _with(history: History, rows: Rows, names: dict[int, str]) -> History:
    """The history with the late facts in it; a fact for a taken key is contested when it is let in."""
    stored = {"state": history.states, "mode": history.modes}
    lanes = {lane: {point.at: point for point in points} for lane, points in stored.items()}
    readings: dict[str, list[CountPoint]] = {}
    evidence = list(history.evidence)
    for row in rows:
        if isinstance(row, StateRow):
            point = StatePoint(row.at, row.value, row.code, row.interlock, row.raw)
            lanes[row.lane].setdefault(row.at, point)
        elif isinstance(row, CountRow):
            point = CountPoint(row.at, row.total, row.counter_epoch, row.decision, row.bound_low, row.bound_high)
            readings.setdefault(names[row.counter_id], []).append(point)
        else:
            evidence.append(Span(row.at_from, row.at_until))
    return replace(
        history,
        states=tuple(lanes["state"].values()),
        modes=tuple(lanes["mode"].values()),
        evidence=tuple(evidence),
        counters=tuple(_counter_with(counter, readings.get(counter.name, ())) for counter in history.counters),
    )


def _counter_with(counter: Counter, points: Iterable[CountPoint]) -> Counter:
    """The counter with more points."""
    return replace(counter, points=(*counter.points, *points))


def _difference(closed: kpi.Totals, open_: kpi.Totals) -> dict[str, int]:
    """The sums that differ, by how much."""
    found = {name: getattr(open_, name) - getattr(closed, name) for name in kpi.totals.NAMES}
    return {name: change for name, change in found.items() if change}
