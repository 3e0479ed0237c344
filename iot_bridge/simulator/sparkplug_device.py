"""A machine as a device behind a Sparkplug edge node of its own connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..clock import Clock
from .devices import STATEFUL, Place, Reading
from .layout import Machine
from .sparkplug_node import SparkplugNode


class SparkplugDevice:
    """See :class:`.devices.Device`."""

    def __init__(
        self, machine: Machine, place: Place, clock: Clock, read: Callable[[], Reading], seen: Callable[[], None]
    ) -> None:
        self._machine = machine
        self._read = read
        self._seen = seen
        self._delay_s = 0.0
        self._node = SparkplugNode(place.host, place.port, [machine], clock, memory=place.memory)

    async def open(self) -> None:
        await self._node.open()

    async def tell(self) -> None:
        if self._node.frozen:
            return
        await asyncio.sleep(self._delay_s)
        reading = self._read()
        await self._node.show(self._machine, reading.values, dict.fromkeys(STATEFUL, reading.since))
        if self._node.watched:
            self._seen()

    async def close(self) -> None:
        await self._node.close()

    async def drop(self) -> None:
        await self._node.die()

    def hang(self, hangs: bool) -> None:
        self._node.freeze(hangs)

    def delay(self, seconds: float) -> None:
        self._delay_s = seconds
