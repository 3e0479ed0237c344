from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk
from ..tools.fields import BigInteger, Timestamp, UncheckedMany2one
from ..tools.rows import CountRow, Outcome, Superseded, contest, newest, unknown
from ..tools.spans import clusters
from .mes_state_point import CLUSTER_MS, QUALITIES

ROW_TYPES = [
    *["int4"] * 2, *["int8"] * 4, "text", *["int8"] * 2, "text", "int8", "int4", "text", "int8",
]  # fmt: skip


class Stretch(NamedTuple):
    """A stretch of a counter's time: its first and last new reading, and the stored readings (id, row)
    between these, with the one before and the one after."""

    counter_id: int
    first: int
    last: int
    stored: list[tuple[int, CountRow]]


class MesCountPoint(models.Model):
    """A reading of a counter; ``total`` runs on across the counter's epochs."""

    _name = "mes.count.point"
    _description = "Count Point"
    _order = "counter_id, at desc"
    _log_access = False

    counter_id = UncheckedMany2one("mes.counter", required=True)
    workcenter_id = UncheckedMany2one("mrp.workcenter", string="Work Center", required=True)
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
        counter. Three statements at most, whatever the number of rows; two when all readings are new.
        """
        if not rows:
            return Outcome(), []
        winners, losers = newest(rows, _key)
        late = []
        for key, row in list(winners.items()):
            lock = heads[machines[row.counter_id]].lock
            if lock is not None and row.at < lock:
                late.append(winners.pop(key))
        known = {_key(row): row for stretch in self._stretches(late) for _id, row in stretch.stored}
        late, repeats = unknown(late, known, _key)
        stretches = self._stretches(winners.values())
        stored = {_key(row): (id_, row) for stretch in stretches for id_, row in stretch.stored}
        contested = [row for key, row in winners.items() if key in stored]
        inserted = [row for key, row in winners.items() if key not in stored]
        replaced, unchanged, lost = self._contest(contested, stored)
        self._insert_points(inserted, machines, heads)
        self.invalidate_model()
        outcome = Outcome(len(inserted) + len(replaced), unchanged + repeats, tuple(losers + lost), tuple(late))
        return outcome, _touched(stretches, [*inserted, *replaced], machines)

    def _stretches(self, rows: Iterable[CountRow]) -> list[Stretch]:
        """The stretches of time that ``rows`` lie in, with the stored readings in and next to each."""
        times: dict[int, list[int]] = {}
        for row in rows:
            times.setdefault(row.counter_id, []).append(row.at)
        ends = [(counter, *one) for counter, ats in times.items() for one in clusters(ats, CLUSTER_MS)]
        if not ends:
            return []
        self.env.cr.execute(
            SQL(
                """
                WITH stretch AS (
                    SELECT place, counter, %(first)s AS first, %(last)s AS last
                      FROM %(ends)s WITH ORDINALITY AS s(counter, first_ms, last_ms, place))
                SELECT s.place - 1, p.id, p.counter_id, p.counter_epoch, %(ms)s, p.raw, p.total, p.delta, p.decision,
                       p.bound_low, p.bound_high, p.quality, %(recv)s, p.priority, p.stream, p.seq
                  FROM stretch s CROSS JOIN LATERAL (
                       (SELECT * FROM mes_count_point WHERE counter_id = s.counter AND at < s.first
                         ORDER BY at DESC LIMIT 1)
                       UNION ALL
                       SELECT * FROM mes_count_point WHERE counter_id = s.counter AND at BETWEEN s.first AND s.last
                       UNION ALL
                       (SELECT * FROM mes_count_point WHERE counter_id = s.counter AND at > s.last
                         ORDER BY at LIMIT 1)) p
                """,
                ends=bulk.unnest(ends, ["int4", "int8", "int8"]),
                first=bulk.timestamp("first_ms"),
                last=bulk.timestamp("last_ms"),
                ms=bulk.millis("p.at"),
                recv=bulk.millis("p.recv"),
            )
        )
        stretches = [Stretch(*one, []) for one in ends]
        for place, id_, *values in self.env.cr.fetchall():
            stretches[place].stored.append((id_, CountRow(*values)))
        return stretches

    def _insert_points(self, rows: list[CountRow], machines: dict[int, int], heads: dict) -> None:
        """Insert readings whose key is free."""
        if not rows:
            return
        full = [(*row, machines[row.counter_id], heads[machines[row.counter_id]].company_id) for row in rows]
        statement = SQL(
            """
            INSERT INTO mes_count_point (counter_id, counter_epoch, at, raw, total, delta, decision,
                   bound_low, bound_high, quality, recv, priority, stream, seq, workcenter_id, company_id)
            SELECT counter, epoch, %(at)s, raw, total, delta, decision, low, high, quality, %(recv)s,
                   priority, stream, seq, wc, company
              FROM %(rows)s AS r(counter, epoch, at_ms, raw, total, delta, decision, low, high, quality,
                   recv_ms, priority, stream, seq, wc, company)
            """,
            rows=bulk.unnest(full, [*ROW_TYPES, "int4", "int4"]),
            at=bulk.timestamp("at_ms"),
            recv=bulk.timestamp("recv_ms"),
        )
        with bulk.retried_on_collision():
            self.env.cr.execute(statement)

    def _contest(
        self, rows: list[CountRow], stored: dict[tuple[int, int, int], tuple[int, CountRow]]
    ) -> tuple[list[CountRow], int, list[Superseded]]:
        """Settle readings whose key is taken: those that replaced it, how many repeat it, the losers."""
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


def _touched(
    stretches: list[Stretch], changed: list[CountRow], machines: dict[int, int]
) -> list[tuple[int, int, int | None]]:
    """The spans between the neighbours of changed readings: their quantity is another now."""
    changed_times: dict[int, list[int]] = {}
    for row in sorted(changed, key=lambda row: row.at):
        changed_times.setdefault(row.counter_id, []).append(row.at)
    spans = []
    for counter, first, last, stored in stretches:
        times = changed_times.get(counter, [])
        if bisect_left(times, first) < bisect_right(times, last):
            ats = [row.at for _id, row in stored]
            start = max((at for at in ats if at < first), default=first)
            end: int | None = min((at for at in ats if at > last), default=last)
            if not stored:  # its very first readings: from now on it says what is good and what is not
                start, end = times[0], None
            spans.append((machines[counter], start, end))
    return spans


def _key(row: CountRow) -> tuple[int, int, int]:
    """The key of a reading."""
    return (row.counter_id, row.counter_epoch, row.at)
