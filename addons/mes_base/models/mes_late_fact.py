from odoo import fields, models

from ..tools.fields import BigInteger, Timestamp


class MesLateFact(models.Model):
    """A fact that arrived for a closed period: kept, shown with its difference, applied on unlock."""

    _name = "mes.late.fact"
    _description = "Late Fact, not in the Closed Figure"
    _order = "at desc, id desc"
    _log_access = False

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="restrict")
    kind = fields.Selection(
        [("state", "State"), ("mode", "Mode"), ("count", "Count"), ("evidence", "Evidence")],
        required=True,
    )
    at = Timestamp(required=True)
    payload = fields.Json(required=True)
    recorded_at = Timestamp(string="Recorded", required=True)
    applied_at = Timestamp(string="Applied", help="When the period was opened again and the fact entered.")
    stream = fields.Char()
    seq = BigInteger(string="Sequence Number")

    _by_workcenter = models.Index("(workcenter_id, at)")
