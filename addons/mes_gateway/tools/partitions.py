"""Tables partitioned by time: made ahead or on demand, dropped whole when their time is over.

A new partition is made apart and then attached: that lets readers and writers of the others go on,
where CREATE TABLE ... PARTITION OF would stop them all. Makers take turns by the lock that attaching takes anyway.

The times of all functions are naive UTC datetimes.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from odoo.tools import SQL
from psycopg2.errors import LockNotAvailable

_logger = logging.getLogger(__name__)
_MAKER_WAIT = "500ms"
_FORMATS = {"day": "%Y%m%d", "month": "%Y%m", "year": "%Y"}


class Partitioned(NamedTuple):
    """A table partitioned by its column ``at``; ``period`` is day, month or year (UTC).

    ``rest``: whether it has a partition for what has none of its own, ``<table>_rest``.
    """

    table: str
    period: str
    rest: bool = False

    def floor(self, at: datetime) -> datetime:
        """The begin of the period that holds ``at``."""
        day = at.replace(hour=0, minute=0, second=0, microsecond=0)
        if self.period == "day":
            return day
        return day.replace(day=1) if self.period == "month" else day.replace(month=1, day=1)

    def next(self, begin: datetime) -> datetime:
        """The begin of the period after the one that begins at ``begin``."""
        return self.floor(begin + {"day": timedelta(1), "month": timedelta(31), "year": timedelta(366)}[self.period])

    def name(self, begin: datetime) -> str:
        """The name of the partition of the period that begins at ``begin``."""
        return f"{self.table}_p{begin.strftime(_FORMATS[self.period])}"

    def begin(self, name: str) -> datetime:
        """The begin of the period of the partition ``name``."""
        return datetime.strptime(name.removeprefix(f"{self.table}_p"), _FORMATS[self.period])


def create(cr, parted: Partitioned, columns: str) -> bool:
    """Make the partitioned table with an id of its own and the key (tag_id, at), unless it is there; whether it
    was made. ``columns`` is its DDL beside ``id``."""
    cr.execute(SQL("SELECT to_regclass(%s)", parted.table))
    if cr.fetchone()[0]:
        return False
    table, sequence = SQL.identifier(parted.table), SQL.identifier(f"{parted.table}_id_seq")
    cr.execute(SQL("CREATE SEQUENCE %s", sequence))
    cr.execute(
        SQL(
            "CREATE TABLE %s (id bigint NOT NULL DEFAULT nextval(%s), %s) PARTITION BY RANGE (at)",
            table,
            f"{parted.table}_id_seq",
            SQL(columns),
        )
    )
    cr.execute(SQL("ALTER SEQUENCE %s OWNED BY %s.id", sequence, table))
    cr.execute(SQL("CREATE UNIQUE INDEX %s ON %s (tag_id, at)", SQL.identifier(f"{parted.table}_tag_at"), table))
    # Rows get their ids in the order in which they are stored: a summary of each stretch of the table finds them, and
    # costs next to nothing on the way in.
    cr.execute(SQL("CREATE INDEX %s ON %s USING brin (id)", SQL.identifier(f"{parted.table}_id"), table))
    if parted.rest:
        rest = SQL.identifier(f"{parted.table}_rest")
        cr.execute(SQL("CREATE TABLE %s PARTITION OF %s DEFAULT", rest, table))
    return True


def ensure(cr, parted: Partitioned, begins: Iterable[datetime]) -> None:
    """Make the partitions of the periods that begin at ``begins``, as far as they are missing.

    A table with a rest can't get one while somebody reads all of it, a backup for hours: then the values go to the
    rest, and nobody waits.
    """
    wanted = {parted.name(begin): begin for begin in begins}
    if not _missing(cr, wanted):
        return
    try:
        with cr.savepoint():
            cr.execute(SQL("SELECT set_config('lock_timeout', %s, true)", _MAKER_WAIT if parted.rest else "0"))
            # Another maker may have been faster. Taking the lock also makes this session forget which names it has
            # looked for in vain: an advisory lock would not, and the table would be made twice.
            cr.execute(SQL("LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE", SQL.identifier(parted.table)))
            if parted.rest:
                rest = SQL.identifier(f"{parted.table}_rest")
                cr.execute(SQL("LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE", rest))
            for name in _missing(cr, wanted):
                _make(cr, parted, name, wanted[name])
            cr.execute("SELECT set_config('lock_timeout', '0', true)")
    except LockNotAvailable:
        _logger.info("%s is in use: no partition is made now, its values go to the rest", parted.table)


def existing(cr, parted: Partitioned) -> list[datetime]:
    """The begins of the periods that have a partition, in their order."""
    cr.execute(
        SQL(
            """
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = %s::regclass AND c.relname LIKE %s ORDER BY 1
            """,
            parted.table,
            f"{parted.table}_p%",
        )
    )
    return [parted.begin(name) for (name,) in cr.fetchall()]


def drop(cr, parted: Partitioned, begins: Iterable[datetime]) -> None:
    """Drop partitions with all that is in them."""
    for begin in begins:
        cr.execute(SQL("DROP TABLE IF EXISTS %s", SQL.identifier(parted.name(begin))))


def _missing(cr, names: Iterable[str]) -> list[str]:
    cr.execute(SQL("SELECT n FROM unnest(%s::text[]) n WHERE to_regclass(n) IS NULL ORDER BY n", list(names)))
    return [name for (name,) in cr.fetchall()]


def _make(cr, parted: Partitioned, name: str, begin: datetime) -> None:
    """Make one partition; what the rest holds of its period moves into it."""
    table, part, end = SQL.identifier(parted.table), SQL.identifier(name), parted.next(begin)
    cr.execute(SQL("CREATE TABLE %s (LIKE %s INCLUDING DEFAULTS)", part, table))
    if parted.rest:
        rest = SQL.identifier(f"{parted.table}_rest")
        cr.execute(
            SQL(
                """
                WITH moved AS (DELETE FROM %s WHERE at >= %s AND at < %s RETURNING *)
                INSERT INTO %s SELECT * FROM moved
                """,
                rest,
                begin,
                end,
                part,
            )
        )
    cr.execute(SQL("ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)", table, part, begin, end))
