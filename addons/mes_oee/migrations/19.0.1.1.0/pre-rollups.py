from odoo.addons.mes_base.tools.periods import CLOSED_UNTIL
from odoo.addons.mes_oee.kpi.totals import NAMES
from odoo.tools import SQL, sql

TABLE = "mes_oee_rollup"


def migrate(cr, version):
    """The rollup is a cache: its open hours go, the job fills them again by the new rules.

    Hours of a closed period stay as they were closed, nought in the new columns; ``rules_version`` tells them.
    """
    if not sql.table_exists(cr, TABLE):
        return
    cr.execute(
        SQL(
            """
            DELETE FROM mes_oee_rollup r USING mrp_workcenter w
             WHERE w.id = r.workcenter_id AND r.hour_at > COALESCE(%s, '-infinity') - interval '1 hour'
            """,
            CLOSED_UNTIL,
        )
    )
    for name in NAMES:
        if not sql.column_exists(cr, TABLE, name):
            column = SQL.identifier(name)
            cr.execute(SQL("ALTER TABLE mes_oee_rollup ADD COLUMN %s int8 NOT NULL DEFAULT 0", column))
            cr.execute(SQL("ALTER TABLE mes_oee_rollup ALTER COLUMN %s DROP DEFAULT", column))
