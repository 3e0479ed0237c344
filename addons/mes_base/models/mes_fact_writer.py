from collections.abc import Iterable
from typing import NamedTuple

from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL

from ..tools import bulk
from ..tools.periods import CLOSED_UNTIL
from ..tools.rows import CountRow, EvidenceRow, LiveRow, Outcome, StateRow

# The first key of our two-key advisory locks; the second is a work center's id.
LOCK_SPACE = 0x4D4553


class Head(NamedTuple):
    """What the writer must know of a machine: its company, and up to when its figures are closed."""

    workcenter_id: int
    company_id: int
    lock: int | None


class MesFactWriter(models.AbstractModel):
    """The only door through which machine facts enter: sets of rows, a fixed number of statements.

    The caller (the gateway's ingest) has checked that each machine and counter exists and is one
    that it may write; company, winner, cached ends, closed periods and dirty spans are settled here.
    Row shapes: ``tools/rows.py``.
    """

    _name = "mes.fact.writer"
    _description = "Writer of Machine Facts"

    @api.private
    def write_facts(
        self,
        states: Iterable[StateRow] = (),
        counts: Iterable[CountRow] = (),
        evidence: Iterable[EvidenceRow] = (),
    ) -> Outcome:
        """Store the facts of one batch and mark what they touch; see ``Outcome``.

        :raises ValidationError: a machine or counter is unknown or has no company.
        """
        states, counts, evidence = list(states), list(counts), list(evidence)
        machines = self.env["mes.counter"]._machines({row.counter_id for row in counts})
        # All machines at once: locked one kind after the other, two batches could wait for each other.
        heads = self.heads({row.workcenter_id for row in (*states, *evidence)} | set(machines.values()))
        parts = [
            self.env["mes.state.point"]._store(states, heads),
            self.env["mes.count.point"]._store(counts, heads, machines),
            self.env["mes.evidence.span"]._store(evidence, heads),
        ]
        self.env["mes.dirty.span"]._mark([span for _outcome, spans in parts for span in spans], "fact")
        total = Outcome()
        for outcome, _spans in parts:
            total = total.also(outcome)
        if total.late:
            self.env["mes.late.fact"]._keep(total.late)
        return total

    @api.private
    def write_states(self, rows: Iterable[StateRow]) -> Outcome:
        """Store change points of states and modes."""
        return self.write_facts(states=rows)

    @api.private
    def write_counts(self, rows: Iterable[CountRow]) -> Outcome:
        """Store counter readings."""
        return self.write_facts(counts=rows)

    @api.private
    def write_evidence(self, rows: Iterable[EvidenceRow]) -> Outcome:
        """Store spans in which machines were watched; a stream's spans are merged."""
        return self.write_facts(evidence=rows)

    @api.private
    def write_live(self, rows: Iterable[LiveRow]) -> list[int]:
        """Overwrite live values that are older; the ids of the machines whose row changed."""
        return self.env["mes.equipment.live"]._store(list(rows))

    @api.private
    def lock_machines(self, workcenter_ids: Iterable[int]) -> None:
        """Wait for other writers of these machines, in id order, until the transaction ends."""
        ids = sorted(set(workcenter_ids))
        if ids:
            self.env.cr.execute(
                SQL(
                    "SELECT pg_advisory_xact_lock(%s, id) FROM unnest(%s::int4[]) AS t(id)",
                    LOCK_SPACE,
                    bulk.int_array(ids),
                )
            )

    @api.private
    def heads(self, workcenter_ids: Iterable[int], for_writing: bool = True) -> dict[int, Head]:
        """The heads of these machines; for writing they are locked until the transaction ends.

        Two statements at most.

        :raises ValidationError: one of them is unknown or has no company.
        """
        ids = set(workcenter_ids)
        if not ids:
            return {}
        self.env.flush_all()
        if for_writing:
            self.lock_machines(ids)
        self.env.cr.execute(
            SQL(
                """
                SELECT w.id, w.company_id, (extract(epoch FROM %s) * 1000)::int8
                  FROM mrp_workcenter w
                 WHERE w.id = ANY(%s::int4[]) AND w.company_id IS NOT NULL
                 ORDER BY w.id
                   %s
                """,
                CLOSED_UNTIL,
                bulk.int_array(sorted(ids)),
                SQL("FOR KEY SHARE OF w") if for_writing else SQL(),
            )
        )
        found = {row[0]: Head(*row) for row in self.env.cr.fetchall()}
        if missing := ids - set(found):
            raise ValidationError(
                self.env._(
                    "Work centers %s are unknown or have no company: facts need a machine of a company.",
                    ", ".join(map(str, sorted(missing))),
                )
            )
        return found
