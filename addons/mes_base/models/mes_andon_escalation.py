from odoo import fields, models

from ..tools.fields import Timestamp


class MesAndonEscalation(models.Model):
    """A step of the ladder that was taken: once for each call, whoever else was to be told."""

    _name = "mes.andon.escalation"
    _description = "Escalation of an Andon Call"
    _order = "at desc, id desc"

    call_id = fields.Many2one("mes.andon.call", required=True, ondelete="cascade")
    company_id = fields.Many2one(related="call_id.company_id", store=True, index=True)
    step_id = fields.Many2one("mes.andon.step", ondelete="set null")
    channel = fields.Char(required=True)
    at = Timestamp(required=True)
    user_ids = fields.Many2many("res.users", string="Told")
    problem = fields.Char(help="Why nobody could be told.")

    _step_once = models.UniqueIndex("(call_id, step_id) WHERE step_id IS NOT NULL", "This step was taken already.")
