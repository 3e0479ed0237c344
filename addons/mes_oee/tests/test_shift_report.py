from io import BytesIO
from unittest.mock import patch

from odoo.addons.mes_base.tests.common import (
    HOUR,
    MINUTE,
    MONDAY,
    at_time,
    feed_counts,
    feed_evidence,
    feed_states,
    make_company,
    make_reason,
    make_run,
    make_shift_pattern,
    make_user,
    set_ideal_cycle,
)
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, tagged
from odoo.tools.pdf import PdfFileReader
from reportlab.pdfbase.pdfmetrics import getFont

from ..report import shift_pdf
from .common import OeeCase

QUEUE = "mail.ir_cron_mail_scheduler_action"
EARLY, END = MONDAY + 6 * HOUR, MONDAY + 14 * HOUR


def text_of(content):
    """The words of a PDF."""
    return "\n".join(page.extract_text() for page in PdfFileReader(BytesIO(content)).pages)


class ReportCase(OeeCase):
    """An early shift: 1 h down with a reason, 30 min unexplained, good pieces below the target."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        make_shift_pattern(cls.env, cls.site, (("E", 6, 14), ("L", 14, 22)))
        set_ideal_cycle(cls.env, cls.machine, 1.0)
        make_run(cls.env, cls.machine, cls.product, MONDAY)
        make_reason(cls.env, "Gearbox", mes_code="G7")
        feed_evidence(cls.env, cls.machine, [(MONDAY, END)])
        feed_states(
            cls.env, cls.machine,
            [(MONDAY, "running"), (EARLY + HOUR, "down", "G7"), (EARLY + 2 * HOUR, "running"),
             (EARLY + 4 * HOUR, "down"), (EARLY + 270 * MINUTE, "running")],
        )  # fmt: skip
        feed_counts(cls.env, cls.machine, [(EARLY, 0), (END, 20_000)])
        cls.operator = make_user(cls.env, "operator", "report-operator", email="operator@example.com")

    def sheet(self, ms=END + HOUR, user=None, **context):
        return at_time(self.env["mes.shift.sheet"].with_user(user or self.operator).with_context(**context), ms)


@tagged("post_install", "-at_install")
class TestShiftSheet(ReportCase):
    def test_says_what_the_shift_board_says(self):
        """Time and pieces first, each hour with its reason, what is still to explain."""
        board = at_time(self.env["mes.shift.board"].with_user(self.operator), END + HOUR).snapshot(
            self.machine.id, EARLY
        )
        name, content = self.sheet().pdf(self.machine.id, EARLY)
        words = text_of(content)
        self.assertEqual(name, "M1-2026-03-02-E.pdf")
        self.assertEqual(content[:5], b"%PDF-")
        for expected in ("Good pieces", "20,000", "Gearbox (1 h 00 min)", "Breakdowns", "1 h 30 min", "06:00"):
            self.assertIn(expected, words)
        self.assertIn(f"{board['figures']['oee'] * 100:.1f} %", words)
        self.assertIn("Still to explain", words)

    def test_what_nobody_has_to_explain_is_not_called_unexplained(self):
        """A set-up and minor stops stand under their own names beside the half hour without a reason."""
        feed_states(
            self.env, self.machine, [(EARLY + 5 * HOUR, "setup"), (EARLY + 320 * MINUTE, "running"),
                                     (EARLY + 6 * HOUR, "down"), (EARLY + 6 * HOUR + 20_000, "running")],
        )  # fmt: skip
        sheet = self.sheet()
        bars = sheet._reasons(sheet._board(self.machine.id, EARLY)).bars
        expected = {"Gearbox": "1 h 00 min", "No reason given": "30 min", "Set-up": "20 min", "Minor stops": "0.3 min"}
        self.assertEqual([(one.label, one.cells[0]) for one in bars], list(expected.items()))

    def test_an_hour_says_its_reason_in_full(self):
        """The longest reason of the demo plant has room, with its minutes; pieces are grouped as everywhere."""
        reason = self.env["mrp.workcenter.productivity.loss"].search([("mes_code", "=", "G7")])
        reason.name = "Blocked by the machine after"
        words = text_of(self.sheet().pdf(self.machine.id, EARLY)[1])
        self.assertIn("Blocked by the machine after (1 h 00 min)", words)

    def test_a_number_that_was_made_smaller_is_not_cut(self):
        """Whatever its length: it fits, though it fits exactly."""
        for minutes in range(60, 600):
            words = f"{minutes // 60} h {minutes % 60:02d} min"
            size = shift_pdf._shrunk(words, 15, 59.0)
            self.assertEqual(shift_pdf._fitted(words, size, 59.0, True), words)

    def test_every_space_has_its_letter(self):
        """The narrow space of French numbers and English times is no black box."""
        self.env["res.lang"]._activate_lang("fr_FR")
        for lang in ("en_US", "fr_FR"):
            sheet = self.sheet(lang=lang)
            words = sheet._footer(sheet._board(self.machine.id, EARLY))[0] + sheet._count(20_000)
            for font in (shift_pdf.REGULAR, shift_pdf.BOLD):
                letters = getFont(font).face.charToGlyph
                self.assertEqual([char for char in words if ord(char) not in letters], [])

    def test_speaks_the_readers_language(self):
        self.env["res.lang"]._activate_lang("de_DE")
        _name, content = self.sheet(lang="de_DE").pdf(self.machine.id, EARLY)
        self.assertIn("Montag", text_of(content))

    def test_names_of_all_europe_have_their_letters(self):
        """Polish, Czech, Hungarian, Romanian, Turkish, Greek and Russian ones; the words can be copied out again."""
        names = "Łódź Příliš žluťoučký őű șț ğış Αθήνα Ужгород"
        self.machine.name = names
        content = self.sheet().pdf(self.machine.id, EARLY)[1]
        self.assertIn(f"{names} – E", text_of(content))
        for font in (shift_pdf.REGULAR, shift_pdf.BOLD):
            known = getFont(font).face.charToGlyph
            self.assertEqual([letter for letter in names + "–…·×÷−€›" if ord(letter) not in known], [], font)

    def test_a_shift_without_facts_has_dashes_and_no_error(self):
        _name, content = self.sheet(END + 12 * HOUR).pdf(self.machine.id, END + HOUR)
        words = text_of(content)
        self.assertIn("–", words)
        self.assertIn("No OEE", words)

    def test_who_may_not_see_the_line_gets_no_report(self):
        stranger = make_user(self.env, "operator", company=make_company(self.env))
        with self.assertRaises(AccessError):
            self.sheet(user=stranger).pdf(self.machine.id, EARLY)
        with self.assertRaises(AccessError):
            self.sheet(user=make_user(self.env, "gateway", "report-gateway")).pdf(self.machine.id, EARLY)
        with self.assertRaisesRegex(UserError, "gone"):
            self.sheet().pdf(10**8, EARLY)


@tagged("post_install", "-at_install")
class TestShiftReport(ReportCase):
    """Mailed once, some minutes after the end."""

    def setUp(self):
        super().setUp()
        boss = make_user(self.env, "supervisor", "report-boss", email="boss@example.com")
        self.report = at_time(self.env["mes.shift.report"].with_user(boss), EARLY).create(
            {"workcenter_id": self.machine.id, "user_ids": [(6, 0, (self.operator | boss).ids)]}
        )

    def send(self, ms):
        with patch.object(type(self.env["ir.cron"]), "_commit_progress", return_value=60.0):
            at_time(self.env["mes.shift.report"], ms)._cron_send()
        return self.env["mail.mail"].search([("subject", "like", "Shift report: M1")])

    def test_once_and_not_before_its_time(self):
        self.assertFalse(self.send(END + 9 * MINUTE))
        mail = self.send(END + 10 * MINUTE)
        self.assertEqual(len(mail), 1)
        self.assertEqual(mail.attachment_ids.name, "M1-2026-03-02-E.pdf")
        self.assertEqual(len(mail.recipient_ids), 2)
        self.assertEqual(len(self.send(END + 20 * MINUTE)), 1)

    def test_what_ended_before_it_was_asked_for_is_not_sent(self):
        self.report.sudo().since = self.env["mes.clock"].now()
        self.assertFalse(self.send(END + 10 * MINUTE))

    def test_a_recipient_who_left_gets_nothing_any_more(self):
        self.operator.active = False
        self.assertNotIn(self.operator.partner_id, self.send(END + 10 * MINUTE).recipient_ids)

    def test_a_failure_is_kept_and_does_not_repeat(self):
        self.report.sudo().user_ids.email = False
        self.assertFalse(self.send(END + 10 * MINUTE))
        self.assertIn("e-mail", self.report.sudo().sent_ids.problem)
        self.send(END + 20 * MINUTE)
        self.assertEqual(len(self.report.sudo().sent_ids), 1)

    def test_it_is_on_its_way_at_once(self):
        """Odoo's own round through the queue is once an hour: the report asks for one of its own."""
        asked = self.env["ir.cron.trigger"].search_count(queue := [("cron_id", "=", self.env.ref(QUEUE).id)])
        self.send(END + 10 * MINUTE)
        self.assertGreater(self.env["ir.cron.trigger"].search_count(queue), asked)

    def test_it_comes_from_the_company(self):
        self.report.company_id.sudo().email = "plant@example.com"
        self.assertIn("plant@example.com", self.send(END + 10 * MINUTE).email_from)

    def test_who_has_no_address_is_named(self):
        """Before it goes out and after it went out to the others."""
        self.operator.email = False
        self.assertIn(self.operator.name, self.report.hint)
        self.assertEqual(len(self.send(END + 10 * MINUTE).recipient_ids), 1)
        self.assertIn(self.operator.name, self.report.sent_ids.outcome)

    def test_a_mail_server_that_is_down_is_told_and_tried_again(self):
        """What Odoo's queue could not deliver stays, is said where people look, and goes out when it can."""
        mail = self.send(END + 10 * MINUTE)
        self.assertIn("waits", self.report.sent_ids.outcome)
        server = type(self.env["ir.mail_server"])
        with patch.object(server, "_connect__", side_effect=OSError("no route")):
            mail.send()
        self.assertEqual(mail.state, "exception")
        self.assertIn("no route", self.report.sent_ids.outcome)
        self.send(END + 15 * MINUTE)
        self.assertEqual(mail.state, "outgoing")
        self.assertIn("no route", self.report.sent_ids.outcome)
        with (
            patch.object(server, "_disable_send", return_value=False),
            patch.object(server, "_connect__", return_value=None),
            patch.object(server, "send_email", return_value="<taken>"),
        ):
            mail.send()
        self.assertFalse(mail.exists())
        self.assertFalse(self.report.sent_ids.outcome)
        self.assertTrue(self.report.sent_ids.attachment_id)

    def test_a_mail_that_failed_long_ago_is_let_be(self):
        mail = self.send(END + 10 * MINUTE)
        mail.write({"state": "exception", "failure_reason": "no route"})
        self.send(END + 37 * HOUR)
        self.assertEqual(mail.state, "exception")

    def test_a_fault_does_not_hold_up_the_others(self):
        """Whatever goes wrong while it is drawn is kept with the shift; the round goes on."""
        sheet = type(self.env["mes.shift.sheet"])
        with (
            patch.object(sheet, "pdf", side_effect=KeyError("lost")),
            self.assertLogs("odoo.addons.mes_oee.models.mes_shift_report", "ERROR"),
        ):
            self.assertFalse(self.send(END + 10 * MINUTE))
        self.assertIn("lost", self.report.sudo().sent_ids.problem)

    def test_only_who_may_see_the_figures_can_be_sent_them(self):
        stranger = make_user(self.env, "operator", company=make_company(self.env))
        with self.assertRaisesRegex(ValidationError, "may not see"):
            self.report.user_ids = stranger
        with self.assertRaises(AccessError):
            self.env["mes.shift.report"].with_user(self.operator).create({"workcenter_id": self.machine.id})


@tagged("post_install", "-at_install")
class TestShiftReportAddress(ReportCase, HttpCase):
    def test_the_file_behind_its_address(self):
        """With the user's own rights; a wrong address says what is wrong."""
        self.operator.password = "report-operator"
        self.authenticate("report-operator", "report-operator")
        answer = self.url_open(f"/mes/shift-report/{self.machine.id}/{EARLY}.pdf")
        self.assertEqual((answer.status_code, answer.headers["Content-Type"]), (200, "application/pdf"))
        self.assertEqual(self.url_open(f"/mes/shift-report/99999999/{EARLY}.pdf").status_code, 404)
        make_user(self.env, "operator", "report-stranger", make_company(self.env), password="report-stranger")
        self.authenticate("report-stranger", "report-stranger")
        self.assertEqual(self.url_open(f"/mes/shift-report/{self.machine.id}/{EARLY}.pdf").status_code, 403)
