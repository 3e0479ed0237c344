from odoo import fields, models
from odoo.addons.mes_base.tools.fields import UncheckedMany2one


class MesOeeDateMixin(models.AbstractModel):
    """What a row of hours and of days is about, beside what all are."""

    _name = "mes.oee.date.mixin"
    _inherit = ["mes.oee.place.mixin"]
    _description = "Date, Shift Occurrence and Order Run"

    hour_date = fields.Date(string="Local Date", required=True, help="On the clock of the site.")
    shift_key = fields.Char(required=True, default="", help="Empty: outside the shifts.")
    shift_name = fields.Char(string="Shift", help="Empty: outside the shifts.")
    crew_id = UncheckedMany2one("mes.crew", string="Crew", help="Who worked the shift.")
    business_date = fields.Date(help="The day to which the shift counts.")
    run_id = UncheckedMany2one("mes.order.run", string="Order Run")
    production_id = UncheckedMany2one("mrp.production", string="Manufacturing Order")
