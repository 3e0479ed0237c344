from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from odoo import api, fields, models

from ..timeline import CountPoint, History, Span, StatePoint, Timeline, build
from ..tools import clock
from ..tools.fields import BigInteger, Timestamp
from ..tools.rows import CountRow, EvidenceRow, StateRow, Superseded, content


class MesLateFact(models.Model):
    """A fact that arrived for a closed period: kept, shown with its difference, applied on unlock."""

    _name = "mes.late.fact"
    _description = "Late Fact, not in the Closed Figure"
    _order = "at desc, id desc"
    _log_access = False

    workcenter_id = fields.Many2one("mrp.workcenter", string="Work Center", required=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="restrict")
    kind = fields.Selection(
        [("state", "State"), ("mode", "Mode"), ("count", "Count"), ("evidence", "Evidence")],
        required=True,
    )
    at = Timestamp(required=True)
    payload = fields.Json(required=True)
    recorded_at = Timestamp(string="Recorded", required=True)
    applied_at = Timestamp(string="Applied", help="When the period was opened again and the fact entered.")
    stream = fields.Char()
    seq = BigInteger(string="Sequence Number")

    difference = fields.Char(
        compute="_compute_difference", help="By how much the closed figures would change if this fact entered."
    )

    _by_workcenter = models.Index("(workcenter_id, at)")
    _waiting = models.Index("(at) WHERE applied_at IS NULL")

    @api.private
    def _keep(self, rows: Iterable[StateRow | CountRow | EvidenceRow]) -> None:
        """Keep facts for closed periods aside, each once; a fixed number of statements."""
        rows = self._not_waiting(rows)
        if not rows:
            return
        counters = {row.counter_id for row in rows if isinstance(row, CountRow)}
        machines = self.env["mes.counter"]._machines(counters) if counters else {}
        workcenters = {
            id(row): machines[row.counter_id] if isinstance(row, CountRow) else row.workcenter_id for row in rows
        }
        companies = {
            wc: head.company_id for wc, head in self.env["mes.fact.writer"].heads(workcenters.values()).items()
        }
        recorded_at = self.env["mes.clock"].now()
        # The gateway's user may not create these by hand, only its facts may.
        self.sudo().create(
            [
                {
                    "workcenter_id": workcenters[id(row)],
                    "company_id": companies[workcenters[id(row)]],
                    "kind": _kind(row),
                    "at": clock.from_ms(row.at_from if isinstance(row, EvidenceRow) else row.at),
                    "payload": row._asdict(),
                    "recorded_at": recorded_at,
                    "stream": row.stream,
                    "seq": None if isinstance(row, EvidenceRow) else row.seq,
                }
                for row in rows
            ]
        )

    def _not_waiting(
        self, rows: Iterable[StateRow | CountRow | EvidenceRow]
    ) -> list[StateRow | CountRow | EvidenceRow]:
        """Those of the facts that do not wait already, told by whatever source."""
        rows = list(rows)
        times = {clock.from_ms(row.at_from if isinstance(row, EvidenceRow) else row.at) for row in rows}
        # The gateway's user may not read these, and sees nothing of them.
        waiting = self.sudo().search([("at", "in", list(times)), ("applied_at", "=", False)])
        known = {(fact.kind, content(fact._row())) for fact in waiting}
        return [row for row in rows if (_kind(row), content(row)) not in known]

    @api.depends("kind", "payload", "applied_at")
    def _compute_difference(self):
        for fact in self:
            fact.difference = False if fact.applied_at else fact._describe(fact._difference())

    @api.private
    def _difference(self) -> dict[str, int]:
        """What this fact alone would change up to the end of the closed period.

        Milliseconds by category of time (production, delay, no_data, ...) and pieces (total, good,
        reject); only what is not zero.
        """
        self.ensure_one()
        workcenter_id = self.workcenter_id.id
        lock = self.env["mes.fact.writer"].heads([workcenter_id], for_writing=False)[workcenter_id].lock
        start = clock.to_ms(self.at)
        if lock is None or start >= lock:
            return {}
        window = (start, lock)
        history = self.env["mes.timeline"].load({workcenter_id: window})[workcenter_id]
        now = max(lock, self.env["mes.clock"].now_ms())
        wide = Span(min([start, *(point.at for one in history.counters for point in one.points)]), lock)
        before = _sums(build(history, wide, now))
        after = _sums(build(self._with_fact(history), wide, now))
        return {key: after[key] - before[key] for key in sorted(after | before) if after[key] != before[key]}

    def _with_fact(self, history: History) -> History:
        """The history as it would be with this fact; where a key is taken, the higher rank has it."""
        row = self._row()
        if isinstance(row, EvidenceRow):
            return replace(history, evidence=(*history.evidence, Span(row.at_from, row.at_until)))
        if isinstance(row, CountRow):
            name = self.env["mes.counter"].browse(row.counter_id).sudo().name
            point = CountPoint(row.at, row.total, row.counter_epoch, row.decision, row.bound_low, row.bound_high)
            counters = tuple(
                replace(one, points=(*(p for p in one.points if (p.at, p.epoch) != (row.at, row.counter_epoch)), point))
                if one.name == name
                else one
                for one in history.counters
            )
            return replace(history, counters=counters)
        lane = "states" if row.lane == "state" else "modes"
        kept = tuple(point for point in getattr(history, lane) if point.at != row.at)
        return replace(history, **{lane: (*kept, StatePoint(row.at, row.value, row.code, row.interlock, row.raw))})

    def _describe(self, difference: dict[str, int]) -> str:
        """The difference in words: minutes and pieces."""
        names = {
            "not_scheduled": self.env._("not scheduled"),
            "no_data": self.env._("no data"),
            "planned": self.env._("planned stop"),
            "setup": self.env._("set-up"),
            "no_order": self.env._("no order"),
            "production": self.env._("production"),
            "delay": self.env._("stops"),
        }
        pieces = {"total": self.env._("made"), "good": self.env._("good"), "reject": self.env._("rejected")}
        parts = [f"{names[key]} {value / 60000:+.2f} min" for key, value in difference.items() if key in names]
        parts += [f"{pieces[key]} {value:+d}" for key, value in difference.items() if key in pieces]
        return ", ".join(parts) or self.env._("none")

    @api.private
    def _admit(self, company) -> None:
        """Enter the company's facts whose period is open again; what is still closed goes on waiting."""
        waiting = self.search([("company_id", "=", company.id), ("applied_at", "=", False)], order="id")
        if not waiting:
            return
        heads = self.env["mes.fact.writer"].heads(waiting.workcenter_id.ids)
        admitted = waiting.filtered(lambda fact: _is_open(fact, heads[fact.workcenter_id.id].lock))
        rows = [fact._row() for fact in admitted]
        outcome = self.env["mes.fact.writer"].write_facts(
            [row for row in rows if isinstance(row, StateRow)],
            [row for row in rows if isinstance(row, CountRow)],
            [row for row in rows if isinstance(row, EvidenceRow)],
        )
        admitted._set_aside(outcome.superseded)
        admitted.write({"applied_at": self.env["mes.clock"].now()})

    @api.private
    def _set_aside(self, losers: Iterable[Superseded]) -> None:
        """Facts that lost their key to a late one, or a late one to them; the room with the event log keeps them."""

    def _row(self) -> StateRow | CountRow | EvidenceRow:
        """The fact as it came."""
        shape = {"count": CountRow, "evidence": EvidenceRow}.get(self.kind, StateRow)
        return shape(**self.payload)


def _kind(row: StateRow | CountRow | EvidenceRow) -> str:
    """The kind of a fact."""
    if isinstance(row, StateRow):
        return row.lane
    return "count" if isinstance(row, CountRow) else "evidence"


def _is_open(fact, lock: int | None) -> bool:
    """Whether the fact's time is not closed any more."""
    return lock is None or clock.to_ms(fact.at) >= lock


def _sums(timeline: Timeline) -> Counter:
    """Milliseconds by category and pieces of a timeline."""
    found: Counter = Counter()
    for piece, quantity in zip(timeline.slices, timeline.quantities, strict=True):
        found[piece.category] += piece.ms
        found.update(total=quantity.total, good=quantity.good, reject=quantity.reject)
    return found
