from collections.abc import Iterable

from odoo import api, fields, models
from odoo.addons.mes_base.tools import bulk
from odoo.addons.mes_base.tools.fields import Timestamp
from odoo.tools import SQL

from ..tools.rows import ReasonRow

COLUMN_TYPES = [
    *["int4"] * 4,
    "int8",
    *["text"] * 4,
    *["int4"] * 4,
    "text",
    "int4",
    "text",
    *["int8"] * 2,
]


class MesOeeReasonRollup(models.Model):
    """Where the time of one machine and clock hour went that was not production: by bucket, reason and code.

    A cache like ``mes.oee.rollup``, made of the same slices: of each bucket both say the same.
    """

    _name = "mes.oee.reason.rollup"
    _inherit = ["mes.oee.date.mixin", "mes.oee.reason.mixin"]
    _description = "Lost Time of a Machine by Hour"
    _order = "hour_at desc, workcenter_id, id"
    _log_access = False
    _rec_name = "hour_at"

    loss_id = fields.Many2one("mrp.workcenter.productivity.loss", string="Reason", ondelete="restrict")
    hour_at = Timestamp(string="Hour (UTC)", required=True, help="The instant at which the hour began.")
    code = fields.Char(string="Machine's Code")

    _key_unique = models.UniqueIndex(
        "(workcenter_id, hour_at, shift_key, COALESCE(run_id, 0), COALESCE(product_id, 0), bucket,"
        " COALESCE(loss_id, 0), COALESCE(code, ''))",
        "There is already a row of this machine, hour, shift, order run, bucket, reason and code.",
    )

    @api.private
    def _insert(self, rows: Iterable[ReasonRow]) -> int:
        """Store the engine's rows in one statement; how many."""
        made = [_columns(row) for row in rows]
        if not made:
            return 0
        with bulk.retried_on_collision():
            self.env.cr.execute(
                SQL(
                    """
                    INSERT INTO mes_oee_reason_rollup (workcenter_id, company_id, site_id, area_id, line_id, hour_at,
                           hour_date, shift_key, shift_name, business_date, crew_id, run_id, production_id,
                           product_id, bucket, loss_id, code, ms, stops)
                    SELECT r.wc, w.company_id, r.site, r.area, r.line, %(hour)s,
                           r.hour_date::date, r.shift, r.shift_name, r.business_date::date, r.crew, r.run,
                           r.production, r.product, r.bucket, r.loss, r.code, r.ms, r.stops
                      FROM %(rows)s AS r(wc, site, area, line, hour_ms, hour_date, shift, shift_name,
                           business_date, crew, run, production, product, bucket, loss, code, ms, stops)
                      JOIN mrp_workcenter w ON w.id = r.wc
                    """,
                    hour=bulk.timestamp("r.hour_ms"),
                    rows=bulk.unnest(made, COLUMN_TYPES),
                )
            )
        return len(made)


def _columns(row: ReasonRow) -> tuple:
    """The row as values in the order of ``COLUMN_TYPES``."""
    shift = row.shift
    return (
        row.workcenter_id,
        *row.place,
        row.hour.start,
        row.hour.date.isoformat(),
        shift.key if shift else "",
        shift.name if shift else None,
        shift.business_date.isoformat() if shift else None,
        shift.crew if shift else None,
        row.run_id,
        row.production_id,
        row.product_id,
        row.bucket,
        row.loss_id,
        row.code,
        row.ms,
        row.stops,
    )
