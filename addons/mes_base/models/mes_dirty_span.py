from odoo import fields, models

from ..tools.fields import Timestamp


class MesDirtySpan(models.Model):
    """A span whose derived rows (stops, rollups) must be made anew: one row for each consumer.

    Written in the transaction of the fact that changed something; a consumer deletes its rows
    in the transaction that makes its derived rows anew.
    """

    _name = "mes.dirty.span"
    _description = "Dirty Span"
    _order = "id"
    _log_access = False

    consumer = fields.Char(required=True, help="Who makes rows anew: stop, oee.")
    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, ondelete="cascade")
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", help="Empty: to the end of time.")
    why = fields.Char(required=True)

    _by_consumer = models.Index("(consumer, id)")
