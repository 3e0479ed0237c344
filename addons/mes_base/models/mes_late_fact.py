from collections.abc import Iterable

from odoo import api, fields, models, modules
from odoo.tools import SQL

from ..tools import bulk, clock, late
from ..tools.fields import BigInteger, Timestamp
from ..tools.periods import CLOSED_UNTIL
from ..tools.rows import CountRow, EvidenceRow, StateRow, Superseded, content

# So many facts are let in at once: a second of work, a bounded transaction.
BATCH = 2000


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
    _waiting_by_company = models.Index("(company_id, id) WHERE applied_at IS NULL")

    @api.private
    def _keep(self, rows: Iterable[StateRow | CountRow | EvidenceRow]) -> None:
        """Keep facts for closed periods aside, each once; a fixed number of statements."""
        rows = list(rows)
        counters = {row.counter_id for row in rows if isinstance(row, CountRow)}
        machines = self.env["mes.counter"]._machines(counters) if counters else {}
        workcenters = {
            id(row): machines[row.counter_id] if isinstance(row, CountRow) else row.workcenter_id for row in rows
        }
        rows = self._not_waiting(rows, workcenters)
        if not rows:
            return
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
        self, rows: list[StateRow | CountRow | EvidenceRow], workcenters: dict[int, int]
    ) -> list[StateRow | CountRow | EvidenceRow]:
        """Those of the facts that do not wait already, told by whatever source; ``workcenters`` by id of the row."""
        keys = {(workcenters[id(row)], row.at_from if isinstance(row, EvidenceRow) else row.at) for row in rows}
        self.flush_model()
        # Fenced, so that each key is looked up in the index however many facts wait.
        self.env.cr.execute(
            SQL(
                """
                SELECT f.id FROM %(keys)s AS k(wc, at_ms) CROSS JOIN LATERAL (
                       SELECT id FROM mes_late_fact
                        WHERE workcenter_id = k.wc AND at = %(at)s AND applied_at IS NULL OFFSET 0) f
                """,
                keys=bulk.unnest(sorted(keys), ["int4", "int8"]),
                at=bulk.timestamp("k.at_ms"),
            )
        )
        # The gateway's user may not read these, and sees nothing of them.
        waiting = self.sudo().browse(row[0] for row in self.env.cr.fetchall())
        known = {(fact.kind, content(fact._row())) for fact in waiting}
        return [row for row in rows if (_kind(row), content(row)) not in known]

    @api.depends("kind", "payload", "applied_at")
    def _compute_difference(self):
        differences = self.filtered(lambda fact: not fact.applied_at)._differences()
        for fact in self:
            fact.difference = fact._describe(differences[fact.id]) if fact.id in differences else False

    @api.private
    def _difference(self) -> dict[str, int]:
        """What this fact alone would change; see :meth:`_differences`."""
        self.ensure_one()
        return self._differences()[self.id]

    @api.private
    def _differences(self) -> dict[int, dict[str, int]]:
        """What each fact alone would change up to the end of the closed period, by the id of the fact.

        Milliseconds by category of time (production, delay, no_data, ...) and pieces (total, good,
        reject); only what is not zero. The machines' facts are loaded once for all.
        """
        closed = self._in_closed_period()
        windows = {wc: _window(facts, lock) for wc, (facts, lock) in closed.items()}
        histories = self.env["mes.timeline"].load(windows)
        # Only the names of counters are read, of facts that the caller may read.
        counters = self.env["mes.counter"].sudo().browse({f.payload["counter_id"] for f in self if f.kind == "count"})
        names = {counter.id: counter.name for counter in counters}
        now = self.env["mes.clock"].now_ms()
        found: dict[int, dict[str, int]] = {fact.id: {} for fact in self}
        for wc, (facts, lock) in closed.items():
            for fact in facts:
                found[fact.id] = late.difference(histories[wc], fact._row(), names, lock, max(lock, now))
        return found

    def _in_closed_period(self) -> dict[int, tuple["MesLateFact", int]]:
        """Machine -> (its facts in the closed period, up to when that is closed in ms)."""
        heads = self.env["mes.fact.writer"].heads(set(self.workcenter_id.ids), for_writing=False)
        found = {}
        for workcenter, facts in self.grouped("workcenter_id").items():
            lock = heads[workcenter.id].lock
            if within := facts.filtered(lambda fact, lock=lock: not _is_open(fact, lock)):
                found[workcenter.id] = (within, lock)
        return found

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

    @api.model
    def _cron_admit(self) -> None:
        """Let in all facts whose period is open again, some thousands a transaction; see :meth:`_admit`.

        Each batch enters whole or not at all; an interruption leaves the others waiting for the next run.
        """
        companies = self.env["res.company"].search([])
        while True:
            self._see_what_others_did()
            made = self._admit(companies, BATCH)
            left = self._count_open(companies) if made else 0
            if not self.env["ir.cron"]._commit_progress(made, remaining=left) or not left:
                return

    def _see_what_others_did(self) -> None:
        """Begin a READ COMMITTED transaction, as every batch of facts is stored in: who has waited for a machine
        then sees what came in meanwhile. A test's transaction is not ours to end."""
        if not modules.module.current_test:
            self.env.cr.commit()  # pylint: disable=invalid-commit
            self.env.cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    @api.private
    def _admit(self, companies, limit: int = BATCH) -> int:
        """Enter facts whose period is open again, at most ``limit``, the oldest first; how many.

        What is still closed goes on waiting.
        """
        made = 0
        for company in companies:
            if made < limit:
                made += self._admit_some(company, limit - made)
        return made

    def _admit_some(self, company, limit: int) -> int:
        """Enter facts of one company; how many."""
        waiting = self._open_again(company, limit)
        if not waiting:
            return 0
        heads = self.env["mes.fact.writer"].heads(waiting.workcenter_id.ids)
        # Now that the machines are held: a period may have been closed once more meanwhile.
        admitted = waiting.filtered(lambda fact: _is_open(fact, heads[fact.workcenter_id.id].lock))
        rows = [fact._row() for fact in admitted]
        outcome = self.env["mes.fact.writer"].write_facts(
            [row for row in rows if isinstance(row, StateRow)],
            [row for row in rows if isinstance(row, CountRow)],
            [row for row in rows if isinstance(row, EvidenceRow)],
        )
        admitted._set_aside(outcome.superseded)
        admitted.write({"applied_at": self.env["mes.clock"].now()})
        return len(admitted)

    def _open_again(self, company, limit: int):
        """The oldest waiting facts of a company in no closed period; those that another job has are left to it."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL("%s ORDER BY f.id LIMIT %s FOR UPDATE OF f SKIP LOCKED", _open_facts(SQL("f.id"), company.ids), limit)
        )
        return self.browse(row[0] for row in self.env.cr.fetchall())

    def _count_open(self, companies) -> int:
        """How many facts wait although their period is open."""
        self.env.flush_all()
        self.env.cr.execute(_open_facts(SQL("count(*)"), companies.ids))
        return self.env.cr.fetchone()[0]

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


def _open_facts(what: SQL, company_ids: Iterable[int]) -> SQL:
    """Of the facts that wait although their period is open: ``what`` of each, as ``f``."""
    return SQL(
        """
        WITH m AS MATERIALIZED (
            SELECT w.id, %(closed)s AS lock FROM mrp_workcenter w WHERE w.company_id = ANY(%(companies)s::int4[]))
        SELECT %(what)s FROM mes_late_fact f JOIN m ON m.id = f.workcenter_id
         WHERE f.company_id = ANY(%(companies)s::int4[]) AND f.applied_at IS NULL AND (m.lock IS NULL OR f.at >= m.lock)
        """,
        what=what,
        closed=CLOSED_UNTIL,
        companies=bulk.int_array(company_ids),
    )


def _window(facts, lock: int) -> tuple[int, int]:
    """The time of a machine that must be known to see what some facts would change, in ms.

    A state or a mode may hold to the end of the closed period. A reading reaches to the next one, which is
    loaded anyway.
    """
    ends = [lock if fact.kind in ("state", "mode") else late.until(fact._row()) + 1 for fact in facts]
    return min(clock.to_ms(fact.at) for fact in facts), min(max(ends), lock)
