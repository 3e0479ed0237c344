"""All machines, pure: whose sample is whose, and what a step of each would store.

The pipeline is its live caller, the replay of a recording its other one: both see the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..clock import to_rfc3339
from ..events import Sample
from .counter import CounterMemory, CounterSpec
from .machine import Machine, MachineState, Proposal

if TYPE_CHECKING:
    from ..tags.model import Tag

Steps = dict[str, Proposal]


class Machines:
    """Machines by equipment code."""

    def __init__(self, boot_id: str, evidence_every_ms: int | None = None) -> None:
        self._boot_id = boot_id
        self._every_ms = evidence_every_ms
        self._machines: dict[str, Machine] = {}
        self._equipment: dict[str, str] = {}

    def set_tags(
        self, tags: Sequence[Tag], memories: Mapping[str, CounterMemory], notes: Mapping[str, str]
    ) -> None:
        """Use these tags from now on; machines keep what they remember, unchanged ones altogether."""
        by_equipment: dict[str, list[Tag]] = {}
        for tag in tags:
            by_equipment.setdefault(tag.equipment, []).append(tag)
        old, self._machines = self._machines, {}
        for code, own in by_equipment.items():
            before = old.get(code)
            if before is not None and list(before.tags.values()) == own:
                self._machines[code] = before
                continue
            machine = Machine(code, own, self._boot_id, self._every_ms)
            machine.state = _carried(before, machine, memories)
            machine.recall(notes)
            self._machines[code] = machine
        self._equipment = {tag.tag: tag.equipment for tag in tags}

    def propose(self, samples: Iterable[Sample], dropped: bool) -> Steps:
        """One poll cycle or delivery. A tag that was removed while its last read was under way is no one's."""
        equipment = self._equipment
        by_equipment: dict[str, list[Sample]] = {}
        for sample in samples:
            code = equipment.get(sample.tag)
            if code is None:
                continue
            if code in by_equipment:
                by_equipment[code].append(sample)
            else:
                by_equipment[code] = [sample]
        return {code: self._machines[code].propose(some, dropped) for code, some in by_equipment.items()}

    def propose_loss(self, codes: Iterable[str], now: int) -> Steps:
        """Their link is gone, or their stale limit has passed."""
        steps: Steps = {}
        for code in codes:
            step = self._machines[code].propose_loss(now) if code in self._machines else None
            if step is not None:
                steps[code] = step
        return steps

    def due(self, now: int) -> list[str]:
        """Machines with a window that is over and that no value has ended."""
        return [code for code, machine in self._machines.items() if machine.is_due(now)]

    def propose_due(self, codes: Iterable[str], now: int) -> Steps:
        """Tell these windows."""
        return {code: self._machines[code].propose_due(now) for code in codes if code in self._machines}

    def adopt(self, steps: Mapping[str, Proposal]) -> bool:
        """The steps are stored; True when a machine was lost or found by them."""
        turned = False
        for code, step in steps.items():
            turned |= step.state.lost != self._machines[code].state.lost
            self._machines[code].adopt(step)
        return turned

    def remember(self, memories: Mapping[str, CounterMemory]) -> None:
        """Counter memories that were healed."""
        for machine in self._machines.values():
            machine.remember({key: memory for key, memory in memories.items() if key in machine.specs})

    def specs(self) -> dict[str, CounterSpec]:
        """Key -> spec of every counter."""
        return {key: spec for machine in self._machines.values() for key, spec in machine.specs.items()}

    def codes(self) -> list[str]:
        """Of all machines."""
        return list(self._machines)

    def whose(self, samples: Iterable[Sample]) -> set[str]:
        """Of the machines that these samples belong to."""
        return {self._equipment[sample.tag] for sample in samples if sample.tag in self._equipment}

    def codes_of(self, tags: Iterable[str]) -> list[str]:
        """Of the machines that these tags belong to."""
        return sorted({self._equipment[tag] for tag in tags if tag in self._equipment})

    def overdue(self, now: int) -> list[str]:
        """Machines whose stale limit has passed and of which nobody said so yet."""
        return [
            code
            for code, machine in self._machines.items()
            if not machine.state.lost and not machine.state.evidence.holds(now, machine.stale_ms)
        ]

    def live(self, now: int) -> dict[str, Any]:
        """The schema's live machines by equipment code."""
        return {code: _live(machine, now) for code, machine in self._machines.items()}


def _carried(old: Machine | None, machine: Machine, memories: Mapping[str, CounterMemory]) -> MachineState:
    own = {key: memory for key, memory in memories.items() if key in machine.specs}
    if old is None:
        return MachineState(counters=own)
    return old.carried_to(machine, own)


def _live(machine: Machine, now: int) -> dict[str, Any]:
    state, point = machine.state, machine.state.point
    watched = point is not None and state.evidence.holds(now, machine.stale_ms)
    live: dict[str, Any] = {
        "at": to_rfc3339(state.evidence.last_good if state.evidence.last_good is not None else now),
        "state": None,
        "counts": machine.counts(),
    }
    if watched and point is not None:
        live.update(state=point.state, since=to_rfc3339(point.at), code=point.code, interlock=point.interlock)
        live["mode"] = state.mode.mode if state.mode is not None else None
    return live
