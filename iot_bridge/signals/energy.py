"""The signal ``energy``: meters of work, water, air … as running totals in their unit.

The counter model on whole steps of the meter's resolution: what a rollover, a reset or a torn read is, is
decided as for counters. A meter begins with its own reading, so that its total is what its display shows
until it is reset or wraps. Small falls within the tolerance are noise of the conversion, not resets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..events import Value
from . import values
from .counter import Booking, CounterMemory, CounterSpec, Doubt, Same, book, seen
from .counting import check_width, reading, remembered, spec_of, too_late
from .frame import Look
from .words import BITS, EXACT, LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..tags.model import Tag

FINE = 0.001


@dataclass(frozen=True, slots=True)
class MeterPlan:
    """step: device units a step of the resolution; unit_step: the same in the tag's unit; quiet: least growth."""

    spec: CounterSpec
    key: str
    step: float
    unit_step: Decimal
    quiet: int

    def count(self, value: Value | None) -> int | None:
        """Steps of the resolution; None when the value is no number below the modulus."""
        found = values.number(value)
        steps = -1 if found is None or abs(found) > LARGEST * self.step else round(found / self.step)
        return steps if 0 <= steps < self.spec.modulus else None

    def unchanged(self, memory: CounterMemory, value: Value | None) -> bool:
        """Whether ``value`` is what the memory has."""
        return self.count(value) == memory.raw

    def in_unit(self, steps: int) -> float:
        """Steps as a number in the tag's unit, exact in decimals."""
        return float(steps * self.unit_step)


def check(tag: Tag) -> None:
    """Raise ValueError, saying the mend."""
    if not tag.meter:
        raise ValueError("an energy tag needs the name of its meter at the equipment: meter: main")
    if tag.max_rate is None:
        raise ValueError("a meter needs max_rate, the most device units a second that are possible (1 MW: 0.278 kWh/s)")
    if tag.counting != "cumulative" or tag.factor != 1 or tag.cavity is not None:
        raise ValueError("counting, factor and cavity are for counters: remove them; scale turns a meter's unit")
    if tag.scale <= 0 or tag.offset:
        raise ValueError("a meter's scale must be above 0 and its offset 0: totals start at its own reading")
    if tag.type == "string":
        raise ValueError("a text can't be metered: use a number type, or auto")
    steps = _steps(tag)
    if steps > EXACT.get(tag.type, LARGEST):
        raise ValueError(
            f"a {tag.type} can't tell steps of {_resolution(tag):g} up to {steps * _resolution(tag):g}: "
            "give a coarser resolution, or use a wider type"
        )
    if tag.modulus is not None:
        check_width(tag, float(tag.modulus))


def plan(tag: Tag, tags: Mapping[str, Tag]) -> MeterPlan:
    """The meter's constants."""
    resolution = _resolution(tag)
    spec = spec_of(tag, tags, max(2, _steps(tag)), (tag.max_rate or 1.0) / resolution)
    unit_step = Decimal(repr(resolution)) * Decimal(repr(tag.scale))
    key = f"{tag.equipment}/energy:{tag.meter}"
    return MeterPlan(spec, key, resolution, unit_step, max(1, round(tag.deadband / float(unit_step))))


def step(look: Look) -> bool:
    """A meter point when the total has grown enough, or something was decided."""
    how: MeterPlan = look.plan
    count = how.count(look.sample.value)
    if count is None:
        look.find(f"{look.sample.value} is no reading of this meter: not used")
        return True
    memory, state = remembered(look, how), look.state
    if memory is not None and too_late(look, memory):
        return True
    now = reading(look, count)
    if memory is not None and 0 < memory.raw - count <= how.spec.tolerance and now.flag == memory.flag:
        state.counters[how.key] = seen(memory, now)
        return True
    outcome = book(how.spec, memory, now, state.doubts.get(how.key))
    if isinstance(outcome, Doubt):
        state.doubts[how.key] = outcome
        return False
    state.doubts.pop(how.key, None)
    state.counters[how.key] = outcome.memory
    if isinstance(outcome, Same):
        return True
    if outcome.decision == "first":
        outcome = replace(outcome, memory=replace(outcome.memory, total=count))
        state.counters[how.key] = outcome.memory
    _tell(look, how, outcome)
    return True


def _tell(look: Look, how: MeterPlan, booking: Booking) -> None:
    total, sent = booking.memory.total, look.memo
    plain = booking.decision == "step" and booking.bounds is None
    if plain and sent is not None and total - sent < how.quiet:
        return
    delta = booking.delta if sent is None else total - sent
    fields: dict[str, Any] = {
        "meter": look.tag.meter, "counter_epoch": booking.memory.epoch, "total": how.in_unit(total),
        "raw": max(0.0, values.number(look.sample.value) or 0.0), "delta": how.in_unit(delta),
        "decision": booking.decision,
    }  # fmt: skip
    if look.tag.unit:
        fields["unit"] = look.tag.unit
    if booking.bounds is not None:
        fields["bounds"] = [None if steps is None else how.in_unit(steps) for steps in booking.bounds]
    look.emit("energy", fields, quality=booking.quality)
    look.memo = total
    if booking.alarm:
        look.find(booking.alarm)


def _resolution(tag: Tag) -> float:
    if tag.resolution is not None:
        return tag.resolution
    return FINE if tag.type in EXACT or tag.type == "auto" else 1.0


def _steps(tag: Tag) -> int:
    """Steps of the resolution at which the meter wraps; without a modulus its type's greatest value."""
    if tag.modulus is not None:
        return min(round(tag.modulus / _resolution(tag)), LARGEST)
    if tag.type in EXACT:
        return EXACT[tag.type]
    bits = BITS[tag.type] if tag.type.startswith("uint") else BITS[tag.type] - 1
    return min(round((1 << bits) / _resolution(tag)), LARGEST)
