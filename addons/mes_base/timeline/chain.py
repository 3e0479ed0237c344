# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""A reason that lasts at most so long, and the reason that goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from .model import Key, Override


class Limit(NamedTuple):
    """A reason holds for at most ``ms`` milliseconds (more than 0), then ``next`` goes on; None: nothing does."""

    ms: int
    next: Key | None = None


def chained(
    start: int, end: int | None, reason: Key, limits: Mapping[Key, Limit]
) -> list[tuple[int, int | None, Key | None]]:
    """``[start, end)`` in parts ``(from, until, reason)``, as the maximum durations have it.

    A reason that is not in ``limits`` has none. A rest that no reason covers has the reason None. Without an
    end the last part has none either; a reason that would come round again in such a span leaves the rest
    without a reason, for else there were parts without number.

    :raises ValueError: a limit is not positive, so that its reason would never hold
    """
    parts: list[tuple[int, int | None, Key | None]] = []
    current: Key | None = reason
    seen: set[Key] = set()
    while current is not None:
        limit = limits.get(current)
        if limit is not None and limit.ms <= 0:
            raise ValueError(f"reason {current!r} lasts at most {limit.ms} ms: give more than 0, or no limit")
        if limit is None or (end is not None and end - start <= limit.ms):
            parts.append((start, end, current))
            return parts
        parts.append((start, start + limit.ms, current))
        seen.add(current)
        start += limit.ms
        current = None if end is None and limit.next in seen else limit.next
    parts.append((start, end, None))
    return parts


def divided(word: Override, limits: Mapping[Key, Limit], flags: Mapping[Key, tuple[bool, bool]]) -> list[Override]:
    """A person's word in parts, each with its reason and that reason's flags (planned, set-up; missing: neither).

    What no reason covers is left out, unless the word also gives a state.
    """
    if word.reason is None:
        return [word]
    parts = []
    for start, end, reason in chained(word.start, word.end, word.reason, limits):
        if reason is not None or word.state is not None:
            planned, setup = (False, False) if reason is None else flags.get(reason, (False, False))
            parts.append(replace(word, start=start, end=end, reason=reason, planned=planned, setup=setup))
    return parts
