"""One simulated machine: a state machine with a minimum dwell and a cycle that makes pieces."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from .equipment import INTERLOCK_MAP, MIN_DWELL_MS, MODE_MAP, STATE_MAP, Machine
from .profiles import Profile
from .truth import Truth

RUNNING, IDLE, DOWN, SETUP = 1, 2, 3, 4
NO_INTERLOCK, STARVED, BLOCKED = 0, 1, 2
PRODUCTION, CHANGEOVER = 1, 2
# A running machine may wait this long for a piece or a place before it calls itself idle.
PATIENCE_MS = 1000


@dataclass(slots=True)
class Buffer:
    """Pieces between two machines; None as level means without limit (line's ends)."""

    size: int
    level: int


@dataclass(slots=True)
class SimMachine:
    """The machine's registers and what makes them change; all times are plant ms."""

    spec: Machine
    profile: Profile
    random: Random
    truth: Truth
    source: Buffer | None
    target: Buffer | None
    boot: int
    raw: dict[str, int] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    setpoints: dict[str, float] = field(default_factory=dict)
    state: int = IDLE
    code: int = 0
    interlock: int = NO_INTERLOCK
    mode: int = PRODUCTION
    since: int = 0
    changes: int = 0
    cycle_ms: float = 1000.0
    progress_ms: float = 0.0
    waiting_since: int | None = None
    stop_ends: int = 0
    next_minor: float = 0.0
    next_fault: float = 0.0

    def __post_init__(self) -> None:
        for counter in self.spec.counters:
            self.raw.setdefault(counter.name, counter.start)
            self.made[counter.name] = 0
        self.setpoints.update({setpoint.name: setpoint.start for setpoint in self.spec.setpoints})

    def start(self, now: int) -> None:
        """First state, at ``now``."""
        self.next_minor = self._draw(self.profile.minor_every_s)
        self.next_fault = self._draw(self.profile.fault_every_s)
        self._enter(now, IDLE)
        self.truth.write("mode", now, equipment=self.spec.code_path, raw=self.mode, mode=MODE_MAP[str(self.mode)])

    def step(self, now: int, step_ms: int, changeover: bool) -> None:
        """One step of the simulation, ending at ``now``."""
        if now - self.since < MIN_DWELL_MS:
            if self.state == RUNNING:
                self._run(now, step_ms)
            return
        if changeover and self.state != DOWN:
            self._change_over(now)
        elif self.state == RUNNING:
            self._run_or_stop(now, step_ms)
        elif now >= self.stop_ends if self.state == DOWN else not changeover:
            self._resume(now)

    def set(self, name: str, value: float) -> bool:
        """Take a setpoint; False when there is none of that name, or not with that value."""
        known = next((one for one in self.spec.setpoints if one.name == name), None)
        if known is None or not known.low <= value <= known.high:
            return False
        self.setpoints[name] = value
        return True

    def wind_down(self, now: int) -> bool:
        """Go to the final state (idle, no cause) after the minimum dwell; True when there."""
        final = (self.state, self.code, self.interlock) == (IDLE, 0, NO_INTERLOCK)
        if not final and now - self.since >= MIN_DWELL_MS:
            self._enter(now, IDLE)
            final = True
        return final

    def measured(self) -> dict[str, float]:
        """What its sensors show, by the names of its measures."""
        return {}

    # -- by hand

    def reset_counters(self, now: int) -> None:
        """The counters begin at zero; another boot number says so."""
        self.boot = (self.boot + 1) % 65536
        self.raw = dict.fromkeys(self.raw, 0)
        self.truth.write("reset", now, equipment=self.spec.code_path)

    def stop_by_hand(self, now: int, code: int | None, seconds: float) -> None:
        """Stop with a code (the first minor one) for plant seconds; an unknown code is shown all the same."""
        self.stop_ends = now + round(seconds * 1000)
        self._enter(now, DOWN, code=min(self.spec.minor_codes) if code is None else code)

    # -- states

    def _enter(self, now: int, state: int, code: int = 0, interlock: int = NO_INTERLOCK) -> None:
        self.state, self.code, self.interlock, self.since = state, code, interlock, now
        self.waiting_since = None
        self.changes += 1
        if state == RUNNING:
            best_ms = self.spec.ideal_cycle_s * self.spec.pace * 1000
            self.cycle_ms = best_ms * self.random.uniform(*self.profile.cycle_factor)
        self.truth.write(
            "state", now, equipment=self.spec.code_path, raw=state, state=STATE_MAP[str(state)],
            code=str(code) if code else None, interlock=INTERLOCK_MAP.get(str(interlock)),
        )  # fmt: skip

    def _set_mode(self, now: int, mode: int) -> None:
        if mode != self.mode:
            self.mode = mode
            self.truth.write("mode", now, equipment=self.spec.code_path, raw=mode, mode=MODE_MAP[str(mode)])

    def _change_over(self, now: int) -> None:
        self._set_mode(now, CHANGEOVER)
        if self.state != SETUP:
            self._enter(now, SETUP)

    def _resume(self, now: int) -> None:
        self._set_mode(now, PRODUCTION)
        wait = self._must_wait(restart=True)
        if wait == NO_INTERLOCK:
            self._enter(now, RUNNING)
        elif (self.state, self.interlock) != (IDLE, wait):
            self._enter(now, IDLE, interlock=wait)

    def _run_or_stop(self, now: int, step_ms: int) -> None:
        self.next_minor -= step_ms
        self.next_fault -= step_ms
        if self.next_fault <= 0:
            self.next_fault = self._draw(self.profile.fault_every_s)
            self._stop(now, self.spec.fault_codes, self.profile.fault_s)
        elif self.next_minor <= 0:
            self.next_minor = self._draw(self.profile.minor_every_s)
            self._stop(now, self.spec.minor_codes, self.profile.minor_s)
        else:
            self._run(now, step_ms)
            if self.waiting_since is not None and now - self.waiting_since >= PATIENCE_MS:
                self._enter(now, IDLE, interlock=self._must_wait(restart=False))

    def _stop(self, now: int, codes: dict[int, str], seconds: tuple[float, float]) -> None:
        self.stop_ends = now + round(self.random.uniform(*seconds) * 1000)
        self._enter(now, DOWN, code=self.random.choice(sorted(codes)))

    # -- pieces

    def _must_wait(self, restart: bool) -> int:
        # To restart, a machine wants a few pieces and places: else it would flicker.
        reserve = 3 if restart else 1
        if self.source is not None and self.source.level < reserve:
            return STARVED
        if self.target is not None and self.target.size - self.target.level < reserve:
            return BLOCKED
        return NO_INTERLOCK

    def _run(self, now: int, step_ms: int) -> None:
        self.progress_ms += step_ms
        if self.progress_ms < self.cycle_ms:
            return
        if self._must_wait(restart=False) != NO_INTERLOCK:
            self.progress_ms = self.cycle_ms
            self.waiting_since = now if self.waiting_since is None else self.waiting_since
            return
        self.waiting_since = None
        self.progress_ms -= self.cycle_ms
        self._make(now)

    def _make(self, now: int) -> None:
        if self.source is not None:
            self.source.level -= 1
        self._count(now, "total")
        if self.random.random() < self.spec.reject_share:
            self._count(now, "reject")
        elif self.target is not None:
            self.target.level += 1

    def _count(self, now: int, name: str) -> None:
        counter = next(c for c in self.spec.counters if c.name == name)
        self.raw[name] = (self.raw[name] + 1) % counter.modulus
        self.made[name] += 1
        self.truth.write(
            "count", now, equipment=self.spec.code_path, counter=name, raw=self.raw[name], total=self.made[name]
        )

    def _draw(self, mean_s: float) -> float:
        return self.random.expovariate(1.0 / mean_s) * 1000
