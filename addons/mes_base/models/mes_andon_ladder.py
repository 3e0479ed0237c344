import logging

from odoo import api, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import html_escape

from ..tools import clock, post
from .mes_andon_step import STAGES

_logger = logging.getLogger(__name__)
MINUTE_MS = 60_000


class MesAndonLadder(models.AbstractModel):
    """Climbs the ladders: a job looks every minute which steps of which calls are due, and takes each once.

    It also calls for machines that have stood for too long, and ends such calls when the machine runs
    again before anybody has taken notice.
    """

    _name = "mes.andon.ladder"
    _description = "Escalation of Andon Calls"

    @api.model
    def _cron_climb(self) -> None:
        """One round; a commit after each call, so that one that cannot be told does not hold up the others."""
        now = self.env["mes.clock"].now_ms()
        self._call_for_machines(now)
        self._end_forgotten()
        cron = self.env["ir.cron"]
        calls = self.env["mes.andon.call"].search([("state", "not in", ("resolved", "cancelled"))], order="id")
        cron._commit_progress(0, remaining=len(calls))
        for call in calls:
            self._climb(call, now)
            if not cron._commit_progress(1):
                return

    def _call_for_machines(self, now: int) -> None:
        """A machine that stands unplanned for longer than a kind allows calls by itself, once a stop."""
        kinds = self.env["mes.andon.kind"].search([("auto_minutes", ">", 0)])
        if not kinds:
            return
        least = min(kinds.mapped("auto_minutes")) * MINUTE_MS
        stops = self.env["mes.stop"].search(
            [("at_until", "=", False), ("kind", "=", "unplanned"), ("at_from", "<=", clock.from_ms(now - least))]
        )
        calls = self.env["mes.andon.call"]
        known = {(call.stop_id, call.kind_id) for call in calls.search([("stop_id", "in", stops.ids)])}
        for stop in stops:
            for kind in kinds:
                stood = now - clock.to_ms(stop.at_from)
                fits = kind._fits(stop.workcenter_id) and stood >= kind.auto_minutes * MINUTE_MS
                if fits and (stop, kind) not in known:
                    calls._raise(stop.workcenter_id, kind, stop, None, self.env["res.users"])

    def _end_forgotten(self) -> None:
        """A machine that called by itself and runs again needs nobody."""
        gone = self.env["mes.andon.call"].search(
            [("state", "=", "open"), ("by_itself", "=", True), ("stop_id.at_until", "!=", False)]
        )
        if gone:
            gone._become(
                {
                    "state": "resolved",
                    "resolved_at": self.env["mes.clock"].now(),
                    "outcome": self.env._("The machine runs again."),
                }
            )

    @api.private
    def _climb(self, call, now: int) -> None:
        """Take the due steps of a call."""
        taken = call.escalation_ids.step_id
        for step in call.kind_id.step_ids - taken:
            past = STAGES.index(call.state) >= STAGES.index(step.unless)
            if not past and call._age_ms(now) >= step.after_minutes * MINUTE_MS:
                self._take(call, step)

    @api.private
    def _next(self, call, raised_ms: int) -> dict | None:
        """The next step that will be taken if nobody does anything: {"at": ms, "channel", "who": [names]}."""
        # Names of colleagues only: who looks at a wall may have no right on users.
        call = call.sudo()
        left = call.kind_id.step_ids - call.escalation_ids.step_id
        coming = [step for step in left if STAGES.index(call.state) < STAGES.index(step.unless)]
        if not coming:
            return None
        step = min(coming, key=lambda one: (one.after_minutes, one.id))
        return {
            "at": raised_ms + step.after_minutes * MINUTE_MS,
            "channel": step.channel,
            "who": step._recipients(call.company_id).mapped("name"),
        }

    def _take(self, call, step) -> None:
        """Tell the people of a step. What hinders is noted with the step: it is not tried again, the next one is."""
        people, problem = step._recipients(call.company_id), None
        if not people:
            problem = self.env._("Nobody of this step may work in %s.", call.company_id.name)
        try:
            with self.env.cr.savepoint():
                if people:
                    getattr(self, f"_tell_by_{step.channel}")(call, people)
        except (UserError, ValidationError, ValueError) as error:
            problem = str(error)
            _logger.warning("Andon call %s: %s", call.id, problem)
        self.env["mes.andon.escalation"].create(
            {
                "call_id": call.id,
                "step_id": step.id,
                "channel": step.channel,
                "at": self.env["mes.clock"].now(),
                "user_ids": [(6, 0, people.ids)],
                "problem": problem,
            }
        )
        self.env["mes.floor"]._changed(call.workcenter_id, "call")

    def _subject(self, call) -> str:
        """What the call is about, in a line."""
        return self.env._(
            "%(kind)s is called at %(machine)s", kind=call.kind_id.name, machine=call.workcenter_id.display_name
        )

    def _tell_by_activity(self, call, people) -> None:
        """A to-do on the call for each of them."""
        note = html_escape(call.comment or "")
        for person in people:
            call.activity_schedule(
                "mes_base.activity_andon", summary=self._subject(call), note=note, user_id=person.id
            )

    def _tell_by_mail(self, call, people) -> None:
        """An e-mail to each of them, whatever they chose for Odoo's own notifications.

        :raises UserError: none of them has an address
        """
        partners = people.partner_id.filtered("email_normalized")
        if not partners:
            raise UserError(self.env._("None of %s has an e-mail address.", ", ".join(people.mapped("name"))))
        body = f"<p>{html_escape(self._subject(call))}</p><p>{html_escape(call.comment or '')}</p>"
        post.queue(call.company_id, self._subject(call), body, partners)

    def _tell_by_chat(self, call, people) -> None:
        """A chat message to each of them."""
        body = " ".join(part for part in (self._subject(call), call.comment) if part)
        for person in people - self.env.user:
            chat = self.env["discuss.channel"]._get_or_create_chat(person.partner_id.ids)
            chat.message_post(body=body, message_type="comment", subtype_xmlid="mail.mt_comment")
