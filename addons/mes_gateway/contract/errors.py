# Part of Gemba MES. License LGPL-3.0 or later.
"""What can be wrong, and the sentence that says the mend."""

from typing import NamedTuple

CODES = {
    "malformed": "The event is not an object with the fields of its kind: mend the sender.",
    "bad_type": "A field holds the wrong type: mend the sender, or correct the event and replay it.",
    "bad_value": "A field is outside what the contract allows: correct the event and replay it.",
    "not_finite": "NaN and infinity are no measurements: mark the value as missing instead.",
    "negative_count": "Counters never fall: check the tag's type, word order and scale.",
    "bad_time": "A time can't be read: send RFC 3339 in UTC, e.g. 2026-11-22T10:15:30.123Z.",
    "clock_not_set": "The source's clock was never set: set it, or use the bridge's clock for this tag.",
    "too_old": "The time lies further back than the gateway's limit: set the clock of the source, or raise "
    "the limit if the time is right, and replay.",
    "in_future": "The time lies ahead of the server's clock: set the clock of the source (NTP), or "
    "declare its time source as PLC corrected.",
    "unknown_equipment": "No such machine at this gateway's site: create it with this code, or mend the tag.",
    "unknown_counter": "The machine has no such counter: add the counter to the machine, then replay.",
    "unknown_tag": "The gateway has no such tag: add the tag to the gateway, then replay.",
    "unknown_command": "This gateway was sent no such command, or it was answered before: nothing to do.",
    "unmapped": "The raw value is not in the tag's map: complete the map, correct the event, replay.",
    "superseded": "Another source with a higher rank has spoken for the same instant: nothing to do.",
    "checksum": "The event was applied, but its delta does not fit its neighbours: look for a "
    "missing or altered event.",
    "pending_kind": "The room for this kind is not installed; the event is kept and used once it is.",
}
"""Codes of a single event's verdict, each with its meaning and mend."""

_SHOWN = 80


class Verdict(NamedTuple):
    """One event that was not applied as it is."""

    seq: int
    code: str
    message: str


class CallRefused(Exception):
    """A whole call is refused: nothing was changed, the sender must mend it before it sends again."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Refused(Exception):
    """One event is refused; it is set aside with ``code`` and ``message``, the rest goes on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def shown(value: object) -> str:
    """``value`` as it may stand in a sentence: plain ASCII and short, whatever was sent."""
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "..."


def missing(field: object) -> Refused:
    """The event lacks a field of its kind."""
    return Refused("malformed", f"The field {shown(field)} is missing; add it and send again.")
