"""The plant clock: integer milliseconds since the Unix epoch, UTC.

``MES_CLOCK="<real_epoch_s>,<plant_epoch_s>,<speed>"`` maps real time to plant time
(plant = plant0 + (real - real0) * speed); without the variable plant time is real time.
"""

import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1)
_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Anchor:
    """The mapping of real time to plant time; seconds since the epoch and a factor."""

    real_s: float
    plant_s: float
    speed: float

    def plant_ms(self, real_s: float) -> int:
        """Plant time in milliseconds at the real time ``real_s`` (seconds)."""
        return round((self.plant_s + (real_s - self.real_s) * self.speed) * 1000)


@dataclass(frozen=True, slots=True)
class At:
    """A frozen instant for the context key ``mes_now_ms``.

    A class of its own because no value of it can arrive over RPC: so only server code, never
    a client's context, can move the clock of an ordinary user.
    """

    ms: int


def parse_anchor(text: str | None) -> Anchor | None:
    """The anchor that ``MES_CLOCK`` declares, or None for real time.

    Raises ValueError, naming the expected form, when the text is not three numbers.
    """
    if not text:
        return None
    try:
        real_s, plant_s, speed = (float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(
            f"MES_CLOCK={text!r}: write it as <real_epoch_s>,<plant_epoch_s>,<speed>, "
            "for example 1760000000,1760000000,10"
        ) from None
    if speed <= 0:
        raise ValueError(f"MES_CLOCK={text!r}: the speed must be greater than 0")
    return Anchor(real_s, plant_s, speed)


def anchor() -> Anchor | None:
    """The anchor of this process (read from the environment each time, so tests may set it)."""
    return parse_anchor(os.environ.get("MES_CLOCK"))


def now_ms() -> int:
    """Plant time now, in milliseconds since the epoch."""
    real_s = time.time()
    mapping = anchor()
    return mapping.plant_ms(real_s) if mapping else int(real_s * 1000)


def to_ms(value: datetime) -> int:
    """Milliseconds since the epoch of a naive UTC datetime (exact, rounded down to the ms)."""
    return (value - EPOCH) // _MS


def wall_clock(ms: int, zone: str) -> str:
    """The instant as the clock of a place shows it, to the second: for sentences to people."""
    return f"{datetime.fromtimestamp(ms // 1000, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def from_ms(ms: int) -> datetime:
    """The naive UTC datetime of ``ms`` milliseconds since the epoch (exact)."""
    return EPOCH + timedelta(milliseconds=ms)
