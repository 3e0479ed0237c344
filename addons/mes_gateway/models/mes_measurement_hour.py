from odoo import models


class MesMeasurementHour(models.Model):
    """Telemetry by the hour, in a table partitioned by year."""

    _name = "mes.measurement.hour"
    _description = "Telemetry by the Hour"
    _inherit = "mes.measurement.bucket"
    _auto = False
    _table_query = "SELECT * FROM mes_measurement_hour"
    _period = "year"
