from odoo import fields, models


class MesGatewayKeyShow(models.AbstractModel):
    """Shows a fresh API key once. Nothing is stored: the values live in the window's context."""

    _name = "mes.gateway.key.show"
    _description = "New Key of a Gateway"

    # The field 'id' is necessary for the onchange that returns the values.
    id = fields.Id()
    login = fields.Char(readonly=True)
    user = fields.Integer(string="User ID", readonly=True)
    database = fields.Char(readonly=True)
    url = fields.Char(string="Address", readonly=True)
    key = fields.Char(string="API Key", readonly=True)
    expires = fields.Date(readonly=True)
