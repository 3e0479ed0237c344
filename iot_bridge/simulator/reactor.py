"""A simulated batch reactor: it charges, heats, reacts, cools and discharges; after some batches it is cleaned."""

from __future__ import annotations

from dataclasses import dataclass

from .equipment import MIN_DWELL_MS
from .machine import DOWN, IDLE, RUNNING, SimMachine

CLEANING = 4
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Phase:
    """What the vessel goes to while a phase lasts, in a straight line."""

    name: str
    minutes: int
    celsius: float
    filled: float


PHASES = (
    Phase("charge", 30, 20.0, 1.0),
    Phase("heat", 40, 82.0, 1.0),
    Phase("react", 110, 85.0, 1.0),
    Phase("cool", 40, 30.0, 1.0),
    Phase("discharge", 30, 22.0, 0.0),
)
BATCHES_A_CLEANING = 4
CLEANING_MS = 90 * MINUTE_MS


@dataclass(slots=True)
class SimReactor(SimMachine):
    """Its total counts batches when they are out, its reject litres that the filter keeps back.

    ``phase`` is an index of :data:`PHASES`, ``spent_ms`` the time in it, ``drained`` the litres refused of this batch.
    """

    phase: int = 0
    spent_ms: float = 0.0
    batches: int = 0
    drained: int = 0
    clean_until: int = 0

    def step(self, now: int, step_ms: int, changeover: bool) -> None:
        """One step of the simulation, ending at ``now``; the plant's changeovers are not its."""
        if now - self.since < MIN_DWELL_MS:
            if self.state == RUNNING:
                self._run(now, step_ms)
        elif self.state == RUNNING:
            self._run_or_stop(now, step_ms)
        elif now >= (self.stop_ends if self.state == DOWN else self.clean_until):
            self._resume(now)

    def measured(self) -> dict[str, float]:
        """Phase (1 charge … 5 discharge), temperature (°C), level (l)."""
        phase, before = PHASES[self.phase], PHASES[self.phase - 1]
        share = min(1.0, self.spent_ms / self._length_ms())
        celsius = before.celsius + share * (phase.celsius - before.celsius)
        filled = before.filled + share * (phase.filled - before.filled)
        return {
            "phase": self.phase + 1, "temperature": round(celsius, 1), "level": float(round(filled * self.spec.batch)),
        }  # fmt: skip

    def _length_ms(self) -> float:
        """As long as the phase takes in this spell of running."""
        return PHASES[self.phase].minutes * MINUTE_MS * self.cycle_ms / (self.spec.ideal_cycle_s * 1000)

    def _run(self, now: int, step_ms: int) -> None:
        self.spent_ms += step_ms
        length = self._length_ms()
        refused = self.spec.reject_share * self.spec.batch
        if self.phase == len(PHASES) - 1 and self.drained < refused * self.spent_ms / length - 1:
            self.drained += 1
            self._count(now, "reject")
        if self.spent_ms < length:
            return
        self.phase, self.spent_ms = (self.phase + 1) % len(PHASES), 0.0
        if self.phase == 0:
            self._finish_batch(now)

    def _finish_batch(self, now: int) -> None:
        self._count(now, "total")
        self.drained = 0
        self.batches += 1
        if self.batches % BATCHES_A_CLEANING == 0:
            self._set_mode(now, CLEANING)
            self.clean_until = now + CLEANING_MS
            self._enter(now, IDLE)
