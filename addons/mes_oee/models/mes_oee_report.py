from collections.abc import Callable

from odoo import fields, models
from odoo.addons.mes_base.tools.fields import BigInteger
from odoo.tools import SQL

# The ratios of a group are quotients of its sums, never means of its rows' ratios. They are the
# engine's formulas (mes_oee.kpi) with its refusals: too little watched, no ideal cycle. A test compares both.
# They are made of the rollup's whole numbers: a million of those are added up in a third of the time of hours.
RATIOS = {
    "availability": ("production_ms", "planned_busy_ms"),
    "performance": ("ideal_ns", "production_ms"),
    "quality": ("good", "total"),
    "oee": ("ideal_good_ns", "planned_busy_ms"),
    "coverage": ("watched_ms", "shift_ms"),
}
NEED_IDEAL = {"performance", "oee"}


class MesOeeReport(models.Model):
    """The day rows for pivots and graphs: hours in place of milliseconds, ratios of sums in every group."""

    _name = "mes.oee.report"
    _description = "OEE Analysis"
    _auto = False
    _order = "hour_date desc, workcenter_id, id"
    _rec_name = "workcenter_id"

    workcenter_id = fields.Many2one("mrp.workcenter", string="Work Center", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    site_id = fields.Many2one("mes.site", readonly=True)
    area_id = fields.Many2one("mes.area", readonly=True)
    line_id = fields.Many2one("mrp.workcenter", string="Line", readonly=True)
    hour_date = fields.Date(string="Local Date", readonly=True, help="On the clock of the site.")
    shift_name = fields.Char(string="Shift", readonly=True)
    business_date = fields.Date(readonly=True, help="The day to which the shift counts.")
    crew_id = fields.Many2one("mes.crew", string="Crew", readonly=True)
    production_id = fields.Many2one("mrp.production", string="Manufacturing Order", readonly=True)
    product_id = fields.Many2one("product.product", string="Product", readonly=True)

    shift_hours = fields.Float(readonly=True, help="Planned operation time (POT).")
    watched_hours = fields.Float(readonly=True)
    planned_hours = fields.Float(string="Planned Stop Hours", readonly=True)
    busy_hours = fields.Float(readonly=True, help="Planned busy time (PBT), by the rule of the site.")
    production_hours = fields.Float(readonly=True)
    setup_hours = fields.Float(string="Set-up Hours", readonly=True)
    no_order_hours = fields.Float(string="Hours without an Order", readonly=True)
    unplanned_hours = fields.Float(string="Unplanned Stop Hours", readonly=True)
    minor_hours = fields.Float(string="Minor Stop Hours", readonly=True)
    no_data_hours = fields.Float(string="Hours without Data", readonly=True)
    ideal_hours = fields.Float(readonly=True, help="Ideal time of all pieces.")
    ideal_good_hours = fields.Float(string="Ideal Hours of Good Pieces", readonly=True)
    lost_minutes = fields.Float(
        string="Minutes Stood", readonly=True, help="Set-up, no order, unplanned and minor stops."
    )
    speed_loss_minutes = fields.Float(
        readonly=True, help="Production time beyond the ideal time of all pieces; negative if faster than ideal."
    )
    reject_loss_minutes = fields.Float(readonly=True, help="Ideal time of the rejected pieces.")
    total = BigInteger(string="Pieces", readonly=True)
    good = BigInteger(string="Good Pieces", readonly=True)
    reject = BigInteger(string="Rejected Pieces", readonly=True)
    unallocated = BigInteger(string="Unallocated Pieces", readonly=True)
    without_ideal = BigInteger(string="Pieces without Ideal Cycle", readonly=True)
    least_coverage = fields.Float(readonly=True, aggregator="max", help="The limit of the site.")
    stops = fields.Integer(readonly=True, help="Stops that began, minor ones included.")

    availability = fields.Float(readonly=True, aggregator="avg")
    performance = fields.Float(readonly=True, aggregator="avg")
    quality = fields.Float(readonly=True, aggregator="avg")
    oee = fields.Float(string="OEE", readonly=True, aggregator="avg")
    coverage = fields.Float(readonly=True, aggregator="avg")

    @property
    def _table_query(self) -> SQL:
        """Rows of the rollup in hours, with the ratios of the single row."""
        return SQL(
            """
            SELECT t.*, %s FROM (
                SELECT r.id, r.workcenter_id, r.company_id, r.site_id, r.area_id, r.line_id, r.hour_date,
                       r.shift_name, r.business_date, r.crew_id, r.production_id, r.product_id,
                       r.total, r.good, r.reject, r.unallocated, r.without_ideal, r.ideal_ns, r.ideal_good_ns,
                       r.production_ms, n.busy_ms AS planned_busy_ms, n.watched_ms,
                       n.watched_ms + r.no_data_ms AS shift_ms,
                       COALESCE(s.mes_coverage_limit, 80) AS least_percent,
                       COALESCE(s.mes_coverage_limit, 80) / 100.0 AS least_coverage,
                       (r.unplanned_stops + r.minor_stops + r.undetermined_stops)::int4 AS stops,
                       n.busy_ms / 3600000.0 AS busy_hours,
                       (n.watched_ms + r.no_data_ms) / 3600000.0 AS shift_hours,
                       n.watched_ms / 3600000.0 AS watched_hours,
                       r.planned_ms / 3600000.0 AS planned_hours,
                       r.production_ms / 3600000.0 AS production_hours,
                       r.setup_ms / 3600000.0 AS setup_hours,
                       r.no_order_ms / 3600000.0 AS no_order_hours,
                       (r.unplanned_ms + r.undetermined_ms) / 3600000.0 AS unplanned_hours,
                       r.minor_ms / 3600000.0 AS minor_hours,
                       r.no_data_ms / 3600000.0 AS no_data_hours,
                       (r.setup_ms + r.no_order_ms + r.unplanned_ms + r.undetermined_ms + r.minor_ms)
                           / 60000.0 AS lost_minutes,
                       (r.production_ms - r.ideal_ns / 1000000.0) / 60000.0 AS speed_loss_minutes,
                       (r.ideal_ns - r.ideal_good_ns) / 60000000000.0 AS reject_loss_minutes,
                       r.ideal_ns / 3600000000000.0 AS ideal_hours,
                       r.ideal_good_ns / 3600000000000.0 AS ideal_good_hours
                  FROM mes_oee_rollup_day r
                  LEFT JOIN mes_site s ON s.id = r.site_id
                  CROSS JOIN LATERAL (SELECT r.production_ms + r.setup_ms + r.unplanned_ms + r.minor_ms
                                           + r.undetermined_ms AS busy_ms) b
                  CROSS JOIN LATERAL (SELECT b.busy_ms + CASE WHEN COALESCE(s.mes_no_order_is_loss, TRUE)
                                                         THEN r.no_order_ms ELSE 0 END AS busy_ms,
                                             b.busy_ms + r.no_order_ms + r.planned_ms AS watched_ms) n
            ) t
            """,
            SQL(", ").join(
                SQL("%s AS %s", _ratio(name, lambda column: SQL.identifier("t", column)), SQL.identifier(name))
                for name in RATIOS
            ),
        )

    def _read_group_select(self, aggregate_spec, query):
        """The ratios as quotients of sums."""
        name = aggregate_spec.split(":")[0]
        if name not in RATIOS:
            return super()._read_group_select(aggregate_spec, query)
        return _ratio(
            name,
            lambda column: SQL(
                "max(%s)" if column == "least_percent" else "sum(%s)",
                SQL.identifier(self._table, column),
            ),
        )


def _ratio(name: str, term: Callable[[str], SQL]) -> SQL:
    """The ratio in terms of columns or of their sums; NULL where the engine refuses it."""
    above, below = RATIOS[name]
    conditions = [SQL("TRUE")]
    if name != "coverage":
        conditions.append(
            SQL("%s * 100 >= %s * %s", term("watched_ms"), term("least_percent"), term("shift_ms"))
        )
    if name in NEED_IDEAL:
        conditions.append(SQL("%s = 0", term("without_ideal")))
    return SQL(
        "(CASE WHEN %s THEN %s::numeric / NULLIF(%s, 0)::numeric END)::float8",
        SQL(" AND ").join(conditions),
        term(above),
        SQL("(%s * 1000000)", term(below)) if above.endswith("_ns") else term(below),
    )
