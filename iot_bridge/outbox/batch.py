"""What the outbox hands out: a batch for Odoo, and one look at the queue."""

from __future__ import annotations

import json
from dataclasses import dataclass

# Bounds of one call, as the receiving side declares them; some room is left for the envelope.
MAX_EVENTS = 5000
MAX_RANGES = 5000
MAX_BYTES = 7_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequence numbers first..last: events (seq, body) and the ranges declared dropped.

    findings: sentences about events that were altered or lost in the file.
    """

    epoch: str
    first: int
    last: int
    events: list[tuple[int, str]]
    dropped: list[tuple[int, int, str]]
    findings: tuple[str, ...] = ()

    def to_json(self, stream: str) -> str:
        """The batch of the schema; bodies are spliced, not parsed."""
        head = json.dumps(
            {
                "v": 1, "stream": stream, "epoch": self.epoch, "from": self.first, "to": self.last,
                "dropped": [{"from": a, "to": b, "reason": reason} for a, b, reason in self.dropped],
            }
        )  # fmt: skip
        events = ",".join(f'{{"seq":{seq},{body[1:]}' for seq, body in self.events)
        return f'{head[:-1]}, "events":[{events}]}}'


@dataclass(frozen=True, slots=True)
class Stats:
    """State of the queue; ``oldest_stored`` is real time in s, None when nothing is pending.

    pending: events that wait (a declared hole at the end counts as one). dropped: numbers ever declared dropped.
    """

    epoch: str
    first: int
    last: int
    applied: int
    pending: int
    dropped: int
    oldest_stored: int | None


def fitting(bodies: list[tuple[int, str]], max_bytes: int) -> int:
    """How many of the first events fit into ``max_bytes``; at least one."""
    size = 0
    for count, (_, body) in enumerate(bodies):
        size += len(body) + 24
        if size > max_bytes and count:
            return count
    return len(bodies)
