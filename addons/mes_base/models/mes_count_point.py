from odoo import fields, models

from ..tools.fields import BigInteger, Timestamp
from .mes_state_point import QUALITIES


class MesCountPoint(models.Model):
    """A reading of a counter; ``total`` runs on across the counter's epochs."""

    _name = "mes.count.point"
    _description = "Count Point"
    _order = "counter_id, at desc"
    _log_access = False

    counter_id = fields.Many2one("mes.counter", required=True, ondelete="restrict")
    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, ondelete="restrict")
    counter_epoch = fields.Integer(required=True)
    at = Timestamp(required=True)
    raw = BigInteger()
    total = BigInteger(required=True)
    delta = BigInteger(help="The step that the bridge saw, a checksum.")
    decision = fields.Selection(
        [
            ("step", "Step"),
            ("rollover", "Rollover"),
            ("reset", "Reset"),
            ("gap", "Gap"),
            ("first", "First reading"),
        ],
        required=True,
    )
    bound_low = BigInteger()
    bound_high = BigInteger()
    quality = fields.Selection(QUALITIES, required=True, default="good")
    recv = Timestamp(string="Received")
    priority = fields.Integer(default=0)
    stream = fields.Char()
    seq = BigInteger(string="Sequence Number")

    # (counter, time) leads so that one index serves both the key and the reading of a window.
    _key_unique = models.Constraint(
        "UNIQUE(counter_id, at, counter_epoch)", "There is already a point of this counter at that time."
    )
