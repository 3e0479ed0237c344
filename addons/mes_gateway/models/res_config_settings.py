from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    """The days that telemetry is kept, in the settings of the company."""

    _inherit = "res.config.settings"

    mes_raw_days = fields.Integer(related="company_id.mes_raw_days", readonly=False)
    mes_minute_days = fields.Integer(related="company_id.mes_minute_days", readonly=False)
    mes_hour_days = fields.Integer(related="company_id.mes_hour_days", readonly=False)
