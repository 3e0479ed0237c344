import glob

from odoo import fields, models
from odoo.addons.mes_base.models.mes_state_map_line import INTERLOCKS, MODES
from odoo.addons.mes_base.models.mes_state_override import STATES
from odoo.addons.mes_base.tools.fields import Timestamp
from odoo.exceptions import UserError

from ..models.mes_unmapped_code import REPLAYS


class MesUnmappedCodeAnswer(models.TransientModel):
    """What an engineer says of a value or a code of a machine; it holds for the past as well."""

    _name = "mes.unmapped.code.answer"
    _description = "Meaning of a Code"

    workcenter_id = fields.Many2one("mrp.workcenter", string="Machine", required=True, readonly=True)
    kind = fields.Selection(
        [("state", "Raw State"), ("mode", "Raw Mode"), ("code", "Stop Code")], required=True, readonly=True
    )
    code = fields.Char(required=True, readonly=True)
    at_first = Timestamp(readonly=True)
    state = fields.Selection(STATES)
    mode = fields.Selection(MODES)
    interlock = fields.Selection(INTERLOCKS)
    how = fields.Selection(
        [("choose", "A reason that is there"), ("make", "A new reason")], default="choose", required=True
    )
    loss_id = fields.Many2one("mrp.workcenter.productivity.loss", string="Reason")
    loss_name = fields.Char(string="Name of the Reason")
    parent_id = fields.Many2one("mrp.workcenter.productivity.loss", string="Parent Reason")
    only_here = fields.Boolean(string="Only this Machine", help="Else the code means the same at every machine.")

    def action_answer(self):
        """Take it over: into the map, with the waiting events replayed; or as the code's reason.

        :raises UserError: nothing was chosen, or the machine has no tag with a map
        """
        self.ensure_one()
        self.workcenter_id.check_access("read")
        return self._give_reason() if self.kind == "code" else self._map()

    # -- raw values --------------------------------------------------------------------------------

    def _map(self):
        """Put the value into the map of the machine's tag and replay what waits for it."""
        word = self[self.kind]
        if not word:
            raise UserError(self.env._("Choose what the value means."))
        tag = self.env["mes.gateway.tag"].search(
            [("workcenter_id", "=", self.workcenter_id.id), ("signal", "=", self.kind),
             ("state_by", "in", ("map", "model"))], limit=1,
        )  # fmt: skip
        if not tag:
            raise UserError(
                self.env._(
                    "%(machine)s has no tag whose map could take the value %(value)s: add it under Gateways, Tags.",
                    machine=self.workcenter_id.name, value=self.code,
                )
            )  # fmt: skip
        if tag.map_id:
            self._add_line(tag.map_id, word)
        else:
            tag.map = {**(tag.map or {}), self.code: word}
        waiting = self.env["mes.unmapped.code"].new(
            {"workcenter_id": self.workcenter_id.id, "kind": self.kind, "code": self.code,
             "company_id": self.workcenter_id.company_id.id}
        )._waiting()  # fmt: skip
        return waiting[:REPLAYS].action_replay()

    def _add_line(self, state_map, word: str) -> None:
        """A new value of the map, or the meaning that an old one lacked."""
        values = {self.kind: word, "interlock": self.interlock} if self.kind == "state" else {self.kind: word}
        line = state_map.line_ids.filtered(lambda one: one.raw == self.code)
        if line:
            line.write(values)
        else:
            line.create({"map_id": state_map.id, "raw": self.code, "sequence": 1000, **values})

    # -- stop codes --------------------------------------------------------------------------------

    def _give_reason(self):
        """Make the code say a reason."""
        company = self.workcenter_id.company_id
        losses = self.env["mrp.workcenter.productivity.loss"]
        loss = self.loss_id
        if self.how == "make":
            if not self.loss_name:
                raise UserError(self.env._("Give the new reason a name."))
            loss = losses.create(
                {
                    "name": self.loss_name,
                    "loss_id": self.env.ref("mrp.category_availability").id,
                    "parent_id": self.parent_id.id,
                    "company_id": company.id,
                }
            )
        if not loss:
            raise UserError(self.env._("Choose the reason, or make a new one."))
        free = not loss.mes_code and not self.only_here and loss.company_id in (company, losses.company_id)
        taken = losses.search_count([("mes_code", "=", self.code), ("company_id", "=", loss.company_id.id)], limit=1)
        if free and not taken:
            loss.mes_code = self.code
        else:
            self.env["mes.reason.rule"].create(self._prepare_rule_vals(loss))
        return {"type": "ir.actions.act_window_close"}

    def _prepare_rule_vals(self, loss) -> dict:
        """The rule for a code whose reason has another code already, or that means it here only."""
        return {
            "name": self.env._("%(code)s is %(reason)s", code=self.code, reason=loss.name),
            "company_id": self.workcenter_id.company_id.id,
            "loss_id": loss.id,
            "codes": glob.escape(self.code),
            "scope": "machine" if self.only_here else "all",
            "workcenter_ids": [fields.Command.set(self.workcenter_id.ids if self.only_here else [])],
            "date_from": self.at_first.date() if self.at_first else False,
        }
