from collections.abc import Iterable

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk, spans
from ..tools.fields import Timestamp, UncheckedMany2one
from ..tools.periods import CLOSED_UNTIL

# Spans of one machine that lie closer are marked as one: consumers work by the hour anyway.
JOIN_MS = 5 * 60 * 1000


class MesDirtySpan(models.Model):
    """A span whose derived rows (stops, rollups) must be made anew: one row for each consumer.

    Written in the transaction of the fact that changed something; a consumer deletes its rows
    in the transaction that makes its derived rows anew.
    """

    _name = "mes.dirty.span"
    _description = "Dirty Span"
    _order = "id"
    _log_access = False

    consumer = fields.Char(required=True, help="Who makes rows anew: stop, oee.")
    workcenter_id = UncheckedMany2one("mrp.workcenter", string="Work Center", required=True)
    company_id = UncheckedMany2one("res.company", required=True)
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", help="Empty: to the end of time.")
    why = fields.Char(required=True)

    _by_consumer = models.Index("(consumer, id)")

    @api.private
    def _consumers(self) -> list[str]:
        """Who makes derived rows anew; a room that does adds its name."""
        return ["stop"]

    @api.private
    def _trigger_consumers(self) -> None:
        """Wake the consumers' jobs; a room that has one extends this."""
        # Any writer of facts may wake the job; it runs as its own user.
        self.env.ref("mes_base.ir_cron_fold_stops").sudo()._trigger()

    @api.private
    def _mark(self, touched: Iterable[tuple[int, int, int | None]], why: str) -> None:
        """Note that (machine, from, until in ms; None: no end) changed; one statement.

        A closed period is never made anew: the mark begins at its end. Also wakes the consumers, once a transaction.
        """
        by_machine: dict[int, list[tuple[int, int | None]]] = {}
        for workcenter_id, start, end in touched:
            by_machine.setdefault(workcenter_id, []).append((start, end))
        rows = [(wc, *span) for wc, found in by_machine.items() for span in spans.merge(found, JOIN_MS)]
        if not rows:
            return
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_dirty_span (consumer, workcenter_id, company_id, at_from, at_until, why)
                SELECT c.name, m.id, m.company_id, GREATEST(m.at_from, m.lock), m.at_until, %(why)s
                  FROM (SELECT w.id, w.company_id, %(from)s AS at_from, %(until)s AS at_until,
                               %(closed)s AS lock
                          FROM %(rows)s AS r(wc, from_ms, until_ms)
                          JOIN mrp_workcenter w ON w.id = r.wc AND w.company_id IS NOT NULL) m
                 CROSS JOIN unnest(%(consumers)s::text[]) AS c(name)
                 WHERE m.lock IS NULL OR m.at_until IS NULL OR m.at_until > m.lock
                """,
                rows=bulk.unnest(rows, ["int4", "int8", "int8"]),
                **{"from": bulk.timestamp("from_ms")},
                until=bulk.timestamp("until_ms"),
                why=why,
                closed=CLOSED_UNTIL,
                consumers=bulk.text_array(self._consumers()),
            )
        )
        if not self.env.cr.precommit.data.setdefault("mes.dirty.span", False):
            self.env.cr.precommit.data["mes.dirty.span"] = True
            self._trigger_consumers()

    @api.private
    def _take(self, consumer: str, limit: int = 2000) -> dict[int, list[tuple[int, int | None]]]:
        """Take marks away from the queue: machine -> merged spans in ms.

        Marks that another transaction holds are left to it; call it in the transaction that makes
        the derived rows anew, so that a failure puts them back.

        An override without an end lasts until the machine runs again: a late fact inside it may move
        that end, so such a mark reaches to where the override ended at the latest.
        """
        return self._told(
            SQL(
                """
                DELETE FROM mes_dirty_span WHERE id IN (
                       SELECT id FROM mes_dirty_span WHERE consumer = %s ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
                RETURNING workcenter_id, at_from, at_until
                """,
                consumer,
                limit,
            )
        )

    @api.private
    def _waiting(self, consumer: str, workcenter_ids: Iterable[int]) -> dict[int, list[tuple[int, int | None]]]:
        """The marks of these machines that wait, as :meth:`_take` tells them; they stay in the queue."""
        return self._told(
            SQL(
                """
                SELECT workcenter_id, at_from, at_until FROM mes_dirty_span
                 WHERE consumer = %s AND workcenter_id = ANY(%s::int4[])
                """,
                consumer,
                bulk.int_array(workcenter_ids),
            )
        )

    def _told(self, marks: SQL) -> dict[int, list[tuple[int, int | None]]]:
        """Machine -> merged spans of the marks that a statement gives; ms, None: without an end."""
        self.env.cr.execute(
            SQL(
                """
                WITH t AS (%(marks)s)
                SELECT t.workcenter_id, %(from)s, %(until)s
                  FROM t CROSS JOIN LATERAL (
                       SELECT CASE WHEN EXISTS (
                                   SELECT FROM mes_state_override o WHERE o.workcenter_id = t.workcenter_id
                                      AND o.at_until IS NULL AND o.at_from < t.at_until)
                              THEN (SELECT p.at FROM mes_state_point p WHERE p.workcenter_id = t.workcenter_id
                                       AND p.lane = 'state' AND p.value = 'running' AND p.at >= t.at_until
                                     ORDER BY p.at LIMIT 1)
                              ELSE t.at_until END AS at_until) e
                """,
                marks=marks,
                **{"from": bulk.millis("t.at_from")},
                until=bulk.millis("e.at_until"),
            )
        )
        found: dict[int, list[tuple[int, int | None]]] = {}
        for workcenter_id, start, end in self.env.cr.fetchall():
            found.setdefault(workcenter_id, []).append((start, end))
        return {wc: spans.merge(one, JOIN_MS) for wc, one in found.items()}
