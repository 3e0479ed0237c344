"""The signal ``measurement``: single values beyond a deadband, or min, max and mean over windows.

A window is a whole multiple of ``window_ms`` in plant time, (start, end]. It is told with the first value
after its end, or when none has come for longer than a window; on a loss, or when the bridge stops, with what
it has, up to its last value. ``mean`` is the mean of the ``n`` values read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..clock import to_rfc3339
from ..events import Event
from . import parameter, values
from .frame import Look

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tags.model import Tag


# A value may be so late, real or not, before a silent window is told without it.
GRACE_MS = 2000


@dataclass(frozen=True, slots=True)
class Measurement:
    """Last value sent, after scaling."""

    value: float


@dataclass(frozen=True, slots=True)
class Window:
    """An open window (start, end], plant ms, with the values up to ``last`` (received at ``recv``)."""

    start: int
    end: int
    last: int
    recv: int
    low: float
    high: float
    total: float
    n: int

    def holds(self, at: int) -> bool:
        """Whether a value at ``at`` belongs to it. A clock that was set back begins another."""
        return self.last <= at <= self.end

    def is_due(self, now: int) -> bool:
        """Whether no value has come for longer than a window, by the bridge's clock."""
        return now - self.recv > self.end - self.start + GRACE_MS

    def fields(self) -> dict[str, Any]:
        """The summary as in the schema."""
        mean = min(self.high, max(self.low, self.total / self.n))
        return {"min": self.low, "max": self.high, "mean": mean, "n": self.n, "from": to_rfc3339(self.start)}


def opened(at: int, recv: int, value: float, length: int) -> Window:
    """The window of ``length`` ms that holds ``at``."""
    start = (at - 1) // length * length
    return Window(start, start + length, at, recv, value, value, value, 1)


def extended(window: Window, at: int, recv: int, value: float) -> Window:
    """The window with one more value."""
    return Window(
        window.start, window.end, at, recv, min(window.low, value), max(window.high, value),
        window.total + value, window.n + 1,
    )  # fmt: skip


def check(tag: Tag) -> None:
    """Raise ValueError, saying the mend."""
    if tag.window_ms is not None and tag.deadband:
        raise ValueError("deadband and window_ms exclude each other: a window takes every value; remove one")
    if tag.window_ms is not None and tag.type in ("string", "bool"):
        raise ValueError(f"a {tag.type} has no mean: remove window_ms")


def plan(tag: Tag, tags: Mapping[str, Tag]) -> str:
    """The measurement's name: the last part of the tag's."""
    return tag.tag.rsplit("/", 1)[-1]


def step(look: Look) -> bool:
    """A value beyond the deadband, or a window that is over. A text is told as a parameter."""
    tag, sample = look.tag, look.sample
    if isinstance(sample.value, str) and (tag.type == "string" or values.number(sample.value) is None):
        return parameter.step(look)
    value = values.scaled(sample.value, tag.scale, tag.offset)
    if value is None:
        return True
    if tag.window_ms is not None:
        return _windowed(look, value, tag.window_ms)
    memory = look.memo
    if measure(memory if isinstance(memory, Measurement) else None, value, tag.deadband) is None and not look.fresh:
        return True
    look.emit("measurement", _named(tag, look.plan, {"value": value}))
    look.memo = Measurement(value)
    return True


def measure(memory: Measurement | None, value: float, deadband: float) -> Measurement | None:
    """New memory when ``value`` is to be sent, else None."""
    if memory is None or (value != memory.value and abs(value - memory.value) >= deadband):
        return Measurement(value)
    return None


def close(tag: Tag, name: str, window: Window, equipment: str, at: int) -> Event:
    """The event of a window that no value has ended; at: its end, or its last value when it is cut short."""
    return Event("measurement", equipment, at, _named(tag, name, window.fields()), tag=tag.tag, recv=window.recv)


def _windowed(look: Look, value: float, length: int) -> bool:
    sample, window = look.sample, look.memo
    if isinstance(window, Window) and window.holds(sample.at):
        look.memo = extended(window, sample.at, sample.recv, value)
        return False
    if isinstance(window, Window):
        # A value from before the window (the clock was set back) ends it where it is.
        end = window.end if sample.at > window.end else window.last
        look.emit("measurement", _named(look.tag, look.plan, window.fields()), at=end)
    look.memo = opened(sample.at, sample.recv, value, length)
    return False


def _named(tag: Tag, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    whole = {"name": name, **fields}
    if tag.unit:
        whole["unit"] = tag.unit
    return whole
