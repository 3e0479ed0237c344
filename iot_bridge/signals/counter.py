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

That is the ``cumulative`` way of counting. A ``resetting`` counter is set to 0 by people or by orders
whenever they like, a ``shift_total`` at its reset times: they never roll over, and a fall (read twice, so
that a torn read is none) is a certain reset. After an outage a reset may hide behind a raw value that is
above the last one: then the least is booked, flagged with bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..events import Quality
from .schedule import ResetSchedule

Counting = Literal["cumulative", "resetting", "pulse", "handshake", "shift_total"]
Decision = Literal["step", "rollover", "reset", "gap", "first"]
Policy = Literal["flag", "rollover", "reset"]
Bounds = tuple[int, int | None]
# The boot_id of a memory that must not be gone on from: the next reading is a baseline.
FORGOTTEN = "forgotten"


@dataclass(frozen=True, slots=True)
class CounterSpec:
    """Static description. max_rate: counts a second; outage_ms: a longer pause counts as an outage.

    factor: units of the total a count of the device. shared: other tags add into the same total.
    """

    modulus: int
    max_rate: float
    tolerance: int = 2
    policy: Policy = "flag"
    outage_ms: int = 5000
    flag_is_bool: bool = False
    counting: Counting = "cumulative"
    factor: int = 1
    resets: ResetSchedule | None = None
    shared: bool = False


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
    """A count point. ``alarm``: a sentence for a person. memory is the state after it.

    delta and bounds are in units of the total (the device's counts times the factor).
    """

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
    allowance = allowance_of(spec, memory, reading)
    sure = doubt is not None and _confirms(spec, doubt.reading, reading)
    if _reset_shown(spec, memory, reading):
        return _reset_with_evidence(spec, memory, reading, allowance, sure)
    if spec.counting in ("resetting", "shift_total"):
        return _book_resetting(spec, memory, reading, allowance, sure)
    least = (reading.raw - memory.raw) % spec.modulus
    if allowance is None:
        return booked(spec, memory, reading, "gap", least, (least, None), "uncertain")
    if least > allowance:
        return _implausible(spec, memory, reading, least, allowance) if sure else Doubt(reading)
    wraps = (allowance - least) // spec.modulus
    if wraps:
        most = least + wraps * spec.modulus
        return booked(spec, memory, reading, "gap", least, (least, most), "uncertain")
    if reading.raw >= memory.raw:
        return _stepped(spec, memory, reading, least)
    if reading.dropped or (reading.raw == 0 and least > 1):
        return _by_policy(spec, memory, reading, least, allowance)
    return booked(spec, memory, reading, "rollover", least)


def seen(memory: CounterMemory, reading: Reading) -> CounterMemory:
    """The memory after a look that found the same raw value."""
    return CounterMemory(
        memory.raw, reading.at, reading.mono, reading.boot_id, memory.epoch, memory.total, reading.flag
    )


def elapsed_ms(memory: CounterMemory, reading: Reading) -> int:
    """Plant ms since the last reading; below 0 when the clock can't say. Wall clock only across a reboot."""
    same_boot = memory.boot_id == reading.boot_id
    return reading.mono - memory.mono if same_boot else reading.at - memory.at


def allowance_of(spec: CounterSpec, memory: CounterMemory, reading: Reading) -> int | None:
    """Most counts of the device since the last reading; None when the clock can't say."""
    elapsed = elapsed_ms(memory, reading)
    if elapsed < 0:
        return None
    return int(spec.max_rate * elapsed / 1000) + spec.tolerance


def booked(
    spec: CounterSpec,
    memory: CounterMemory,
    reading: Reading,
    decision: Decision,
    delta: int,
    bounds: Bounds | None = None,
    quality: Quality = "good",
    alarm: str | None = None,
) -> Booking:
    """A booking of ``delta`` counts of the device."""
    epoch, total = memory.epoch + (decision == "reset"), memory.total + delta * spec.factor
    after = CounterMemory(reading.raw, reading.at, reading.mono, reading.boot_id, epoch, total, reading.flag)
    if bounds is not None and spec.factor != 1:
        bounds = bounds[0] * spec.factor, None if bounds[1] is None else bounds[1] * spec.factor
    return Booking(decision, delta * spec.factor, after, bounds, quality, alarm)


def _book_resetting(
    spec: CounterSpec, memory: CounterMemory, reading: Reading, allowance: int | None, sure: bool
) -> Booking | Doubt | Same:
    """A counter that is set to 0 as part of its work."""
    grown = reading.raw - memory.raw
    if grown < 0:
        return _fell(spec, memory, reading, allowance) if sure else Doubt(reading)
    if allowance is None:
        return booked(spec, memory, reading, "gap", grown, (grown, None), "uncertain")
    if grown > allowance:
        return _implausible(spec, memory, reading, grown, allowance) if sure else Doubt(reading)
    if reading.raw <= allowance and elapsed_ms(memory, reading) > spec.outage_ms and _due(spec, memory, reading):
        bounds = (grown, allowance) if allowance > grown else None
        return booked(spec, memory, reading, "gap", grown, bounds, "uncertain")
    return _stepped(spec, memory, reading, grown)


def _fell(spec: CounterSpec, memory: CounterMemory, reading: Reading, allowance: int | None) -> Booking | Doubt:
    """A fall that was read twice: expected, or at a time at which the device has no business to fall."""
    if _due(spec, memory, reading):
        return _reset_with_evidence(spec, memory, reading, allowance, True)
    most = None if allowance is None else max(allowance, 0)
    after_reset = reading.raw if most is None or reading.raw <= most else 0
    alarm = f"fell from {memory.raw} to {reading.raw} away from its reset times: booked as reset"
    return booked(spec, memory, reading, "reset", after_reset, (0, most), "uncertain", alarm)


def _due(spec: CounterSpec, memory: CounterMemory, reading: Reading) -> bool:
    """Whether the device may have set itself to 0 since the last reading."""
    if spec.resets is None:
        return True
    return spec.resets.between(min(memory.at, reading.at), max(memory.at, reading.at))


def _stepped(spec: CounterSpec, memory: CounterMemory, reading: Reading, least: int) -> Booking | Same:
    return Same(seen(memory, reading)) if least == 0 else booked(spec, memory, reading, "step", least)


def _confirms(spec: CounterSpec, first: Reading, second: Reading) -> bool:
    grown = (second.raw - first.raw) % spec.modulus
    return grown <= spec.max_rate * max(0, second.mono - first.mono) / 1000 + spec.tolerance


def _reset_shown(spec: CounterSpec, memory: CounterMemory, reading: Reading) -> bool:
    if memory.flag is None or reading.flag is None or memory.flag == reading.flag:
        return False
    return reading.flag != 0 or not spec.flag_is_bool


def _reset_with_evidence(
    spec: CounterSpec, memory: CounterMemory, reading: Reading, allowance: int | None, sure: bool
) -> Booking | Doubt:
    """What ran between the last reading and the reset is not known: the bounds say so."""
    if allowance is None:
        return booked(spec, memory, reading, "reset", reading.raw, (reading.raw, None), "uncertain")
    if reading.raw <= allowance:
        bounds = (reading.raw, allowance) if allowance > reading.raw else None
        return booked(spec, memory, reading, "reset", reading.raw, bounds)
    if not sure:
        return Doubt(reading)
    alarm = f"reset to {reading.raw}, more than can have been counted since: nothing booked"
    return booked(spec, memory, reading, "reset", 0, (0, allowance), "uncertain", alarm)


def _implausible(spec: CounterSpec, memory: CounterMemory, reading: Reading, least: int, allowance: int) -> Booking:
    """Twice read, more than the rate allows."""
    if reading.raw < memory.raw:
        return _by_policy(spec, memory, reading, least, allowance)
    if elapsed_ms(memory, reading) > spec.outage_ms:
        alarm = f"{least} counted in an outage that allows {allowance}: booked as estimated; check max_rate"
        return booked(spec, memory, reading, "gap", least, (0, least), "estimated", alarm)
    alarm = f"jumped by {least} where {allowance} are possible: taken for a preset, nothing booked; check max_rate"
    return booked(spec, memory, reading, "reset", 0, (0, max(allowance, least)), "uncertain", alarm)


def _by_policy(spec: CounterSpec, memory: CounterMemory, reading: Reading, least: int, allowance: int) -> Booking:
    """Rollover or reset, nobody can tell. A fall of less than half the modulus is never a rollover."""
    after_reset = reading.raw if reading.raw <= allowance else 0
    rolled = spec.policy == "rollover" and least < spec.modulus // 2
    bounds = (min(after_reset, least), max(allowance, least))
    alarm = f"fell from {memory.raw} to {reading.raw}: booked as {'rollover' if rolled else 'reset'} by policy"
    if rolled:
        return booked(spec, memory, reading, "rollover", least, bounds, "uncertain", alarm)
    return booked(spec, memory, reading, "reset", after_reset, bounds, "uncertain", alarm)
