"""The signal ``material``: which lot is at a feeder, or is consumed.

``load``: the value is the lot that is loaded; another one unloads the old and loads the new. ``consume``: one
event each time the trigger changes to another value than 0, or without a trigger each time the lot does. What
was last told is kept over restarts: nothing is told twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from . import values
from .frame import Look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tags.model import Tag

Seen = tuple[str | None, str | None]


def check(tag: Tag) -> None:
    """Raise ValueError, saying the mend."""
    if tag.action not in (None, "load", "consume"):
        raise ValueError(f"material is loaded or consumed, not {tag.action}: use action: load or consume")
    if tag.action != "consume" and tag.trigger_tag is not None:
        raise ValueError("trigger_tag belongs to action: consume; a load is told by the lot itself")


def plan(tag: Tag, tags: Mapping[str, Tag]) -> None:
    """Nothing beforehand."""


def step(look: Look) -> bool:
    """Loads, unloads and consumptions."""
    lot = values.text(look.sample.value)
    trigger = values.text(look.companion(look.tag.trigger_tag))
    before: Seen = look.memo or (None, None)
    now: Seen = (lot, trigger)
    if before == now:
        return True
    if look.tag.action == "consume":
        called = trigger is not None and trigger != before[1] if look.tag.trigger_tag else lot != before[0]
        if called and lot is not None:
            _tell(look, lot, "consume", with_quantity=True)
    elif lot != before[0]:
        if before[0] is not None:
            _tell(look, before[0], "unload")
        if lot is not None:
            _tell(look, lot, "load", with_quantity=True)
    look.memo = now
    look.note(json.dumps(now))
    return True


def recall(note: str) -> Seen:
    """What a note said was told last; raises ValueError for another's."""
    lot, trigger = json.loads(note)
    return lot, trigger


def _tell(look: Look, lot: str, action: str, with_quantity: bool = False) -> None:
    fields: dict[str, Any] = {"lot": lot, "action": action}
    if look.tag.position:
        fields["position"] = look.tag.position
    quantity = values.number(look.companion(look.tag.quantity_tag)) if with_quantity else None
    if quantity is not None and quantity >= 0:
        fields["quantity"] = quantity
    # When nobody watched, it may have happened any time before.
    look.emit("material", fields, quality="uncertain" if look.fresh and look.before is None else "good")
