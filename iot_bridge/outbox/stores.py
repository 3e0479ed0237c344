"""The outboxes of one bridge: each stream has a file of its own.

States, counts, evidence and all else that a machine's history is made of go to the main stream, energy
meters too, because their totals live with the counters' memories. Measurements and parameters go to the
telemetry stream where there is one: after an outage the states are delivered while the measurements still
wait, and a telemetry file that can take no more stops no state.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from ..events import Event
from ..signals.counter import CounterMemory
from .store import Outbox

TELEMETRY = frozenset({"measurement", "parameter"})


class Stores:
    """Where a pipeline's events go. ``main`` also keeps counter memories and notes."""

    def __init__(self, main: Outbox, telemetry: Outbox | None = None) -> None:
        self.main = main
        self.telemetry = telemetry

    def append(
        self, events: Sequence[Event], memories: Mapping[str, CounterMemory], notes: Mapping[str, str | None]
    ) -> None:
        """Store events, memories and notes; those of the main stream in one transaction, the last to be written.

        A crash in between leaves measurements that come once more: same tag, same time, same value.
        Raises sqlite3.OperationalError when the main stream can't be stored.
        """
        if self.telemetry is None:
            self.main.append(events, memories, notes)
            return
        measured = [event for event in events if event.kind in TELEMETRY]
        if measured:
            self._measure(self.telemetry, measured)
        rest = [event for event in events if event.kind not in TELEMETRY] if measured else events
        if rest or memories or notes:
            self.main.append(rest, memories, notes)

    @staticmethod
    def _measure(telemetry: Outbox, events: Sequence[Event]) -> None:
        try:
            telemetry.append(events, {})
        except sqlite3.OperationalError as error:
            telemetry.lose(len(events), str(error))

    def memories(self) -> dict[str, CounterMemory]:
        """Counter memories by <equipment>/<counter>."""
        return self.main.memories()

    def notes(self) -> dict[str, str]:
        """Notes by key."""
        return self.main.notes()
