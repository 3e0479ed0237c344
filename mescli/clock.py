"""The plant's clock for a demo: real time, or faster, and never backwards from one run to the next."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PlantClock:
    """plant = plant0 + (real − real0) × speed, in seconds since the Unix epoch."""

    real0: float
    plant0: float
    speed: float

    def at(self, real: float) -> float:
        return self.plant0 + (real - self.real0) * self.speed

    def now_ms(self) -> int:
        return round(self.at(time.time()) * 1000)

    @property
    def variable(self) -> str | None:
        """The value of MES_CLOCK, or None when plant time is real time."""
        if self.speed == 1 and self.plant0 == self.real0:
            return None
        return f"{self.real0:.3f},{self.plant0:.3f},{self.speed:g}"


def begin(memory: Path, speed: float, now: float | None = None) -> PlantClock:
    """Start a clock at now, or where the last run's plant time ended if that is later (it ran faster)."""
    real = round(time.time() if now is None else now, 3)
    plant = max(real, _last_plant_time(memory, real))
    clock = PlantClock(real, plant, speed)
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(json.dumps({"real0": clock.real0, "plant0": clock.plant0, "speed": clock.speed}))
    return clock


def end(memory: Path, clock: PlantClock, now: float | None = None) -> None:
    """Write down where plant time ended."""
    real = round(time.time() if now is None else now, 3)
    memory.write_text(json.dumps({"real0": real, "plant0": round(clock.at(real), 3), "speed": 0}))


def _last_plant_time(memory: Path, real: float) -> float:
    try:
        data = json.loads(memory.read_text())
        # A run that was killed has speed ≠ 0 here: it may have gone on until now.
        return PlantClock(float(data["real0"]), float(data["plant0"]), float(data["speed"])).at(real)
    except (OSError, ValueError, KeyError):
        return real
