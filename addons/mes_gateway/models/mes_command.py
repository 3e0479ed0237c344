from datetime import timedelta
from typing import Any

from odoo import api, fields, models
from odoo.addons.mes_base.tools import clock
from odoo.addons.mes_base.tools.fields import Timestamp
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL

from ..contract import commands

# What a person says of a command, until it is sent.
_SAID = frozenset({"kind", "tag_id", "value_kind", "number", "truth", "text", "reason", "valid_s"})
# What is recorded of it.
_RECORDED = frozenset(
    {
        "state", "user_id", "requested_at", "deadline", "offered_at", "settled_at", "is_answered", "read_back",
        "message",
    }
)  # fmt: skip


class MesCommand(models.Model):
    """A value to be written to a tag, or a tag to be read: who, what, why, until when, and what became of it.

    A person writes it as a draft and sends it; from then on it is a record that only the bridge's answer and the
    clock change. Never for safety functions: those belong to the safety controller.
    """

    _name = "mes.command"
    _description = "Command to a Machine"
    _inherit = ["mail.thread"]
    _order = "id desc"

    name = fields.Char(compute="_compute_name", string="Command")
    kind = fields.Selection(
        [("write", "Write a value"), ("read", "Read the value"), ("rebirth", "Ask for a rebirth (Sparkplug)")],
        required=True,
        default="write",
    )
    tag_id = fields.Many2one(
        "mes.gateway.tag", required=True, index=True, ondelete="restrict", string="Tag"
    )
    gateway_id = fields.Many2one(related="tag_id.gateway_id", store=True, index=True)
    company_id = fields.Many2one(related="tag_id.company_id", store=True, index=True)
    workcenter_id = fields.Many2one(related="tag_id.workcenter_id", store=True, string="Machine")
    unit = fields.Char(related="tag_id.unit")
    value_kind = fields.Selection(
        [("number", "Number"), ("truth", "On or off"), ("text", "Text")],
        compute="_compute_value_kind", store=True, readonly=False, string="Kind of Value",
    )  # fmt: skip
    is_free_kind = fields.Boolean(compute="_compute_is_free_kind", help="Only the source knows the type of the tag.")
    number = fields.Float(digits=(16, 6), string="Value (number)")
    truth = fields.Boolean(string="Value (on or off)")
    text = fields.Char(string="Value (text)", size=1024)
    value_shown = fields.Char(compute="_compute_value_shown", string="Value")
    limits = fields.Char(compute="_compute_limits", help="What this tag takes.")
    reason = fields.Char(required=True, string="Why", help="For the record: why the machine is to get this value.")
    valid_s = fields.Integer(
        string="Valid (s)", default=60, required=True,
        help="What has not been written after so long never will be.",
    )  # fmt: skip

    state = fields.Selection(
        [
            ("draft", "Draft"),
            ("queued", "Sent"),
            ("offered", "With the bridge"),
            ("done", "Done"),
            ("refused", "Refused"),
            ("failed", "Failed"),
            ("expired", "Expired"),
            ("mismatch", "Read back something else"),
            ("unknown", "Unknown"),
            ("cancelled", "Cancelled"),
        ],
        default="draft",
        required=True,
        readonly=True,
        copy=False,
        tracking=True,
    )
    user_id = fields.Many2one("res.users", readonly=True, copy=False, string="Who", ondelete="restrict")
    requested_at = Timestamp(readonly=True, copy=False, string="Sent")
    deadline = Timestamp(readonly=True, copy=False)
    offered_at = Timestamp(readonly=True, copy=False, string="With Bridge")
    settled_at = Timestamp(readonly=True, copy=False, string="Answered")
    is_answered = fields.Boolean(readonly=True, copy=False, help="The bridge has said what became of it.")
    read_back = fields.Char(readonly=True, copy=False, tracking=True)
    message = fields.Char(readonly=True, copy=False, tracking=True)

    _valid_range = models.Constraint(
        "CHECK(valid_s BETWEEN 1 AND 86400)", "A command is valid for a second at least and a day at most."
    )
    _waiting = models.Index("(gateway_id, id) WHERE state IN ('queued', 'offered')")

    @api.depends("kind", "tag_id", "value_shown")
    def _compute_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for command in self:
            tag = command.tag_id.tag or ""
            is_write = command.kind == "write"
            command.name = f"{tag} = {command.value_shown}" if is_write else f"{kinds.get(command.kind)}: {tag}"

    @api.depends("tag_id.type")
    def _compute_value_kind(self):
        for command in self:
            kinds = commands.value_kinds(command.tag_id.type or "auto")
            # What was sent stays as it was, whatever becomes of the tag.
            is_kept = command.state != "draft" or command.value_kind in kinds
            command.value_kind = command.value_kind if is_kept else kinds[0]

    @api.depends("tag_id.type")
    def _compute_is_free_kind(self):
        for command in self:
            command.is_free_kind = len(commands.value_kinds(command.tag_id.type or "auto")) > 1

    @api.depends("kind", "value_kind", "number", "truth", "text", "unit")
    def _compute_value_shown(self):
        for command in self:
            command.value_shown = command._shown() if command.kind == "write" else False

    def _shown(self) -> str:
        """The value as a person reads it."""
        if self.value_kind == "truth":
            return self.env._("on") if self.truth else self.env._("off")
        if self.value_kind == "text":
            return f"“{self.text or ''}”"
        return f"{self.number:.9g} {self.unit or ''}".strip()

    @api.depends("tag_id", "value_kind")
    def _compute_limits(self):
        for command in self:
            tag = command.tag_id
            if command.value_kind == "number" and tag:
                low, high = command._bounds()
                unit = f" {tag.unit}" if tag.unit else ""
                command.limits = self.env._("%(low)s to %(high)s", low=f"{low:.9g}", high=f"{high:.9g}{unit}")
            else:
                command.limits = tag.write_words if command.value_kind == "text" else False

    def _bounds(self) -> tuple[float, float]:
        tag = self.tag_id
        return commands.bounds(tag.type, tag.write_min, tag.write_max, tag.scale not in (0, 1) or bool(tag.offset))

    # -- a person's part ---------------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """A command begins as a draft; who sends it is recorded, never said."""
        for vals in vals_list:
            self._refuse_recorded(vals)
        if not self.env.su:
            # Said outright: else a default of the client's context would give it a past.
            vals_list = [vals | dict.fromkeys(_RECORDED, False) | {"state": "draft"} for vals in vals_list]
        return super().create(vals_list)

    def write(self, vals):
        """What was sent stays as it was said."""
        self._refuse_recorded(vals)
        if _SAID & vals.keys() and any(command.state != "draft" for command in self):
            raise UserError(self.env._("A command that was sent stays as it is: make a new one."))
        return super().write(vals)

    def _refuse_recorded(self, vals: dict[str, Any]) -> None:
        if not self.env.su and _RECORDED & vals.keys():
            raise AccessError(self.env._("What becomes of a command is written by the bridge's answer alone."))

    @api.ondelete(at_uninstall=False)
    def _unlink_only_drafts(self):
        if any(command.state != "draft" for command in self):
            raise UserError(self.env._("A command that was sent is a record and stays."))

    @api.constrains("kind", "tag_id", "value_kind", "number", "text")
    def _check_allowed(self):
        for command in self.filtered(lambda one: one.state == "draft"):
            command._check_tag()
            if command.kind == "write":
                command._check_value()

    def _check_tag(self) -> None:
        tag = self.tag_id
        if self.kind == "rebirth" and tag.protocol != "sparkplug":
            raise ValidationError(
                self.env._("Only a Sparkplug node can be asked for a rebirth; %s is not of one.", tag.tag)
            )
        if not tag.active:
            raise ValidationError(self.env._("Tag %s is archived: the bridge does not know it.", tag.tag))
        if self.kind == "write" and (tag.safety or not tag.writable):
            raise ValidationError(
                self.env._("Tag %s is not writable: an engineer decides that on the tag's form.", tag.tag)
            )

    def _check_value(self) -> None:
        tag = self.tag_id
        if self.value_kind not in commands.value_kinds(tag.type):
            raise ValidationError(self.env._("Tag %(tag)s is of type %(type)s.", tag=tag.tag, type=tag.type))
        if self.value_kind == "number":
            low, high = self._bounds()
            if not low <= self.number <= high:
                raise ValidationError(
                    self.env._(
                        "%(value)s is outside what tag %(tag)s takes: %(limits)s.",
                        value=self._shown(), tag=tag.tag, limits=self.limits,
                    )
                )  # fmt: skip
            if self._is_whole() and not self.number.is_integer():
                raise ValidationError(self.env._("Tag %s takes whole numbers only.", tag.tag))
        words = {word.strip() for word in (tag.write_words or "").split(",") if word.strip()}
        if self.value_kind == "text" and words and self.text not in words:
            raise ValidationError(
                self.env._("Tag %(tag)s takes one of: %(words)s.", tag=tag.tag, words=tag.write_words)
            )

    def _is_whole(self) -> bool:
        tag = self.tag_id
        return commands.is_whole(tag.type) and tag.scale in (0, 1) and not tag.offset

    def action_send(self):
        """Give the commands to their bridges, under the name of the one who presses the button."""
        self.check_access("write")
        drafts = self.filtered(lambda command: command.state == "draft")
        drafts._check_allowed()
        now = self.env["mes.clock"].now_ms()
        for command in drafts:
            # The right was checked; who, when and the state are not for a client to write.
            command.sudo().write(
                {
                    "state": "queued",
                    "user_id": self.env.uid,
                    "requested_at": clock.from_ms(now),
                    "deadline": clock.from_ms(now + command.valid_s * 1000),
                }
            )
            latest = fields.Datetime.now() + timedelta(seconds=command.valid_s + 1)
            self.env.ref("mes_gateway.ir_cron_commands").sudo()._trigger(latest)
        return {
            "type": "ir.actions.act_window",
            "res_model": self._name,
            "res_id": self[:1].id,
            "views": [(False, "form")],
            "target": "current",
        }

    def action_cancel(self):
        """Take back what no bridge has seen yet."""
        self.check_access("write")
        # Locked: an answer that offers one of them just now is waited for.
        self.env.cr.execute(
            SQL("SELECT id, state FROM mes_command WHERE id = ANY(%s) ORDER BY id FOR UPDATE", list(self.ids))
        )
        states = dict(self.env.cr.fetchall())
        if any(state not in ("draft", "queued") for state in states.values()):
            raise UserError(self.env._("The bridge has this command already: it can't be taken back."))
        # The right was checked; the state is not for a client to write.
        self.sudo().write({"state": "cancelled", "settled_at": clock.from_ms(self.env["mes.clock"].now_ms())})
