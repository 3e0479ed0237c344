"""A driver whose device is an object of the test: it counts opens, can hang, block, refuse and fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from iot_bridge.clock import Clock
from iot_bridge.drivers import DriverKind, Surroundings
from iot_bridge.drivers.base import Found
from iot_bridge.drivers.settings import ConnectionConfig
from iot_bridge.errors import LinkLost
from iot_bridge.events import Sample, Value
from iot_bridge.tags import Tag

NAME = "bench"


class BenchConfig(ConnectionConfig):
    """One device of the test."""

    driver: Literal["bench"] = "bench"
    host: str = "nowhere"


@dataclass
class Device:
    """``values`` by tag, else by the tag's name; ``hang`` makes reads wait, ``deaf`` also swallow cancellation."""

    values: dict[str, Value] = field(default_factory=dict)
    opens: int = 0
    reads: int = 0
    hang: asyncio.Event | None = None
    deaf: bool = False
    down: bool = False
    refuses: str = ""
    offers: list[Found] = field(default_factory=list)
    takes: bool = True


@dataclass(frozen=True)
class Group:
    """All tags of the device."""

    poll_ms: int


class BenchDriver:
    """Polled."""

    def __init__(self, device: Device, tags: Sequence[Tag], clock: Clock) -> None:
        self._device, self._tags, self._clock = device, tags, clock

    def groups(self) -> list[Group]:
        return [Group(min(tag.poll_ms for tag in self._tags))]

    async def open(self) -> None:
        if self._device.down or any(self._device.refuses and self._device.refuses in t.tag for t in self._tags):
            raise LinkLost("the device is away")
        self._device.opens += 1

    async def read(self, group: Group) -> list[Sample]:
        device = self._device
        while device.hang is not None:
            try:
                await device.hang.wait()
            except asyncio.CancelledError:
                if not device.deaf:
                    raise
            if device.hang is not None and device.hang.is_set():
                device.hang = None
        if device.down:
            raise LinkLost("the device is away")
        device.reads += 1
        now, mono = self._clock.now_ms(), self._clock.mono_ms()
        return [Sample(tag.tag, self._value(tag), now, mono, now) for tag in self._tags]

    async def write(self, tag: Tag, value: Value) -> None:
        if self._device.takes:
            self._device.values[tag.tag] = value

    async def read_tags(self, tags: Sequence[Tag]) -> list[Sample]:
        now, mono = self._clock.now_ms(), self._clock.mono_ms()
        return [Sample(tag.tag, self._value(tag), now, mono, now) for tag in tags]

    async def browse(self, start: str | None, limit: int) -> list[Found]:
        if self._device.down:
            raise LinkLost("the device is away")
        return [found for found in self._device.offers if start is None or found.address >= start][:limit]

    async def close(self) -> None:
        """Nothing to let go."""

    def _value(self, tag: Tag) -> Value:
        return self._device.values.get(tag.tag, self._device.values.get(tag.tag.rpartition("/")[2], 1))


def kind(devices: dict[str, Device]) -> DriverKind:
    """The descriptor for DRIVERS: each connection's device by its name."""

    def make(config: Any, tags: Sequence[Tag], clock: Clock, around: Surroundings) -> Any:
        if any("impossible" in tag.tag for tag in tags):
            raise ValueError("a tag that this driver can't be built with: remove it")
        return BenchDriver(devices[config.name], tags, clock)

    return DriverKind(NAME, BenchConfig, lambda tag: None, lambda: make)
