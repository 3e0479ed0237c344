"""The alarms of the past, as the tag `alarm` of each machine would have told them: a code comes and goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .past import MachineHistory


@dataclass(frozen=True, slots=True)
class AlarmChange:
    """The alarm ``code`` of a machine came, or went, at an instant (ms)."""

    machine: str
    at: int
    code: str
    active: bool
    text: str
    severity: str


def invent_alarms(machines: Sequence[MachineHistory]) -> list[AlarmChange]:
    """Every alarm that came, in the order of time, machine by machine; at the end all of them are gone."""
    return [change for history in machines for change in _of_machine(history)]


def _of_machine(history: MachineHistory) -> Iterator[AlarmChange]:
    machine = history.machine
    shown: str | None = None

    def change(at: int, code: str, active: bool) -> AlarmChange:
        texts = {**machine.minor, **machine.faults}
        severity = "high" if int(code) in machine.faults else "low"
        return AlarmChange(machine.code, at, code, active, texts.get(int(code), ""), severity)

    for span in history.spans:
        if span.code != shown:
            if shown:
                yield change(span.start, shown, False)
            if span.code:
                yield change(span.start, span.code, True)
            shown = span.code
    if shown:
        yield change(history.spans[-1].end, shown, False)
