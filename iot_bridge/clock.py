"""The one clock of the bridge and the simulator.

Plant time is integer milliseconds since the Unix epoch, UTC. The environment variable
``MES_CLOCK="<real_epoch_s>,<plant_epoch_s>,<speed>"`` maps real to plant time::

    plant = plant0 + (real - real0) * speed

Poll periods and stale limits are plant time; network timeouts and retries are real time.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from .errors import Misconfigured

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """What the pipeline needs of time."""

    @property
    def speed(self) -> float:
        """Plant seconds a real second."""

    @property
    def boot_id(self) -> str:
        """Identity of the monotonic clock: its values compare only within one boot_id."""

    def now_ms(self) -> int:
        """Plant time, wall clock, ms since the epoch."""

    def mono_ms(self) -> int:
        """Plant time that never steps, ms since an arbitrary point of this boot."""

    async def sleep_until(self, plant_ms: int) -> None:
        """Return when ``mono_ms()`` has reached ``plant_ms``."""


@dataclass(frozen=True, slots=True)
class Mapping3:
    """The three numbers of MES_CLOCK; the default is real time."""

    real0: float = 0.0
    plant0: float = 0.0
    speed: float = 1.0


def parse_mapping(text: str | None) -> Mapping3:
    """Read MES_CLOCK; raise Misconfigured with the mend."""
    if not text:
        return Mapping3()
    try:
        real0, plant0, speed = (float(part) for part in text.split(","))
    except ValueError:
        raise Misconfigured(
            f"MES_CLOCK={text!r}: write <real_epoch_s>,<plant_epoch_s>,<speed>, e.g. 1764000000,1764000000,1"
        ) from None
    if speed <= 0:
        raise Misconfigured(f"MES_CLOCK={text!r}: the speed (third number) must be above 0")
    return Mapping3(real0, plant0, speed)


class SystemClock:
    """Plant time from the machine's clocks and MES_CLOCK."""

    def __init__(self, mapping: Mapping3) -> None:
        self._mapping = mapping
        boot = _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else "unknown"
        # Another speed is another monotonic clock: their values must not be compared.
        self._boot_id = f"{boot}/{mapping.speed:g}"

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> SystemClock:
        """The clock that MES_CLOCK asks for."""
        return cls(parse_mapping(env.get("MES_CLOCK")))

    @property
    def speed(self) -> float:
        return self._mapping.speed

    @property
    def boot_id(self) -> str:
        return self._boot_id

    def now_ms(self) -> int:
        m = self._mapping
        return round((m.plant0 + (time.time() - m.real0) * m.speed) * 1000)

    def mono_ms(self) -> int:
        return int(time.monotonic() * 1000 * self._mapping.speed)

    async def sleep_until(self, plant_ms: int) -> None:
        while (left := plant_ms - self.mono_ms()) > 0:
            await asyncio.sleep(left / 1000 / self._mapping.speed)


@lru_cache(maxsize=256)
def to_rfc3339(ms: int) -> str:
    """``1764000000123`` -> ``2025-11-24T16:00:00.123Z``."""
    seconds, millis = divmod(ms, 1000)
    return f"{datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat()[:19]}.{millis:03d}Z"


def from_rfc3339(text: str) -> int:
    """The inverse of :func:`to_rfc3339`; raises ValueError."""
    moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
