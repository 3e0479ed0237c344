# Part of Gemba MES. License LGPL-3.0 or later.
"""Tags: which fields belong to which protocol and signal, and what their values may be.

The one table that the form, the import and the answer of the call ``tags`` follow.
"""

import re
from collections.abc import Mapping
from typing import Any

from .kinds import INTERLOCKS, MODES, STATES

TYPES = (
    "auto", "bool", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64", "string",
)  # fmt: skip
TABLES = ("holding", "input", "coil", "discrete")
MODBUS = frozenset({"table", "register", "word_order", "unit_id", "bit", "length"})
"""Where a value is, in Modbus; every other protocol has an ``address``."""

COMMON = frozenset({"connection", "signal", "type", "poll_ms", "writable", "safety"})
_COUNTED = frozenset({"modulus", "max_rate", "tolerance", "policy", "reset_flag_tag", "unit"})

BY_SIGNAL: dict[str, frozenset[str]] = {
    "state": frozenset(
        {
            "map", "map_revision", "state_model", "bits", "on_above", "off_below", "hold_on_ms", "hold_off_ms",
            "scale", "offset", "stale_ms", "code_tag", "interlock_tag", "interlock_map",
        }
    ),
    "mode": frozenset({"map", "map_revision", "state_model", "stale_ms"}),
    "counter": _COUNTED
    | {
        "counter", "counting", "factor", "cavity", "reset_times", "time_zone", "reset_window_ms", "sequence_tag",
        "ack_tag",
    },
    "energy": _COUNTED | {"meter", "resolution", "scale", "deadband"},
    "measurement": frozenset({"unit", "scale", "offset", "deadband", "window_ms"}),
    "parameter": frozenset({"unit", "scale", "offset", "batch_tag"}),
    "alarm": frozenset({"code", "severity", "text", "alarm_map"}),
    "material": frozenset({"position", "action", "trigger_tag", "quantity_tag"}),
    "unit": frozenset({"action", "action_tag", "action_map", "trigger_tag", "result_tag"}),
    "heartbeat": frozenset({"stale_ms"}),
    "companion": frozenset(),
}  # fmt: skip
"""Signal -> the fields that mean something to it, beside where the value is."""

SIGNALS = tuple(BY_SIGNAL)
STATE_MODELS = ("packml_packtags", "packml_opc30060")
COUNTINGS = ("cumulative", "resetting", "pulse", "handshake", "shift_total")
ACTIONS = {"material": ("load", "consume"), "unit": ("out", "in", "reject")}
LONGEST_RAW = 64

_MASK = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def words_of(signal: str) -> frozenset[str]:
    """What a map of this signal may say."""
    return STATES if signal == "state" else MODES


def is_map(value: Any, words: frozenset[str]) -> bool:
    """Whether a value maps raw values to these words."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(word, str) and word in words for word in value.values())
        and all(0 < len(str(key)) <= LONGEST_RAW for key in value)
    )


def is_interlock_map(value: Any) -> bool:
    """Whether a value maps raw values to starved and blocked."""
    return is_map(value, INTERLOCKS)


def is_bits(value: Any) -> bool:
    """Whether a value is a list of [bit, mask, companion tag or ``*``, state]."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(pair, list) and len(pair) == 2 and pair[1] in STATES for pair in value)
        and all(_is_bit(pair[0]) for pair in value)
        and all(pair[0] != "*" for pair in value[:-1])
    )


def _is_bit(what: Any) -> bool:
    """A number is a bit; a text is a mask, the full name of a tag, or ``*``."""
    if type(what) is int:
        return 0 <= what <= 63
    return isinstance(what, str) and (what == "*" or "/" in what or _MASK.fullmatch(what) is not None)


def is_alarm_map(value: Any) -> bool:
    """Whether a value maps bits 0..63 to codes."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(str(bit).isdecimal() and int(bit) <= 63 for bit in value)
        and all(bool(one.get("code") if isinstance(one, Mapping) else one) for one in value.values())
    )


def is_times(value: Any) -> bool:
    """Whether a value is a list of times of day."""
    return isinstance(value, list) and all(isinstance(one, str) and _TIME.fullmatch(one) for one in value)


def guess_protocol(address: str | None) -> str:
    """The protocol that an address looks like; without one a tag is in a register."""
    if not address:
        return "modbus"
    if address.startswith(("nsu=", "ns=", "i=", "s=", "g=", "b=")):
        return "opcua"
    if "|" in address or "+" in address or "#" in address:
        return "mqtt"
    place, sign, _metric = address.partition(":")
    if sign and place.count("/") in (1, 2):
        return "sparkplug"
    return "mqtt" if "/" in address else "file"


def completed(values: Mapping[str, Any]) -> dict[str, Any]:
    """A tag in the contract's words with what they leave to be seen: the protocol by where the value is, and how
    a state is told."""
    said = dict(values)
    if said.get("address") and not said.get("protocol"):
        said["protocol"] = guess_protocol(said["address"])
    if said.get("protocol", "modbus") != "modbus" and not said.get("type"):
        said["type"] = "auto"
    if not said.get("state_by") and said.get("signal") in ("state", "mode"):
        by_field = {"bits": "bits", "on_above": "threshold", "state_model": "model"}
        said["state_by"] = next((way for field, way in by_field.items() if said.get(field) is not None), "map")
    return said
