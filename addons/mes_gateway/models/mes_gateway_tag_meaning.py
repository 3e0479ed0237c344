from collections.abc import Callable
from typing import Any

from odoo import api, fields, models
from odoo.addons.base.models.res_partner import _tz_get
from odoo.addons.mes_base.tools.fields import BigInteger
from odoo.exceptions import ValidationError

from ..contract import tags
from ..tools import pairs


class MesGatewayTag(models.Model):
    """What a tag means: the fields of its kind of signal, by the names of the contract."""

    _inherit = "mes.gateway.tag"

    # -- state and mode ----------------------------------------------------------------------------
    state_by = fields.Selection(
        [
            ("map", "A map of raw values"),
            ("model", "PackML"),
            ("bits", "Bits"),
            ("threshold", "A limit of a current or a speed"),
        ],
        string="Told By", default="map", required=True, help="How the state or the mode is told by the value.",
    )  # fmt: skip
    map = fields.Json(string="Value Map", help="Raw value to state or mode.")
    map_text = fields.Text(
        string="Map", compute="_compute_texts", inverse="_inverse_texts",
        help="One raw value a line, such as: 1 = running. With PackML only what differs from it.",
    )  # fmt: skip
    map_revision = fields.Integer(readonly=True, default=1, copy=False)
    state_model = fields.Selection(
        [("packml_packtags", "PackTags (PackML 3.0 tags)"), ("packml_opc30060", "OPC 30060 (PackML companion)")],
        string="PackML Numbering", help="The two number the states differently: see the machine's manual.",
    )  # fmt: skip
    bits = fields.Json()
    bits_text = fields.Text(
        string="Bits in Order", compute="_compute_texts", inverse="_inverse_texts",
        help="The first line that is true wins: 5 = down, then 0 = running, then * = idle. On the left a bit of this "
        "value, a mask such as 0x0030, the full name of a companion tag, or * for always.",
    )  # fmt: skip
    on_above = fields.Float(digits=(16, 6), help="On from this value up (after scale and offset).")
    off_below = fields.Float(digits=(16, 6), help="Off from this value down; between the two nothing changes.")
    hold_on_ms = fields.Integer(string="Hold On (ms)", help="The value must be above for so long.")
    hold_off_ms = fields.Integer(string="Hold Off (ms)", help="The value must be below for so long.")
    stale_ms = fields.Integer(string="Stale Limit (ms)", help="Empty: the machine's own limit.")
    code_tag = fields.Char(help="Companion tag with the stop code.")
    interlock_tag = fields.Char(help="Companion tag with the interlock.")
    interlock_map = fields.Json()
    interlock_map_text = fields.Text(
        string="Interlocks", compute="_compute_texts", inverse="_inverse_texts",
        help="Empty: 1 = starved, 2 = blocked.",
    )  # fmt: skip

    # -- what counts -------------------------------------------------------------------------------
    counter = fields.Char(help="Its name at the machine (total, good, reject, ...).")
    counting = fields.Selection(
        [
            ("cumulative", "Runs on and wraps"),
            ("resetting", "Falls to zero at times"),
            ("pulse", "A pulse a piece"),
            ("handshake", "Records with a handshake"),
            ("shift_total", "Total of the shift"),
        ],
        default="cumulative", required=True, help="How the device counts.",
    )  # fmt: skip
    factor = fields.Integer(default=1, help="Pieces a count of the device: a fixed tool with four cavities has 4.")
    cavity = fields.Integer(help="Several tags with one counter and different cavities add up; empty: only this one.")
    reset_times = fields.Json()
    reset_times_text = fields.Char(
        string="Falls to Zero At", compute="_compute_texts", inverse="_inverse_texts",
        help="Local times at which the device falls to zero: 06:00, 14:00, 22:00.",
    )  # fmt: skip
    time_zone = fields.Selection(_tz_get, help="Of the reset times; empty: UTC.")
    reset_window_ms = fields.Integer(
        string="Reset Window (ms)", default=900_000, help="So far from a reset time a fall is a certain reset."
    )
    sequence_tag = fields.Char(help="Companion tag with the number of the record.")
    ack_tag = fields.Char(help="Writable companion tag: it gets the number once the record is stored.")
    modulus = BigInteger(help="Wraps at this value; empty: by the type.")
    max_rate = fields.Float(string="Greatest Rate (1/s)", help="Most counts a second that are possible.")
    tolerance = fields.Integer(default=2, help="Counts above rate x time that are plausible.")
    policy = fields.Selection(
        [("flag", "Book the least, flag"), ("rollover", "Rollover"), ("reset", "Reset")],
        default="flag",
        help="What to book when a rollover can't be told from a reset. All are flagged.",
    )
    reset_flag_tag = fields.Char(help="Companion tag that tells of a reset of the device.")
    meter = fields.Char(size=64, help="Name of the meter at the machine.")
    resolution = fields.Float(digits=(16, 9), help="Least step of the meter; empty: 1 for whole numbers, else 0.001.")

    # -- values ------------------------------------------------------------------------------------
    unit = fields.Char(help="Unit of the value after scale and offset.")
    scale = fields.Float(default=1.0, digits=(16, 9))
    offset = fields.Float(digits=(16, 9))
    deadband = fields.Float(digits=(16, 9), help="Least change that is sent; 0: each change.")
    window_ms = fields.Integer(
        string="Window (ms)", help="Least, greatest and mean of so long instead of single values; 0: single values."
    )
    batch_tag = fields.Char(help="Companion tag with the batch.")

    # -- alarms, material, units -------------------------------------------------------------------
    code = fields.Char(help="This alarm while the value is true. Empty without a map: the value itself is the code.")
    severity = fields.Char(size=64)
    text = fields.Char(size=255, help="What the alarm means to a person.")
    alarm_map = fields.Json()
    alarm_map_text = fields.Text(
        string="Alarms of the Bits", compute="_compute_texts", inverse="_inverse_texts",
        help="One bit a line, such as: 3 = E7, high, Door open. Severity and text may be left out.",
    )  # fmt: skip
    position = fields.Char(size=64, help="Where the lot is.")
    action = fields.Selection(
        [("load", "Load"), ("consume", "Consume"), ("out", "Out"), ("in", "In"), ("reject", "Reject")],
        help="Material: load (default) or consume. Unit: out (default), in or reject.",
    )
    action_tag = fields.Char(help="Companion tag with the action.")
    action_map = fields.Json()
    action_map_text = fields.Text(
        string="Actions", compute="_compute_texts", inverse="_inverse_texts",
        help="Raw value to in, out or reject, such as: 1 = out.",
    )  # fmt: skip
    trigger_tag = fields.Char(help="Companion tag: one event each time it changes.")
    quantity_tag = fields.Char(help="Companion tag with the quantity.")
    result_tag = fields.Char(help="Companion tag with the result.")

    _window_range = models.Constraint(
        "CHECK(coalesce(window_ms, 0) = 0 OR window_ms BETWEEN 100 AND 86400000)",
        "A window lies between 100 ms and a day; 0: single values.",
    )
    _factor_positive = models.Constraint("CHECK(coalesce(factor, 1) >= 1)", "The factor is a whole number from 1.")
    _cavity_range = models.Constraint("CHECK(coalesce(cavity, 0) BETWEEN 0 AND 999)", "A cavity lies in 1..999.")
    _deadband_positive = models.Constraint("CHECK(coalesce(deadband, 0) >= 0)", "A deadband can't be negative.")

    @api.depends(*pairs.FORMS)
    def _compute_texts(self):
        for tag in self:
            for name, (_read, show) in pairs.FORMS.items():
                tag[f"{name}_text"] = show(tag[name]) if tag[name] else False

    def _inverse_texts(self):
        """Texts are read by :meth:`_with_maps`, before the rules of a tag look at what they say."""

    @api.model
    def _with_maps(self, vals: dict[str, Any]) -> dict[str, Any]:
        """Values with the maps that their texts say."""
        read = {
            name: self._read(name, reader, vals[f"{name}_text"])
            for name, (reader, _show) in pairs.FORMS.items()
            if f"{name}_text" in vals
        }
        return {name: value for name, value in vals.items() if name.removesuffix("_text") not in read} | read

    @api.model
    def _read(self, name: str, reader: Callable[[str], Any], text: str | bool) -> Any:
        """A map as the person has written it."""
        try:
            return reader(text) if text else False
        except ValueError as error:
            raise ValidationError(
                self.env._(
                    "%(field)s: this can't be read: %(line)s. Write one pair a line, such as: 1 = running.",
                    field=self._fields[f"{name}_text"]._description_string(self.env),
                    line=str(error),
                )
            ) from None

    def _meaning_values(self) -> dict[str, object]:
        """The fields of the contract that belong to the signal, without those that say nothing."""
        names = tags.BY_SIGNAL[self.signal] - self._unsaid()
        values = {name: self[name] for name in names if self[name] or name in ("tolerance", "on_above", "off_below")}
        if self.signal in ("state", "mode", "heartbeat"):
            values["stale_ms"] = self.stale_ms or self.workcenter_id.mes_stale_ms
        if self.signal == "measurement":
            values |= {"scale": self.scale, "offset": self.offset}
        return values

    def _unsaid(self) -> set[str]:
        """Fields of the signal that this tag does not use: what was entered there once means nothing now."""
        told = {"map": {"map"}, "model": {"map", "state_model"}, "bits": {"bits"}}
        threshold = {"map", "on_above", "off_below", "hold_on_ms", "hold_off_ms", "scale", "offset"}
        told["threshold"] = threshold
        unsaid = set.union(*told.values()) - told[self.state_by] if self.signal in ("state", "mode") else set()
        if self.counting != "shift_total":
            unsaid |= {"reset_times", "time_zone", "reset_window_ms"}
        if self.counting != "handshake":
            unsaid |= {"sequence_tag", "ack_tag"}
        if self.window_ms:
            unsaid.add("deadband")
        return unsaid
