"""What a device's exception answers mean, and who can mend them."""

from __future__ import annotations

DEVICE_FAILURE = 4
_BUSY = 6
_NO_PATH, _NO_ANSWER = 10, 11
# The unit, not the line, is out of reach for the moment.
UNREACHABLE = frozenset({_BUSY, _NO_PATH, _NO_ANSWER})

_WORDS = {
    1: "illegal function: the device does not know this table; choose another table",
    2: "illegal data address: the device has no such register; correct table or register",
    3: "illegal data value: the device refuses this number of registers or this value",
    4: "device failure: the device can't do it in its present state; look at the device",
    5: "acknowledge: the device is still working on it",
    6: "device busy",
    7: "negative acknowledge: the device can't do it",
    8: "memory parity error: look at the device",
    10: "gateway path unavailable: the gateway has no line to this unit; correct unit_id or the gateway's setup",
    11: "gateway target failed to respond: the unit behind the gateway is off, or its unit_id is wrong",
}


def in_words(code: int) -> str:
    """A sentence for an exception code."""
    return _WORDS.get(code, f"exception {code}")
