import json

from odoo import api, fields, models
from odoo.tools import SQL

from ..tools import bulk
from ..tools.fields import BigInteger, Timestamp, UncheckedMany2one
from ..tools.rows import LiveRow

# A version is heard again after so long a silence, even a lower one: a source whose clock was once ahead
# had given itself a version that it would not reach for years.
SILENCE_S = 10
# More names than a machine can have counters: then only those of the last call are kept.
MOST_COUNTS = 200
ROW_TYPES = ["int4", "text", "text", "text", "text", "text", "int8", "int8", "int8", "text"]


class MesEquipmentLive(models.Model):
    """The latest values of a machine, for screens; not a fact."""

    _name = "mes.equipment.live"
    _description = "Live Values of a Machine"
    _order = "workcenter_id"
    _log_access = False

    workcenter_id = fields.Many2one("mrp.workcenter", string="Work Center", required=True, ondelete="cascade")
    company_id = UncheckedMany2one("res.company", required=True)
    state = fields.Char()
    since = Timestamp()
    mode = fields.Char()
    code = fields.Char()
    interlock = fields.Char()
    counts = fields.Json()
    version = BigInteger()
    at = Timestamp()
    recv = Timestamp(string="Received")
    stream = fields.Char()

    _workcenter_unique = models.Constraint("UNIQUE(workcenter_id)", "A work center has one row of live values.")

    @api.private
    def _store(self, rows: list[LiveRow]) -> list[int]:
        """Overwrite older values in one statement; the ids of the machines whose row changed.

        A version orders the rows of one stream only, and only while they keep coming; another stream's
        row wins by its time.
        """
        latest: dict[int, LiveRow] = {}
        for row in rows:
            known = latest.get(row.workcenter_id)
            if known is None or (row.version, row.at) > (known.version, known.at):
                latest[row.workcenter_id] = row
        if not latest:
            return []
        values = [
            (*row[:5], json.dumps(row.counts) if row.counts is not None else None, *row[6:]) for row in latest.values()
        ]
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_equipment_live AS l (workcenter_id, company_id, state, since, mode, code,
                       interlock, counts, version, at, recv, stream)
                SELECT wc, w.company_id, r.state, %(at)s, r.mode, r.code, r.interlock,
                       COALESCE(r.counts::jsonb, '{}'), r.version, %(at)s, %(recv)s, r.stream
                  FROM %(rows)s AS r(wc, state, mode, code, interlock, counts, version, at_ms, recv_ms, stream)
                  JOIN mrp_workcenter w ON w.id = r.wc AND w.company_id IS NOT NULL
                 ORDER BY wc
                ON CONFLICT (workcenter_id) DO UPDATE
                   SET state = excluded.state, mode = excluded.mode, code = excluded.code,
                       interlock = excluded.interlock, version = excluded.version, at = excluded.at,
                       recv = excluded.recv, stream = excluded.stream, company_id = excluded.company_id,
                       counts = (SELECT CASE WHEN (SELECT count(*) FROM jsonb_object_keys(joined)) <= %(most)s
                                             THEN joined ELSE excluded.counts END
                                   FROM (SELECT COALESCE(l.counts, '{}') || excluded.counts AS joined) c),
                       since = CASE WHEN l.state IS NOT DISTINCT FROM excluded.state
                                    THEN l.since ELSE excluded.at END
                 WHERE CASE WHEN l.stream = excluded.stream
                            THEN l.version < excluded.version
                                 OR l.recv < excluded.recv - make_interval(secs => %(silence)s)
                            ELSE l.at IS NULL OR l.at <= excluded.at END
                RETURNING workcenter_id
                """,
                rows=bulk.unnest(values, ROW_TYPES),
                at=bulk.timestamp("at_ms"),
                recv=bulk.timestamp("recv_ms"),
                silence=SILENCE_S,
                most=MOST_COUNTS,
            )
        )
        self.invalidate_model()
        return [row[0] for row in self.env.cr.fetchall()]
