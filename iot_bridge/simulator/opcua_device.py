"""Machines behind an OPC UA server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from ..clock import Clock
from ..drivers.opcua.certificates import Identity
from .devices import STATEFUL, Behind, Place
from .layout import node_id
from .opcua_server import OpcUaServer


class OpcUaDevice:
    """See :class:`.devices.Device`. Without certificate files it makes itself a certificate."""

    def __init__(
        self, behind: Sequence[Behind], place: Place, clock: Clock, seen: Callable[[], None]
    ) -> None:
        self._behind = tuple(behind)
        self._clock = clock
        self._seen = seen
        self._delay_s = 0.0
        own = place.certificate and place.key and Identity(place.certificate.read_bytes(), place.key.read_bytes())
        self._server = OpcUaServer(place.host, place.port, [one.machine for one in behind], clock, own or None)
        self._hangs = False

    async def open(self) -> None:
        # The nodes are there with their values before anybody can read them.
        for one in self._behind:
            values = one.read().values
            self._server.values.update({node_id(one.machine, name): value for name, value in values.items()})
        await self._server.open()

    async def tell(self) -> None:
        if self._hangs or self._server.server is None:
            return
        await asyncio.sleep(self._delay_s)
        for one in self._behind:
            await self._show(one)
        if all(self._server.watched(one.machine.name) for one in self._behind):
            self._seen()

    async def _show(self, one: Behind) -> None:
        reading, now = one.read(), self._clock.now_ms()
        for name, value in reading.values.items():
            at = min(reading.since, now) if name in STATEFUL else now
            await self._server.show(node_id(one.machine, name), value, at)

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
