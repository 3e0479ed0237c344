from odoo import api, fields, models
from odoo.addons.mes_base.tools import clock
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
    # Gone as soon as a mail server has taken it.
    mail_id = fields.Many2one("mail.mail", index="btree_not_null", ondelete="set null", groups="base.group_system")
    problem = fields.Char(help="Why it did not go out, or to whom it did not.")
    outcome = fields.Char(
        string="Result", compute="_compute_outcome", compute_sudo=True,
        help="Why it did not go out, or to whom it did not; what the mail server said.",
    )  # fmt: skip

    _shift_once = models.Constraint("UNIQUE(report_id, shift_key)", "This shift's report went out already.")

    @api.depends("problem", "mail_id.state", "mail_id.failure_reason")
    def _compute_outcome(self):
        for sent in self:
            sent.outcome = " ".join(filter(None, [sent.problem, sent._mail_trouble()])) or False

    def _mail_trouble(self) -> str | None:
        """What became of the mail, as long as no server has taken it."""
        mail = self.mail_id
        if mail.failure_reason and mail.state in ("outgoing", "exception"):
            return self.env._("The mail server did not take it, it is tried again: %s", mail.failure_reason)
        return self.env._("It waits to be sent.") if mail.state == "outgoing" else None

    @api.model
    def _try_again(self, since_ms: int) -> None:
        """Mails of reports since then that failed go out with the next round of Odoo's queue (once an hour)."""
        failed = self.search([("sent_at", ">=", clock.from_ms(since_ms)), ("mail_id.state", "=", "exception")])
        failed.mail_id.mark_outgoing()
