from odoo import models


class MesMeasurementMinute(models.Model):
    """Telemetry by the minute, in a table partitioned by month."""

    _name = "mes.measurement.minute"
    _description = "Telemetry by the Minute"
    _inherit = "mes.measurement.bucket"
    _auto = False
    _table_query = "SELECT * FROM mes_measurement_minute"
    _period = "month"
