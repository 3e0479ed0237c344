"""A machine that publishes one JSON object to a topic of its own, with QoS 1: whenever it changes, and each second."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from ..clock import Clock
from ..drivers.mqtt.link import Link
from ..drivers.mqtt.settings import BrokerConfig
from ..errors import LinkLost
from .devices import STATEFUL, Place, Reading
from .layout import MQTT_TIME, Machine, topic

REPEAT_MS = 1000
PAUSE_S = 0.5


class MqttDevice:
    """See :class:`.devices.Device`. Without a broker it goes on trying; what it could not tell is told anew."""

    def __init__(
        self, machine: Machine, place: Place, clock: Clock, read: Callable[[], Reading], seen: Callable[[], None]
    ) -> None:
        self._topic = topic(machine)
        self._clock = clock
        self._read = read
        self._seen = seen
        self._config = BrokerConfig(name=f"sim-{machine.name}", driver="mqtt", host=place.host, port=place.port)
        self._link: Link | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._told: dict[str, Any] = {}
        self._told_at = 0
        self._hangs = False
        self._delay_s = 0.0

    async def open(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def tell(self) -> None:
        now, link = self._clock.now_ms(), self._link
        if self._hangs or link is None:
            return
        await asyncio.sleep(self._delay_s)
        reading = self._read()
        values = dict(reading.values)
        if values == self._told and now - self._told_at < REPEAT_MS * self._clock.speed:
            return
        at = min(reading.since, now) if self._only_state_changed(values) else now
        link.post(self._topic, json.dumps({**values, MQTT_TIME: at}).encode(), 1)
        self._told, self._told_at = values, now
        self._seen()

    def _only_state_changed(self, values: dict[str, Any]) -> bool:
        changed = {name for name, value in values.items() if self._told.get(name) != value}
        return bool(changed) and changed <= STATEFUL

    async def close(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def drop(self) -> None:
        if self._link is not None:
            self._link.abort()

    def hang(self, hangs: bool) -> None:
        self._hangs = hangs

    def delay(self, seconds: float) -> None:
        self._delay_s = seconds

    async def _keep(self) -> None:
        """Connected for ever."""
        while True:
            link = Link(self._config, self._config.name, lambda message: None, clean=True)
            with contextlib.suppress(LinkLost):
                await link.open()
                self._told = {}
                self._link = link
                await link.lost()
            self._link = None
            link.abort()
            await asyncio.sleep(PAUSE_S)
