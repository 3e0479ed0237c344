from datetime import datetime

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ..tools import clock
from ..tools.fields import Timestamp

STATES = [
    ("running", "Running"),
    ("idle", "Idle"),
    ("down", "Down"),
    ("setup", "Set-up"),
    ("maintenance", "Maintenance"),
]
OPERATOR = "mes_base.group_mes_operator"
SUPERVISOR = "mes_base.group_mes_supervisor"

# So far ahead a word may reach: the end of a stop that goes on is guessed, weeks to come are the calendar's.
AHEAD_MS = 24 * 3_600_000


class MesStateOverride(models.Model):
    """A person's word over a span: a reason and, if given, another state.

    Never changed, only withdrawn: where overrides overlap, the later recorded one wins and the
    other stays on record. Without an end it holds until the machine runs again. The machine's own
    stop code stays beside it.
    """

    _name = "mes.state.override"
    _inherit = ["mes.marking.mixin"]
    _description = "State Override"
    _order = "recorded_at desc, id desc"
    _check_company_auto = True
    _marking_why = "override"

    workcenter_id = fields.Many2one("mrp.workcenter", string="Work Center", required=True, ondelete="restrict")
    company_id = fields.Many2one(
        "res.company", compute="_compute_company_id", store=True, required=True, precompute=True, index=True,
        ondelete="restrict",
    )  # fmt: skip
    at_from = Timestamp(string="From", required=True)
    at_until = Timestamp(string="Until", help="Empty: until the machine runs again.")
    loss_id = fields.Many2one(
        "mrp.workcenter.productivity.loss", string="Reason", ondelete="restrict", check_company=True
    )
    state = fields.Selection(STATES)
    comment = fields.Char()
    user_id = fields.Many2one(
        "res.users", string="Who", required=True, ondelete="restrict", default=lambda self: self.env.user
    )
    why = fields.Char(help="Why the machine's record was wrong.")
    recorded_at = Timestamp(string="Recorded", required=True, default=lambda self: self.env["mes.clock"].now())
    withdrawn_at = Timestamp(string="Withdrawn")
    withdrawn_by_id = fields.Many2one("res.users", string="Withdrawn By", ondelete="restrict")

    _by_start = models.Index("(workcenter_id, at_from)")
    _span_ordered = models.Constraint(
        "CHECK(at_until IS NULL OR at_until > at_from)", "An override ends after it begins."
    )
    _says_something = models.Constraint(
        "CHECK(loss_id IS NOT NULL OR state IS NOT NULL)", "An override gives a reason or a state."
    )

    @api.depends("workcenter_id")
    def _compute_company_id(self):
        for override in self:
            override.company_id = override.workcenter_id.company_id

    @api.depends("loss_id", "state")
    def _compute_display_name(self):
        states = dict(self._fields["state"]._description_selection(self.env))
        for override in self:
            override.display_name = override.loss_id.name or states.get(override.state)

    def _marked_spans(self):
        """The span that the override covers."""
        return [
            (one.workcenter_id.id, clock.to_ms(one.at_from), clock.to_ms(one.at_until) if one.at_until else None)
            for one in self
        ]

    @api.constrains("loss_id", "comment", "at_from", "at_until")
    def _check_reason(self):
        for override in self:
            loss = override.loss_id
            if loss.mes_comment_required and not (override.comment or "").strip():
                raise ValidationError(self.env._("%s needs a comment: say what happened.", loss.name))
            if loss.mes_max_minutes and override.at_until:
                limit = loss.mes_max_minutes
                if clock.to_ms(override.at_until) - clock.to_ms(override.at_from) > limit * 60_000:
                    raise ValidationError(
                        self.env._("%(reason)s lasts at most %(limit)s minutes: split the span or choose another "
                                   "reason.", reason=loss.name, limit=limit)
                    )  # fmt: skip

    @api.model
    def record(self, workcenter_id, at_from, at_until=None, loss_id=None, state=None, comment=None, why=None):
        """Say what happened in a span of a machine; the id of the new override.

        :param at_from: UTC, as "2026-03-02 10:00:00.250" or a datetime; never a time read off a screen,
            which has no milliseconds: to explain a stop use ``mes.stop.explain``
        :param at_until: the same, None: until the machine runs again
        :param state: another state than the machine told; only a supervisor may give one
        :raises AccessError: no operator, another company's machine, or a state without the right to it
        :raises UserError: the reason asks for more, or the period is closed
        """
        if state and not self.env.user.has_group(SUPERVISOR) and not self.env.su:
            raise AccessError(self.env._("Only a supervisor may change a machine's state: give a reason instead."))
        word = {
            "at_from": _time(at_from),
            "at_until": _time(at_until) if at_until else False,
            "loss_id": loss_id,
            "state": state,
            "comment": comment,
            "why": why,
        }
        return self._record_words(self.env["mrp.workcenter"].browse(workcenter_id), [word])[0]

    @api.private
    def _record_words(self, workcenter, words: list[dict]) -> list[int]:
        """Enter a person's words about a machine, the ids in their order; a state was checked by the caller.

        :raises AccessError: no operator, or another company's machine
        """
        if not self.env.user.has_group(OPERATOR) and not self.env.su:
            raise AccessError(self.env._("Only operators may explain a machine's time: ask for the MES role."))
        workcenter.check_access("read")
        if not workcenter.mes_level:
            raise UserError(self.env._("%s is not part of the plant: choose a machine.", workcenter.name))
        latest = clock.from_ms(self.env["mes.clock"].now_ms() + AHEAD_MS)
        if any(word["at_from"] > latest or (word["at_until"] and word["at_until"] > latest) for word in words):
            raise UserError(
                self.env._("This lies in the future: say what has happened, and plan what will in the shift calendar.")
            )
        # Operators may not write the table itself: this method is its only door and has checked the right.
        entered = self.sudo().create(
            [{**word, "workcenter_id": workcenter.id, "user_id": self.env.uid} for word in words]
        )
        self.env["mes.floor"]._changed(workcenter, "word")
        return entered.ids

    def withdraw(self):
        """Take the word back; it stays on record. One's own, or as a supervisor anybody's."""
        self.check_access("read")
        for override in self.filtered(lambda one: not one.withdrawn_at):
            own = override.user_id == self.env.user and self.env.user.has_group(OPERATOR)
            if not own and not self.env.user.has_group(SUPERVISOR) and not self.env.su:
                raise AccessError(
                    self.env._("%s recorded this: only that person or a supervisor may take it back.",
                               override.user_id.name)
                )  # fmt: skip
            # As in record(): the right was checked, the table is closed to everybody.
            override.sudo().write({"withdrawn_at": self.env["mes.clock"].now(), "withdrawn_by_id": self.env.uid})
        self.env["mes.floor"]._changed(self.workcenter_id, "word")
        return True


def _time(value: str | datetime) -> datetime:
    """A datetime of a datetime or a string with or without milliseconds."""
    return Timestamp.to_datetime(value)
