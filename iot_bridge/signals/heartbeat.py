"""The signal ``heartbeat``: a value that a living controller changes all the time.

A machine with a heartbeat counts as watched only while that changes: a controller that hangs behind a gateway
which goes on answering is "no data", not "still running". And the signal ``companion``, which tells nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import Look, MachineState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..events import Sample
    from ..tags.model import Tag


def check(tag: Tag) -> None:
    """Anything that changes will do."""


def plan(tag: Tag, tags: Mapping[str, Tag]) -> None:
    """Nothing beforehand."""


def beats(state: MachineState, sample: Sample) -> bool:
    """Whether the value is another than the last one."""
    last = state.memo.get(sample.tag)
    return sample.value is not None and last is not None and last != (sample.value,)


def step(look: Look) -> bool:
    """Remember the value."""
    look.memo = (look.sample.value,)
    return True
