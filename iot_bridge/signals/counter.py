"""The counter model: what a change of a device's counter means.

Pure. A count travels as a running total; this module decides how much one more reading books.
With n0 = (raw - last) mod M and the allowance A = max_rate * dt + tolerance, the true count
since the last reading is one of n0, n0 + M, n0 + 2M, ... that is at most A, if nothing was reset:

===========================  ==========================================================================
one candidate                step (or rollover when raw fell): certain
several candidates           gap: the least is booked, flagged with bounds
none                         read again; when confirmed: a reset, a preset or an outage faster than
                             declared, decided by evidence, then by the tag's policy, flagged
evidence of a reset          reset: a new counter epoch, ``raw`` is booked
===========================  ==========================================================================

Assumed without evidence: a silent reset does not happen within the allowance of the modulus, and
does not leave raw at or above its last value. A fall that lands exactly on 0 past more than one
value, or that comes with a link the device itself dropped, is not taken for a certain rollover.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..events import Quality

Decision = Literal["step", "rollover", "reset", "gap", "first"]
Policy = Literal["flag", "rollover", "reset"]
Bounds = tuple[int, int | None]


@dataclass(frozen=True, slots=True)
class CounterSpec:
    """Static description. max_rate: counts a second; outage_ms: a longer pause counts as an outage."""

    modulus: int
    max_rate: float
    tolerance: int = 2
    policy: Policy = "flag"
    outage_ms: int = 5000
    flag_is_bool: bool = False


@dataclass(frozen=True, slots=True)
class CounterMemory:
    """What must survive a crash, stored in one transaction with the event. Times are plant ms."""

    raw: int
    at: int
    mono: int
    boot_id: str
    epoch: int
    total: int
    flag: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """One good sample of a counter; ``flag``: its reset flag, ``dropped``: the device closed the link before."""

    raw: int
    at: int
    mono: int
    boot_id: str
    flag: int | None = None
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Booking:
    """A count point. ``alarm``: a sentence for a person. memory is the state after it."""

    decision: Decision
    delta: int
    memory: CounterMemory
    bounds: Bounds | None = None
    quality: Quality = "good"
    alarm: str | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Not believed yet: read again. Handed back with the next reading."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class Same:
    """Nothing counted; memory knows that it was looked at."""

    memory: CounterMemory


def book(
    spec: CounterSpec, memory: CounterMemory | None, reading: Reading, doubt: Doubt | None = None
) -> Booking | Doubt | Same:
    """Decide what ``reading`` means after ``memory`` (None: the first sample ever, the baseline)."""
    if memory is None:
        fresh = CounterMemory(reading.raw, reading.at, reading.mono, reading.boot_id, 0, 0, reading.flag)
        return Booking("first", 0, fresh)
    allowance = _allowance(spec, memory, reading)
    sure = doubt is not None and _confirms(spec, doubt.reading, reading)
    if _reset_shown(spec, memory, reading):
        return _reset_with_evidence(memory, reading, allowance, sure)
    least = (reading.raw - memory.raw) % spec.modulus
    if allowance is None:
        return _booked(memory, reading, "gap", least, (least, None), "uncertain")
    if least > allowance:
        return _implausible(spec, memory, reading, least, allowance) if sure else Doubt(reading)
    wraps = (allowance - least) // spec.modulus
    if wraps:
        most = least + wraps * spec.modulus
        return _booked(memory, reading, "gap", least, (least, most), "uncertain")
    if reading.raw >= memory.raw:
        return Same(_seen(memory, reading)) if least == 0 else _booked(memory, reading, "step", least)
    if reading.dropped or (reading.raw == 0 and least > 1):
        return _by_policy(spec, memory, reading, least, allowance)
    return _booked(memory, reading, "rollover", least)


def _allowance(spec: CounterSpec, memory: CounterMemory, reading: Reading) -> int | None:
    """Most counts since the last reading; None when the clock can't say."""
    same_boot = memory.boot_id == reading.boot_id
    elapsed = reading.mono - memory.mono if same_boot else reading.at - memory.at
    if elapsed < 0:
        return None
    return int(spec.max_rate * elapsed / 1000) + spec.tolerance


def _confirms(spec: CounterSpec, first: Reading, second: Reading) -> bool:
    grown = (second.raw - first.raw) % spec.modulus
    return grown <= spec.max_rate * max(0, second.mono - first.mono) / 1000 + spec.tolerance


def _reset_shown(spec: CounterSpec, memory: CounterMemory, reading: Reading) -> bool:
    if memory.flag is None or reading.flag is None or memory.flag == reading.flag:
        return False
    return reading.flag != 0 or not spec.flag_is_bool


def _seen(memory: CounterMemory, reading: Reading) -> CounterMemory:
    return CounterMemory(
        memory.raw, reading.at, reading.mono, reading.boot_id, memory.epoch, memory.total, reading.flag
    )


def _booked(
    memory: CounterMemory,
    reading: Reading,
    decision: Decision,
    delta: int,
    bounds: Bounds | None = None,
    quality: Quality = "good",
    alarm: str | None = None,
) -> Booking:
    epoch, total = memory.epoch + (decision == "reset"), memory.total + delta
    after = CounterMemory(reading.raw, reading.at, reading.mono, reading.boot_id, epoch, total, reading.flag)
    return Booking(decision, delta, after, bounds, quality, alarm)


def _reset_with_evidence(
    memory: CounterMemory, reading: Reading, allowance: int | None, sure: bool
) -> Booking | Doubt:
    """What ran between the last reading and the reset is not known: the bounds say so."""
    if allowance is None:
        return _booked(memory, reading, "reset", reading.raw, (reading.raw, None), "uncertain")
    if reading.raw <= allowance:
        bounds = (reading.raw, allowance) if allowance > reading.raw else None
        return _booked(memory, reading, "reset", reading.raw, bounds)
    if not sure:
        return Doubt(reading)
    alarm = f"reset to {reading.raw}, more than can have been counted since: nothing booked"
    return _booked(memory, reading, "reset", 0, (0, allowance), "uncertain", alarm)


def _implausible(spec: CounterSpec, memory: CounterMemory, reading: Reading, least: int, allowance: int) -> Booking:
    """Twice read, more than the rate allows."""
    if reading.raw < memory.raw:
        return _by_policy(spec, memory, reading, least, allowance)
    elapsed = reading.mono - memory.mono if memory.boot_id == reading.boot_id else reading.at - memory.at
    if elapsed > spec.outage_ms:
        alarm = f"{least} counted in an outage that allows {allowance}: booked as estimated; check max_rate"
        return _booked(memory, reading, "gap", least, (0, least), "estimated", alarm)
    alarm = f"jumped by {least} where {allowance} are possible: taken for a preset, nothing booked; check max_rate"
    return _booked(memory, reading, "reset", 0, (0, max(allowance, least)), "uncertain", alarm)


def _by_policy(spec: CounterSpec, memory: CounterMemory, reading: Reading, least: int, allowance: int) -> Booking:
    """Rollover or reset, nobody can tell. A fall of less than half the modulus is never a rollover."""
    after_reset = reading.raw if reading.raw <= allowance else 0
    rolled = spec.policy == "rollover" and least < spec.modulus // 2
    bounds = (min(after_reset, least), max(allowance, least))
    alarm = f"fell from {memory.raw} to {reading.raw}: booked as {'rollover' if rolled else 'reset'} by policy"
    if rolled:
        return _booked(memory, reading, "rollover", least, bounds, "uncertain", alarm)
    return _booked(memory, reading, "reset", after_reset, bounds, "uncertain", alarm)
