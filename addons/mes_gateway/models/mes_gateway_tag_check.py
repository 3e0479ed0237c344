from odoo import api, models
from odoo.exceptions import ValidationError

from ..contract import tags

_NUMBERS = frozenset(tags.TYPES) - {"auto", "bool", "string"}


class MesGatewayTag(models.Model):
    """What a tag must be to be usable: each refusal says the mend."""

    _inherit = "mes.gateway.tag"

    def _wrong(self, sentence: str) -> None:
        """Refuse this tag."""
        raise ValidationError(self.env._("Tag %(tag)s: %(why)s", tag=self.tag, why=sentence))

    @api.constrains("protocol", "address", "table", "type", "signal")
    def _check_place(self):
        for tag in self:
            if tag.protocol != "modbus":
                if not tag.address:
                    tag._wrong(self.env._("give its address, such as the OPC UA node or the MQTT topic."))
            elif not tag.table:
                tag._wrong(self.env._("say in which Modbus table its register is."))
            elif tag.type == "auto":
                tag._wrong(self.env._("say the type of its registers: Modbus itself does not tell it."))

    @api.constrains("signal", "state_by", "map", "interlock_map", "state_model", "bits", "on_above", "off_below")
    def _check_state(self):
        for tag in self.filtered(lambda one: one.signal in ("state", "mode")):
            words = tags.words_of(tag.signal)
            if tag.signal == "mode" and tag.state_by in ("bits", "threshold"):
                tag._wrong(self.env._("a mode is told by a map or by PackML."))
            if (tag.state_by == "map" or (tag.map and tag.state_by != "bits")) and not tags.is_map(tag.map, words):
                tag._wrong(
                    self.env._("the map must give each raw value one of: %(words)s.", words=", ".join(sorted(words)))
                )
            if tag.state_by == "model" and not tag.state_model:
                tag._wrong(self.env._("say how PackML numbers the states in this machine."))
            if tag.state_by == "bits" and not tags.is_bits(tag.bits):
                tag._wrong(
                    self.env._(
                        "the bits must give each bit (0-63), mask (0x..) or companion tag one of: %(words)s; "
                        "* stands last.",
                        words=", ".join(sorted(words)),
                    )
                )
            if tag.state_by == "threshold" and tag.off_below > tag.on_above:
                tag._wrong(self.env._("the limit for off must not lie above the one for on."))
            if tag.interlock_map and not tags.is_interlock_map(tag.interlock_map):
                tag._wrong(self.env._("the map of interlocks must give each raw value one of: blocked, starved."))

    @api.constrains(
        "signal", "counter", "max_rate", "meter", "counting", "reset_times", "sequence_tag", "ack_tag"
    )
    def _check_counted(self):
        for tag in self:
            if tag.signal == "counter" and not (tag.counter and tag.max_rate > 0):
                tag._wrong(self.env._("a counter needs its name at the machine and its greatest rate."))
            if tag.signal == "energy" and not (tag.meter and tag.max_rate > 0):
                tag._wrong(self.env._("an energy meter needs its name at the machine and its greatest rate."))
            if tag.signal != "counter":
                continue
            if tag.counting == "shift_total" and not (tag.reset_times and tags.is_times(tag.reset_times)):
                tag._wrong(self.env._("a total of the shift needs the times at which it falls to zero: 06:00, 14:00."))
            if tag.counting == "handshake" and not (tag.sequence_tag and tag.ack_tag):
                tag._wrong(self.env._("a handshake needs the tag of the record's number, and one that gets it back."))

    @api.constrains("signal", "type", "deadband", "window_ms", "alarm_map", "action", "action_map")
    def _check_value(self):
        for tag in self:
            if tag.signal == "measurement" and tag.deadband and tag.window_ms:
                tag._wrong(self.env._("a window and a deadband exclude each other: set one of them to 0."))
            if tag.signal == "alarm" and tag.alarm_map and not tags.is_alarm_map(tag.alarm_map):
                tag._wrong(self.env._("the alarms must give each bit (0-63) a code."))
            if tag.action and tag.signal in tags.ACTIONS and tag.action not in tags.ACTIONS[tag.signal]:
                tag._wrong(
                    self.env._("the action must be one of: %(words)s.", words=", ".join(tags.ACTIONS[tag.signal]))
                )
            if tag.action_map and not tags.is_map(tag.action_map, frozenset(tags.ACTIONS["unit"])):
                tag._wrong(self.env._("the map of actions must give each raw value one of: in, out, reject."))

    @api.constrains("writable", "type", "write_min", "write_max")
    def _check_limits(self):
        for tag in self.filtered(lambda one: one.writable and one.type in _NUMBERS):
            if tag.write_min > tag.write_max:
                tag._wrong(self.env._("the least value that may be written lies above the greatest."))

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
