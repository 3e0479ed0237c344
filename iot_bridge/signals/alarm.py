"""The signal ``alarm``: codes that come and go, from a bit, from a word of bits, or as the code itself.

Which alarms were active is kept over restarts, so that one that went meanwhile is told to have gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import values
from .frame import Look
from .words import LONGEST_RAW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..events import Value
    from ..tags.model import Tag

Active = Callable[["Value"], tuple[str, ...] | None]


def check(tag: Tag) -> None:
    """Raise ValueError, saying the mend."""
    if tag.code and tag.alarm_map:
        raise ValueError("code and alarm_map say the alarm in two ways: keep one")
    if not tag.code and not tag.alarm_map and tag.type == "bool":
        raise ValueError("an alarm needs a code")
    wrong = [bit for bit in tag.alarm_map if not bit.isdecimal() or int(bit) > 63]
    if wrong:
        raise ValueError(f"alarm_map: {', '.join(wrong)} is no bit: use 0 to 63")
    codes = [entry.code for entry in tag.alarm_map.values()]
    if len(set(codes)) < len(codes):
        raise ValueError("alarm_map: two bits have one code: give each its own")


def plan(tag: Tag, tags: Mapping[str, Tag]) -> Active:
    """value -> active codes; None when it says nothing."""
    if tag.code:
        code = tag.code
        return lambda value: (code,) if values.text(value) is not None else ()
    if not tag.alarm_map:
        return _itself
    masks = sorted((1 << int(bit), entry.code) for bit, entry in tag.alarm_map.items())

    def by_bits(value: Value) -> tuple[str, ...] | None:
        found = values.bits(value)
        return None if found is None else tuple(code for mask, code in masks if found & mask)

    return by_bits


def step(look: Look) -> bool:
    """An event for each alarm that came or went; active ones again when nobody watched meanwhile."""
    if look.sample.value is None or look.sample.historical:
        return True
    active = look.plan(look.sample.value)
    if active is None:
        return True
    before: tuple[str, ...] = look.memo or ()
    for code in before:
        if code not in active:
            _tell(look, code, False)
    for code in active:
        if code not in before or look.fresh:
            _tell(look, code, True)
    if active != before:
        look.note(json.dumps(active) if active else None)
    look.memo = active
    return True


def recall(note: str) -> tuple[str, ...]:
    """What a note said was active; raises ValueError for another's."""
    return tuple(str(code) for code in json.loads(note))


def _tell(look: Look, code: str, active: bool) -> None:
    tag = look.tag
    entry = next((entry for entry in tag.alarm_map.values() if entry.code == code), None)
    severity = entry.severity if entry is not None and entry.severity else tag.severity
    text = entry.text if entry is not None and entry.text else tag.text
    fields: dict[str, Any] = {"code": code, "active": active}
    if severity:
        fields["severity"] = severity
    if text:
        fields["text"] = text
    look.emit("alarm", fields)


def _itself(value: Value) -> tuple[str, ...]:
    code = values.text(value, LONGEST_RAW)
    return () if code is None else (code,)
