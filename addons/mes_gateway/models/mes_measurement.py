from collections.abc import Iterable

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk, clock
from odoo.addons.mes_base.tools.fields import BigInteger, Timestamp, UncheckedMany2one
from odoo.tools import SQL
from psycopg2.errors import CheckViolation

from .. import contract
from ..tools import partitions
from ..tools.source import Source

DAYS = partitions.Partitioned("mes_measurement", "day", rest=True)
"""The table: a partition a day (UTC), and the rest for days that are past or not yet sorted in."""

MOST_NEW_DAYS = 100
"""Partitions that one batch makes at most: each takes locks until it ends. What is beyond waits in the rest."""

_DAY_MS = contract.DAY_MS
_COLUMNS = contract.COLUMNS["measurement"]
_AT, _TAG = _COLUMNS.index("at"), _COLUMNS.index("tag")
_TYPES = [
    "int8", "int4", "int8", "int8", "text", "int4", "float8", "float8", "float8", "float8", "int8",
    "int8", "text",
]  # fmt: skip


class MesMeasurement(models.Model):
    """Telemetry: one value of a tag at an instant, or a summary of the values since ``at_from``.

    A table partitioned by day, written in sets by the gateway's calls alone. Its minutes and hours are
    kept by ``mes.telemetry``, which also drops the days that are over.
    """

    _name = "mes.measurement"
    _description = "Measurement"
    _order = "tag_id, at desc"
    _auto = False
    _table_query = "SELECT * FROM mes_measurement"  # else Odoo, which knows no partitioned tables, misses its table

    tag_id = UncheckedMany2one("mes.gateway.tag", required=True)
    workcenter_id = UncheckedMany2one("mrp.workcenter", required=True, string="Machine")
    company_id = UncheckedMany2one("res.company", required=True)
    at = Timestamp(required=True)
    value = fields.Float()
    value_min = fields.Float()
    value_max = fields.Float()
    value_mean = fields.Float()
    samples = BigInteger()
    at_from = Timestamp(string="From", help="Begin of the summarised span; empty for a single value.")
    unit = fields.Char()
    quality = fields.Selection(
        [("good", "Good"), ("uncertain", "Uncertain"), ("estimated", "Estimated")], required=True
    )
    recv = Timestamp(string="Received")
    priority = fields.Integer()
    stream = fields.Char()
    seq = BigInteger(string="Sequence Number")

    def init(self):
        """The table; Odoo itself knows no partitions."""
        partitions.create(
            self.env.cr,
            DAYS,
            """
            tag_id int4 NOT NULL, workcenter_id int4 NOT NULL, company_id int4 NOT NULL, at timestamp(3) NOT NULL,
            value float8, value_min float8, value_max float8, value_mean float8, samples int8,
            at_from timestamp(3), unit varchar, quality varchar NOT NULL, recv timestamp(3), priority int4,
            stream varchar, seq int8
            """,
        )

    @api.private
    def store(self, source: Source, rows: list[contract.Row]) -> None:
        """Store measurements in one statement. Of two with one tag and time the higher rank
        (priority, stream, number) stays: telemetry is a sample, so the other one is not kept apart."""
        if not rows:
            return
        self.prepare_days({row[_AT] // _DAY_MS for row in rows})
        latest = {(row[_TAG], row[_AT]): row for row in sorted(rows)}
        self._insert(
            SQL(
                """
                INSERT INTO mes_measurement AS m (tag_id, workcenter_id, company_id, at, value, value_min,
                       value_max, value_mean, samples, at_from, unit, quality, recv, priority, stream, seq)
                SELECT r.tag, r.machine, %(company)s, %(at)s, r.value, r.min, r.max, r.mean, r.n,
                       %(at_from)s, r.unit, r.quality, %(recv)s, %(priority)s, %(stream)s, r.seq
                  FROM %(rows)s AS r(seq, machine, at_ms, recv_ms, quality, tag, value, min, max, mean, n,
                       from_ms, unit)
                ON CONFLICT (tag_id, at) DO UPDATE
                   SET value = excluded.value, value_min = excluded.value_min,
                       value_max = excluded.value_max, value_mean = excluded.value_mean,
                       samples = excluded.samples, at_from = excluded.at_from, unit = excluded.unit,
                       quality = excluded.quality, recv = excluded.recv, priority = excluded.priority,
                       stream = excluded.stream, seq = excluded.seq
                 WHERE (excluded.priority, excluded.stream, excluded.seq) > (m.priority, m.stream, m.seq)
                """,
                company=source.company_id,
                priority=source.priority,
                stream=source.stream,
                at=bulk.timestamp("r.at_ms"),
                recv=bulk.timestamp("r.recv_ms"),
                at_from=bulk.timestamp("r.from_ms"),
                rows=bulk.unnest(list(latest.values()), _TYPES),
            )
        )
        self.invalidate_model()
        self.env["mes.measurement.mark"].mark(source.company_id, latest)

    def _insert(self, statement: SQL) -> None:
        """Run it; once more when the day's partition was made while it waited for the rest.

        Where a row goes is settled before the lock is waited for. If the rest no longer takes the day then, PostgreSQL
        refuses the row; asked again, it finds the partition.
        """
        try:
            with self.env.cr.savepoint(flush=False):
                self.env.cr.execute(statement)
        except CheckViolation:
            self.env.cr.execute(statement)

    @api.private
    def prepare_days(self, days: Iterable[int]) -> None:
        """Have a partition for each of these days (counted from 1970), the latest first, as far as the raw values
        of that day are still kept at all."""
        first = self.env["mes.telemetry"].floor("raw")
        wanted = sorted((day for day in days if day * _DAY_MS >= first), reverse=True)[:MOST_NEW_DAYS]
        partitions.ensure(self.env.cr, DAYS, [clock.from_ms(day * _DAY_MS) for day in wanted])
