"""What a simulated machine speaks. Each device shows the present values of one machine in its protocol.

``values`` is asked for whenever somebody reads, or at each :meth:`Device.tell` by those that push. A
protocol's own serving lies in a module of its own and is imported when the first machine needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Union

from .layout import BROKERED, Machine

Values = Callable[[], Mapping[str, Union[int, float]]]


class Device(Protocol):
    """A machine as seen from the network."""

    async def open(self) -> None:
        """Serve, or connect to the broker; raise Misconfigured when the port is taken."""

    async def tell(self, now_ms: int) -> None:
        """Push what has changed, stamped with plant time ``now_ms``; nothing for what is polled."""

    async def close(self) -> None:
        """End in order."""


@dataclass(frozen=True, slots=True)
class Tls:
    """Certificate files: ``ca`` trusts the other side, ``certificate`` and ``key`` are one's own."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is: its own port, or the broker's for what speaks through one."""

    host: str
    port: int
    tls: Tls | None = None


def make_device(machine: Machine, place: Place, values: Values, seen: Callable[[], None]) -> Device:
    """The device of a machine. ``seen`` is called when somebody has got its values."""
    if machine.protocol == "opcua":
        from .opcua_device import OpcUaDevice

        return OpcUaDevice(machine, place, values, seen)
    if machine.protocol in BROKERED:
        from .broker_devices import MqttDevice, SparkplugDevice

        kind = MqttDevice if machine.protocol == "mqtt" else SparkplugDevice
        return kind(machine, place, values, seen)
    from .modbus_device import ModbusDevice

    return ModbusDevice(machine.protocol, place, {1: (machine.values, values)}, seen)
