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
        role = tag.counter_key if tag.signal == "counter" else tag.signal
        if tag.signal in ("state", "mode", "counter"):
            other = owners.setdefault((tag.equipment, role), tag.tag)
            if other != tag.tag:
                raise Misconfigured(f"tags {other} and {tag.tag} both say {role} of {tag.equipment}: keep one")
    for tag in whole:
        for name in tag.companions:
            companion = by_name.get(name)
            if companion is None:
                raise Misconfigured(f"tag {tag.tag} needs {name}, which is not among the tags: add it as a companion")
            if _place(companion) != _place(tag):
                raise Misconfigured(f"tag {tag.tag} and its {name} must be of one equipment, connection and unit")
    return whole


def _place(tag: Tag) -> tuple[str, str, int]:
    return tag.equipment, tag.connection, tag.unit_id
