"""The signal ``counter``: from readings to count points, in each way a device counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..events import Event, Sample, Value
from . import values
from .counter import FORGOTTEN, Booking, CounterMemory, CounterSpec, Doubt, Reading, Same, book, seen
from .frame import Look
from .handshake import book_record
from .pulse import book_level
from .schedule import schedule
from .words import BITS, EXACT, LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tags.model import Tag

# The clock of historical samples is their own time.
HISTORY = "history"
# The boot_id of a memory that came back from Odoo (see outbox.heal).
FROM_ODOO = "odoo"
# A pushed source is silent while nothing changes: without a loss between there was no outage, however long.
NEVER_MS = 10**12
# A device restarts its sequence at one of these.
SEQUENCE_MODULUS = 65536


@dataclass(frozen=True, slots=True)
class CountPlan:
    """key: of this tag's memory; total_key: of the memory that holds the counter's total.

    unbroken: the spec while a pushed source was watched all the time; None for polled ones.
    """

    spec: CounterSpec
    key: str
    total_key: str
    unbroken: CounterSpec | None = None

    def spec_for(self, look: Look) -> CounterSpec:
        """What holds for this look. Rows of a file are no changes as they came: between two anything may be."""
        own_time = look.sample.historical or look.sample.mono == look.sample.at
        return self.spec if self.unbroken is None or look.fresh or look.dropped or own_time else self.unbroken

    def count(self, value: Value | None) -> int | None:
        """The device's count; None when the value is no whole number below the modulus."""
        if self.spec.counting == "pulse":
            found = values.whole(value)
            return None if found is None else int(found != 0)
        found = values.exact(value)
        below = LARGEST if self.spec.counting == "handshake" else self.spec.modulus
        return found if found is not None and 0 <= found < below else None

    def unchanged(self, memory: CounterMemory, value: Value | None) -> bool:
        """Whether ``value`` is what the memory has."""
        if self.spec.counting == "handshake":
            return False
        level = memory.flag if self.spec.counting == "pulse" else memory.raw
        return level is not None and self.count(value) == level


def check(tag: Tag) -> None:
    """Raise ValueError, saying the mend."""
    if not tag.counter:
        raise ValueError("a counter needs its name at the equipment: counter: total (or good, reject, …)")
    if tag.max_rate is None:
        raise ValueError("a counter needs max_rate, the most counts a second that are possible")
    if tag.counting == "handshake":
        _check_handshake(tag)
    elif tag.counting == "pulse":
        _check_pulse(tag)
    else:
        check_width(tag, tag.wraps_at)
    if tag.counting == "shift_total":
        schedule(tag.reset_times, tag.time_zone, tag.reset_window_ms)
    elif tag.reset_times:
        raise ValueError("reset_times belong to counting: shift_total: set it, or remove them")


def check_width(tag: Tag, wraps_at: float) -> None:
    """Refuse a counter that can wrap unseen, or that can't hold its own values."""
    rate = tag.max_rate or 0.0
    if tag.type == "string":
        raise ValueError("a text can't be counted: use a whole type, or auto")
    if tag.modulus is None and not tag.type.startswith("uint"):
        raise ValueError(f"a counter of type {tag.type} needs modulus, the value at which it wraps")
    if tag.modulus is not None and tag.modulus > _widest(tag.type):
        raise ValueError(f"modulus {tag.modulus} is more than a {tag.type} can hold: correct one of them")
    exact = EXACT.get(tag.type)
    if exact is not None and wraps_at > exact:
        raise ValueError(f"a {tag.type} counter stands still at {exact}: let the PLC wrap it there, or use uint32")
    if wraps_at <= 2 * (rate * tag.poll_ms / 1000 + tag.tolerance):
        raise ValueError(
            f"the counter can wrap unseen: {wraps_at:g} at {rate:g}/s within two polls of "
            f"{tag.poll_ms} ms; poll faster, or use a wider counter"
        )


def _widest(kind: str) -> int:
    if kind in EXACT or kind == "auto":
        return LARGEST
    bits = BITS[kind] if kind.startswith("uint") else BITS[kind] - 1
    return min(1 << bits, LARGEST)


def _check_pulse(tag: Tag) -> None:
    if tag.max_rate is not None and tag.table and tag.poll_ms * tag.max_rate > 500:
        raise ValueError(
            f"pulses can pass unseen: {tag.max_rate:g}/s with a poll every {tag.poll_ms} ms; poll at least twice as "
            "often as pulses come, or count in the PLC"
        )


def _check_handshake(tag: Tag) -> None:
    if tag.sequence_tag is None or tag.ack_tag is None:
        raise ValueError(
            "a handshake needs sequence_tag (the record's number) and ack_tag (where it is written back): "
            "add both as companions"
        )


def plan(tag: Tag, tags: Mapping[str, Tag]) -> CountPlan:
    """The counter's constants."""
    key = tag.counter_key
    modulus = tag.modulus or SEQUENCE_MODULUS if tag.counting == "handshake" else tag.wraps_at
    spec = spec_of(tag, tags, LARGEST if tag.counting == "pulse" else modulus)
    unbroken = None if tag.table else replace(spec, outage_ms=NEVER_MS)
    return CountPlan(spec, key if tag.cavity is None else f"{key}#{tag.cavity}", key, unbroken)


def spec_of(tag: Tag, tags: Mapping[str, Tag], modulus: int, rate: float | None = None) -> CounterSpec:
    """The constants of the counter model."""
    flag = tags.get(tag.reset_flag_tag or "")
    resets = None
    if tag.counting == "shift_total":
        resets = schedule(tag.reset_times, tag.time_zone, tag.reset_window_ms)
    return CounterSpec(
        modulus=modulus, max_rate=rate or tag.max_rate or 1.0, tolerance=tag.tolerance, policy=tag.policy,
        outage_ms=max(3 * tag.poll_ms, 1000), flag_is_bool=flag is not None and flag.type == "bool",
        counting=tag.counting,
        factor=tag.factor, resets=resets, shared=tag.cavity is not None,
    )  # fmt: skip


def reading(look: Look, raw: int) -> Reading:
    """A reading of this look's sample."""
    return reading_of(look.sample, raw, look.boot_id, _flag(look), look.dropped)


def reading_of(sample: Sample, raw: int, boot_id: str, flag: int | None = None, dropped: bool = False) -> Reading:
    """A reading of ``sample``; historical ones are measured by their own time."""
    if sample.historical:
        return Reading(raw, sample.at, sample.at, HISTORY, flag, dropped)
    return Reading(raw, sample.at, sample.mono, boot_id, flag, dropped)


def refreshed(plan: Any, memory: CounterMemory, sample: Sample | None, boot_id: str) -> CounterMemory:
    """The memory, with the time of ``sample`` when that showed the same raw value later."""
    if sample is None or sample.historical or memory.boot_id == FORGOTTEN:
        return memory
    older = sample.mono <= memory.mono if memory.boot_id == boot_id else sample.at < memory.at
    if older or sample.value is None or not plan.unchanged(memory, sample.value):
        return memory
    return seen(memory, reading_of(sample, memory.raw, boot_id, memory.flag))


def step(look: Look) -> bool:
    """A count point when something was counted."""
    how: CountPlan = look.plan
    raw = how.count(look.sample.value)
    if raw is None:
        look.find(f"{look.sample.value} is no count below {how.spec.modulus}: not used")
        return True
    memory = remembered(look, how)
    if memory is not None and too_late(look, memory):
        return True
    if how.spec.counting == "handshake":
        return _handshake(look, how, memory, raw)
    now, spec = reading(look, raw), how.spec_for(look)
    if spec.counting == "pulse":
        return settle(look, how, now, book_level(spec, memory, now))
    outcome = book(spec, memory, now, look.state.doubts.get(how.key))
    return settle(look, how, now, outcome)


def remembered(look: Look, how: Any) -> CounterMemory | None:
    """The counter's memory as of the last look."""
    memory = look.state.counters.get(how.key)
    return None if memory is None or memory.boot_id == FORGOTTEN else refreshed(how, memory, look.before, look.boot_id)


def settle(look: Look, how: CountPlan, now: Reading, outcome: Booking | Doubt | Same) -> bool:
    """Take over what was decided; True when nothing is open."""
    state = look.state
    if isinstance(outcome, Doubt):
        state.doubts[how.key] = outcome
        return False
    doubted = state.doubts.pop(how.key, None)
    if doubted is not None and doubted.reading.raw != now.raw and not _flagged(outcome):
        look.find(f"read {doubted.reading.raw} once, then {now.raw}: the first is taken for a torn read")
    state.counters[how.key] = outcome.memory
    if isinstance(outcome, Booking):
        _tell(look, how, outcome)
    return True


def _handshake(look: Look, how: CountPlan, memory: CounterMemory | None, quantity: int) -> bool:
    """Count the record that the device shows, and acknowledge it when that is stored."""
    number = values.exact(look.companion(look.tag.sequence_tag))
    if number is None:
        look.find(f"no sequence number at {look.tag.sequence_tag}: the record is not used")
        return False
    acknowledged = values.exact(look.companion(look.tag.ack_tag))
    outcome = book_record(how.spec, memory, reading(look, number), quantity, acknowledged)
    bookings = [] if isinstance(outcome, Same) else outcome
    if isinstance(outcome, Same):
        look.state.counters[how.key] = outcome.memory
    for booking in bookings:
        look.state.counters[how.key] = booking.memory
        _tell(look, how, booking)
    # A number that can't be read back is written when it is new, and once after a restart.
    due = acknowledged != number if acknowledged is not None else bool(bookings) or look.before is None
    if due and look.tag.ack_tag is not None and not look.sample.historical:
        look.out.writes.append((look.tag.ack_tag, number))
    return not due


def _tell(look: Look, how: CountPlan, booking: Booking) -> None:
    """Emit the count point of a booking."""
    memory = booking.memory
    if how.spec.shared and booking.decision == "first" and _healed(look, how):
        booking = replace(booking, bounds=(0, None), quality="uncertain")
    before = look.before.value if look.before is not None else None
    if how.spec.shared:
        memory = _into_total(look, how, booking)
    fields: dict[str, Any] = {
        "counter": look.tag.counter, "counter_epoch": memory.epoch, "raw": booking.memory.raw,
        "total": memory.total, "delta": booking.delta, "decision": booking.decision,
    }  # fmt: skip
    if booking.bounds is not None:
        fields["bounds"] = list(booking.bounds)
    if not _merged(look, fields, booking):
        look.emit("count", fields, quality=booking.quality)
    if booking.alarm:
        look.find(booking.alarm)
    elif booking.decision in ("rollover", "reset"):
        look.find(f"{booking.decision}: {before} -> {look.sample.value}, {booking.delta} booked")


def _healed(look: Look, how: CountPlan) -> bool:
    """Whether the total came back from Odoo: what this cavity made since is not known."""
    known = look.state.counters
    others = any(
        key.startswith(f"{how.total_key}#") and key != how.key and memory.boot_id != FORGOTTEN
        for key, memory in known.items()
    )
    return not others and how.total_key in known and known[how.total_key].total > 0


def _into_total(look: Look, how: CountPlan, booking: Booking) -> CounterMemory:
    """Add one cavity's booking to the counter's common total."""
    part = booking.memory
    base = look.state.counters.get(how.total_key) or CounterMemory(0, part.at, part.mono, part.boot_id, 0, 0)
    whole = CounterMemory(
        0, part.at, part.mono, part.boot_id, base.epoch + (booking.decision == "reset"), base.total + booking.delta
    )
    look.state.counters[how.total_key] = whole
    return whole


def _merged(look: Look, fields: dict[str, Any], booking: Booking) -> bool:
    """Join a point with that of another cavity at the same moment: one counter has one point a moment."""
    if not look.plan.spec.shared:
        return False
    for place, event in enumerate(look.out.events):
        same = event.kind == "count" and event.fields["counter"] == fields["counter"] and event.at == look.sample.at
        if same:
            look.out.events[place] = _joined(event, fields, booking)
            return True
    return False


def _joined(event: Event, fields: dict[str, Any], booking: Booking) -> Event:
    both = {**event.fields, **fields, "delta": event.fields["delta"] + booking.delta}
    rank = ("first", "step", "rollover", "gap", "reset")
    both["decision"] = max(event.fields["decision"], booking.decision, key=rank.index)
    one = event.fields.get("bounds") or [event.fields["delta"]] * 2
    other = list(booking.bounds) if booking.bounds is not None else [booking.delta] * 2
    both.pop("bounds", None)
    if "bounds" in event.fields or booking.bounds is not None:
        both["bounds"] = [one[0] + other[0], None if None in (one[1], other[1]) else one[1] + other[1]]
    worst = max(event.quality, booking.quality, key=("good", "uncertain", "estimated").index)
    return replace(event, fields=both, quality=worst)


def _flag(look: Look) -> int | None:
    return values.whole(look.companion(look.tag.reset_flag_tag))


def _flagged(outcome: Booking | Doubt | Same) -> bool:
    return isinstance(outcome, Booking) and (outcome.alarm is not None or outcome.decision == "reset")


def too_late(look: Look, memory: CounterMemory) -> bool:
    """A row of a file, or another historical sample, from before the last point: that point's total has it.

    A device whose clock was set back is another matter: its counts go on, flagged once.
    """
    sample = look.sample
    if sample.historical:
        return sample.at < memory.at
    return sample.mono == sample.at and memory.boot_id == look.boot_id and sample.mono < memory.mono
