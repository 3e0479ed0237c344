from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk
from ..tools.fields import Timestamp, UncheckedMany2one
from ..tools.rows import EvidenceRow, Outcome
from ..tools.spans import absorb, merge, subtract

ROW_TYPES = ["int4", "text", "int8", "int8"]


class MesEvidenceSpan(models.Model):
    """A span in which a source was really watched; no data is the complement."""

    _name = "mes.evidence.span"
    _description = "Evidence Span"
    _order = "workcenter_id, at_from desc"
    _log_access = False

    workcenter_id = fields.Many2one("mrp.workcenter", string="Work Center", required=True, ondelete="restrict")
    company_id = UncheckedMany2one("res.company", required=True)
    stream = fields.Char(required=True)
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", required=True)

    _start_unique = models.Constraint(
        "UNIQUE(workcenter_id, stream, at_from)", "There is already a span of this stream from that time."
    )
    _span_ordered = models.Constraint("CHECK(at_until > at_from)", "A span of evidence ends after it begins.")
    # Found by their end, because spans are short and looked for near the end of the history.
    _by_end = models.Index("(workcenter_id, at_until)")

    @api.private
    def _store(self, rows: list[EvidenceRow], heads: dict) -> tuple[Outcome, list[tuple[int, int, int | None]]]:
        """Merge spans into those of their stream: the outcome and the newly watched spans.

        Four statements at most, whatever the number of rows. A span without length is nothing.
        """
        rows = [row for row in rows if row.at_until > row.at_from]
        if not rows:
            return Outcome(), []
        late, timely = _split_at_locks(rows, {wc: head.lock for wc, head in heads.items()})
        late = self._unknown(late)
        groups = _merged(timely)
        known = self._overlapping(groups)
        inserts, updates, absorbed, touched = [], [], [], []
        for key, wanted in groups.items():
            stored = known.get(key, {}).values()
            watched = [span[1:] for span in stored]
            touched += [(key[0], *new) for span in wanted for new in subtract(span, watched)]
            fresh, stretched, gone = absorb(stored, wanted)
            inserts += [(*key, *span, heads[key[0]].company_id) for span in fresh]
            updates += stretched
            absorbed += gone
        self._apply(inserts, updates, absorbed)
        self.invalidate_model()
        written = len(inserts) + len(updates)
        unchanged = sum(map(len, groups.values())) - written if not touched else 0
        return Outcome(written, unchanged, (), tuple(late)), touched

    def _unknown(self, rows: list[EvidenceRow]) -> list[EvidenceRow]:
        """What of the rows is not stored yet."""
        groups = _merged(rows)
        known = self._overlapping(groups)
        return [
            EvidenceRow(*key, *part)
            for key, wanted in groups.items()
            for span in wanted
            for part in subtract(span, [one[1:] for one in known.get(key, {}).values()])
        ]

    def _overlapping(self, groups: dict) -> dict[tuple[int, str], dict[int, tuple[int, int, int]]]:
        """The stored spans (id, from, until in ms) that overlap or touch wanted ones, by machine and stream."""
        rows = [(*key, *span) for key, wanted in groups.items() for span in wanted]
        if not rows:
            return {}
        self.env.cr.execute(
            SQL(
                """
                SELECT p.workcenter_id, p.stream, p.id, %(from)s, %(until)s
                  FROM %(rows)s AS r(wc, stream, from_ms, until_ms)
                  JOIN mes_evidence_span p ON p.workcenter_id = r.wc AND p.stream = r.stream
                   AND p.at_until >= %(row_from)s AND p.at_from <= %(row_until)s
                """,
                rows=bulk.unnest(rows, ROW_TYPES),
                **{"from": bulk.millis("p.at_from")},
                until=bulk.millis("p.at_until"),
                row_from=bulk.timestamp("from_ms"),
                row_until=bulk.timestamp("until_ms"),
            )
        )
        found: dict[tuple[int, str], dict[int, tuple[int, int, int]]] = {}
        for workcenter_id, stream, *span in self.env.cr.fetchall():
            found.setdefault((workcenter_id, stream), {})[span[0]] = tuple(span)
        return found

    def _apply(self, inserts: list[tuple], updates: list[tuple[int, int, int]], absorbed: list[int]) -> None:
        """Remove absorbed spans, stretch others, insert new ones."""
        if absorbed:
            self.env.cr.execute(
                SQL("DELETE FROM mes_evidence_span WHERE id = ANY(%s::int4[])", bulk.int_array(absorbed))
            )
        if updates:
            self.env.cr.execute(
                SQL(
                    """
                    UPDATE mes_evidence_span p SET at_from = %(from)s, at_until = %(until)s
                      FROM %(rows)s AS r(id, from_ms, until_ms) WHERE p.id = r.id
                    """,
                    rows=bulk.unnest(updates, ["int4", "int8", "int8"]),
                    **{"from": bulk.timestamp("from_ms")},
                    until=bulk.timestamp("until_ms"),
                )
            )
        if inserts:
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO mes_evidence_span (workcenter_id, stream, at_from, at_until, company_id)
                    SELECT wc, stream, %(from)s, %(until)s, company
                      FROM %(rows)s AS r(wc, stream, from_ms, until_ms, company)
                    """,
                    rows=bulk.unnest(inserts, [*ROW_TYPES, "int4"]),
                    **{"from": bulk.timestamp("from_ms")},
                    until=bulk.timestamp("until_ms"),
                )
            )


def _split_at_locks(
    rows: list[EvidenceRow], locks: dict[int, int | None]
) -> tuple[list[EvidenceRow], list[EvidenceRow]]:
    """The parts of the rows in closed periods, and the rest."""
    late, timely = [], []
    for row in rows:
        lock = locks[row.workcenter_id]
        if lock is None or row.at_from >= lock:
            timely.append(row)
        elif row.at_until <= lock:
            late.append(row)
        else:
            late.append(row._replace(at_until=lock))
            timely.append(row._replace(at_from=lock))
    return late, timely


def _merged(rows: list[EvidenceRow]) -> dict[tuple[int, str], list[tuple[int, int]]]:
    """The spans by machine and stream, those that overlap or touch as one."""
    groups: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for row in rows:
        groups.setdefault(row[:2], []).append(row[2:])
    return {key: merge(found) for key, found in groups.items()}
