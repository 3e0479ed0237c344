"""A machine behind an OPC UA server of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ..clock import Clock
from ..drivers.opcua.certificates import Identity
from .devices import STATEFUL, Place, Reading
from .layout import Machine, node_id
from .opcua_server import OpcUaServer


class OpcUaDevice:
    """See :class:`.devices.Device`. Without certificate files it makes itself a certificate."""

    def __init__(
        self, machine: Machine, place: Place, clock: Clock, read: Callable[[], Reading], seen: Callable[[], None]
    ) -> None:
        self._machine = machine
        self._clock = clock
        self._read = read
        self._seen = seen
        self._delay_s = 0.0
        own = place.certificate and place.key and Identity(place.certificate.read_bytes(), place.key.read_bytes())
        self._server = OpcUaServer(place.host, place.port, [machine], clock, own or None)
        self._hangs = False

    async def open(self) -> None:
        # The nodes are there with their values before anybody can read them.
        reading = self._read()
        self._server.values.update({node_id(self._machine, name): value for name, value in reading.values.items()})
        await self._server.open()

    async def tell(self) -> None:
        if self._hangs or self._server.server is None:
            return
        await asyncio.sleep(self._delay_s)
        reading, now = self._read(), self._clock.now_ms()
        for name, value in reading.values.items():
            at = min(reading.since, now) if name in STATEFUL else now
            await self._server.show(node_id(self._machine, name), value, at)
        if self._server.watched(self._machine.name):
            self._seen()

    async def close(self) -> None:
        await self._server.close()

    async def drop(self) -> None:
        self._server.drop_links()

    def hang(self, hangs: bool) -> None:
        if hangs == self._hangs:
            return
        self._hangs = hangs
        if hangs:
            with contextlib.suppress(AttributeError):  # closed meanwhile: it answers nobody anyway
                self._server.hang()
        else:
            self._server.resume()

    def delay(self, seconds: float) -> None:
        self._delay_s = seconds
