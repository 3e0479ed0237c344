"""What the signals of a machine remember, and what one of them sees in one step.

A step never changes what is remembered: it works on a draft (:class:`Proposal`), which is adopted when the
outbox has stored the events that it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..events import Event, Quality, Sample, Value
from . import evidence as ev
from . import values
from .counter import CounterMemory, Doubt

if TYPE_CHECKING:
    from ..tags.model import Tag

# Times that RFC 3339 can't say come from a broken source clock: the receive time stands in.
EARLIEST_MS, LATEST_MS = 0, 253_402_300_799_000
_WORSE: Mapping[Quality, int] = {"good": 0, "uncertain": 1, "estimated": 2}


@dataclass(frozen=True, slots=True)
class StatePoint:
    """Last state sent. ``at``: since when the machine is in ``state``."""

    raw: int | str
    state: str | None
    code: str | None
    interlock: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ModePoint:
    """Last mode sent."""

    raw: int | str
    mode: str | None


@dataclass(slots=True)
class MachineState:
    """Everything the machine remembers. Each step works on a :meth:`copy`, adopted when it is stored.

    memo: by tag, what its signal remembers. latest: by tag, the last sample. settled: tags for which the
    same value once more would tell nothing. unusable: state tags whose value says no state. span: number
    of the evidence span; sent: by tag, the span in which its value was last sent.
    """

    point: StatePoint | None = None
    mode: ModePoint | None = None
    evidence: ev.Evidence = field(default_factory=ev.Evidence)
    counters: dict[str, CounterMemory] = field(default_factory=dict)
    doubts: dict[str, Doubt] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)
    latest: dict[str, Sample] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    unusable: set[str] = field(default_factory=set)
    sent: dict[str, int] = field(default_factory=dict)
    span: int = 0
    lost: bool = True

    def copy(self) -> MachineState:
        """A state of its own; what is inside the dictionaries never changes."""
        return MachineState(
            self.point, self.mode, self.evidence, self.counters.copy(), self.doubts.copy(), self.memo.copy(),
            self.latest.copy(), self.settled.copy(), self.unusable.copy(), self.sent.copy(), self.span, self.lost,
        )  # fmt: skip


@dataclass(slots=True)
class Proposal:
    """What a step would store, and the state after it.

    past: the same for historical samples, None when there were none. notes: small texts stored in the same
    transaction. writes: what is to be written to a device once this is stored. findings: for the log.
    """

    state: MachineState
    past: MachineState | None = None
    events: list[Event] = field(default_factory=list)
    memories: dict[str, CounterMemory] = field(default_factory=dict)
    notes: dict[str, str | None] = field(default_factory=dict)
    writes: list[tuple[str, Value]] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Look:
    """What a signal's step sees: one sample of its tag.

    plan: what the signal made of the tag beforehand. before: the sample before this one. fresh: the value
    must be told again, because nobody watched the machine meanwhile. dropped: the device itself closed the
    link since the cycle before.
    """

    equipment: str
    boot_id: str
    tag: Tag
    plan: Any
    sample: Sample
    before: Sample | None
    state: MachineState
    out: Proposal
    fresh: bool = False
    dropped: bool = False

    @property
    def memo(self) -> Any:
        """What this signal remembers; None at first."""
        return self.state.memo.get(self.tag.tag)

    @memo.setter
    def memo(self, value: Any) -> None:
        self.state.memo[self.tag.tag] = value

    def companion(self, name: str | None) -> Value | None:
        """Value of a companion tag: of this cycle, else the last that came."""
        sample = self.state.latest.get(name) if name is not None else None
        return None if sample is None or not values.usable(sample.value) else sample.value

    def emit(
        self, kind: str, fields: Mapping[str, Any], *, at: int | None = None, quality: Quality = "good"
    ) -> None:
        """Send an event of this sample; at: another time than the sample's."""
        sample = self.sample
        worst = max(sample.quality, quality, key=_WORSE.__getitem__)
        self.out.events.append(
            Event(kind, self.equipment, sample.at if at is None else at, fields, worst, self.tag.tag, sample.recv)
        )

    def note(self, text: str | None) -> None:
        """Keep a small text over restarts, in one transaction with the events; None forgets it."""
        self.out.notes[note_key(self.tag.tag)] = text

    def find(self, sentence: str) -> None:
        """Say a sentence for the log."""
        self.out.findings.append(f"{self.tag.tag}: {sentence}")


def note_key(tag: str) -> str:
    """Where a signal's note lies in the outbox."""
    return f"signal:{tag}"


def sane(sample: Sample) -> Sample:
    """The sample with a time that an event can carry, and without NaN or infinity."""
    if not EARLIEST_MS <= sample.at <= LATEST_MS:
        return Sample(sample.tag, sample.value, sample.recv, sample.mono, sample.recv, "uncertain", sample.historical)
    if sample.value is not None and not values.usable(sample.value):
        return Sample(sample.tag, None, sample.at, sample.mono, sample.recv, sample.quality, sample.historical)
    return sample
