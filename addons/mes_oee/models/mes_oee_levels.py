from datetime import date, timedelta

from odoo import api, models
from odoo.addons.mes_base.tools import bulk
from odoo.tools import SQL

from ..tools.levels import BELOW, CUBES, DAY, MONTH, Cube, Level

Touched = set[tuple[int, date]]
"""Machines and local dates of which hour rows have changed."""


class MesOeeLevels(models.AbstractModel):
    """Keeps days and months equal to the sums of their hours.

    What has changed below is added up anew, in the same transaction and never by differences: so a day is
    the sum of its hours whatever happened before, and a rebuild gives the same rows. A month has rows once a
    later one has some: so the days of the month that is running need not be added up each hour.
    """

    _name = "mes.oee.levels"
    _description = "Upkeep of the Coarse Levels of the OEE Rollups"

    @api.private
    def _follow(self, touched: Touched) -> None:
        """Add up anew the days and months that hold these dates, of every rollup."""
        if not touched:
            return
        # The first day of a month also decides whether the month before is over.
        months = {(wc, at.replace(day=1)) for wc, day in touched for at in (day, day - timedelta(days=1))}
        for cube in CUBES:
            self._add_up(cube, DAY, touched, touched)
        months, over = self._ripe(months)
        for cube in CUBES:
            for level in cube.summed:
                if level is not DAY and months:
                    self._add_up(cube, level, months, over)
                self.env[cube.tables[level.name].replace("_", ".")].invalidate_model()

    @api.private
    def _add_up_all(self) -> None:
        """Make every day and month anew from the hours that are stored."""
        # Millions of groups: hashed in memory instead of sorted on disk.
        self.env.cr.execute("SET LOCAL work_mem = '256MB'")
        for cube in CUBES:
            for level in cube.summed:
                self._add_up_level(cube, level)

    @api.private
    def _add_up_level(self, cube: Cube, level: Level) -> None:
        """Make all rows of a level anew from those of the one below."""
        table = SQL.identifier(cube.tables[level.name])
        self.env.cr.execute(SQL("DELETE FROM %s", table))
        names = SQL(", ").join(map(SQL.identifier, (*_stored(cube, level), *cube.sums)))
        narrowed = _ALL_OVER if level is MONTH else SQL()
        # In the order of time, as they come about from hour to hour: a month is read from few pages.
        order = SQL("ORDER BY %s, r.workcenter_id", column_of(level.at, BELOW[level]))
        self.env.cr.execute(SQL("INSERT INTO %s (%s) %s %s", table, names, _sums(cube, level, narrowed), order))

    def _ripe(self, months: Touched) -> tuple[Touched, Touched]:
        """The months (by their first day) that have rows or shall have some, and of them the latter: those after
        which the machine has days of a later one. The month that is running has none, and is asked for no more."""
        self.env.cr.execute(
            SQL(
                """
                SELECT t.wc, t.month::date, last.at >= t.month::date + interval '1 month',
                       EXISTS (SELECT FROM mes_oee_rollup_month m
                                WHERE m.workcenter_id = t.wc AND m.month = t.month::date)
                  FROM %s AS t(wc, month)
                  LEFT JOIN LATERAL (SELECT max(hour_date) AS at FROM mes_oee_rollup_day WHERE workcenter_id = t.wc)
                       last ON TRUE
                """,
                _unnest(months),
            )
        )
        found = self.env.cr.fetchall()
        over = {(wc, month) for wc, month, is_over, _has_rows in found if is_over}
        return over | {(wc, month) for wc, month, _is_over, has_rows in found if has_rows}, over

    def _add_up(self, cube: Cube, level: Level, touched: Touched, filled: Touched) -> None:
        """Bring the rows of some machines and dates (of a month its first) in step with the level below.

        Only ``filled`` shall have rows. Rows that say what they should stay as they are.
        """
        self.env.cr.execute(
            SQL(
                """
                WITH found AS (
                    SELECT r.id, %(told)s FROM %(touched)s AS t(wc, day)
                      JOIN %(table)s r ON r.workcenter_id = t.wc AND r.%(at)s = t.day::date
                     UNION ALL
                    SELECT NULL, fresh.* FROM (%(sums)s) fresh),
                wrong AS MATERIALIZED (
                    SELECT max(id) AS id, %(names)s FROM found GROUP BY %(names)s HAVING count(*) <> 2),
                gone AS (DELETE FROM %(table)s r USING wrong w WHERE r.id = w.id)
                INSERT INTO %(table)s (%(names)s) SELECT %(names)s FROM wrong WHERE id IS NULL
                """,
                told=SQL(", ").join(SQL.identifier("r", name) for name in (*_stored(cube, level), *cube.sums)),
                names=SQL(", ").join(map(SQL.identifier, (*_stored(cube, level), *cube.sums))),
                table=SQL.identifier(cube.tables[level.name]),
                at=SQL.identifier(level.at),
                touched=_unnest(touched),
                sums=_sums(cube, level, SQL("JOIN %s AS t(wc, day) ON %s", _unnest(filled), _within(level))),
            )
        )


def _unnest(touched: Touched) -> SQL:
    """The machines and dates as rows."""
    return bulk.unnest([(wc, day.isoformat()) for wc, day in sorted(touched)], ["int4", "text"])


def _within(level: Level) -> SQL:
    """Whether a row ``r`` of the level below belongs to machine and date ``t``."""
    if BELOW[level] is MONTH:
        return SQL("r.workcenter_id = t.wc AND r.month = t.day::date")
    if level is MONTH:
        return SQL(
            "r.workcenter_id = t.wc AND r.hour_date >= t.day::date AND r.hour_date < t.day::date + interval '1 month'"
        )
    # A local date lies within these hours of UTC; so the index by machine and hour is of use.
    return SQL(
        "r.workcenter_id = t.wc AND r.hour_date = t.day::date AND r.hour_at >= t.day::date - interval '1 day'"
        " AND r.hour_at < t.day::date + interval '2 days'"
    )


# Days ``r`` of months that are over, whatever the machine.
_ALL_OVER = SQL(
    """
    JOIN (SELECT workcenter_id, date_trunc('month', max(hour_date)::timestamp) AS running
            FROM mes_oee_rollup_day GROUP BY workcenter_id) last
      ON last.workcenter_id = r.workcenter_id AND r.hour_date < last.running
    """
)


def _stored(cube: Cube, level: Level) -> list[str]:
    """What a row of the level is about, as far as it is a column of its own."""
    return [name for name in cube.columns(level) if level.at == MONTH.at or name != "month"]


def _sums(cube: Cube, level: Level, narrowed: SQL) -> SQL:
    """The query that adds up the level below: keys, then sums."""
    below = BELOW[level]
    keys = [column_of(name, below) for name in _stored(cube, level)]
    return SQL(
        "SELECT %s, %s FROM %s r %s GROUP BY %s",
        SQL(", ").join(keys),
        SQL(", ").join(SQL("sum(%s)::int8", SQL.identifier("r", name)) for name in cube.sums),
        SQL.identifier(cube.tables[below.name]),
        narrowed,
        SQL(", ").join(keys),
    )


def column_of(name: str, level: Level) -> SQL:
    """A column of the level's table ``r``; the month of hours and days follows from their date."""
    if name == "month" and level.at != MONTH.at:
        return SQL("date_trunc('month', r.hour_date::timestamp)::date")
    return SQL.identifier("r", name)
