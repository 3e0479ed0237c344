from odoo import fields, models

from ..tools.fields import BigInteger, Timestamp


class MesStop(models.Model):
    """A stop with an identity that survives late facts; what merged or split stays as lineage."""

    _name = "mes.stop"
    _description = "Stop"
    _order = "at_from desc, id desc"

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="restrict")
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", help="Empty: still open.")
    duration_ms = BigInteger(string="Duration (ms)", help="Length of a closed stop.")
    codes = fields.Char(help="The machine's codes in order of time, separated by commas.")
    loss_id = fields.Many2one("mrp.workcenter.productivity.loss", string="Reason", ondelete="restrict")
    origin_ids = fields.Many2many("mes.stop", "mes_stop_lineage", "stop_id", "origin_id", string="Came From")
    successor_ids = fields.Many2many("mes.stop", "mes_stop_lineage", "origin_id", "stop_id", string="Became")
    active = fields.Boolean(default=True, help="Cleared when late facts dissolve the stop.")

    _by_start = models.Index("(workcenter_id, at_from)")
