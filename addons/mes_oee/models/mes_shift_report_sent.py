from odoo import fields, models
from odoo.addons.mes_base.tools.fields import Timestamp


class MesShiftReportSent(models.Model):
    """A shift's report that went out, once; or why it did not."""

    _name = "mes.shift.report.sent"
    _description = "Shift Report Sent"
    _order = "sent_at desc, id desc"
    _rec_name = "shift_key"

    report_id = fields.Many2one("mes.shift.report", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="report_id.company_id", store=True, index=True)
    shift_key = fields.Char(string="Shift", required=True)
    sent_at = Timestamp(string="Sent", required=True)
    attachment_id = fields.Many2one("ir.attachment", string="PDF", ondelete="set null")
    problem = fields.Char(help="Why it did not go out.")

    _shift_once = models.Constraint("UNIQUE(report_id, shift_key)", "This shift's report went out already.")
