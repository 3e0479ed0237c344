"""Which node is sampled how closely, and which are looked at again. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ...tags.model import Tag
from .settings import OpcUaConfig

# Classes of publishing, real ms: a subscription each.
CLASSES_MS = (50, 100, 250, 500)
# A lost subscription is known when so many publishing intervals pass without a word; it dies after LIFETIME.
KEEP_ALIVE_COUNT = 5
LIFETIME_COUNT = 30
LIFETIME_MS = 10_000
# Evidence is renewed well before it ends.
EVIDENCE_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class Class:
    """One subscription. Times are real ms; ``sampling``: tag -> its own interval."""

    publishing_ms: int
    tags: tuple[Tag, ...]
    sampling: dict[str, float] = field(hash=False)
    margin: int = 10

    @property
    def lifetime_count(self) -> int:
        return max(LIFETIME_COUNT, math.ceil(LIFETIME_MS / self.publishing_ms))

    def queue(self, tag: Tag) -> int:
        """Values that the server keeps for us between two publishings."""
        return math.ceil(self.publishing_ms / self.sampling[tag.tag]) + self.margin


def classes(tags: Sequence[Tag], config: OpcUaConfig, speed: float) -> list[Class]:
    """Subscriptions by sampling class; a companion is sampled as closely as the tag that needs it."""
    poll_ms = {tag.tag: tag.poll_ms for tag in tags}
    for tag in tags:
        for name in tag.companions:
            if name in poll_ms:
                poll_ms[name] = min(poll_ms[name], tag.poll_ms)
    sampling = {name: max(10.0, value / speed) for name, value in poll_ms.items()}
    found: dict[int, list[Tag]] = {}
    for tag in tags:
        found.setdefault(_publishing_ms(sampling[tag.tag], config), []).append(tag)
    return [
        Class(publishing, tuple(own), {tag.tag: sampling[tag.tag] for tag in own}, config.queue_margin)
        for publishing, own in sorted(found.items())
    ]


def _publishing_ms(sampling_ms: float, config: OpcUaConfig) -> int:
    if config.publishing_ms is not None:
        return config.publishing_ms
    return max((one for one in CLASSES_MS if one <= sampling_ms / 2), default=CLASSES_MS[0])


def watched(tags: Iterable[Tag]) -> list[Tag]:
    """One tag a machine whose reading shows that it is there: its heartbeat, else its state, else any."""
    ranks = {"heartbeat": 0, "state": 1, "counter": 2}
    best: dict[str, Tag] = {}
    for tag in tags:
        known = best.get(tag.equipment)
        if tag.signal != "companion" and (known is None or ranks.get(tag.signal, 3) < ranks.get(known.signal, 3)):
            best[tag.equipment] = tag
    return list(best.values())


def evidence_s(tags: Sequence[Tag], config: OpcUaConfig, speed: float) -> float:
    """Real seconds between reads of the watched tags, so that evidence has no holes."""
    stale_ms = min((tag.stale_limit_ms for tag in tags), default=5000)
    return max(0.05, min(config.reconcile_s, stale_ms * EVIDENCE_SHARE / 1000) / speed)


def reconciled(tags: Iterable[Tag]) -> list[Tag]:
    """What the reconciling read looks at: all that must never be wrong for long."""
    return [tag for tag in tags if tag.signal != "measurement"]


def deadband(tag: Tag) -> float:
    """A tag's deadband is in its unit; this is in that of the node. 0: none, or a window that wants every value."""
    thins = tag.signal == "measurement" and tag.window_ms is None
    return tag.deadband / abs(tag.scale or 1.0) if thins else 0.0


def slacks(tags: Iterable[Tag], config: OpcUaConfig) -> dict[str, float]:
    """By how much a node may differ from what its item notified last: its deadband (in percent: nobody knows)."""
    percent = math.inf if config.deadband_percent else 0.0
    return {tag.tag: deadband(tag) or percent for tag in tags if tag.signal == "measurement"}
