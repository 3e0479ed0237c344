# Part of Gemba MES. License LGPL-3.0 or later.
"""What a gateway may speak of, as look-up tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plant:
    """The machines, counters and tags that one gateway may write to.

    machines: stable code -> id of the machine.
    counters: (stable code, counter name) -> id of the counter.
    tags: full tag ``<code>/<name>`` -> id of a measurement tag.
    handled: kinds beside the contract's own facts for which a handler is registered.
    """

    machines: Mapping[str, int]
    counters: Mapping[tuple[str, str], int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)
    handled: frozenset[str] = frozenset()
