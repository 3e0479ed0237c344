from collections.abc import Iterable
from datetime import date

from odoo import api, models
from odoo.addons.mes_base.tools import bulk
from odoo.tools import SQL

from ..tools.levels import CUBES, DAY, HOUR, MONTH, Cube, Level

Touched = set[tuple[int, date]]
"""Machines and local dates of which hour rows have changed."""


class MesOeeLevels(models.AbstractModel):
    """Keeps days and months equal to the sums of their hours.

    What has changed below is added up anew, in the same transaction and never by differences: so a day is
    the sum of its hours whatever happened before, and a rebuild gives the same rows.
    """

    _name = "mes.oee.levels"
    _description = "Upkeep of the Coarse Levels of the OEE Rollups"

    @api.private
    def _follow(self, touched: Touched) -> None:
        """Add up anew the days and months that hold these dates, of every rollup."""
        if not touched:
            return
        months = {(wc, day.replace(day=1)) for wc, day in touched}
        for cube in CUBES:
            self._add_up(cube, DAY, HOUR, touched)
            self._add_up(cube, MONTH, DAY, months)
        for name in ("mes.oee.rollup.day", "mes.oee.rollup.month"):
            self.env[name].invalidate_model()
            self.env[name.replace("oee.", "oee.reason.")].invalidate_model()

    @api.private
    def _add_up_all(self) -> None:
        """Make every day and month anew from the hours that are stored."""
        for cube in CUBES:
            for level, below in ((DAY, HOUR), (MONTH, DAY)):
                self.env.cr.execute(SQL("DELETE FROM %s", SQL.identifier(cube.tables[level.name])))
                self.env.cr.execute(_insert(cube, level, below, SQL()))

    def _add_up(self, cube: Cube, level: Level, below: Level, touched: Iterable[tuple[int, date]]) -> None:
        """Replace the rows of some machines and dates (of a month its first) by the sums of the level below."""
        made = bulk.unnest([(wc, day.isoformat()) for wc, day in sorted(touched)], ["int4", "text"])
        self.env.cr.execute(
            SQL(
                "DELETE FROM %s r USING %s AS t(wc, day) WHERE r.workcenter_id = t.wc AND r.%s = t.day::date",
                SQL.identifier(cube.tables[level.name]),
                made,
                SQL.identifier(level.at),
            )
        )
        self.env.cr.execute(_insert(cube, level, below, SQL("JOIN %s AS t(wc, day) ON %s", made, _within(level))))


def _within(level: Level) -> SQL:
    """Whether a row ``r`` of the level below belongs to machine and date ``t``."""
    if level is MONTH:
        return SQL(
            "r.workcenter_id = t.wc AND r.hour_date >= t.day::date"
            " AND r.hour_date < t.day::date + interval '1 month'"
        )
    # A local date lies within these hours of UTC; so the index by machine and hour is of use.
    return SQL(
        "r.workcenter_id = t.wc AND r.hour_date = t.day::date AND r.hour_at >= t.day::date - interval '1 day'"
        " AND r.hour_at < t.day::date + interval '2 days'"
    )


def _insert(cube: Cube, level: Level, below: Level, narrowed: SQL) -> SQL:
    """The statement that adds up the level below."""
    columns = [name for name in cube.columns(level) if not (level is DAY and name == "month")]
    keys = [column_of(name, below) for name in columns]
    return SQL(
        "INSERT INTO %s (%s) SELECT %s, %s FROM %s r %s GROUP BY %s",
        SQL.identifier(cube.tables[level.name]),
        SQL(", ").join(SQL.identifier(name) for name in (*columns, *cube.sums)),
        SQL(", ").join(keys),
        SQL(", ").join(SQL("sum(%s)::int8", SQL.identifier("r", name)) for name in cube.sums),
        SQL.identifier(cube.tables[below.name]),
        narrowed,
        SQL(", ").join(keys),
    )


def column_of(name: str, level: Level) -> SQL:
    """A column of the level's table ``r``; the month of hours and days follows from their date."""
    if name == "month" and level is not MONTH:
        return SQL("date_trunc('month', r.hour_date)::date")
    return SQL.identifier("r", name)
