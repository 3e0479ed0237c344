"""All signals of one machine: samples of one poll cycle in, events and counter memories out.

Nothing here changes state: :meth:`Machine.propose` returns the state *after* the events, which
the pipeline adopts only when the outbox has committed them. What is not stored did not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..clock import to_rfc3339
from ..events import Event, Sample
from ..tags import Tag
from . import evidence as ev
from .counter import Booking, CounterMemory, CounterSpec, Doubt, Reading, Same, book
from .measurement import Measurement, measure


@dataclass(frozen=True, slots=True)
class StatePoint:
    """Last state sent."""

    raw: int
    state: str | None
    code: str | None
    interlock: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ModePoint:
    """Last mode sent."""

    raw: int
    mode: str | None


@dataclass(slots=True)
class MachineState:
    """Everything the machine remembers. Each step works on a :meth:`copy`, adopted when it is stored."""

    point: StatePoint | None = None
    mode: ModePoint | None = None
    evidence: ev.Evidence = field(default_factory=ev.Evidence)
    counters: dict[str, CounterMemory] = field(default_factory=dict)
    doubts: dict[str, Doubt] = field(default_factory=dict)
    measured: dict[str, Measurement] = field(default_factory=dict)
    alarms: dict[str, bool] = field(default_factory=dict)
    lost: bool = True

    def copy(self) -> MachineState:
        """A state of its own; what is inside the dictionaries never changes."""
        return MachineState(
            self.point, self.mode, self.evidence, self.counters.copy(), self.doubts.copy(), self.measured.copy(),
            self.alarms.copy(), self.lost,
        )  # fmt: skip


@dataclass(slots=True)
class Proposal:
    """What a step would store, and the state after it. findings are sentences for the log."""

    state: MachineState
    events: list[Event] = field(default_factory=list)
    memories: dict[str, CounterMemory] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


class Machine:
    """The signals of one equipment."""

    def __init__(
        self, equipment: str, tags: Sequence[Tag], boot_id: str, evidence_every_ms: int | None = None
    ) -> None:
        self.equipment = equipment
        self.tags = {tag.tag: tag for tag in tags}
        self.boot_id = boot_id
        watched = [tag for tag in tags if tag.signal == "state"] or [tag for tag in tags if tag.signal != "companion"]
        self.watched = {tag.tag for tag in watched}
        self.stale_ms = min((tag.stale_limit_ms for tag in watched), default=5000)
        self.every_ms = evidence_every_ms or self.stale_ms // 2
        self.specs = {tag.counter_key: _spec(tag, self.tags) for tag in tags if tag.signal == "counter"}
        self.state = MachineState()

    def propose(self, samples: Sequence[Sample], dropped: bool = False) -> Proposal:
        """One poll cycle. ``dropped``: the device itself closed the link since the cycle before."""
        values = {sample.tag: sample for sample in samples}
        proposal = Proposal(self.state.copy())
        fresh = self._watch(proposal, values)
        for name, sample in values.items():
            step = _STEPS.get(self.tags[name].signal)
            if step is not None and sample.value is not None:
                step(self, proposal, _Look(self.tags[name], sample, values, fresh, dropped))
        if proposal.events:
            # Counters looked at meanwhile: a later crash must not widen their interval.
            proposal.memories = {
                key: memory
                for key, memory in proposal.state.counters.items()
                if memory is not self.state.counters.get(key) or key in proposal.memories
            }
        return proposal

    def propose_loss(self, now: int) -> Proposal | None:
        """The link is gone, or the stale limit has passed: send what is known. None: nothing to do."""
        stale = not self.state.lost and not self.state.evidence.holds(now, self.stale_ms)
        memory, spans = ev.flush(self.state.evidence, self.stale_ms)
        if not spans and not stale:
            return None
        state = self.state.copy()
        state.evidence, state.lost = memory, state.lost or stale
        return Proposal(state, [self._evidence(span) for span in spans])

    def remember(self, memories: Mapping[str, CounterMemory]) -> None:
        """Counter memories that were healed; what was doubted is looked at anew."""
        if memories:
            self.state.counters.update(memories)
            self.state.doubts.clear()

    def carried_to(self, other: Machine, memories: Mapping[str, CounterMemory]) -> MachineState:
        """This machine's state for ``other``, the same equipment with other tags.

        A point whose tag (map!) changed is forgotten, so that it is sent again as it reads now.
        """
        changed = {name for name in {*self.tags, *other.tags} if self.tags.get(name) != other.tags.get(name)}
        kinds = {tag.signal for tags in (self.tags, other.tags) for name, tag in tags.items() if name in changed}
        counters = {key: memory for key, memory in self.state.counters.items() if key in other.specs}
        return replace(
            self.state,
            point=None if "state" in kinds else self.state.point,
            mode=None if "mode" in kinds else self.state.mode,
            counters={**memories, **counters},
            doubts={},
            measured={name: value for name, value in self.state.measured.items() if name not in changed},
            alarms={name: value for name, value in self.state.alarms.items() if name not in changed},
        )

    def _watch(self, proposal: Proposal, values: Mapping[str, Sample]) -> bool:
        """Evidence of this cycle; True when a new span begins, so that states are sent again."""
        good = [values[name].at for name in self.watched if name in values and self._usable(values[name])]
        if not good:
            return False
        memory, spans, fresh = ev.seen(proposal.state.evidence, min(good), self.stale_ms, self.every_ms)
        proposal.state.evidence, proposal.state.lost = memory, False
        proposal.events += [self._evidence(span) for span in spans]
        return fresh

    def _usable(self, sample: Sample) -> bool:
        tag = self.tags[sample.tag]
        if sample.value is None:
            return False
        return tag.signal != "state" or str(int(sample.value)) in tag.map

    def _evidence(self, span: ev.EvidenceSpan) -> Event:
        return Event(
            "evidence",
            self.equipment,
            span.at,
            {"from": to_rfc3339(span.start), "until": to_rfc3339(span.until)},
        )


@dataclass(frozen=True, slots=True)
class _Look:
    """What a signal step sees."""

    tag: Tag
    sample: Sample
    cycle: Mapping[str, Sample]
    fresh: bool
    dropped: bool

    def companion(self, name: str | None) -> int | None:
        """Whole value of a companion tag in this cycle."""
        sample = self.cycle.get(name) if name is not None else None
        return None if sample is None or sample.value is None else int(sample.value)


def _spec(tag: Tag, tags: Mapping[str, Tag]) -> CounterSpec:
    flag = tags.get(tag.reset_flag_tag or "")
    return CounterSpec(
        modulus=tag.wraps_at,
        max_rate=tag.max_rate or 1.0,
        tolerance=tag.tolerance,
        policy=tag.policy,
        outage_ms=max(3 * tag.poll_ms, 1000),
        flag_is_bool=flag is not None and flag.type == "bool",
    )


def _event(machine: Machine, look: _Look, kind: str, fields: dict[str, Any], **more: Any) -> Event:
    sample = look.sample
    return Event(kind, machine.equipment, sample.at, fields, tag=look.tag.tag, recv=sample.recv, **more)


def _state(machine: Machine, proposal: Proposal, look: _Look) -> None:
    tag, raw = look.tag, int(look.sample.value or 0)
    code = look.companion(tag.code_tag)
    interlock = look.companion(tag.interlock_tag)
    point = StatePoint(
        raw,
        tag.map.get(str(raw)),
        str(code) if code else None,
        tag.interlock_map.get(str(interlock)),
        look.sample.at,
    )
    last = proposal.state.point
    if last is not None and not look.fresh and replace(last, at=point.at) == point:
        return
    fields = {
        "raw": raw, "state": point.state, "map": tag.map_revision, "code": point.code, "interlock": point.interlock,
    }  # fmt: skip
    if point.state is None:
        proposal.findings.append(f"{tag.tag}: raw value {raw} is not in the map: no data until it is mapped")
    proposal.events.append(_event(machine, look, "state", fields))
    since = last.at if last is not None and last.state == point.state and not look.fresh else point.at
    proposal.state.point = replace(point, at=since)


def _mode(machine: Machine, proposal: Proposal, look: _Look) -> None:
    raw = int(look.sample.value or 0)
    point = ModePoint(raw, look.tag.map.get(str(raw)))
    if proposal.state.mode == point and not look.fresh:
        return
    proposal.events.append(
        _event(machine, look, "mode", {"raw": raw, "mode": point.mode, "map": look.tag.map_revision})
    )
    proposal.state.mode = point


def _counter(machine: Machine, proposal: Proposal, look: _Look) -> None:
    sample, key = look.sample, look.tag.counter_key
    raw = int(sample.value or 0)
    spec = machine.specs[key]
    if raw != sample.value or not 0 <= raw < spec.modulus:
        proposal.findings.append(f"{look.tag.tag}: {sample.value} is no count below {spec.modulus}: not used")
        return
    flag = look.companion(look.tag.reset_flag_tag)
    reading = Reading(raw, sample.at, sample.mono, machine.boot_id, flag, look.dropped)
    state = proposal.state
    outcome = book(spec, state.counters.get(key), reading, state.doubts.get(key))
    if isinstance(outcome, Doubt):
        state.doubts[key] = outcome
        return
    state.doubts.pop(key, None)
    state.counters[key] = outcome.memory
    if isinstance(outcome, Same):
        return
    proposal.memories[key] = outcome.memory
    proposal.events.append(_event(machine, look, "count", _count_fields(look.tag, outcome), quality=outcome.quality))
    if outcome.alarm:
        proposal.findings.append(f"{look.tag.tag}: {outcome.alarm}")


def _count_fields(tag: Tag, booking: Booking) -> dict[str, Any]:
    memory = booking.memory
    fields: dict[str, Any] = {
        "counter": tag.counter, "counter_epoch": memory.epoch, "raw": memory.raw, "total": memory.total,
        "delta": booking.delta, "decision": booking.decision,
    }  # fmt: skip
    if booking.bounds is not None:
        fields["bounds"] = list(booking.bounds)
    return fields


def _measurement(machine: Machine, proposal: Proposal, look: _Look) -> None:
    value = float(look.sample.value or 0) * look.tag.scale + look.tag.offset
    name = look.tag.tag
    memory = measure(proposal.state.measured.get(name), value, look.tag.deadband)
    if memory is None and not look.fresh:
        return
    fields: dict[str, Any] = {"name": name.rsplit("/", 1)[-1], "value": value}
    if look.tag.unit:
        fields["unit"] = look.tag.unit
    proposal.events.append(_event(machine, look, "measurement", fields))
    proposal.state.measured[name] = memory or Measurement(value)


def _alarm(machine: Machine, proposal: Proposal, look: _Look) -> None:
    active, name = bool(look.sample.value), look.tag.tag
    if proposal.state.alarms.get(name, False) == active and not (look.fresh and active):
        return
    proposal.events.append(_event(machine, look, "alarm", {"code": look.tag.code, "active": active}))
    proposal.state.alarms[name] = active


_STEPS: dict[str, Callable[[Machine, Proposal, _Look], None]] = {
    "state": _state,
    "mode": _mode,
    "counter": _counter,
    "measurement": _measurement,
    "alarm": _alarm,
}
