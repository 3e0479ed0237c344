from typing import Any

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ..contract import tags
from ..contract.tags import MODBUS

# A change of one of these gives a raw value another meaning.
_REVISED = frozenset({"map", "interlock_map", "state_by", "state_model", "bits", "on_above", "off_below"})
_TELEMETRY = ("mes.measurement.hour", "mes.measurement")
_PROTOCOLS = [
    ("modbus", "Modbus"), ("opcua", "OPC UA"), ("mqtt", "MQTT"), ("sparkplug", "Sparkplug B"), ("file", "File"),
    ("other", "Other"),
]  # fmt: skip


class MesGatewayTag(models.Model):
    """A value that the bridge reads: where it is, and what it means.

    Odoo is the master of tags; the bridge downloads them whenever the gateway's revision has risen.
    """

    _name = "mes.gateway.tag"
    _description = "Gateway Tag"
    _order = "gateway_id, workcenter_id, name"
    _rec_name = "tag"

    gateway_id = fields.Many2one("mes.gateway", required=True, index=True, ondelete="restrict")
    company_id = fields.Many2one(related="gateway_id.company_id", store=True, index=True)
    site_id = fields.Many2one(related="gateway_id.site_id")
    workcenter_id = fields.Many2one(
        "mrp.workcenter",
        string="Machine",
        required=True,
        index=True,
        ondelete="restrict",
        check_company=True,
        domain="[('mes_site_id', '=', site_id), ('mes_code', '!=', False)]",
    )
    name = fields.Char(required=True, help="Name of the tag at the machine, such as state or total.")
    tag = fields.Char(
        compute="_compute_tag", search="_search_tag", string="Full Tag", help="Machine code and name."
    )
    description = fields.Char(help="For people; the bridge does not use it.")
    active = fields.Boolean(default=True)
    connection = fields.Char(
        required=True, help="Name of a connection in the bridge's own file; host and port stay there."
    )
    signal = fields.Selection(
        [
            ("state", "State"),
            ("mode", "Mode"),
            ("counter", "Counter"),
            ("measurement", "Measurement"),
            ("alarm", "Alarm"),
            ("energy", "Energy meter"),
            ("parameter", "Process parameter"),
            ("material", "Material"),
            ("unit", "Single units"),
            ("heartbeat", "Heartbeat"),
            ("companion", "Companion of another tag"),
        ],
        required=True,
    )

    # -- where the value is ------------------------------------------------------------------------
    protocol = fields.Selection(
        _PROTOCOLS, required=True, default="modbus",
        help="What the connection speaks: it says whether the value is in a register or at an address.",
    )  # fmt: skip
    address = fields.Char(
        size=1024,
        help="OPC UA: nsu=urn:plant:line;s=Labeller.State. MQTT: topic|path.in.the.payload. "
        "Sparkplug: group/node/device:Metric. File: column or path.",
    )
    table = fields.Selection(
        [
            ("holding", "Holding registers"),
            ("input", "Input registers"),
            ("coil", "Coils"),
            ("discrete", "Discrete inputs"),
        ],
        default="holding",
    )
    register = fields.Integer(help="Protocol address, counted from 0.")
    type = fields.Selection(
        [("auto", "As the source gives it")] + [(kind, kind) for kind in tags.TYPES if kind != "auto"],
        required=True,
        default="uint16",
    )
    length = fields.Integer(  # pylint: disable=attribute-deprecated
        string="Length (registers)", default=1, help="Registers of a string, two characters each."
    )
    bit = fields.Integer(default=-1, help="Bit of a register for type bool, 0 = least; -1: none.")
    word_order = fields.Selection(
        [
            ("ABCD", "ABCD (big)"),
            ("CDAB", "CDAB (words swapped)"),
            ("BADC", "BADC (bytes swapped)"),
            ("DCBA", "DCBA (little)"),
        ],
        default="ABCD",
        required=True,
    )
    unit_id = fields.Integer(string="Modbus Unit", default=1, required=True)
    poll_ms = fields.Integer(string="Poll Period (ms)", default=500, required=True)

    # -- writing it --------------------------------------------------------------------------------
    writable = fields.Boolean(help="Commands may write it, if the bridge's own allow-list says so too.")
    safety = fields.Boolean(
        string="Safety Function", help="Part of a safety function: it is never written, by nobody and nothing."
    )
    write_min = fields.Float(string="Least Value Written", digits=(16, 6))
    write_max = fields.Float(string="Greatest Value Written", digits=(16, 6))
    write_words = fields.Char(
        string="Texts Written", help="For a text: what may be written, separated by commas; empty: any text."
    )

    command_count = fields.Integer(compute="_compute_command_count", string="Commands")

    _name_unique = models.Constraint(
        "UNIQUE(gateway_id, workcenter_id, name)", "The gateway already has this tag of this machine."
    )
    _register_range = models.Constraint(
        "CHECK(register BETWEEN 0 AND 65535)", "A register lies between 0 and 65535, counted from 0."
    )
    _bit_range = models.Constraint("CHECK(bit BETWEEN -1 AND 15)", "A bit lies between 0 and 15; -1: none.")
    _length_range = models.Constraint(
        "CHECK(coalesce(length, 1) BETWEEN 1 AND 125)", "A string takes 1 to 125 registers."
    )
    _poll_range = models.Constraint(
        "CHECK(poll_ms BETWEEN 10 AND 3600000)", "The poll period lies between 10 ms and an hour."
    )
    _unit_range = models.Constraint("CHECK(unit_id BETWEEN 0 AND 255)", "A Modbus unit lies between 0 and 255.")
    _safety_unwritable = models.Constraint(
        "CHECK(NOT (writable AND safety))", "A safety function is never written: a tag can't be both."
    )

    @api.depends("workcenter_id.mes_code", "name")
    def _compute_tag(self):
        for tag in self:
            tag.tag = "/".join(part for part in (tag.workcenter_id.mes_code, tag.name) if part) or False

    def _search_tag(self, operator, value):
        if operator not in ("ilike", "=", "in"):
            return NotImplemented
        found = []
        for one in [value] if isinstance(value, str) else value:
            machine, sign, name = (one or "").rpartition("/")
            same = "ilike" if operator == "ilike" else "="
            if sign:
                found.append(Domain("name", same, name) & Domain("workcenter_id.mes_code", same, machine))
            if operator == "ilike":
                found.append(Domain("name", "ilike", one) | Domain("workcenter_id.mes_code", "ilike", one))
        return Domain.OR(found)

    def _compute_command_count(self):
        counts = dict(self.env["mes.command"]._read_group([("tag_id", "in", self.ids)], ["tag_id"], ["__count"]))
        for tag in self:
            tag.command_count = counts.get(tag, 0)

    def action_write_value(self):
        """A form for a value that this tag's machine is to get."""
        self.check_access("read")
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Write a Value"),
            "res_model": "mes.command",
            "views": [(False, "form")],
            "context": {"default_tag_id": self.id, "default_kind": "write" if self.writable else "read"},
        }

    def action_open_commands(self):
        """The commands to these tags."""
        self.check_access("read")
        action = self.env["ir.actions.act_window"]._for_xml_id("mes_gateway.mes_command_action")
        return action | {"domain": [("tag_id", "in", self.ids)], "context": {"default_tag_id": self[:1].id}}

    @api.onchange("protocol")
    def _onchange_protocol(self):
        """A register has a type; what else is there says its own."""
        if self.protocol != "modbus":
            self.type = "auto"
        elif self.type == "auto":
            self.type = "uint16"

    @api.model_create_multi
    def create(self, vals_list):
        """New tags raise the gateway's revision; a counter tag makes its counter."""
        found = super().create([tags.completed(self._with_maps(vals)) for vals in vals_list])
        found._ensure_counters()
        found.gateway_id._raise_tag_revision()
        return found

    def write(self, vals):
        """Any change raises the gateway's revision, one of a map also the map's."""
        gateways = self.gateway_id
        vals = self._with_maps(vals)
        result = super().write(vals)
        if _REVISED & vals.keys():
            for tag in self:
                super(MesGatewayTag, tag).write({"map_revision": tag.map_revision + 1})
        if {"counter", "workcenter_id", "signal"} & vals.keys():
            self._ensure_counters()
        (gateways | self.gateway_id)._raise_tag_revision()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_history(self):
        for tag in self:
            # Whether there are any is all that is told, to whoever may delete the tag.
            if any(tag.sudo().env[model].search_count([("tag_id", "=", tag.id)], limit=1) for model in _TELEMETRY):
                raise UserError(self.env._("Tag %s has telemetry and cannot be deleted: archive it.", tag.tag))

    def unlink(self):
        """A tag without telemetry may go; the bridge must know."""
        gateways = self.gateway_id
        result = super().unlink()
        gateways._raise_tag_revision()
        return result

    def _ensure_counters(self) -> None:
        """The counters that the tags speak of."""
        counters = self.filtered(lambda tag: tag.signal == "counter")
        if counters:
            self.env["mes.counter"]._ensure(
                [(tag.workcenter_id.id, tag.counter, None, tag.unit or None) for tag in counters]
            )

    def _contract_values(self) -> dict[str, Any]:
        """The tag in the shape of the contract; what says nothing is left out."""
        names = ["connection", "signal", "type", "poll_ms"]
        values = {name: self[name] for name in names}
        values |= {"tag": self.tag, "equipment": self.workcenter_id.mes_code}
        values |= {name: True for name in ("writable", "safety") if self[name]}
        return values | self._place_values() | self._meaning_values()

    def _place_values(self) -> dict[str, Any]:
        """Where the value is: in a register, or at an address."""
        if self.protocol != "modbus":
            return {"address": self.address}
        values = {name: self[name] for name in MODBUS - {"bit", "length"}}
        if self.bit >= 0:
            values["bit"] = self.bit
        if self.type == "string":
            values["length"] = self.length
        return values
