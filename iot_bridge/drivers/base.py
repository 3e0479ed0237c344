"""What a driver is. To add one: see :mod:`iot_bridge.drivers`.

A driver is either polled (:class:`Driver`) or pushed (:class:`Subscriber`); either may also be
:class:`Writable` and :class:`Browsable`. One task uses it; after LinkLost it is closed and opened anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..clock import Clock
from ..events import Sample, Value
from ..tags.model import Tag
from .settings import ConnectionConfig


class PollGroup(Protocol):
    """What is read in one cycle, every ``poll_ms`` plant ms."""

    @property
    def poll_ms(self) -> int: ...


class Link(Protocol):
    """What both kinds of driver share."""

    async def open(self) -> None:
        """Connect; raise LinkLost with a sentence. Callable again after :meth:`close`."""

    async def close(self) -> None:
        """Drop the link within a second; never raises."""


@runtime_checkable
class Driver(Link, Protocol):
    """Polled: it is asked for each group's values when they are due."""

    def groups(self) -> Sequence[Any]:
        """The :class:`PollGroup` s, and how often each is read."""

    async def read(self, group: Any) -> list[Sample]:
        """One sample a tag of the group (value None when the device refuses that tag); raise LinkLost."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Samples that came together. ``dropped``: the device itself restarted or closed the link since the
    delivery before. ``token`` is the driver's own, handed back to :meth:`Subscriber.stored`. ``notes`` are
    kept in the outbox in the same transaction (None deletes). ``beside`` are notes that are worth keeping only
    together with something else: when the samples tell nothing new there is no transaction, and nobody makes them."""

    samples: list[Sample]
    dropped: bool = False
    token: Any = None
    notes: dict[str, str | None] = field(default_factory=dict)
    beside: dict[str, Callable[[], str]] = field(default_factory=dict)


@runtime_checkable
class Subscriber(Link, Protocol):
    """Pushed: it delivers when the source has something to tell."""

    async def receive(self) -> Delivery:
        """Wait for the next delivery, about a second at most: then an empty one. Raise LinkLost.

        May run while :meth:`Writable.write` does; never while :meth:`open` or :meth:`close` do.
        """

    async def stored(self, delivery: Delivery) -> None:
        """The delivery is committed: acknowledge it to the source. Not called when it could not be stored."""


@runtime_checkable
class Patient(Protocol):
    """A source that keeps what it has until it is asked, such as files: it waits while the outbox is full."""

    patient: bool


@runtime_checkable
class Writable(Protocol):
    """A driver that can write. Values are raw, before scaling."""

    async def write(self, tag: Tag, value: Value) -> None:
        """Write one value; raise Rejected when the device refuses it, LinkLost when it does not answer."""

    async def read_tags(self, tags: Sequence[Tag]) -> list[Sample]:
        """The present values, one sample a tag; raise LinkLost."""


@runtime_checkable
class Rebirthable(Protocol):
    """A driver whose devices can be asked to say anew all that they have (Sparkplug B)."""

    async def rebirth(self, tag: Tag) -> None:
        """Ask the device that the tag belongs to; raise LinkLost when the request could not leave."""


@runtime_checkable
class Counting(Protocol):
    """A driver that counts what happens to it, for metrics and the status page. Names are its own."""

    @property
    def figures(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True)
class Found:
    """Something that can become a tag. ``address`` is as a tag takes it (Modbus: table:register)."""

    address: str
    name: str
    type: str
    value: Value | None = None
    unit: str | None = None
    writable: bool = False
    description: str = ""


@runtime_checkable
class Browsable(Protocol):
    """A driver that can say what its source offers."""

    async def browse(self, start: str | None, limit: int) -> list[Found]:
        """At most ``limit`` things from ``start`` on (None: the beginning); raise LinkLost."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a driver may use of the bridge around it.

    folder: for certificates, alias tables and the like, kept over restarts. notes: what deliveries have
    stored in the outbox, by key. found: say a sentence for the log and the status page. visiting: this is a
    second link for a short look, which must leave no trace and take nothing from the bridge's own. shared: the
    bridge's own folder, for what is one for all connections (certificates); None: ``folder``.
    """

    folder: Path
    notes: Callable[[], dict[str, str]] = dict
    found: Callable[[str], None] = lambda sentence: None
    visiting: bool = False
    shared: Path | None = None


class DriverFactory(Protocol):
    """Builds the driver of a connection."""

    def __call__(
        self, config: Any, tags: Sequence[Tag], clock: Clock, around: Surroundings
    ) -> Driver | Subscriber: ...


@dataclass(frozen=True, slots=True)
class DriverKind:
    """The descriptor of a protocol.

    settings: the model of its connections. check_tag: raises ValueError, saying the mend, for a tag that
    this protocol can't read. load: imports the protocol's library and gives the factory.
    """

    name: str
    settings: type[ConnectionConfig]
    check_tag: Callable[[Tag], None]
    load: Callable[[], DriverFactory]
