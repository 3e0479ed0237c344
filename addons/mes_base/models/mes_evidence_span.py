from odoo import fields, models

from ..tools.fields import Timestamp


class MesEvidenceSpan(models.Model):
    """A span in which a source was really watched; no data is the complement."""

    _name = "mes.evidence.span"
    _description = "Evidence Span"
    _order = "workcenter_id, at_from desc"
    _log_access = False

    workcenter_id = fields.Many2one("mrp.workcenter", required=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, ondelete="restrict")
    stream = fields.Char(required=True)
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", required=True)

    _start_unique = models.Constraint(
        "UNIQUE(workcenter_id, stream, at_from)", "There is already a span of this stream from that time."
    )
    _span_ordered = models.Constraint(
        "CHECK(at_until > at_from)", "A span of evidence ends after it begins."
    )
    _by_end = models.Index("(workcenter_id, at_until)")
