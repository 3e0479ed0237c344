"""What a driver is. To add one: write a class with these methods, enter it in DRIVERS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ..clock import Clock
from ..config.model import ConnectionConfig
from ..events import Sample
from ..tags import Tag
from .blocks import PollGroup


class Driver(Protocol):
    """One link to one device. Used by one task; after LinkLost it is closed and opened anew."""

    def groups(self) -> list[PollGroup]:
        """What to read, and how often."""

    async def open(self) -> None:
        """Connect; raise LinkLost with a sentence."""

    async def read(self, group: PollGroup) -> list[Sample]:
        """One sample a tag of the group (value None when the device refuses that tag); raise LinkLost."""

    def close(self) -> None:
        """Drop the link; never raises."""


class DriverFactory(Protocol):
    """Builds the driver of a connection."""

    def __call__(self, config: ConnectionConfig, tags: Sequence[Tag], clock: Clock) -> Driver: ...
