"""By which of its tags a machine is watched, as far as one connection knows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ...tags.model import Tag


def watched_tags(tags: Iterable[Tag]) -> frozenset[str]:
    """Of each equipment the heartbeat, else the states, else all but companions."""
    by_equipment: dict[str, list[Tag]] = {}
    for tag in tags:
        by_equipment.setdefault(tag.equipment, []).append(tag)
    watched: set[str] = set()
    for own in by_equipment.values():
        found = [tag for tag in own if tag.signal == "heartbeat"] or [tag for tag in own if tag.signal == "state"]
        watched.update(tag.tag for tag in found or [tag for tag in own if tag.signal != "companion"])
    return frozenset(watched)
