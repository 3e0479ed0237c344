import logging

from odoo import api, models, modules
from odoo.addons.mes_base.tools import bulk, clock
from odoo.tools import SQL
from psycopg2.errors import LockNotAvailable

from ..contract import DAY_MS
from ..tools import partitions
from ..tools.rollup import Span, hours_of, spans, split
from .mes_measurement import DAYS

_logger = logging.getLogger(__name__)

MINUTES = partitions.Partitioned("mes_measurement_minute", "month")
HOURS = partitions.Partitioned("mes_measurement_hour", "year")
LEVELS = {"raw": DAYS, "minute": MINUTES, "hour": HOURS}
"""The levels of telemetry with their tables; each is kept for a time of its own."""

DAYS_AHEAD = 3
MARKS_AT_ONCE = 50
_PARAMETER = "mes_gateway.telemetry_%s_from"
_LOCK_WAIT = "2s"

# A summary covers (from, at], so that one which ends at a full minute counts in the minute before it; a summary weighs
# as many values as it says. Sums are numeric: exact, the same in whatever order, and they can't overflow. Means are
# rounded to what a float8 can hold: it takes no number smaller than that for nought, it fails.
_BUCKET = SQL("date_trunc('minute', m.at - CASE WHEN m.at_from < m.at THEN interval '1 ms' ELSE interval '0' END)")
_WEIGHT = SQL("coalesce(m.samples, 1)")
_FIGURES = SQL(
    """
    LEAST(sum(%(weight)s), 9223372036854775807)::int8 AS n,
    min(coalesce(m.value_min, m.value, m.value_mean)) AS low,
    max(coalesce(m.value_max, m.value, m.value_mean)) AS high,
    round(sum(coalesce(m.value_mean, m.value)::numeric * %(weight)s) / sum(%(weight)s), 320)::float8 AS mean,
    (array_agg(coalesce(m.value, m.value_mean) ORDER BY m.at DESC))[1] AS last
    """,
    weight=_WEIGHT,
)
_COLUMNS = SQL("(tag_id, workcenter_id, company_id, at, n, value_min, value_max, value_mean, value_last)")
# What a bucket has already and what comes too late to be made anew from all its values.
_MERGE = SQL(
    """
    ON CONFLICT (tag_id, at) DO UPDATE
       SET n = LEAST(r.n::numeric + excluded.n, 9223372036854775807)::int8,
           value_min = LEAST(r.value_min, excluded.value_min),
           value_max = GREATEST(r.value_max, excluded.value_max),
           value_mean = round((r.value_mean::numeric * r.n + excluded.value_mean::numeric * excluded.n)
                              / (r.n::numeric + excluded.n), 320)::float8
    """
)


class MesTelemetry(models.AbstractModel):
    """Keeps the levels of telemetry: rolls values up into minutes and hours, and drops what is over.

    From its *floor* on, a level is complete. Above the floor of the raw values a bucket is always made anew
    from all of them, so late values re-flow and a rebuild gives the same rows. Values for a day whose raw
    values are dropped already are added to their bucket and then forgotten.
    """

    _name = "mes.telemetry"
    _description = "Telemetry Keeper"

    # -- floors ------------------------------------------------------------------------------------

    @api.private
    def floor(self, level: str) -> int:
        """The time in ms from which this level is complete. Read from the database as this transaction sees it:
        a cached one could be older than the rows."""
        self.env.cr.execute(SQL("SELECT value FROM ir_config_parameter WHERE key = %s", _PARAMETER % level))
        row = self.env.cr.fetchone()
        return int(row[0]) if row else 0

    def _keep_days(self) -> dict[str, int]:
        """For how many days each level is kept: as long as the company wants it that wants it longest."""
        # Retention is one for all: a partition holds the values of all companies.
        self.env.cr.execute(
            "SELECT max(mes_raw_days), max(mes_minute_days), max(mes_hour_days) FROM res_company"
        )
        return dict(zip(LEVELS, self.env.cr.fetchone(), strict=True))

    # -- rolling up --------------------------------------------------------------------------------

    @api.model
    def _cron_roll_up(self):
        """Make the marked minutes and hours anew, in rounds that each commit."""
        marks = self.env["mes.measurement.mark"]
        while taken := marks.take(MARKS_AT_ONCE):
            self.roll_up(spans(taken))
            if not self.env["ir.cron"]._commit_progress(len(taken), remaining=marks.search_count([])):
                return

    @api.private
    def rebuild(self, from_ms: int, until_ms: int) -> None:
        """Make all minutes and hours of a span anew from the raw values, as far as these are kept."""
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT m.tag_id, %s FROM mes_measurement m
                 WHERE m.at >= %s AND m.at <= %s
                 UNION SELECT h.tag_id, %s FROM mes_measurement_hour h WHERE h.at >= %s AND h.at < %s
                """,
                SQL("(extract(epoch FROM date_trunc('hour', %s)) * 1000)::int8", _BUCKET),
                clock.from_ms(max(from_ms, self.floor("raw"))),
                clock.from_ms(until_ms),
                bulk.millis("h.at"),
                clock.from_ms(max(from_ms, self.floor("raw"))),
                clock.from_ms(until_ms),
            )
        )
        self.roll_up([(tag, hour, hour + 3_600_000) for tag, hour in sorted(self.env.cr.fetchall())])

    @api.private
    def roll_up(self, minutes: list[Span]) -> None:
        """Bring the minutes and hours of these spans, each within one hour, in step with the raw values."""
        kept, merged, past = split(minutes, (self.floor("raw"), self.floor("minute")))
        self._make_minutes(kept)
        self._merge(MINUTES, "minute", merged)
        self._make_hours(hours_of([*kept, *merged]))
        self._merge(HOURS, "hour", past)
        for model in ("mes.measurement.minute", "mes.measurement.hour"):
            self.env[model].invalidate_model()

    def _make_minutes(self, wanted: list[Span]) -> None:
        """Minutes anew from all their values."""
        if not wanted:
            return
        self._clear(MINUTES, wanted)
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_measurement_minute %(columns)s
                SELECT m.tag_id, min(m.workcenter_id), min(m.company_id), %(bucket)s AS bucket, %(figures)s
                  FROM %(wanted)s AS w(tag, from_ms, until_ms)
                  JOIN mes_measurement m ON m.tag_id = w.tag AND m.at >= %(from)s AND m.at <= %(until)s
                   AND %(bucket)s >= %(from)s AND %(bucket)s < %(until)s
                 WHERE m.at >= %(first)s AND m.at <= %(last)s
                 GROUP BY m.tag_id, bucket
                """,
                columns=_COLUMNS,
                bucket=_BUCKET,
                **self._bounds(wanted),
                figures=_FIGURES,
            )
        )

    def _make_hours(self, wanted: list[Span]) -> None:
        """Hours anew from their minutes."""
        if not wanted:
            return
        self._clear(HOURS, wanted)
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO mes_measurement_hour %(columns)s
                SELECT m.tag_id, min(m.workcenter_id), min(m.company_id), %(from)s,
                       LEAST(sum(m.n), 9223372036854775807)::int8, min(m.value_min), max(m.value_max),
                       round(sum(m.value_mean::numeric * m.n) / sum(m.n), 320)::float8,
                       (array_agg(m.value_last ORDER BY m.at DESC))[1]
                  FROM %(wanted)s AS w(tag, from_ms, until_ms)
                  JOIN mes_measurement_minute m ON m.tag_id = w.tag AND m.at >= %(from)s AND m.at < %(until)s
                 WHERE m.at >= %(first)s AND m.at < %(last)s
                 GROUP BY m.tag_id, w.from_ms
                """,
                columns=_COLUMNS,
                **self._bounds(wanted),
            )
        )

    def _clear(self, level: partitions.Partitioned, wanted: list[Span]) -> None:
        """Make room for the buckets of these spans."""
        self._prepare(level, wanted)
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM %(table)s m USING %(wanted)s AS w(tag, from_ms, until_ms)
                 WHERE m.tag_id = w.tag AND m.at >= %(from)s AND m.at < %(until)s
                   AND m.at >= %(first)s AND m.at < %(last)s
                """,
                table=SQL.identifier(level.table),
                **self._bounds(wanted),
            )
        )

    def _merge(self, level: partitions.Partitioned, unit: str, wanted: list[Span]) -> None:
        """Add values that came after the raw values of their day were dropped, and forget them: each counts once."""
        if not wanted:
            return
        self._prepare(level, wanted)
        self.env.cr.execute(
            SQL(
                """
                WITH m AS (
                    DELETE FROM mes_measurement m USING %(wanted)s AS w(tag, from_ms, until_ms)
                     WHERE m.tag_id = w.tag AND m.at >= %(from)s AND m.at <= %(until)s AND m.at < %(floor)s
                       AND %(bucket)s >= %(from)s AND %(bucket)s < %(until)s
                       AND m.at >= %(first)s AND m.at <= %(last)s
                    RETURNING m.*)
                INSERT INTO %(table)s AS r %(columns)s
                SELECT m.tag_id, min(m.workcenter_id), min(m.company_id), date_trunc(%(unit)s, %(bucket)s) AS bucket,
                       %(figures)s
                  FROM m GROUP BY m.tag_id, bucket
                %(merge)s
                """,
                table=SQL.identifier(level.table),
                columns=_COLUMNS,
                bucket=_BUCKET,
                unit=unit,
                figures=_FIGURES,
                floor=clock.from_ms(self.floor("raw")),
                merge=_MERGE,
                **self._bounds(wanted),
            )
        )

    def _bounds(self, wanted: list[Span]) -> dict[str, object]:
        """The parts of a statement over spans; first and last bound them all, so that only their partitions are
        looked into."""
        return {
            "wanted": bulk.unnest(wanted, ["int4", "int8", "int8"]),
            "from": bulk.timestamp("w.from_ms"),
            "until": bulk.timestamp("w.until_ms"),
            "first": clock.from_ms(min(first for _tag, first, _until in wanted)),
            "last": clock.from_ms(max(until for _tag, _first, until in wanted)),
        }

    def _prepare(self, level: partitions.Partitioned, wanted: list[Span]) -> None:
        """Have the partitions that these buckets go to."""
        begins = {level.floor(clock.from_ms(first)) for _tag, first, _until in wanted}
        partitions.ensure(self.env.cr, level, begins)

    # -- what is over ------------------------------------------------------------------------------

    @api.model
    def _cron_keep(self):
        """Make partitions ahead, sort in what waits in the rest, drop what is over: each step commits."""
        cron = self.env["ir.cron"]
        if not cron._commit_progress(remaining=len(LEVELS) + 1):
            return
        self._sort_in()
        for level, days in self._keep_days().items():
            if not cron._commit_progress(1):
                return
            self._drop_old(level, days)
        cron._commit_progress(1, remaining=0)

    def _sort_in(self) -> None:
        """A partition for each of the days to come, and for days whose values lie in the rest."""
        now = self.env["mes.clock"].now_ms()
        self.env.cr.execute(
            SQL("SELECT DISTINCT (extract(epoch FROM date_trunc('day', at)) / 86400)::int FROM mes_measurement_rest")
        )
        waiting = [day for (day,) in self.env.cr.fetchall()]
        ahead = [now // DAY_MS + day for day in range(DAYS_AHEAD)]
        self.env["mes.measurement"].prepare_days([*waiting, *ahead])

    def _drop_old(self, level: str, days: int) -> None:
        """Drop the partitions of a level that end before its days are over, oldest first, and raise its floor. A
        day whose values are not rolled up yet stays; a table that is in use is left for the next run."""
        table, cr = LEVELS[level], self.env.cr
        limit = table.floor(clock.from_ms(self.env["mes.clock"].now_ms() - days * DAY_MS))
        over = [begin for begin in partitions.existing(cr, table) if begin < limit]
        if not over and clock.to_ms(limit) <= self.floor(level):
            return
        if not modules.module.current_test:
            # What others have stored until the lock is held must be seen, so not with a snapshot from before it.
            cr.commit()  # pylint: disable=invalid-commit
            cr.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        try:
            with cr.savepoint():
                cr.execute(SQL("SELECT set_config('lock_timeout', %s, true)", _LOCK_WAIT))
                cr.execute(SQL("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", SQL.identifier(table.table)))
        except LockNotAvailable:
            _logger.info("%s is in use: old partitions are dropped at the next run", table.table)
            return
        marks = self.env["mes.measurement.mark"]
        for begin in over:
            end = table.next(begin)
            if level == "raw" and marks.has_before(clock.to_ms(end)):
                limit = begin
                break
            partitions.drop(cr, table, [begin])
        self._raise_floor(level, clock.to_ms(limit))

    def _raise_floor(self, level: str, at_ms: int) -> None:
        """Remember from when on a level is complete; a floor never falls, for what is dropped stays dropped."""
        if at_ms > self.floor(level):
            # Written by the job of this model alone, read by :meth:`floor`.
            self.env["ir.config_parameter"].sudo().set_param(_PARAMETER % level, str(at_ms))
            self.env.flush_all()
