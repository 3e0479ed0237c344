"""The telemetry of the plain table goes into the partitions of its days, and is marked to be rolled up."""

from odoo import SUPERUSER_ID, api
from odoo.addons.mes_gateway.models.mes_measurement import DAYS
from odoo.addons.mes_gateway.tools import partitions
from odoo.tools import SQL

_COLUMNS = SQL(
    "id, tag_id, workcenter_id, company_id, at, value, value_min, value_max, value_mean, samples, at_from, unit, "
    "quality, recv, priority, stream, seq"
)


def migrate(cr, version):
    """Copy day by day, mark hour by hour, drop the plain table."""
    cr.execute("SELECT to_regclass('mes_measurement_plain')")
    if not cr.fetchone()[0]:
        return
    env = api.Environment(cr, SUPERUSER_ID, {})
    cr.execute("SELECT DISTINCT date_trunc('day', at) FROM mes_measurement_plain ORDER BY 1")
    for (day,) in cr.fetchall():
        partitions.ensure(cr, DAYS, [day])
        cr.execute(
            SQL(
                "INSERT INTO mes_measurement (%s) SELECT %s FROM mes_measurement_plain WHERE at >= %s AND at < %s",
                _COLUMNS,
                _COLUMNS,
                day,
                DAYS.next(day),
            )
        )
    cr.execute("SELECT setval('mes_measurement_id_seq', coalesce(max(id), 0) + 1, false) FROM mes_measurement_plain")
    cr.execute(SQL("SELECT DISTINCT company_id, tag_id, %s FROM mes_measurement_plain", _hours()))
    marks = {}
    for company, tag, hour in cr.fetchall():
        marks.setdefault(company, set()).add((tag, hour))
    for company, hours in marks.items():
        # The first and the last minute of an hour mark all of it.
        ends = [(tag, at + offset) for tag, at in hours for offset in (1, 3_599_999)]
        env["mes.measurement.mark"].mark(company, ends)
    cr.execute("DROP TABLE mes_measurement_plain")


def _hours():
    """The hour of a row, in milliseconds."""
    return SQL("(extract(epoch FROM date_trunc('hour', at)) * 1000)::int8")
