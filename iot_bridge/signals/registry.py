"""The kinds of signals, by the name that a tag gives. A new one is a file and a line here.

check: raises ValueError, saying the mend, for a tag that can't work. plan: what is made of the tag once,
handed to each step. step: looks at one sample; True when the same value once more would tell nothing.
recall: the memory from the note that the signal kept over a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import alarm, counting, energy, heartbeat, material, measurement, parameter, state, unit
from .frame import Look

if TYPE_CHECKING:
    from ..tags.model import Tag


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of signal."""

    check: Callable[[Tag], None]
    plan: Callable[[Tag, Mapping[str, Tag]], Any]
    step: Callable[[Look], bool] | None
    recall: Callable[[str], Any] | None = None


KINDS: Mapping[str, Kind] = {
    "state": Kind(state.check, state.plan, state.step_state),
    "mode": Kind(state.check, state.plan, state.step_mode),
    "counter": Kind(counting.check, counting.plan, counting.step),
    "energy": Kind(energy.check, energy.plan, energy.step),
    "measurement": Kind(measurement.check, measurement.plan, measurement.step),
    "parameter": Kind(parameter.check, parameter.plan, parameter.step),
    "alarm": Kind(alarm.check, alarm.plan, alarm.step, alarm.recall),
    "material": Kind(material.check, material.plan, material.step, material.recall),
    "unit": Kind(unit.check, unit.plan, unit.step, unit.recall),
    "heartbeat": Kind(heartbeat.check, heartbeat.plan, heartbeat.step),
    "companion": Kind(heartbeat.check, heartbeat.plan, None),
}
# Companions that are read at the step itself, but do not call for one when they change alone.
PASSIVE_FIELDS = frozenset({"reset_flag_tag", "ack_tag", "quantity_tag", "result_tag", "action_tag"})
