"""On or off from a current, a speed or another number, with hysteresis and hold times. Pure.

The value must stay beyond its limit for the hold time before the side changes. The change is told when the
hold time is over, with the time at which the crossing *began*: that is when the machine started or stopped.
Until then the old side stands, also on the live lane; a value that comes back in time leaves no trace.
Evidence sent meanwhile says that the machine was watched, not what it did, so that the late point corrects
the last moments of the old side. A crossing is forgotten when nobody watched meanwhile: then, as at the
first sample ever, the value alone decides at once, and between the limits the last known side (at first: off).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """on at or above on_above for hold_on_ms; off at or below off_below for hold_off_ms (plant ms)."""

    on_above: float
    off_below: float
    hold_on_ms: int = 0
    hold_off_ms: int = 0


@dataclass(frozen=True, slots=True)
class Side:
    """since: when this side began; crossing: when the value went beyond the other limit, None: it did not."""

    on: bool
    since: int
    crossing: int | None = None


def decide(limits: Limits, memory: Side | None, value: float, at: int, fresh: bool) -> Side:
    """The side after one more value at ``at``."""
    if memory is None or fresh:
        return _at_once(limits, memory, value, at)
    beyond = value <= limits.off_below if memory.on else value >= limits.on_above
    if not beyond:
        return Side(memory.on, memory.since)
    hold = limits.hold_off_ms if memory.on else limits.hold_on_ms
    # A clock that was set back: the crossing is counted anew.
    start = at if memory.crossing is None or memory.crossing > at else memory.crossing
    if at - start >= hold:
        return Side(not memory.on, start)
    return Side(memory.on, memory.since, start)


def _at_once(limits: Limits, memory: Side | None, value: float, at: int) -> Side:
    if value >= limits.on_above:
        return Side(True, at)
    if value <= limits.off_below or memory is None:
        return Side(False, at)
    return Side(memory.on, at)
