from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk, lanes
from ..tools.fields import BigInteger, Timestamp, UncheckedMany2one
from ..tools.rows import Outcome, StateRow, newest, unknown

QUALITIES = [("good", "Good"), ("uncertain", "Uncertain"), ("estimated", "Estimated")]

# Points that lie closer than this are looked up together with what lies between them.
CLUSTER_MS = 5 * 60 * 1000
ROW_TYPES = ["int4", "text", "int8", *["text"] * 4, "int4", "text", "int8", "int4", "text", "int8"]


class MesStatePoint(models.Model):
    """A change of state or mode: from ``at`` on the lane has ``value`` until the next point."""

    _name = "mes.state.point"
    _description = "State Point"
    _order = "workcenter_id, lane, at desc"
    _log_access = False

    workcenter_id = UncheckedMany2one("mrp.workcenter", string="Work Center", required=True)
    company_id = UncheckedMany2one("res.company", required=True)
    lane = fields.Selection([("state", "State"), ("mode", "Mode")], required=True)
    at = Timestamp(required=True)
    until = Timestamp(help="Where the next point of the lane begins; empty: no later point.")
    raw = fields.Char()
    value = fields.Char(required=True)
    code = fields.Char(help="The machine's own alarm or stop code.")
    interlock = fields.Char()
    map_revision = fields.Integer()
    quality = fields.Selection(QUALITIES, required=True, default="good")
    recv = Timestamp(string="Received")
    priority = fields.Integer(default=0)
    stream = fields.Char()
    seq = BigInteger(string="Sequence Number")

    _key_unique = models.Constraint(
        "UNIQUE(workcenter_id, lane, at)", "There is already a point of this lane at that time."
    )

    @api.private
    def _store(self, rows: list[StateRow], heads: dict) -> tuple[Outcome, list[tuple[int, int, int | None]]]:
        """Store change points: the outcome and the touched spans (machine, from, until in ms).

        Four statements at most, whatever the number of rows; one more for facts of a closed period.
        """
        if not rows:
            return Outcome(), []
        winners, losers = newest(rows, lambda row: (row.workcenter_id, row.lane, row.at))
        late, timely = [], []
        for row in winners.values():
            lock = heads[row.workcenter_id].lock
            (timely if lock is None or row.at >= lock else late).append(row)
        late, repeats = unknown(
            late, {point.row[:3]: point.row for point in self._neighbours(late)}, lambda row: row[:3]
        )
        plan = lanes.plan(self._neighbours(timely), timely)
        self._insert_points(plan.inserts, heads)
        self._replace_points(plan.replaces)
        self._move_ends(plan.ends)
        self.invalidate_model()
        written = len(plan.inserts) + len(plan.replaces)
        losers += plan.losers
        return Outcome(written, plan.unchanged + repeats, tuple(losers), tuple(late)), plan.touched

    def _neighbours(self, rows: list[StateRow]) -> list[lanes.Stored]:
        """The stored points around ``rows``: of each stretch the one before, those in it, the one after."""
        stretches = lanes.reach(rows, CLUSTER_MS)
        if not stretches:
            return []
        self.env.cr.execute(
            SQL(
                """
                WITH stretch AS (
                    SELECT wc, lane, %(first)s AS first, %(last)s AS last
                      FROM %(stretches)s AS s(wc, lane, first_ms, last_ms))
                SELECT p.id, %(until)s, p.owned, p.workcenter_id, p.lane, %(at)s, p.raw, p.value, p.code,
                       p.interlock, p.map_revision, p.quality, %(recv)s, p.priority, p.stream, p.seq
                  FROM stretch s CROSS JOIN LATERAL (
                       (SELECT *, TRUE AS owned FROM mes_state_point
                         WHERE workcenter_id = s.wc AND lane = s.lane AND at < s.first
                         ORDER BY at DESC LIMIT 1)
                       UNION ALL
                       SELECT *, TRUE FROM mes_state_point
                        WHERE workcenter_id = s.wc AND lane = s.lane AND at BETWEEN s.first AND s.last
                       UNION ALL
                       (SELECT *, FALSE FROM mes_state_point
                         WHERE workcenter_id = s.wc AND lane = s.lane AND at > s.last
                         ORDER BY at LIMIT 1)) p
                """,
                stretches=bulk.unnest(stretches, ["int4", "text", "int8", "int8"]),
                first=bulk.timestamp("first_ms"),
                last=bulk.timestamp("last_ms"),
                at=bulk.millis("p.at"),
                until=bulk.millis("p.until"),
                recv=bulk.millis("p.recv"),
            )
        )
        return [lanes.Stored(*found[:3], StateRow(*found[3:])) for found in self.env.cr.fetchall()]

    def _insert_points(self, inserts: list[tuple[StateRow, int | None]], heads: dict) -> None:
        """Insert new points with their cached end."""
        if not inserts:
            return
        rows = [(*row, end, heads[row.workcenter_id].company_id) for row, end in inserts]
        statement = SQL(
            """
            INSERT INTO mes_state_point (workcenter_id, lane, at, raw, value, code, interlock,
                   map_revision, quality, recv, priority, stream, seq, until, company_id)
            SELECT wc, lane, %(at)s, raw, value, code, interlock, map, quality, %(recv)s, priority,
                   stream, seq, %(until)s, company
              FROM %(rows)s AS r(wc, lane, at_ms, raw, value, code, interlock, map, quality, recv_ms,
                   priority, stream, seq, until_ms, company)
            """,
            rows=bulk.unnest(rows, [*ROW_TYPES, "int8", "int4"]),
            at=bulk.timestamp("at_ms"),
            recv=bulk.timestamp("recv_ms"),
            until=bulk.timestamp("until_ms"),
        )
        with bulk.retried_on_collision():
            self.env.cr.execute(statement)

    def _replace_points(self, replaces: list[tuple[int, StateRow]]) -> None:
        """Give points of a won key the winner's content."""
        if not replaces:
            return
        self.env.cr.execute(
            SQL(
                """
                UPDATE mes_state_point p
                   SET raw = r.raw, value = r.value, code = r.code, interlock = r.interlock,
                       map_revision = r.map, quality = r.quality, recv = %(recv)s,
                       priority = r.priority, stream = r.stream, seq = r.seq
                  FROM %(rows)s AS r(id, wc, lane, at_ms, raw, value, code, interlock, map, quality,
                       recv_ms, priority, stream, seq)
                 WHERE p.id = r.id
                """,
                rows=bulk.unnest([(id_, *row) for id_, row in replaces], ["int4", *ROW_TYPES]),
                recv=bulk.timestamp("recv_ms"),
            )
        )

    def _move_ends(self, ends: list[tuple[int, int | None]]) -> None:
        """Rewrite cached ends."""
        if not ends:
            return
        self.env.cr.execute(
            SQL(
                """
                UPDATE mes_state_point p SET until = %(until)s
                  FROM %(rows)s AS r(id, until_ms) WHERE p.id = r.id
                """,
                rows=bulk.unnest(ends, ["int4", "int8"]),
                until=bulk.timestamp("until_ms"),
            )
        )

    @api.private
    def _repair_ends(self, marks: dict[int, list[tuple[int, int | None]]]) -> None:
        """Set cached ends right around marked spans.

        Two writers that could not see each other's points may leave an end that skips one; nothing but
        a list of points reads it, so it is enough to mend it when the span is folded.
        """
        rows = [(wc, start, end) for wc, found in marks.items() for start, end in found]
        self.env.cr.execute(
            SQL(
                """
                UPDATE mes_state_point p SET until = n.next
                  FROM (SELECT q.id, q.until,
                               (SELECT min(at) FROM mes_state_point
                                 WHERE workcenter_id = q.workcenter_id AND lane = q.lane AND at > q.at) AS next
                          FROM %(rows)s AS r(wc, from_ms, until_ms)
                          JOIN mes_state_point q ON q.workcenter_id = r.wc AND q.lane IN ('state', 'mode')
                           AND q.at >= %(from)s AND q.at <= COALESCE(%(until)s, 'infinity')) n
                 WHERE p.id = n.id AND n.until IS DISTINCT FROM n.next
                """,
                rows=bulk.unnest(rows, ["int4", "int8", "int8"]),
                **{"from": bulk.timestamp("from_ms")},
                until=bulk.timestamp("until_ms"),
            )
        )
        self.invalidate_model(["until"])
