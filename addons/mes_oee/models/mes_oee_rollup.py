from collections.abc import Iterable
from operator import attrgetter

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk
from odoo.addons.mes_base.tools.fields import Timestamp
from odoo.tools import SQL

from ..kpi.totals import NAMES
from ..tools.rows import RULES_VERSION, Row, calendar_version, hour_label

# The columns of a row as _columns() gives them: identity first, then the engine's sums.
COLUMN_TYPES = [
    *["int4"] * 4,
    "int8",
    *["text"] * 5,
    *["int4"] * 3,
    "text",
    *["int8"] * len(NAMES),
]
_sums = attrgetter(*NAMES)
SUMS = SQL(", ").join(SQL.identifier(name) for name in NAMES)


class MesOeeRollup(models.Model):
    """What one machine did in one clock hour of its site, apart by shift and order run.

    A cache of the engine's answer: it can be dropped and rebuilt, and comes out the same row for row.
    The rows of an hour sum to the hour. Integers only, so that sums of rows are exact. Only hours in
    which nothing can change any more without a new fact have rows, see ``mes.oee.refresh``.
    """

    _name = "mes.oee.rollup"
    _inherit = ["mes.oee.date.mixin", "mes.oee.sum.mixin"]
    _description = "OEE of a Machine by Hour"
    _order = "hour_at desc, workcenter_id, id"
    _log_access = False
    _rec_name = "hour_label"

    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    site_id = fields.Many2one("mes.site", ondelete="restrict")
    area_id = fields.Many2one("mes.area", ondelete="restrict")
    line_id = fields.Many2one("mrp.workcenter", string="Line", ondelete="restrict")
    crew_id = fields.Many2one("mes.crew", string="Crew", help="Who worked the shift.", ondelete="restrict")
    product_id = fields.Many2one("product.product", string="Product", ondelete="restrict")
    run_id = fields.Many2one("mes.order.run", string="Order Run", ondelete="cascade")
    production_id = fields.Many2one("mrp.production", string="Manufacturing Order", ondelete="restrict")
    hour_at = Timestamp(string="Hour (UTC)", required=True, help="The instant at which the hour began.")
    hour_label = fields.Char(string="Local Hour", required=True, help="On the clock of the site.")
    workorder_id = fields.Many2one("mrp.workorder", string="Work Order", ondelete="restrict")
    calendar_version = fields.Char(help="Changes when the shift calendar says something else of this hour.")
    rules_version = fields.Integer(required=True, help="Version of the rules by which the row was made.")

    _key_unique = models.UniqueIndex(
        "(workcenter_id, hour_at, shift_key, COALESCE(run_id, 0), COALESCE(product_id, 0))",
        "There is already a row of this machine, hour, shift and order run.",
    )
    _by_hour = models.Index("(hour_at)")

    @api.private
    def _insert(self, rows: Iterable[Row]) -> int:
        """Store the engine's rows in one statement; how many."""
        made = [_columns(row) for row in rows]
        if not made:
            return 0
        with bulk.retried_on_collision():
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO mes_oee_rollup (workcenter_id, company_id, site_id, area_id, line_id, hour_at,
                           hour_date, hour_label, shift_key, shift_name, business_date, crew_id, run_id, workorder_id,
                           production_id, product_id, calendar_version, rules_version, %(sums)s)
                    SELECT r.wc, w.company_id, r.site, r.area, r.line, %(hour)s,
                           r.hour_date::date, r.label, r.shift, r.shift_name, r.business_date::date, r.crew, r.run,
                           o.workorder_id, o.production_id, r.product, r.calendar, %(rules)s, %(values)s
                      FROM %(rows)s AS r(wc, site, area, line, hour_ms, hour_date, label, shift, shift_name,
                           business_date, crew, run, product, calendar, %(sums)s)
                      JOIN mrp_workcenter w ON w.id = r.wc
                      LEFT JOIN mes_order_run o ON o.id = r.run
                    """,
                    sums=SUMS,
                    values=SQL(", ").join(SQL.identifier("r", name) for name in NAMES),
                    hour=bulk.timestamp("r.hour_ms"),
                    rules=RULES_VERSION,
                    rows=bulk.unnest(made, COLUMN_TYPES),
                )
            )
        return len(made)


def _columns(row: Row) -> tuple:
    """The row as values in the order of ``COLUMN_TYPES``."""
    shift, place = row.shift, row.place
    return (
        row.workcenter_id,
        place.site_id,
        place.area_id,
        place.line_id,
        row.hour.start,
        row.hour.date.isoformat(),
        hour_label(row.hour),
        shift.key if shift else "",
        shift.name if shift else None,
        shift.business_date.isoformat() if shift else None,
        shift.crew if shift else None,
        row.run_id,
        row.product_id,
        calendar_version(shift, row.hour),
        *_sums(row.totals),
    )
