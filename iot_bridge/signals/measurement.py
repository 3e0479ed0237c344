"""Deadband: which values of a measurement are worth sending. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measurement:
    """Last value sent, after scaling."""

    value: float


def measure(memory: Measurement | None, value: float, deadband: float) -> Measurement | None:
    """New memory when ``value`` is to be sent, else None."""
    if memory is None or (value != memory.value and abs(value - memory.value) >= deadband):
        return Measurement(value)
    return None
