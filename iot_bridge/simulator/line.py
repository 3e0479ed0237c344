"""The simulated line: machines and buffers in fixed steps of plant time, seeded.

The same seed gives the same sequence of steps, however often and whenever it is read.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from .layout import MACHINES, METERS, Machine
from .machine import Buffer, SimMachine
from .meter import SimMeter
from .profiles import Profile
from .truth import Truth

STEP_MS = 100


@dataclass(slots=True)
class Line:
    """All machines. Call :meth:`advance` before every look at a register.

    Parts are made from :meth:`release` on (a line waits for its cell controller) until :meth:`stop`.
    """

    seed: int
    profile: Profile
    truth: Truth
    boot: int
    specs: tuple[Machine, ...] = MACHINES
    machines: list[SimMachine] = field(default_factory=list)
    meters: list[SimMeter] = field(default_factory=list)
    now: int = 0
    released: bool = False
    stopping: bool = False
    halted: bool = False
    changeover_from: int = 0
    changeover_until: int = 0
    _random: Random = field(default_factory=Random)
    _frozen: set[str] = field(default_factory=set)

    def start(self, now: int, memory: dict[str, dict[str, int]] | None = None) -> None:
        """Build the machines with the counters of ``memory`` (equipment -> counter -> raw)."""
        self.now = now
        self._random = Random(f"{self.seed}/line")
        size = self.profile.buffer_size
        buffers = [Buffer(size, size // 2) for _ in MACHINES[1:]]
        self.machines = [
            SimMachine(
                spec, self.profile, Random(f"{self.seed}/{spec.name}"), self.truth,
                source=buffers[index - 1] if index else None,
                target=buffers[index] if index < len(buffers) else None,
                boot=self.boot, raw=_own((memory or {}).get(spec.code_path, {}), spec),
            )
            for index, spec in enumerate(self.specs)
        ]  # fmt: skip
        self.meters = [self._meter(index, memory or {}) for index in range(len(METERS))]
        baseline = {machine.spec.code_path: dict(machine.raw) for machine in self.machines}
        self.truth.write("start", now, seed=self.seed, profile=self.profile.name, baseline=baseline)
        for machine in self.machines:
            machine.start(now)
        self._plan_changeover()

    def release(self) -> None:
        """From the next step on, parts are made."""
        if not self.released:
            self.released = True
            self.truth.write("production", self.now)
            self._plan_changeover()

    def advance(self, now: int) -> None:
        """Run all whole steps up to ``now``."""
        if not self.released or self.halted:
            self.now = max(self.now, now)
            return
        while self.now + STEP_MS <= now and not self.halted:
            self.now += STEP_MS
            self._step()

    def stop(self, now: int) -> None:
        """No part is made from now on; the machines go to their final state within the minimum dwell."""
        self.advance(now)
        self.stopping = True
        if not self.released:
            self._finish()

    def counters(self) -> dict[str, dict[str, int]]:
        """Raw counters, those of the meters too, for the retentive memory."""
        kept = {m.spec.code_path: dict(m.raw) for m in self.machines}
        for meter in self.meters:
            kept[meter.spec.code_path][f"meter:{meter.spec.meter}"] = meter.raw
        return kept

    def freeze(self, name: str, frozen: bool) -> None:
        """A machine (or meter) makes nothing while it is frozen; its time goes on after that."""
        if frozen:
            self._frozen.add(name)
        else:
            self._frozen.discard(name)

    def _meter(self, index: int, memory: dict[str, dict[str, int]]) -> SimMeter:
        spec = METERS[index]
        machine = next(m for m in self.machines if m.spec.name == spec.machine)
        raw = memory.get(spec.code_path, {}).get(f"meter:{spec.meter}", spec.start_wh)
        return SimMeter(spec, machine, Random(f"{self.seed}/{spec.name}"), self.truth, raw)

    def _step(self) -> None:
        if self.stopping:
            # A list: each machine winds down, none is skipped once another has not.
            down = [machine.wind_down(self.now) for machine in self.machines]
            if all(down):
                self._finish()
            return
        for meter in self.meters:
            if meter.spec.name not in self._frozen:
                meter.step(self.now, STEP_MS)
        if self.now >= self.changeover_until:
            self._plan_changeover()
        changeover = self.changeover_from <= self.now < self.changeover_until
        # Downstream first: a place that becomes free is used in the next step.
        for machine in reversed(self.machines):
            if machine.spec.name not in self._frozen:
                machine.step(self.now, STEP_MS, changeover)

    def _finish(self) -> None:
        self.halted = True
        for meter in self.meters:
            meter.rest()
        self.truth.write(
            "end", self.now, totals={m.spec.code_path: dict(m.made) for m in self.machines},
            states={m.spec.code_path: m.changes for m in self.machines},
            energy={f"{m.spec.code_path}/{m.spec.meter}": m.used for m in self.meters},
        )  # fmt: skip

    def _plan_changeover(self) -> None:
        profile = self.profile
        wait_s = profile.changeover_every_s * self._random.uniform(0.6, 1.4)
        self.changeover_from = self.now + round(wait_s * 1000)
        self.changeover_until = self.changeover_from + round(self._random.uniform(*profile.changeover_s) * 1000)


def _own(kept: dict[str, int], spec: Machine) -> dict[str, int]:
    """What a machine's memory holds of its own counters."""
    names = {counter.name for counter in spec.counters}
    return {name: raw for name, raw in kept.items() if name in names}


def load_memory(path: Path | None) -> dict[str, dict[str, int]] | None:
    """Counters kept over a restart, as a PLC keeps them; None when there are none."""
    if path is None or not path.exists():
        return None
    loaded: dict[str, dict[str, int]] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def save_memory(path: Path | None, counters: dict[str, dict[str, int]]) -> None:
    """Keep the counters, replacing the file in one step."""
    if path is None:
        return
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(counters), encoding="utf-8")
    os.replace(fresh, path)
