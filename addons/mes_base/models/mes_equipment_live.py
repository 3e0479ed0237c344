from odoo import fields, models

from ..tools.fields import BigInteger, Timestamp


class MesEquipmentLive(models.Model):
    """The latest values of a machine, for screens; not a fact."""

    _name = "mes.equipment.live"
    _description = "Live Values of a Machine"
    _order = "workcenter_id"
    _log_access = False

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="cascade")
    state = fields.Char()
    since = Timestamp()
    mode = fields.Char()
    code = fields.Char()
    interlock = fields.Char()
    counts = fields.Json()
    version = BigInteger()
    at = Timestamp()
    recv = Timestamp(string="Received")
    stream = fields.Char()

    _workcenter_unique = models.Constraint(
        "UNIQUE(workcenter_id)", "A work center has one row of live values."
    )
