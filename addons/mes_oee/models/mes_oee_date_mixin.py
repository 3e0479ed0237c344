from odoo import fields, models


class MesOeeDateMixin(models.AbstractModel):
    """What a row of hours and of days is about, beside what all are."""

    _name = "mes.oee.date.mixin"
    _inherit = ["mes.oee.place.mixin"]
    _description = "Date, Shift Occurrence and Order Run"

    hour_date = fields.Date(string="Local Date", required=True, help="On the clock of the site.")
    shift_key = fields.Char(required=True, default="", help="Empty: outside the shifts.")
    business_date = fields.Date(help="The day to which the shift counts.")
    run_id = fields.Many2one("mes.order.run", string="Order Run", ondelete="cascade")
    production_id = fields.Many2one("mrp.production", string="Manufacturing Order", ondelete="restrict")
