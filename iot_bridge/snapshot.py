"""One look at a running bridge: what metrics, the status page and ``status.json`` show. Plain data, no I/O.

Nothing of it is kept up to date by the hot path; it is put together when somebody looks (:mod:`.observe`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .events import Value

# "bad": the source answered without a usable value; "none": not read yet.
Shown = Literal["good", "uncertain", "estimated", "bad", "none"]


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """One device link. state: "up" or "down: <why>"; counts are since the start of the process. figures: what the
    driver counts itself."""

    name: str
    driver: str
    state: str
    tags: int
    opens: int
    samples: int
    overruns: int
    restarts: int
    skew_s: float = 0.0
    figures: Mapping[str, int] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        """Whether the link stands."""
        return self.state == "up"


@dataclass(frozen=True, slots=True)
class StreamView:
    """One stream and its queue. lag_s: age of the oldest event that Odoo does not have, 0 when it has all."""

    name: str
    pending: int
    lag_s: float
    last: int
    applied: int
    dropped: int
    rejected: int
    size_bytes: int
    connected: bool
    error: str


@dataclass(frozen=True, slots=True)
class TagView:
    """One tag. age_s: plant seconds since the value was true; None when it was never read."""

    tag: str
    connection: str
    equipment: str
    signal: str
    value: Value | None
    unit: str
    at: str | None
    age_s: float | None
    quality: Shown
    stale: bool


@dataclass(frozen=True, slots=True)
class AlarmView:
    """What needs a person (or is told to one), and what to do."""

    code: str
    text: str
    mend: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """What a driver has found lately: worth knowing, nothing to be done by the bridge."""

    at: str
    connection: str
    text: str


@dataclass(frozen=True, slots=True)
class ProcessView:
    """The process itself."""

    rss_bytes: int
    cpu_s: float
    descriptors: int
    threads: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole. stuck: loops without progress for longer than their patience."""

    version: str
    stream: str
    plant_time: str
    uptime_s: float
    tag_revision: int | None
    connections: tuple[ConnectionView, ...]
    streams: tuple[StreamView, ...]
    tags: tuple[TagView, ...]
    alarms: tuple[AlarmView, ...]
    machines: Mapping[str, Mapping[str, Any]]
    process: ProcessView
    commands: Mapping[str, int] = field(default_factory=dict)
    stuck: tuple[str, ...] = ()
    findings: tuple[FindingView, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)
