"""The signal ``unit``: single pieces by serial number, in, out or rejected, with a result.

One event each time the trigger changes to another value than 0, or without a trigger each time the serial
does. The first serial ever is the baseline; the last one told is kept over restarts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import values
from .frame import Look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tags.model import Tag

ACTIONS = ("in", "out", "reject")
Seen = tuple[str | None, str | None]


def check(tag: Tag) -> None:
    """Raise ValueError, saying the mend."""
    if tag.action not in (None, *ACTIONS):
        raise ValueError(f"a unit goes in, out or to reject, not {tag.action}: use one of these as action")
    wrong = sorted(set(tag.action_map.values()) - set(ACTIONS))
    if wrong:
        raise ValueError(f"action_map knows no {', '.join(wrong)}: use {', '.join(ACTIONS)}")
    if bool(tag.action_map) != (tag.action_tag is not None):
        raise ValueError("action_tag and action_map belong together: give both or none")


def plan(tag: Tag, tags: Mapping[str, Tag]) -> None:
    """Nothing beforehand."""


def step(look: Look) -> bool:
    """A unit event for each piece."""
    tag = look.tag
    now: Seen = (values.text(look.sample.value), values.text(look.companion(tag.trigger_tag)))
    before: Seen | None = look.memo
    if before == now:
        return True
    place = 1 if tag.trigger_tag else 0
    called = before is not None and now[place] is not None and now[place] != before[place]
    if called and now[0] is not None:
        _tell(look, now[0])
    look.memo = now
    look.note(json.dumps(now))
    return True


def recall(note: str) -> Seen:
    """What a note said was told last; raises ValueError for another's."""
    serial, trigger = json.loads(note)
    return serial, trigger


def _tell(look: Look, serial: str) -> None:
    tag = look.tag
    action: str = tag.action or "out"
    if tag.action_tag is not None:
        value = look.companion(tag.action_tag)
        found = None if value is None else tag.action_map.get(str(values.raw(value)))
        if found is None:
            look.find(f"action {value} is not in action_map: taken for {action}")
        action = found or action
    fields: dict[str, Any] = {"serial": serial, "action": action}
    result = values.text(look.companion(tag.result_tag))
    if result is not None:
        fields["result"] = result
    look.emit("unit", fields, quality="uncertain" if look.fresh and look.before is None else "good")
