"""When did it happen? A message's own time by the connection's clock policy. Pure.

A message can be old (it waited in the broker while the bridge was away), so its time is taken as it is: the
monotonic time of a sample lies as far back as its plant time does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from ...clock import Clock
from ...events import Quality
from ..stamps import JITTER_MS, Policy, Skew

EARLIEST_MS = 946_684_800_000  # 2000: a clock without battery begins at 1970
AHEAD_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Stamp:
    """Times of a sample (see ``events.Sample``), and how sure they are."""

    at: int
    mono: int
    recv: int
    quality: Quality = "good"


class Stamper:
    """Gives messages their time."""

    def __init__(self, policy: Policy, clock: Clock) -> None:
        self._policy = policy
        self._clock = clock
        self._skew = Skew()
        self._last: dict[str, int] = {}
        # Wall clock less monotonic clock when the first message came.
        self._offset: int | None = None

    def in_order(self, equipment: str, stamp: Stamp) -> Stamp:
        """Not before what was said of this machine already, unless the clock itself was set back."""
        last = self._last.get(equipment)
        if last is not None and last - JITTER_MS <= stamp.at < last:
            return replace(stamp, at=last, mono=stamp.mono + last - stamp.at)
        self._last[equipment] = stamp.at
        return stamp

    def stamp(self, source_ms: int | None) -> Stamp:
        """Of a message that has come now and says that it is from ``source_ms`` (None: it does not say)."""
        now, mono = self._clock.now_ms(), self._clock.mono_ms()
        if self._policy == "bridge":
            return Stamp(now, mono, now)
        if source_ms is None or not EARLIEST_MS <= source_ms <= now + AHEAD_MS:
            return Stamp(now, mono, now, "uncertain")
        # How old it is by a clock that nobody sets: the wall clock may be set while counters go on.
        if self._offset is None:
            self._offset = now - mono
        steady = mono + self._offset
        if self._policy == "source":
            return Stamp(source_ms, mono - max(0, steady - source_ms), now)
        self._skew.observe(source_ms, steady)
        age = max(0, steady - (source_ms - (self._skew.offset_ms or 0)))
        return Stamp(now - age, mono - age, now)


def to_ms(value: Any) -> int | None:
    """Milliseconds since the epoch of what a payload gives as its time: RFC 3339 text, or a number whose size
    tells whether it counts seconds, milliseconds, microseconds or nanoseconds. None: it is no time."""
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        return None
    for limit, per_ms in ((1e11, 1e-3), (1e14, 1.0), (1e17, 1e3), (1e20, 1e6)):
        if value < limit:
            return round(value / per_ms)
    return None


def _from_text(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(_python310(text.strip()))
    except ValueError:
        return _from_digits(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    try:
        return round(moment.timestamp() * 1000)
    except (OverflowError, ValueError):
        return None


def _from_digits(text: str) -> int | None:
    try:
        return to_ms(float(text))
    except ValueError:
        return None


def _python310(text: str) -> str:
    """Python 3.10 knows no Z, and fractions of 3 or 6 digits only."""
    if text[-1:] in ("Z", "z"):
        text = text[:-1] + "+00:00"
    head, dot, tail = text.partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[:digits][:6]:0<6}{tail[digits:]}" if dot and digits else text
