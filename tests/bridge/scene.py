"""One machine with time in the test's hand, for the tests of signals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from iot_bridge.events import Event, Sample
from iot_bridge.signals.machine import Machine, Proposal
from iot_bridge.tags import Tag
from iot_bridge.testing import ManualClock, make_samples, make_tag

CODE = "T/A/L1/M1"


def tag(name: str, signal: str, **fields: Any) -> Tag:
    """A tag of the machine by its short name; companions by short names too."""
    own = {key: f"{CODE}/{value}" if key.endswith("_tag") else value for key, value in fields.items()}
    base = {"type": "auto", "table": "", "register": 0}
    return make_tag(CODE, name, signal=signal, **{**base, **own})


def companions(*names: str) -> list[Tag]:
    """Companion tags."""
    return [tag(name, "companion") for name in names]


class Scene:
    """A machine, a clock, and what was stored: everything, unless a test says otherwise."""

    def __init__(self, *tags: Tag) -> None:
        self.clock = ManualClock()
        self.tags = tags
        self.machine = Machine(CODE, tags, "boot-1")
        self.notes: dict[str, str | None] = {}
        self.findings: list[str] = []
        self.writes: dict[str, Any] = {}
        self.memories: dict[str, Any] = {}

    def poll(self, after_ms: int = 0, dropped: bool = False, **values: Any) -> list[Event]:
        """One cycle after so many ms; short names as keywords."""
        self.clock.advance(after_ms)
        samples = make_samples(self.clock, {f"{CODE}/{name}": value for name, value in values.items()})
        return self.feed(samples, dropped)

    def feed(self, samples: Sequence[Sample], dropped: bool = False) -> list[Event]:
        """Samples as they are."""
        return self.store(self.machine.propose(samples, dropped))

    def store(self, draft: Proposal | None) -> list[Event]:
        """Commit and adopt."""
        if draft is None:
            return []
        self.machine.adopt(draft)
        self.notes.update(draft.notes)
        self.findings += draft.findings
        self.writes.update(draft.writes)
        self.memories.update(draft.memories)
        return draft.events

    def loss(self) -> list[Event]:
        """The link is gone."""
        return self.store(self.machine.propose_loss(self.clock.now_ms()))

    def restart(self, after_ms: int = 0, *tags: Tag) -> None:
        """A new process with what was stored."""
        self.clock.advance(after_ms)
        self.machine = Machine(CODE, tags or self.tags, "boot-1")
        self.machine.remember(self.memories)
        self.machine.recall({key: note for key, note in self.notes.items() if note is not None})


def told(events: Sequence[Event], kind: str, *fields: str) -> list[Any]:
    """The fields of the events of a kind; one field alone, several as tuples."""
    rows = [tuple(event.fields.get(name) for name in fields) for event in events if event.kind == kind]
    return [row[0] for row in rows] if len(fields) == 1 else rows
