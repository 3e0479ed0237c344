"""What people said about the stops of the past: about most long ones, minutes after the restart; not all of today."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .layout import UNMAPPED
from .paint import Paint
from .past import HOUR, SECOND, MachineHistory
from .reasons import BEHIND_FAULT, BY_HAND, COMMENTS

UNEXPLAINED_MS = 8 * HOUR  # of the last hours some are left,
FRESH_MS = 2 * HOUR  # of the last two all that the machine gave no reason for
LONG_MS = 90 * SECOND
SAID = {"by hand": 0.94, "unmapped": 0.5, "fault": 0.6, "minor": 0.04}


@dataclass(frozen=True, slots=True)
class Word:
    """A reason that somebody gave for [start, end) of a machine at ``recorded``."""

    machine: str
    start: int
    end: int
    reason: str
    recorded: int
    comment: str | None = None


def invent_words(machines: Sequence[MachineHistory], now: int, seed: int = 7) -> list[Word]:
    """The words about all stops, in the order in which they were said; none about a stop that goes on."""
    words = [word for history in machines for word in _of_machine(history, now, seed)]
    return sorted(words, key=lambda word: (word.recorded, word.machine))


def _of_machine(history: MachineHistory, now: int, seed: int) -> Iterator[Word]:
    rng = random.Random(f"{seed}/words/{history.machine.code}")
    faults = {str(code) for code in history.machine.faults}
    for span in history.spans:
        if span.state != "down" or span.end >= now:
            continue
        kind = _kind(span, faults)
        said = SAID[kind]
        if kind in ("by hand", "unmapped") and span.end > now - FRESH_MS:
            continue
        if kind != "minor" and span.end > now - UNEXPLAINED_MS:
            said = 0.25
        if rng.random() >= said:
            continue
        reason = rng.choice(BEHIND_FAULT if kind == "fault" else BY_HAND)
        recorded = min(now, span.end + rng.randint(40, 420) * SECOND)
        comment = COMMENTS.get(reason) if reason == "OTHER" or rng.random() < 0.4 else None
        yield Word(history.machine.code, span.start, span.end, reason, recorded, comment)


def _kind(span: Paint, faults: set[str]) -> str:
    if span.end - span.start < LONG_MS:
        return "minor"
    if span.code is None:
        return "by hand"
    if int(span.code) in UNMAPPED:
        return "unmapped"
    return "fault" if span.code in faults else "minor"

