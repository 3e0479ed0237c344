from odoo import fields, models
from odoo.addons.mes_base.tools.fields import BigInteger
from odoo.tools import SQL

from .mes_oee_reason_mixin import BUCKET_NAMES


class MesOeeReasonReport(models.Model):
    """Lost time by day for pivots and graphs: minutes and stops, by bucket, reason and code."""

    _name = "mes.oee.reason.report"
    _description = "Lost Time Analysis"
    _auto = False
    _order = "hour_date desc, workcenter_id, id"
    _rec_name = "loss_id"

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
    bucket = fields.Selection(BUCKET_NAMES, string="Kind of Time", readonly=True)
    loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss",
        string="Reason",
        readonly=True,
        help="A person's reason, or else the one that follows from what the machine said.",
    )
    code = fields.Char(string="Machine's Code", readonly=True)

    minutes = fields.Float(readonly=True)
    stops = BigInteger(readonly=True, help="A stop counts where it began.")
    minutes_per_stop = fields.Float(readonly=True, aggregator="avg", help="Minutes of the stops by their number.")

    @property
    def _table_query(self) -> SQL:
        """Rows of the days in minutes."""
        return SQL(
            """
            SELECT r.id, r.workcenter_id, r.company_id, r.site_id, r.area_id, r.line_id, r.hour_date, r.shift_name,
                   r.business_date, r.crew_id, r.production_id, r.product_id, r.bucket, r.loss_id, r.code,
                   r.ms / 60000.0 AS minutes, r.stops, (r.ms / 60000.0 / NULLIF(r.stops, 0))::float8 AS minutes_per_stop
              FROM mes_oee_reason_rollup_day r
            """
        )

    def _read_group_select(self, aggregate_spec, query):
        """Minutes a stop are a quotient of sums."""
        if aggregate_spec.split(":")[0] != "minutes_per_stop":
            return super()._read_group_select(aggregate_spec, query)
        minutes, stops = (self._field_to_sql(self._table, name, query) for name in ("minutes", "stops"))
        return SQL("(sum(%s)::numeric / NULLIF(sum(%s), 0))::float8", minutes, stops)
