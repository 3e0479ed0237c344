"""The simulated plant: machines and buffers in fixed steps of plant time, seeded.

The same seed gives the same sequence of steps, however often and whenever it is read.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from .cells import LINE_1_CELL, ZONE
from .equipment import Cell, Machine, Meter
from .machine import Buffer, SimMachine
from .meter import SimMeter
from .profiles import Profile
from .reactor import SimReactor
from .truth import Truth

STEP_MS = 100
# The clock on the wall is looked at so often.
HOURS_EVERY_MS = 10_000


@dataclass(slots=True)
class SimCell:
    """The machines of one cell, what lies between them, and the changeovers of all of them together."""

    spec: Cell
    profile: Profile
    machines: list[SimMachine]
    random: Random
    changeover_from: int = 0
    changeover_until: int = 0
    _staffed: bool = True
    _looked: int = 0

    def plan_changeover(self, now: int) -> None:
        """Draw when the next one begins and ends."""
        wait_s = self.profile.changeover_every_s * self.random.uniform(0.6, 1.4)
        self.changeover_from = now + round(wait_s * 1000)
        self.changeover_until = self.changeover_from + round(self.random.uniform(*self.profile.changeover_s) * 1000)

    def staffed(self, now: int) -> bool:
        """Whether it is within the hours in which people are there."""
        if self.spec.hours is not None and now // HOURS_EVERY_MS != self._looked:
            self._looked = now // HOURS_EVERY_MS
            local = datetime.fromtimestamp(now / 1000, ZoneInfo(ZONE))
            self._staffed = local.weekday() < 5 and self.spec.hours[0] <= local.hour < self.spec.hours[1]
        return self._staffed

    def step(self, now: int, step_ms: int, frozen: set[str]) -> None:
        """One step of plant time, ending at ``now``."""
        if now >= self.changeover_until:
            self.plan_changeover(now)
        changeover = self.changeover_from <= now < self.changeover_until
        staffed = self.staffed(now)
        # Downstream first: a place that becomes free is used in the next step.
        for machine in reversed(self.machines):
            if machine.spec.name in frozen:
                continue
            if staffed:
                machine.step(now, step_ms, changeover)
            else:
                machine.wind_down(now)


@dataclass(slots=True)
class Line:
    """All machines of a plant. Call :meth:`advance` before every look at a register.

    Parts are made from :meth:`release` on (a line waits for its cell controller) until :meth:`stop`.
    """

    seed: int
    profile: Profile
    truth: Truth
    boot: int
    specs: tuple[Cell, ...] = (LINE_1_CELL,)
    cells: list[SimCell] = field(default_factory=list)
    machines: list[SimMachine] = field(default_factory=list)
    meters: list[SimMeter] = field(default_factory=list)
    now: int = 0
    released: bool = False
    stopping: bool = False
    halted: bool = False
    _frozen: set[str] = field(default_factory=set)

    def start(self, now: int, memory: dict[str, dict[str, int]] | None = None) -> None:
        """Build the machines with the counters of ``memory`` (equipment -> counter -> raw)."""
        self.now = now
        kept = memory or {}
        self.cells = [self._cell(spec, kept) for spec in self.specs]
        self.machines = [machine for cell in self.cells for machine in cell.machines]
        self.meters = [self._meter(meter, kept) for spec in self.specs for meter in spec.meters]
        baseline = {machine.spec.code_path: dict(machine.raw) for machine in self.machines}
        self.truth.write("start", now, seed=self.seed, profile=self.profile.name, baseline=baseline)
        for machine in self.machines:
            machine.start(now)
        self._plan_changeovers()

    def release(self) -> None:
        """From the next step on, parts are made."""
        if not self.released:
            self.released = True
            self.truth.write("production", self.now)
            self._plan_changeovers()

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

    def _cell(self, spec: Cell, kept: dict[str, dict[str, int]]) -> SimCell:
        profile = spec.profile or self.profile
        size = profile.buffer_size
        between = [Buffer(size, size // 2) if spec.in_flow else None for _ in spec.machines[1:]]
        machines = [
            (SimReactor if machine.batch else SimMachine)(
                machine, profile, Random(f"{self.seed}/{machine.name}"), self.truth, source, target, self.boot,
                raw=_own(kept.get(machine.code_path, {}), machine),
            )
            for machine, source, target in zip(spec.machines, [None, *between], [*between, None], strict=True)
        ]  # fmt: skip
        return SimCell(spec, profile, machines, Random(f"{self.seed}/{spec.code}"))

    def _meter(self, spec: Meter, kept: dict[str, dict[str, int]]) -> SimMeter:
        machine = next(m for m in self.machines if m.spec.name == spec.machine)
        raw = kept.get(spec.code_path, {}).get(f"meter:{spec.meter}", spec.start_wh)
        return SimMeter(spec, machine, Random(f"{self.seed}/{spec.name}"), self.truth, raw)

    def _plan_changeovers(self) -> None:
        for cell in self.cells:
            cell.plan_changeover(self.now)

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
        for cell in self.cells:
            cell.step(self.now, STEP_MS, self._frozen)

    def _finish(self) -> None:
        self.halted = True
        for meter in self.meters:
            meter.rest()
        self.truth.write(
            "end", self.now, totals={m.spec.code_path: dict(m.made) for m in self.machines},
            states={m.spec.code_path: m.changes for m in self.machines},
            energy={f"{m.spec.code_path}/{m.spec.meter}": m.used for m in self.meters},
        )  # fmt: skip


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
