"""Andon calls: raised, acknowledged, arrived, resolved; ladders; machines that call by themselves."""

from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ..tools import clock
from .common import (
    HOUR,
    MINUTE,
    MONDAY,
    MesCase,
    at_time,
    feed_evidence,
    feed_states,
    make_company,
    make_run,
    make_shift_pattern,
    make_user,
)

START = MONDAY + 8 * HOUR


@tagged("post_install", "-at_install")
class TestAndon(MesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.operator = make_user(cls.env, "operator", "andon-operator")
        cls.colleague = make_user(cls.env, "operator", "andon-colleague")
        cls.boss = make_user(cls.env, "supervisor", "andon-boss", email="boss@example.com")
        make_shift_pattern(cls.env, cls.site)
        make_run(cls.env, cls.machine, cls.product, MONDAY, None)
        cls.kind = cls.env["mes.andon.kind"].create(
            {
                "name": "Help",
                "code": "HELP",
                "step_ids": [
                    Command.create({"after_minutes": 0, "channel": "activity", "user_ids": [cls.boss.id]}),
                    Command.create({"after_minutes": 5, "channel": "mail", "user_ids": [cls.boss.id]}),
                    Command.create(
                        {"after_minutes": 15, "channel": "chat", "unless": "arrived", "user_ids": [cls.boss.id]}
                    ),
                ],
            }
        )

    def calls(self, ms, user=None):
        """The calls as seen by a user at a time."""
        return at_time(self.env["mes.andon.call"].with_user(user or self.operator), ms)

    def raised(self, ms=START, **more):
        return self.calls(ms).browse(self.calls(ms).call(self.machine.id, self.kind.id, **more))

    def climb(self, ms):
        """A round of the job, which has the plant's clock and no context of its own."""
        with patch.object(type(self.env["ir.cron"]), "_commit_progress", return_value=60.0):
            at_time(self.env["mes.andon.ladder"], ms)._cron_climb()

    def escalations(self, call):
        return call.escalation_ids.sorted("at").mapped("channel")

    def test_a_call_has_four_times_and_names(self):
        call = self.raised()
        self.calls(START + MINUTE, self.colleague).browse(call.id).acknowledge()
        self.calls(START + 4 * MINUTE, self.colleague).browse(call.id).arrive()
        self.calls(START + 9 * MINUTE, self.colleague).browse(call.id).resolve("Belt changed")
        self.assertEqual(call.state, "resolved")
        self.assertEqual((call.minutes_to_arrive, call.minutes_to_resolve), (4.0, 9.0))
        self.assertEqual((call.raised_by_id, call.arrived_by_id), (self.operator, self.colleague))
        self.assertEqual(call.outcome, "Belt changed")

    def test_a_stage_is_never_taken_back(self):
        """A late tap on a tablet must not rewrite who came when."""
        call = self.raised()
        self.calls(START + 4 * MINUTE).browse(call.id).arrive()
        self.calls(START + 8 * MINUTE, self.colleague).browse(call.id).acknowledge()
        self.assertEqual(call.state, "arrived")
        self.assertEqual(clock.to_ms(call.acknowledged_at), START + 4 * MINUTE)
        self.assertEqual(call.acknowledged_by_id, self.operator)

    def test_one_open_call_of_a_kind(self):
        """Tapping twice calls once; after it was resolved one may call again."""
        first = self.raised()
        self.assertEqual(self.raised(START + MINUTE), first)
        self.calls(START + 2 * MINUTE).browse(first.id).resolve()
        self.assertNotEqual(self.raised(START + 3 * MINUTE), first)

    def test_the_ladder_climbs_once_a_step(self):
        call = self.raised()
        self.climb(START + 1000)
        self.climb(START + 2000)
        self.assertEqual(self.escalations(call), ["activity"])
        self.assertEqual(call.activity_ids.user_id, self.boss)
        self.climb(START + 6 * MINUTE)
        self.assertEqual(self.escalations(call), ["activity", "mail"])
        mail = self.env["mail.mail"].search([("recipient_ids", "in", self.boss.partner_id.ids)], limit=1)
        self.assertIn(self.machine.name, mail.subject)
        queue = self.env.ref("mail.ir_cron_mail_scheduler_action")
        self.assertTrue(self.env["ir.cron.trigger"].search([("cron_id", "=", queue.id)]), "read an hour later")
        self.climb(START + 16 * MINUTE)
        self.assertEqual(self.escalations(call), ["activity", "mail", "chat"])
        chat = self.env["discuss.channel.member"].search([("partner_id", "=", self.boss.partner_id.id)]).channel_id
        self.assertTrue(any(self.machine.name in (message.body or "") for message in chat.message_ids))

    def test_a_comment_is_text_in_a_to_do(self):
        """Markup in what somebody typed is shown, never followed."""
        call = self.raised(comment='<a href="https://example.com">open</a>')
        self.climb(START + 1000)
        self.assertIn("&lt;a href", call.sudo().activity_ids.note)

    def test_the_ladder_stops_where_somebody_cares(self):
        call = self.raised()
        self.calls(START + MINUTE).browse(call.id).acknowledge()
        self.climb(START + 6 * MINUTE)
        self.assertEqual(self.escalations(call), [])
        self.climb(START + 20 * MINUTE)
        self.assertEqual(self.escalations(call), ["chat"], "acknowledged, but nobody has arrived")

    def test_to_dos_go_when_the_call_is_over(self):
        call = self.raised()
        self.climb(START + 1000)
        self.calls(START + MINUTE).browse(call.id).resolve()
        self.assertFalse(call.activity_ids)

    def test_a_step_that_cannot_tell_says_so(self):
        """Nothing is lost in silence, and the next step is taken all the same."""
        self.boss.email = False
        call = self.raised()
        self.climb(START + 16 * MINUTE)
        problems = {one.channel: one.problem for one in call.escalation_ids}
        self.assertIn("e-mail address", problems["mail"])
        self.assertFalse(problems["chat"])

    def test_people_of_another_company_are_never_told(self):
        other = make_company(self.env, "Elsewhere")
        self.kind.step_ids = [
            Command.clear(),
            Command.create({"after_minutes": 0, "user_ids": [make_user(self.env, "operator", company=other).id]}),
        ]
        call = self.raised()
        self.climb(START + 1000)
        self.assertFalse(call.escalation_ids.user_ids)
        self.assertIn(self.env.company.name, call.escalation_ids.problem)

    def test_a_machine_calls_by_itself(self):
        """Once a stop; and when it runs again before anybody took notice, the call is over."""
        self.kind.auto_minutes = 10
        stop = self.stop_of(START, None, now=START + 12 * MINUTE)
        self.climb(START + 12 * MINUTE)
        call = self.env["mes.andon.call"].search([("stop_id", "=", stop.id)])
        self.assertTrue(call.by_itself)
        self.climb(START + 13 * MINUTE)
        self.assertEqual(self.env["mes.andon.call"].search_count([("stop_id", "=", stop.id)]), 1)
        self.stop_of(START, START + 14 * MINUTE, now=START + 15 * MINUTE)
        self.climb(START + 15 * MINUTE)
        self.assertEqual(call.state, "resolved")
        self.assertFalse(call.resolved_by_id)

    def test_short_stops_do_not_call(self):
        self.kind.auto_minutes = 10
        stop = self.stop_of(START, None, now=START + 9 * MINUTE)
        self.climb(START + 9 * MINUTE)
        self.assertFalse(self.env["mes.andon.call"].search([("stop_id", "=", stop.id)]))

    def test_who_may_what(self):
        call = self.raised()
        stranger = make_user(self.env, "operator", company=make_company(self.env, "Elsewhere"))
        with self.assertRaises(AccessError):
            self.calls(START, stranger).call(self.machine.id, self.kind.id)
        with self.assertRaises(AccessError):
            self.calls(START, stranger).browse(call.id).resolve()
        with self.assertRaises(AccessError):
            self.calls(START, self.colleague).browse(call.id).cancel()
        with self.assertRaises(AccessError):
            call.with_user(self.boss).write({"state": "cancelled"})
        self.calls(START, self.boss).browse(call.id).cancel()
        self.assertEqual(call.state, "cancelled")

    def test_a_kind_of_another_area_is_refused(self):
        self.kind.company_id = self.env.company
        self.kind.area_ids = self.env["mes.area"].create({"name": "B", "code": "B", "site_id": self.site.id})
        with self.assertRaisesRegex(UserError, "another kind"):
            self.raised()

    def test_a_step_tells_somebody(self):
        with self.assertRaises(ValidationError):
            self.kind.step_ids = [Command.create({"after_minutes": 1})]

    def stop_of(self, start, end, now):
        """The machine's stop from ``start`` on, folded as known at ``now``; it runs again at ``end``."""
        feed_evidence(self.env, self.machine, [(MONDAY, now)])
        states = [(MONDAY, "running"), (start, "down"), *([(end, "running")] if end else [])]
        feed_states(self.env, self.machine, states)
        stops = at_time(self.env["mes.stop"], now)
        while marks := self.env["mes.dirty.span"]._take("stop"):
            stops._fold(marks)
        return self.env["mes.stop"].search([("workcenter_id", "=", self.machine.id)])
