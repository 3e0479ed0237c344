import json
from typing import Any

from odoo import api, fields, models
from odoo.addons.mes_base.tools.fields import BigInteger
from odoo.exceptions import UserError, ValidationError

from ..contract.kinds import INTERLOCKS, MODES, STATES

# The parameters of the contract that a tag carries under their own names.
_PLAIN = (
    "connection", "signal", "register", "type", "unit_id", "poll_ms", "word_order", "policy", "counter",
    "unit", "code",
)  # fmt: skip
_POSITIVE = ("modulus", "max_rate", "stale_ms")
_REVISED = frozenset({"map", "interlock_map"})


class MesGatewayTag(models.Model):
    """A point that the bridge reads: where it is in the PLC and what it means.

    Odoo is the master of tags; the bridge downloads them whenever the gateway's revision has risen.
    """

    _name = "mes.gateway.tag"
    _description = "Gateway Tag"
    _order = "gateway_id, workcenter_id, name"

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
    tag = fields.Char(compute="_compute_tag", string="Full Tag", help="Machine code and name.")
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
            ("companion", "Companion of another tag"),
        ],
        required=True,
    )
    table = fields.Selection(
        [
            ("holding", "Holding registers"),
            ("input", "Input registers"),
            ("coil", "Coils"),
            ("discrete", "Discrete inputs"),
        ],
        required=True,
        default="holding",
    )
    register = fields.Integer(required=True, help="Protocol address, counted from 0.")
    type = fields.Selection(
        [(kind, kind) for kind in ("bool", "uint16", "int16", "uint32", "int32", "uint64", "int64")]
        + [("float32", "float32"), ("float64", "float64")],
        required=True,
        default="uint16",
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
    stale_ms = fields.Integer(string="Stale Limit (ms)", help="Empty: the machine's own limit.")
    map = fields.Json(string="Value Map", help="Raw value to state or mode.")
    map_text = fields.Text(
        string="Map", compute="_compute_map_text", inverse="_inverse_map_text",
        help='Raw value to state or mode as JSON, such as {"1": "running", "2": "down"}.',
    )  # fmt: skip
    interlock_map = fields.Json()
    map_revision = fields.Integer(readonly=True, default=1, copy=False)
    code_tag = fields.Char(help="State: companion tag with the stop code.")
    interlock_tag = fields.Char(help="State: companion tag with the interlock.")
    counter = fields.Char(help="Counter: its name at the machine (total, good, reject, ...).")
    modulus = BigInteger(help="Counter: wraps at this value; empty: by the type.")
    max_rate = fields.Float(string="Greatest Rate (1/s)", help="Counter: most counts a second.")
    tolerance = fields.Integer(default=2, help="Counter: counts above rate x time that are plausible.")
    policy = fields.Selection(
        [("flag", "Book the least, flag"), ("rollover", "Rollover"), ("reset", "Reset")],
        default="flag",
        help="Counter: what to book when a rollover can't be told from a reset. All are flagged.",
    )
    reset_flag_tag = fields.Char(help="Counter: companion tag that tells of a reset of the device.")
    unit = fields.Char(help="Unit of the counter or the measurement.")
    scale = fields.Float(default=1.0, digits=(16, 9))
    offset = fields.Float(digits=(16, 9))
    deadband = fields.Float(digits=(16, 9), help="Measurement: least change that is sent.")
    code = fields.Char(help="Alarm: its code.")

    _name_unique = models.Constraint(
        "UNIQUE(gateway_id, workcenter_id, name)", "The gateway already has this tag of this machine."
    )
    _register_range = models.Constraint(
        "CHECK(register BETWEEN 0 AND 65535)", "A register lies between 0 and 65535, counted from 0."
    )
    _bit_range = models.Constraint("CHECK(bit BETWEEN -1 AND 15)", "A bit lies between 0 and 15; -1: none.")
    _poll_range = models.Constraint(
        "CHECK(poll_ms BETWEEN 10 AND 3600000)", "The poll period lies between 10 ms and an hour."
    )
    _unit_range = models.Constraint("CHECK(unit_id BETWEEN 0 AND 255)", "A Modbus unit lies between 0 and 255.")

    @api.depends("workcenter_id.mes_code", "name")
    def _compute_tag(self):
        for tag in self:
            tag.tag = f"{tag.workcenter_id.mes_code}/{tag.name}"

    @api.depends("map")
    def _compute_map_text(self):
        for tag in self:
            tag.map_text = json.dumps(tag.map) if tag.map else False

    def _inverse_map_text(self):
        for tag in self:
            try:
                tag.map = json.loads(tag.map_text) if tag.map_text else False
            except ValueError as error:
                raise ValidationError(
                    self.env._("The map is not JSON (%s); write it like {\"1\": \"running\"}.", error)
                ) from None

    @api.constrains("signal", "map", "interlock_map", "counter", "max_rate")
    def _check_signal(self):
        for tag in self:
            if tag.signal in ("state", "mode"):
                tag._check_map(tag.map, STATES if tag.signal == "state" else MODES)
            if tag.interlock_map:
                tag._check_map(tag.interlock_map, INTERLOCKS)
            if tag.signal == "counter" and not (tag.counter and tag.max_rate > 0):
                raise ValidationError(
                    self.env._("Counter tag %s needs the counter's name and its greatest rate.", tag.tag)
                )

    def _check_map(self, mapping: Any, words: frozenset[str]) -> None:
        if not isinstance(mapping, dict) or not mapping or not set(mapping.values()) <= words:
            raise ValidationError(
                self.env._(
                    "The map of tag %(tag)s must give each raw value one of: %(words)s.",
                    tag=self.tag,
                    words=", ".join(sorted(words)),
                )
            )

    @api.constrains("workcenter_id", "gateway_id")
    def _check_site(self):
        for tag in self:
            if tag.workcenter_id.mes_site_id != tag.gateway_id.site_id or not tag.workcenter_id.mes_code:
                raise ValidationError(
                    self.env._(
                        "Machine %(machine)s is not a coded machine of site %(site)s, which the gateway serves.",
                        machine=tag.workcenter_id.display_name,
                        site=tag.gateway_id.site_id.name,
                    )
                )

    @api.model_create_multi
    def create(self, vals_list):
        """New tags raise the gateway's revision; a counter tag makes its counter."""
        tags = super().create(vals_list)
        tags._ensure_counters()
        tags.gateway_id._raise_tag_revision()
        return tags

    def write(self, vals):
        """Any change raises the gateway's revision, one of a map also the map's."""
        gateways = self.gateway_id
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
            if self.sudo().env["mes.measurement"].search_count([("tag_id", "=", tag.id)], limit=1):
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
        """The tag in the shape of the contract; empty parameters are left out."""
        values = {name: self[name] for name in _PLAIN if self[name] is not False}
        values |= {name: self[name] for name in _POSITIVE if self[name]}
        values |= {"tag": self.tag, "equipment": self.workcenter_id.mes_code, "table": self.table}
        if self.bit >= 0:
            values["bit"] = self.bit
        for name in ("code_tag", "interlock_tag", "reset_flag_tag", "interlock_map"):
            if self[name]:
                values[name] = self[name]
        return values | self._signal_values()

    def _signal_values(self) -> dict[str, Any]:
        """What belongs to the kind of signal."""
        if self.signal in ("state", "mode"):
            stale = self.stale_ms or self.workcenter_id.mes_stale_ms
            return {"map": self.map, "map_revision": self.map_revision, "stale_ms": stale}
        if self.signal == "counter":
            return {"tolerance": self.tolerance}
        if self.signal == "measurement":
            return {"scale": self.scale, "offset": self.offset, "deadband": self.deadband}
        return {}
