"""The signal ``parameter``: a process value of a batch record, told at each change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import values
from .frame import Look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tags.model import Tag

LONGEST = 1024


def check(tag: Tag) -> None:
    """Any value can be a parameter."""


def plan(tag: Tag, tags: Mapping[str, Tag]) -> str:
    """The parameter's name: the last part of the tag's."""
    return tag.tag.rsplit("/", 1)[-1]


def step(look: Look) -> bool:
    """A parameter when value or batch changed."""
    tag, value = look.tag, look.sample.value
    if isinstance(value, str):
        value = value[:LONGEST]
    elif not isinstance(value, bool):
        value = values.scaled(value, tag.scale, tag.offset) if tag.scale != 1 or tag.offset else value
    if value is None:
        return True
    batch = values.text(look.companion(tag.batch_tag))
    if look.memo == (value, batch) and not look.fresh:
        return True
    fields: dict[str, Any] = {"name": look.plan, "value": value}
    if tag.unit:
        fields["unit"] = tag.unit
    if batch is not None:
        fields["batch"] = batch
    look.emit("parameter", fields)
    look.memo = (value, batch)
    return True
