"""An energy meter in a machine's feeder: kilowatts that follow the machine's state, watt-hours that add up."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from .devices import Reading
from .layout import Meter
from .machine import RUNNING, SimMachine
from .truth import Truth

WH_A_KW_MS = 1 / 3600
WRAP = 2**32


@dataclass(slots=True)
class SimMeter:
    """The meter of one machine. raw: watt-hours in its register; used: watt-hours since the simulator's start."""

    spec: Meter
    machine: SimMachine
    random: Random
    truth: Truth
    raw: int
    power_kw: float = 0.0
    used: int = 0
    _part: float = 0.0

    def step(self, now: int, step_ms: int) -> None:
        """One step of plant time, ending at ``now``."""
        level = self.spec.running_kw if self.machine.state == RUNNING else self.spec.idle_kw
        self.power_kw = round(level * self.random.uniform(0.97, 1.03), 2)
        self._part += self.power_kw * step_ms * WH_A_KW_MS
        whole = int(self._part)
        if whole:
            self._part -= whole
            self.used += whole
            self.raw = (self.raw + whole) % WRAP
            self.truth.write(
                "energy", now, equipment=self.spec.code_path, meter=self.spec.meter, raw=self.raw, total=self.used
            )

    def rest(self) -> None:
        """Nothing is drawn any more."""
        self.power_kw = 0.0

    def read(self) -> Reading:
        """What its registers hold."""
        return Reading({"energy": self.raw, "power": self.power_kw}, 0)
