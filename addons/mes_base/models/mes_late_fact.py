from collections.abc import Iterable

from odoo import api, fields, models

from ..tools import clock
from ..tools.fields import BigInteger, Timestamp
from ..tools.rows import CountRow, EvidenceRow, StateRow


class MesLateFact(models.Model):
    """A fact that arrived for a closed period: kept, shown with its difference, applied on unlock."""

    _name = "mes.late.fact"
    _description = "Late Fact, not in the Closed Figure"
    _order = "at desc, id desc"
    _log_access = False

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="restrict")
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

    _by_workcenter = models.Index("(workcenter_id, at)")

    @api.private
    def _keep(self, rows: Iterable[StateRow | CountRow | EvidenceRow]) -> None:
        """Keep facts for closed periods aside; one statement to find machines, one to insert."""
        rows = list(rows)
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

    @api.private
    def _admit(self, companies) -> None:
        """Enter the facts whose period is open again; what is still closed goes on waiting."""
        waiting = self.search([("company_id", "in", companies.ids), ("applied_at", "=", False)], order="id")
        if not waiting:
            return
        heads = self.env["mes.fact.writer"].heads(waiting.workcenter_id.ids)
        admitted = waiting.filtered(lambda fact: _is_open(fact, heads[fact.workcenter_id.id].lock))
        rows = [fact._row() for fact in admitted]
        self.env["mes.fact.writer"].write_facts(
            [row for row in rows if isinstance(row, StateRow)],
            [row for row in rows if isinstance(row, CountRow)],
            [row for row in rows if isinstance(row, EvidenceRow)],
        )
        admitted.write({"applied_at": self.env["mes.clock"].now()})

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
