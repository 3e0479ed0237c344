"""The signals ``state`` and ``mode``: change points of what the machine does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import values
from .frame import Look, ModePoint, StatePoint
from .meaning import Reader, reader
from .words import INTERLOCKS, LONGEST_RAW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tags.model import Tag


def check(tag: Tag) -> None:
    """Raise ValueError, saying the mend."""
    reader(tag)
    wrong = sorted(set(tag.interlock_map.values()) - INTERLOCKS)
    if wrong:
        raise ValueError(f"interlock_map knows no {', '.join(wrong)}: use {' or '.join(sorted(INTERLOCKS))}")


def plan(tag: Tag, tags: Mapping[str, Tag]) -> Reader:
    """How the tag is read."""
    return reader(tag)


def step_state(look: Look) -> bool:
    """A state point when state, raw value, stop code or interlock changed, or nobody watched meanwhile."""
    tag, how = look.tag, look.plan
    found = how.read(look)
    if found is None:
        return True
    raw, word, since = found
    code = values.text(look.companion(tag.code_tag), LONGEST_RAW)
    interlock = _interlock(look)
    last = look.state.point
    settled = not how.pending(look)
    told = last is not None and (last.raw, last.state, last.code, last.interlock) == (raw, word, code, interlock)
    if told and not look.fresh:
        return settled
    turned = last is None or look.fresh or last.raw != raw
    fields: dict[str, Any] = {
        "raw": raw, "state": word, "map": tag.map_revision, "code": code, "interlock": interlock,
    }  # fmt: skip
    if word is None:
        look.find(f"raw value {raw} is not in the map: no data until it is mapped")
    look.emit("state", fields, at=since if turned else None)
    kept = last is not None and last.state == word and not look.fresh
    begun = last.at if kept and last is not None else since
    look.state.point = StatePoint(raw, word, code, interlock, begun)
    return settled


def step_mode(look: Look) -> bool:
    """A mode point when the mode changed, or nobody watched meanwhile."""
    found = look.plan.read(look)
    if found is None:
        return True
    point = ModePoint(found[0], found[1])
    if look.state.mode == point and not look.fresh:
        return True
    look.emit("mode", {"raw": point.raw, "mode": point.mode, "map": look.tag.map_revision})
    look.state.mode = point
    return True


def _interlock(look: Look) -> str | None:
    value = look.companion(look.tag.interlock_tag)
    return None if value is None else look.tag.interlock_map.get(str(values.raw(value)))
