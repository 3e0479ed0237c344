from odoo import fields, models
from odoo.addons.mes_base.tools.fields import BigInteger, Timestamp, UncheckedMany2one

from ..tools import partitions


class MesMeasurementBucket(models.AbstractModel):
    """What the minutes and the hours of telemetry have in common: a bucket of one tag, from ``at`` on.

    A cache of the values, made anew by ``mes.telemetry``; nobody else writes it.
    """

    _name = "mes.measurement.bucket"
    _description = "Bucket of Telemetry"
    _order = "tag_id, at desc"
    _auto = False
    _period = ""  # of the table's partitions

    tag_id = UncheckedMany2one("mes.gateway.tag", required=True)
    workcenter_id = UncheckedMany2one("mrp.workcenter", required=True, string="Machine")
    company_id = UncheckedMany2one("res.company", required=True)
    at = Timestamp(required=True, help="Begin of the bucket.")
    n = BigInteger(string="Values", help="How many values it sums up; a summary counts as its own number of values.")
    value_min = fields.Float(string="Least")
    value_max = fields.Float(string="Greatest")
    value_mean = fields.Float(string="Mean", aggregator="avg")
    value_last = fields.Float(string="Last")

    def init(self):
        """The table; Odoo itself knows no partitions."""
        if self._period:
            partitions.create(
                self.env.cr,
                partitions.Partitioned(self._table, self._period),
                """
                tag_id int4 NOT NULL, workcenter_id int4 NOT NULL, company_id int4 NOT NULL, at timestamp(3) NOT NULL,
                n int8 NOT NULL, value_min float8 NOT NULL, value_max float8 NOT NULL, value_mean float8 NOT NULL,
                value_last float8 NOT NULL
                """,
            )
