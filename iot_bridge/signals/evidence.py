"""Evidence: the spans in which a machine was really watched. Pure.

A good read shows the machine up to its time + the stale limit, never further. While all is well
the growing span is sent in steps of ``every_ms``; what is not sent yet goes at once on a loss.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """One evidence event: watched in [start, until); ``at`` is the last good read."""

    start: int
    until: int
    at: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Memory of one machine. last_good: last good read; sent: ``at`` of the last span sent."""

    last_good: int | None = None
    sent: int | None = None

    def holds(self, now: int, stale_ms: int) -> bool:
        """Whether the machine counts as watched at ``now``."""
        return self.last_good is not None and now <= self.last_good + stale_ms


def seen(memory: Evidence, at: int, stale_ms: int, every_ms: int) -> tuple[Evidence, list[EvidenceSpan], bool]:
    """A good read at ``at`` -> (memory, spans to send, whether a new span begins here)."""
    last, sent = memory.last_good, memory.sent
    # Backwards means that the clock was set: what follows is another span.
    if last is None or sent is None or at < last or at > last + stale_ms:
        _, rest = flush(memory, stale_ms)
        return Evidence(at, at), [*rest, EvidenceSpan(at, at + stale_ms, at)], True
    if at - sent < every_ms:
        return replace(memory, last_good=at), [], False
    return Evidence(at, at), [EvidenceSpan(sent, at + stale_ms, at)], False


def flush(memory: Evidence, stale_ms: int) -> tuple[Evidence, list[EvidenceSpan]]:
    """What is seen and not sent yet, for a loss or a stop."""
    last, sent = memory.last_good, memory.sent
    if last is None or sent is None or last <= sent:
        return memory, []
    return replace(memory, sent=last), [EvidenceSpan(sent, last + stale_ms, last)]
