import base64
import logging

import psycopg2.errors
from odoo import api, fields, models
from odoo.addons.mes_base.models.mes_state_override import OPERATOR
from odoo.addons.mes_base.tools import clock, post
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import html_escape

_logger = logging.getLogger(__name__)
MINUTE_MS = 60_000
# A report that could not be made for so long is not made any more: a mail about last month helps nobody.
GIVE_UP_MS = 36 * 3_600_000


class MesShiftReport(models.Model):
    """Who gets the report of a line's (or machine's) shifts by mail, some minutes after each has ended."""

    _name = "mes.shift.report"
    _description = "Shift Report by Mail"
    _order = "company_id, workcenter_id, id"
    _rec_name = "workcenter_id"

    workcenter_id = fields.Many2one(
        "mrp.workcenter", string="Line or Machine", required=True, index=True, ondelete="cascade",
        domain="[('mes_level', '!=', False)]",
    )  # fmt: skip
    company_id = fields.Many2one(related="workcenter_id.company_id", store=True, index=True)
    user_ids = fields.Many2many("res.users", string="Recipients", required=True)
    lang = fields.Selection(lambda self: self.env["res.lang"].get_installed(), string="Language", required=True,
                            default=lambda self: self.env.lang or "en_US")  # fmt: skip
    minutes_after = fields.Integer(
        string="Minutes After the End", default=10, required=True,
        help="So that what was buffered has arrived, and the last stop can be explained.",
    )  # fmt: skip
    since = fields.Datetime(default=lambda self: self.env["mes.clock"].now(), readonly=True, copy=False,
                            help="Shifts that ended before are not reported.")  # fmt: skip
    active = fields.Boolean(default=True)
    hint = fields.Char(compute="_compute_hint", help="Whom no mail can reach.")
    sent_ids = fields.One2many("mes.shift.report.sent", "report_id", string="Sent")

    _minutes_sane = models.Constraint(
        "CHECK(minutes_after BETWEEN 0 AND 720)", "A report goes out 0 to 720 minutes after the end of the shift."
    )

    @api.constrains("user_ids", "workcenter_id")
    def _check_recipients(self):
        for report in self:
            if not report.user_ids:
                raise ValidationError(self.env._("A shift report needs somebody who gets it."))
            if strangers := report._strangers():
                raise ValidationError(
                    self.env._(
                        "%(names)s may not see the figures of %(machine)s: give them the role Operator in its "
                        "company, or leave them out.",
                        names=", ".join(strangers.mapped("name")),
                        machine=report.workcenter_id.name,
                    )
                )

    def _strangers(self):
        """Recipients who may not (or may not any more) see the figures."""
        company = self.company_id
        # Only asked for: what roles somebody has is no secret among those who may make reports.
        return self.user_ids.sudo().filtered(
            lambda user: company not in user.company_ids or not user.has_group(OPERATOR) or not user.active
        )

    @api.depends("user_ids.partner_id.email_normalized")
    def _compute_hint(self):
        for report in self:
            # Only asked for: that somebody has no address is no secret among those who may make reports.
            report.hint = report._without_address(report.user_ids.sudo())

    @api.model
    def _cron_send(self) -> None:
        """Send what is due; a commit after each report, so that one that fails does not hold up the others."""
        cron = self.env["ir.cron"]
        self.env["mes.shift.report.sent"]._try_again(self.env["mes.clock"].now_ms() - GIVE_UP_MS)
        due = [(report, shift) for report in self.search([]) for shift in report._due()]
        cron._commit_progress(0, remaining=len(due))
        for report, shift in due:
            report._send(shift)
            if not cron._commit_progress(1):
                return

    def _due(self) -> list:
        """The ended shifts whose report is to go out now."""
        self.ensure_one()
        now = self.env["mes.clock"].now_ms()
        since = max(clock.to_ms(self.since), now - GIVE_UP_MS)
        shifts = self.env["mes.calendar"].shifts(self.workcenter_id, since, now)[self.workcenter_id.id]
        sent = set(self.sent_ids.mapped("shift_key"))
        wait = self.minutes_after * MINUTE_MS
        return [one for one in shifts if since <= one.end <= now - wait and one.key not in sent]

    @api.private
    def _send(self, shift) -> None:
        """Make the PDF and mail it; what hinders is kept with the shift and not tried again.

        Whatever hinders: a report that fails must not hold up those after it, round after round.
        """
        self.ensure_one()
        values = {"report_id": self.id, "shift_key": shift.key, "sent_at": self.env["mes.clock"].now()}
        people = self.user_ids - self._strangers()
        try:
            with self.env.cr.savepoint():
                told = self.with_context(lang=self.lang)
                name, content = told.env["mes.shift.sheet"].pdf(self.workcenter_id.id, shift.start)
                values["attachment_id"] = self._attach(name, content).id
                values["mail_id"] = told._mail(name, values["attachment_id"], people).id
                values["problem"] = told._without_address(people)
        except (UserError, AccessError, ValidationError) as error:
            values.update(attachment_id=False, mail_id=False, problem=str(error))  # what the savepoint made is gone
            _logger.warning("Shift report %s of %s: %s", self.id, shift.key, error)
        except (psycopg2.errors.SerializationFailure, psycopg2.errors.DeadlockDetected):
            raise  # the whole round is run again
        except Exception as error:
            values.update(attachment_id=False, mail_id=False, problem=self.env._("It could not be made: %s", error))
            _logger.exception("Shift report %s of %s", self.id, shift.key)
        self.env["mes.shift.report.sent"].create(values)

    def _attach(self, name: str, content: bytes):
        """The PDF, kept with the line."""
        return self.env["ir.attachment"].create(
            {
                "name": name,
                "datas": base64.b64encode(content),
                "mimetype": "application/pdf",
                "res_model": self._name,
                "res_id": self.id,
                "company_id": self.company_id.id,
            }
        )

    def _without_address(self, people) -> str | None:
        """Whom of them no mail can reach, as a sentence."""
        silent = people.filtered(lambda person: not person.partner_id.email_normalized)
        return self.env._("No valid e-mail address: %s.", ", ".join(silent.mapped("name"))) if silent else None

    def _mail(self, name: str, attachment_id: int, people):
        """:raises UserError: nobody of them has an address."""
        partners = people.partner_id.filtered("email_normalized")
        if not partners:
            raise UserError(self.env._("No recipient has a valid e-mail address."))
        subject = self.env._("Shift report: %s", name.removesuffix(".pdf"))
        body = f"<p>{html_escape(subject)}</p>"
        return post.queue(self.company_id, subject, body, partners, attachment_ids=[(4, attachment_id)])

    def action_open_last(self):
        """The report of the shift that ended last, as it would be sent now."""
        self.ensure_one()
        now = self.env["mes.clock"].now_ms()
        shifts = self.env["mes.calendar"].shifts(self.workcenter_id, now - 7 * 24 * 3_600_000, now)
        ended = [one for one in shifts[self.workcenter_id.id] if one.end <= now]
        if not ended:
            raise UserError(self.env._("No shift of %s ended within a week.", self.workcenter_id.name))
        url = f"/mes/shift-report/{self.workcenter_id.id}/{ended[-1].start}.pdf"
        return {"type": "ir.actions.act_url", "url": url, "target": "new"}
