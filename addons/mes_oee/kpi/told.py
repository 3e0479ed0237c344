# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Under which reason a stop is counted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .buckets import StopLike
from .totals import Key, Settings


class CauseLike(Protocol):
    """What is asked of a part of a stop."""

    @property
    def start(self) -> int: ...
    @property
    def code(self) -> str | None: ...
    @property
    def reason(self) -> Key | None: ...
    @property
    def machine_reason(self) -> Key | None: ...


class CausedStop(StopLike, Protocol):
    """A stop with its causes in order of time."""

    @property
    def causes(self) -> Sequence[CauseLike]: ...


def first_told(stop: CausedStop, settings: Settings) -> tuple[Key | None, str | None]:
    """The reason and the code under which a stop is counted.

    The first reason that was told of it (or else its first code), as far as that was told before the stop was as
    long as the threshold of its machine and mode. So the count depends on nothing that can still change once the
    hour is complete, however long the stop goes on.
    """
    limit = stop.start + settings.threshold(stop.mode)
    soon = [cause for cause in stop.causes if cause.start < limit] or list(stop.causes[:1])
    told = [(cause.machine_reason if cause.reason is None else cause.reason, cause.code) for cause in soon]
    with_reason = next((one for one in told if one[0] is not None), None)
    return with_reason or next((one for one in told if one[1] is not None), (None, None))
