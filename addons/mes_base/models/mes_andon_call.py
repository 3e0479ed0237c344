from typing import Any

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..tools import clock
from ..tools.fields import Timestamp
from .mes_andon_step import STAGES
from .mes_state_override import OPERATOR, SUPERVISOR

MINUTE_MS = 60_000


class MesAndonCall(models.Model):
    """Somebody is needed at a machine: called, acknowledged, arrived, resolved, each with its time and name.

    Calls change through the methods below only: so the times are those of the plant's clock, and nobody can
    rewrite who came when.
    """

    _name = "mes.andon.call"
    _description = "Andon Call"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "raised_at desc, id desc"
    _check_company_auto = True

    workcenter_id = fields.Many2one("mrp.workcenter", string="Machine", required=True, ondelete="restrict")
    company_id = fields.Many2one("res.company", required=True, index=True, ondelete="restrict")
    kind_id = fields.Many2one("mes.andon.kind", string="Called For", required=True, ondelete="restrict")
    stop_id = fields.Many2one("mes.stop", string="Stop", ondelete="set null", index="btree_not_null")
    state = fields.Selection(
        [("open", "Open"), ("acknowledged", "Acknowledged"), ("arrived", "Arrived"), ("resolved", "Resolved"),
         ("cancelled", "Cancelled")],
        required=True, default="open", index=True,
    )  # fmt: skip
    by_itself = fields.Boolean(help="The machine called by itself, because it stood for too long.")
    comment = fields.Char()
    outcome = fields.Char(help="What was done about it.")
    raised_at = Timestamp(string="Called", required=True)
    raised_by_id = fields.Many2one("res.users", string="Called By", ondelete="restrict")
    acknowledged_at = Timestamp(string="Acknowledged")
    acknowledged_by_id = fields.Many2one("res.users", string="Acknowledged By", ondelete="restrict")
    arrived_at = Timestamp(string="Arrived")
    arrived_by_id = fields.Many2one("res.users", string="Arrived By", ondelete="restrict")
    resolved_at = Timestamp(string="Resolved")
    resolved_by_id = fields.Many2one("res.users", string="Resolved By", ondelete="restrict")
    escalation_ids = fields.One2many("mes.andon.escalation", "call_id", string="Escalations")
    minutes_to_arrive = fields.Float(compute="_compute_minutes", store=True, digits=(16, 1), aggregator="avg")
    minutes_to_resolve = fields.Float(compute="_compute_minutes", store=True, digits=(16, 1), aggregator="avg")

    _one_open = models.UniqueIndex(
        "(workcenter_id, kind_id) WHERE state NOT IN ('resolved', 'cancelled')",
        "This machine already has an open call of this kind.",
    )

    @api.depends("raised_at", "arrived_at", "resolved_at")
    def _compute_minutes(self):
        for call in self:
            call.minutes_to_arrive = _minutes(call.raised_at, call.arrived_at)
            call.minutes_to_resolve = _minutes(call.raised_at, call.resolved_at)

    @api.depends("kind_id", "workcenter_id")
    def _compute_display_name(self):
        for call in self:
            call.display_name = f"{call.kind_id.name}: {call.workcenter_id.name}"

    # -- what people do ------------------------------------------------------------------------------

    @api.model
    def call(self, workcenter_id: int, kind_id: int, comment: str | None = None, stop_id: int | None = None) -> int:
        """Call somebody to a machine; the id of the call. One that is open already is given back.

        :raises AccessError: no operator, or another company's machine
        :raises UserError: the kind does not fit the machine, or the stop is another machine's
        """
        self._check_role()
        workcenter = self.env["mrp.workcenter"].browse(workcenter_id)
        kind = self.env["mes.andon.kind"].browse(kind_id)
        stop = self.env["mes.stop"].browse(stop_id or [])
        for record in (workcenter, kind, stop):
            record.check_access("read")
        if not workcenter.mes_level or not kind.active or not kind._fits(workcenter):
            raise UserError(
                self.env._("%(kind)s cannot be called at %(machine)s: choose another kind of call.", kind=kind.name,
                           machine=workcenter.name)
            )  # fmt: skip
        if stop and stop.workcenter_id != workcenter:
            raise UserError(self.env._("This stop belongs to another machine: call from the machine that stands."))
        return self._raise(workcenter, kind, stop, comment, self.env.user).id

    def acknowledge(self) -> bool:
        """Say: I have seen it and somebody is coming."""
        return self._advance("acknowledged")

    def arrive(self) -> bool:
        """Say: I am at the machine."""
        return self._advance("arrived")

    def resolve(self, outcome: str | None = None) -> bool:
        """Say: it is done."""
        return self._advance("resolved", outcome)

    def cancel(self) -> bool:
        """Take a call back: one's own, or as a supervisor anybody's."""
        self._check_role()
        self.check_access("read")
        for call in self.filtered(lambda one: one.state not in ("resolved", "cancelled")):
            if call.raised_by_id != self.env.user and not self.env.user.has_group(SUPERVISOR):
                raise AccessError(self.env._("Only who called or a supervisor may take a call back."))
            call._become({"state": "cancelled"})
        return True

    # -- how it is done ------------------------------------------------------------------------------

    def _check_role(self) -> None:
        if not self.env.user.has_group(OPERATOR):
            raise AccessError(self.env._("Andon calls are for operators: ask for the role Operator."))

    @api.private
    def _raise(self, workcenter, kind, stop, comment: str | None, user):
        """The open call of this kind at the machine, made if there is none; ``user`` empty: the machine itself."""
        # Nobody writes calls by hand: the methods are their only door and have checked the right.
        calls = self.sudo()
        open_already = [
            ("workcenter_id", "=", workcenter.id), ("kind_id", "=", kind.id),
            ("state", "not in", ("resolved", "cancelled")),
        ]  # fmt: skip
        if known := calls.search(open_already, limit=1):
            return known.with_env(self.env)
        # Two tablets at once: the second waits here, is run again and then finds the first one's call.
        workcenter._mes_take_turn()
        call = calls.with_context(mail_create_nolog=True, mail_create_nosubscribe=True).create(
            {
                "workcenter_id": workcenter.id,
                "company_id": workcenter.company_id.id,
                "kind_id": kind.id,
                "stop_id": stop.id,
                "comment": comment,
                "by_itself": not user,
                "raised_by_id": user.id,
                "raised_at": self.env["mes.clock"].now(),
            }
        )
        self.env["mes.floor"]._changed(workcenter, "call")
        # The steps that are due at once: the job runs as its own user.
        self.env.ref("mes_base.ir_cron_andon").sudo()._trigger()
        return call.with_env(self.env)

    def _advance(self, stage: str, outcome: str | None = None) -> bool:
        """Bring calls a stage further; who has come further already stays there. Skipped stages get the same time.

        :raises AccessError: no operator, or another company's call
        """
        self._check_role()
        self.check_access("read")
        now, wanted = self.env["mes.clock"].now(), STAGES.index(stage)
        for call in self.filtered(lambda one: one.state in STAGES and STAGES.index(one.state) < wanted):
            values: dict[str, Any] = {"state": stage}
            for passed in STAGES[STAGES.index(call.state) + 1 : wanted + 1]:
                values.update({f"{passed}_at": now, f"{passed}_by_id": self.env.uid})
            call._become({**values, **({"outcome": outcome} if outcome else {})})
        return True

    def _become(self, values: dict[str, Any]) -> None:
        """Change calls, tell the screens, and clear the to-dos of those that are over."""
        # As in _raise: the methods are the only door.
        calls = self.sudo()
        calls.write(values)
        if values["state"] in ("resolved", "cancelled"):
            calls.activity_unlink(["mes_base.activity_andon"])
        self.env["mes.floor"]._changed(self.workcenter_id, "call")

    @api.private
    def _age_ms(self, now: int) -> int:
        """Milliseconds since the call."""
        self.ensure_one()
        return now - clock.to_ms(self.raised_at)


def _minutes(start, end) -> float:
    """Minutes between two times, 0 if one is missing."""
    return (clock.to_ms(end) - clock.to_ms(start)) / MINUTE_MS if start and end else 0.0
