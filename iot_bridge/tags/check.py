"""What makes a set of tags usable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..errors import Misconfigured
from .model import Tag

TagCheck = Callable[[Tag], None]


def check_set(tags: Iterable[Tag], connections: Mapping[str, TagCheck]) -> tuple[Tag, ...]:
    """Check what shows only between tags, and each tag by its connection's protocol.

    connections: name -> the protocol's check. Raises Misconfigured naming the tag and the mend.
    """
    whole = tuple(tags)
    by_name: dict[str, Tag] = {}
    owners: dict[tuple[str, str], str] = {}
    for tag in whole:
        if tag.tag in by_name:
            raise Misconfigured(f"tag {tag.tag} is there twice: remove or rename one")
        by_name[tag.tag] = tag
        if tag.connection not in connections:
            names = ", ".join(sorted(connections)) or "none"
            raise Misconfigured(
                f"tag {tag.tag}: connection {tag.connection!r} is not configured here (there are: {names})"
            )
        try:
            connections[tag.connection](tag)
        except ValueError as error:
            raise Misconfigured(f"tag {tag.tag}: {error}") from None
        role = _role(tag)
        if role is not None:
            other = owners.setdefault((tag.equipment, role), tag.tag)
            if other != tag.tag:
                raise Misconfigured(f"tags {other} and {tag.tag} both say {role} of {tag.equipment}: keep one")
    _check_cavities(whole)
    for tag in whole:
        for name in tag.companions:
            companion = by_name.get(name)
            if companion is None:
                raise Misconfigured(f"tag {tag.tag} needs {name}, which is not among the tags: add it as a companion")
            if _place(companion) != _place(tag):
                raise Misconfigured(f"tag {tag.tag} and its {name} must be of one equipment, connection and unit")
    return whole


def _role(tag: Tag) -> str | None:
    """What only one tag of an equipment may say."""
    if tag.signal == "counter":
        return f"{tag.counter_key}" if tag.cavity is None else f"{tag.counter_key}, cavity {tag.cavity}"
    if tag.signal == "energy":
        return f"meter {tag.meter}"
    return tag.signal if tag.signal in ("state", "mode", "heartbeat") else None


def _check_cavities(tags: Iterable[Tag]) -> None:
    """A counter is fed by one tag, or by tags that all have a cavity."""
    whole: dict[str, str] = {tag.counter_key: tag.tag for tag in tags if tag.signal == "counter" and tag.cavity is None}
    for tag in tags:
        if tag.signal == "counter" and tag.cavity is not None and tag.counter_key in whole:
            raise Misconfigured(
                f"tags {whole[tag.counter_key]} and {tag.tag} both count {tag.counter_key}: give the first a cavity "
                "too, or another counter"
            )


def _place(tag: Tag) -> tuple[str, str, int]:
    return tag.equipment, tag.connection, tag.unit_id
