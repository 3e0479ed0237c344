from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk
from ..tools.fields import BigInteger, Timestamp, UncheckedMany2one
from ..tools.rows import CountRow, Outcome, Superseded, contest, newest
from ..tools.spans import clusters
from .mes_state_point import CLUSTER_MS, QUALITIES

ROW_TYPES = [
    *["int4"] * 2, *["int8"] * 4, "text", *["int8"] * 2, "text", "int8", "int4", "text", "int8",
]  # fmt: skip


class MesCountPoint(models.Model):
    """A reading of a counter; ``total`` runs on across the counter's epochs."""

    _name = "mes.count.point"
    _description = "Count Point"
    _order = "counter_id, at desc"
    _log_access = False

    counter_id = UncheckedMany2one("mes.counter", required=True)
    workcenter_id = UncheckedMany2one("mrp.workcenter", required=True)
    company_id = UncheckedMany2one("res.company", required=True)
    counter_epoch = fields.Integer(required=True)
    at = Timestamp(required=True)
    raw = BigInteger()
    total = BigInteger(required=True)
    delta = BigInteger(help="The step that the bridge saw, a checksum.")
    decision = fields.Selection(
        [
            ("step", "Step"),
            ("rollover", "Rollover"),
            ("reset", "Reset"),
            ("gap", "Gap"),
            ("first", "First reading"),
        ],
        required=True,
    )
    bound_low = BigInteger()
    bound_high = BigInteger()
    quality = fields.Selection(QUALITIES, required=True, default="good")
    recv = Timestamp(string="Received")
    priority = fields.Integer(default=0)
    stream = fields.Char()
    seq = BigInteger(string="Sequence Number")

    # (counter, time) leads so that one index serves both the key and the reading of a window.
    _key_unique = models.Constraint(
        "UNIQUE(counter_id, at, counter_epoch)", "There is already a point of this counter at that time."
    )

    @api.private
    def _store(
        self, rows: list[CountRow], heads: dict, machines: dict[int, int]
    ) -> tuple[Outcome, list[tuple[int, int, int | None]]]:
        """Store readings: the outcome and the touched spans (machine, from, until in ms).

        ``heads`` are those of the machines (``mes.fact.writer``), ``machines`` the machine of each
        counter. Four statements at most, whatever the number of rows; two when all readings are new.
        """
        if not rows:
            return Outcome(), []
        winners, losers = newest(rows, _key)
        late = []
        for key, row in list(winners.items()):
            lock = heads[machines[row.counter_id]].lock
            if lock is not None and row.at < lock:
                late.append(winners.pop(key))
        written = self._insert_points(list(winners.values()), machines, heads)
        contested = [row for key, row in winners.items() if key not in written]
        replaced, unchanged, lost = self._contest(contested)
        changed = [winners[key] for key in written] + replaced
        self.invalidate_model()
        outcome = Outcome(len(changed), unchanged, tuple(losers + lost), tuple(late))
        return outcome, self._touched(changed, machines)

    def _insert_points(self, rows: list[CountRow], machines: dict[int, int], heads: dict) -> set:
        """Insert the readings whose key is free; the keys of those."""
        if not rows:
            return set()
        full = [(*row, machines[row.counter_id], heads[machines[row.counter_id]].company_id) for row in rows]
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_count_point AS p (counter_id, counter_epoch, at, raw, total, delta, decision,
                       bound_low, bound_high, quality, recv, priority, stream, seq, workcenter_id, company_id)
                SELECT counter, epoch, %(at)s, raw, total, delta, decision, low, high, quality, %(recv)s,
                       priority, stream, seq, wc, company
                  FROM %(rows)s AS r(counter, epoch, at_ms, raw, total, delta, decision, low, high, quality,
                       recv_ms, priority, stream, seq, wc, company)
                ON CONFLICT (counter_id, at, counter_epoch) DO NOTHING
                RETURNING counter_id, counter_epoch, %(ms)s
                """,
                rows=bulk.unnest(full, [*ROW_TYPES, "int4", "int4"]),
                at=bulk.timestamp("at_ms"),
                recv=bulk.timestamp("recv_ms"),
                ms=bulk.millis("p.at"),
            )
        )
        return set(self.env.cr.fetchall())

    def _contest(self, rows: list[CountRow]) -> tuple[list[CountRow], int, list[Superseded]]:
        """Settle readings whose key is taken: those that replaced it, how many repeat it, the losers."""
        if not rows:
            return [], 0, []
        self.env.cr.execute(
            SQL(
                """
                SELECT p.id, p.counter_id, p.counter_epoch, %(ms)s, p.raw, p.total, p.delta, p.decision,
                       p.bound_low, p.bound_high, p.quality, %(recv)s, p.priority, p.stream, p.seq
                  FROM %(keys)s AS k(counter, epoch, at_ms)
                  JOIN mes_count_point p
                    ON p.counter_id = k.counter AND p.counter_epoch = k.epoch AND p.at = %(at)s
                """,
                keys=bulk.unnest([_key(row) for row in rows], ["int4", "int4", "int8"]),
                ms=bulk.millis("p.at"),
                recv=bulk.millis("p.recv"),
                at=bulk.timestamp("at_ms"),
            )
        )
        stored = {_key(row): (id_, row) for id_, *values in self.env.cr.fetchall() for row in [CountRow(*values)]}
        replaced, lost = [], []
        for row in rows:
            id_, known = stored[_key(row)]
            winner, loser = contest(known, row)
            if loser is not None:
                lost.append(loser)
            if winner is row and loser is not None:
                replaced.append((id_, row))
        self._replace_points(replaced)
        return [row for _id, row in replaced], len(rows) - len(replaced), lost

    def _replace_points(self, replaces: list[tuple[int, CountRow]]) -> None:
        """Give points of a won key the winner's content."""
        if not replaces:
            return
        self.env.cr.execute(
            SQL(
                """
                UPDATE mes_count_point p
                   SET raw = r.raw, total = r.total, delta = r.delta, decision = r.decision,
                       bound_low = r.low, bound_high = r.high, quality = r.quality, recv = %(recv)s,
                       priority = r.priority, stream = r.stream, seq = r.seq
                  FROM %(rows)s AS r(id, counter, epoch, at_ms, raw, total, delta, decision, low, high,
                       quality, recv_ms, priority, stream, seq)
                 WHERE p.id = r.id
                """,
                rows=bulk.unnest([(id_, *row) for id_, row in replaces], ["int4", *ROW_TYPES]),
                recv=bulk.timestamp("recv_ms"),
            )
        )

    def _touched(self, rows: list[CountRow], machines: dict[int, int]) -> list[tuple[int, int, int]]:
        """The spans between the neighbours of changed readings: their quantity is another now."""
        times: dict[int, list[int]] = {}
        for row in rows:
            times.setdefault(row.counter_id, []).append(row.at)
        stretches = [(counter, *one) for counter, ats in times.items() for one in clusters(ats, CLUSTER_MS)]
        if not stretches:
            return []
        self.env.cr.execute(
            SQL(
                """
                SELECT counter, COALESCE(%(before)s, first_ms), COALESCE(%(after)s, last_ms)
                  FROM %(stretches)s AS s(counter, first_ms, last_ms)
                  LEFT JOIN LATERAL (SELECT at FROM mes_count_point WHERE counter_id = counter
                        AND at < %(first)s ORDER BY at DESC LIMIT 1) b ON TRUE
                  LEFT JOIN LATERAL (SELECT at FROM mes_count_point WHERE counter_id = counter
                        AND at > %(last)s ORDER BY at LIMIT 1) a ON TRUE
                """,
                stretches=bulk.unnest(stretches, ["int4", "int8", "int8"]),
                first=bulk.timestamp("first_ms"),
                last=bulk.timestamp("last_ms"),
                before=bulk.millis("b.at"),
                after=bulk.millis("a.at"),
            )
        )
        return [(machines[counter], start, end) for counter, start, end in self.env.cr.fetchall()]


def _key(row: CountRow) -> tuple[int, int, int]:
    """The key of a reading."""
    return (row.counter_id, row.counter_epoch, row.at)
