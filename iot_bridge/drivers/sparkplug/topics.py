"""Sparkplug's topics and the addresses of its tags. Pure."""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "spBv1.0"
NODE_MESSAGES = frozenset({"NBIRTH", "NDEATH", "NDATA", "NCMD"})
DEVICE_MESSAGES = frozenset({"DBIRTH", "DDEATH", "DDATA", "DCMD"})
REBIRTH = "Node Control/Rebirth"
BDSEQ = "bdSeq"


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Who publishes metrics: an edge node, or a device behind it."""

    group: str
    node: str
    device: str | None = None

    @property
    def edge(self) -> Source:
        """The edge node."""
        return Source(self.group, self.node)

    def __str__(self) -> str:
        return f"{self.group}/{self.node}" + (f"/{self.device}" if self.device is not None else "")

    def topic(self, message: str) -> str:
        """``message`` without its first letter: BIRTH, DEATH, DATA, CMD."""
        letter, tail = ("N", "") if self.device is None else ("D", f"/{self.device}")
        return f"{NAMESPACE}/{self.group}/{letter}{message}/{self.node}{tail}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a tag's value is."""

    source: Source
    metric: str

    def __str__(self) -> str:
        return f"{self.source}:{self.metric}"


def parse_topic(topic: str) -> tuple[str, Source] | None:
    """(BIRTH, DEATH, DATA or CMD; who), or None for any other topic."""
    levels = topic.split("/")
    if len(levels) not in (4, 5) or levels[0] != NAMESPACE or not all(levels):
        return None
    message = levels[2]
    if message in NODE_MESSAGES and len(levels) == 4:
        return message[1:], Source(levels[1], levels[3])
    if message in DEVICE_MESSAGES and len(levels) == 5:
        return message[1:], Source(levels[1], levels[3], levels[4])
    return None


def state_topic(host_id: str) -> str:
    return f"{NAMESPACE}/STATE/{host_id}"


def parse_address(text: str) -> Address:
    """``group/node[/device]:Metric/Name``; raise ValueError saying the mend."""
    where, colon, metric = text.partition(":")
    parts = where.split("/")
    if not colon or not metric or len(parts) not in (2, 3) or not all(parts):
        raise ValueError(f'address {text!r} can\'t be read: write "group/node/device:Metric", or "group/node:Metric"')
    if any(char in part for part in parts for char in "+#"):
        raise ValueError(f"address {text!r}: + and # can't be part of a group, node or device")
    return Address(Source(*parts), metric)
