from odoo import fields, models

from ..tools.fields import BigInteger, Timestamp

QUALITIES = [("good", "Good"), ("uncertain", "Uncertain"), ("estimated", "Estimated")]


class MesStatePoint(models.Model):
    """A change of state or mode: from ``at`` on the lane has ``value`` until the next point."""

    _name = "mes.state.point"
    _description = "State Point"
    _order = "workcenter_id, lane, at desc"
    _log_access = False

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, ondelete="restrict")
    lane = fields.Selection([("state", "State"), ("mode", "Mode")], required=True)
    at = Timestamp(required=True)
    until = Timestamp(help="Where the next point of the lane begins; empty: no later point.")
    raw = fields.Char()
    value = fields.Char(required=True)
    code = fields.Char(help="The machine's own alarm or stop code.")
    interlock = fields.Char()
    map_revision = fields.Integer()
    quality = fields.Selection(QUALITIES, required=True, default="good")
    recv = Timestamp(string="Received")
    priority = fields.Integer(default=0)
    stream = fields.Char()
    seq = BigInteger(string="Sequence Number")

    _key_unique = models.Constraint(
        "UNIQUE(workcenter_id, lane, at)", "There is already a point of this lane at that time."
    )
