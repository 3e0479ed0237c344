from odoo import fields, models
from odoo.addons.mes_base.tools.fields import BigInteger, Timestamp, UncheckedMany2one


class MesAlarmPoint(models.Model):
    """An alarm came or went: the fact of which ``mes.alarm`` is made, whatever the order of arrival."""

    _name = "mes.alarm.point"
    _description = "Change of an Alarm"
    _order = "workcenter_id, code, at"
    _log_access = False

    workcenter_id = UncheckedMany2one("mrp.workcenter", required=True, string="Machine")
    company_id = UncheckedMany2one("res.company", required=True)
    code = fields.Char(required=True)
    at = Timestamp(required=True)
    is_active = fields.Boolean(required=True)
    severity = fields.Char()
    text = fields.Char()
    is_history = fields.Boolean()
    priority = fields.Integer()
    stream = fields.Char()
    seq = BigInteger()

    _key_unique = models.Constraint(
        "UNIQUE(workcenter_id, code, at)", "This alarm has changed at that time already."
    )
