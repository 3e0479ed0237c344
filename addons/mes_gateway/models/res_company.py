from odoo import fields, models


class ResCompany(models.Model):
    """How long telemetry is kept, level by level."""

    _inherit = "res.company"

    mes_raw_days = fields.Integer(
        string="Telemetry: Single Values (days)", default=30, required=True,
        help="Single values are dropped after so many days; their minutes and hours stay. A day's values are stored "
        "together for all companies, so the company that wants them longest decides.",
    )  # fmt: skip
    mes_minute_days = fields.Integer(string="Telemetry: Minutes (days)", default=366, required=True)
    mes_hour_days = fields.Integer(string="Telemetry: Hours (days)", default=3653, required=True)

    _mes_telemetry_days = models.Constraint(
        "CHECK(1 <= mes_raw_days AND mes_raw_days <= mes_minute_days AND mes_minute_days <= mes_hour_days)",
        "Single values are kept a day at least, minutes no shorter than they, and hours no shorter than minutes.",
    )
