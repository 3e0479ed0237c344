"""What a simulated machine speaks. A device shows the present values of one machine in its protocol.

A protocol's own serving lies in a module of its own, which is imported when the first machine needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..clock import Clock
from ..events import Value
from .equipment import MODBUS, Machine, Register

# Values that change together with the state, and bear the time of that change.
STATEFUL = frozenset({"state", "code", "interlock"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What a machine shows now, by the names of its :attr:`.layout.Machine.values`; since: plant ms of its state."""

    values: Mapping[str, Value]
    since: int


class Device(Protocol):
    """A machine as seen from the network."""

    async def open(self) -> None:
        """Serve, or keep a connection to the broker; raise Misconfigured when the port is taken."""

    async def tell(self) -> None:
        """To be called often: push what has changed. Nothing for what is polled."""

    async def close(self) -> None:
        """End in order."""

    async def drop(self) -> None:
        """Cut every connection, as a pulled cable that is put back."""

    def hang(self, hangs: bool) -> None:
        """Stand still with all connections open: nobody gets an answer or a message. False: go on."""

    def delay(self, seconds: float) -> None:
        """Answer, or tell, so much later."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a device is: a port of its own, or the broker's. memory: file for what it keeps over restarts.

    certificate (DER), key (PEM): files of its own certificate, where it has one.
    """

    host: str
    port: int
    memory: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def refuse(name: str, value: float) -> bool:
    """For machines that nobody sets anything at."""
    return False


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit behind a Modbus server: where its values lie, what they are, and who takes what is written to one
    (False: it is not taken)."""

    registers: Mapping[str, Register]
    read: Callable[[], Reading]
    write: Callable[[str, float], bool] = refuse


@dataclass(frozen=True, slots=True)
class Behind:
    """A machine behind a device: what it shows, and who takes a setpoint (False: it is not taken)."""

    machine: Machine
    read: Callable[[], Reading]
    write: Callable[[str, float], bool] = refuse


def make_device(
    machine: Machine,
    place: Place,
    clock: Clock,
    read: Callable[[], Reading],
    seen: Callable[[], None],
    write: Callable[[str, float], bool] = refuse,
) -> Device:
    """The device of one machine. ``seen`` is called, once or often, when a reader has found it; ``write`` sets a
    setpoint, False when it may not be so."""
    return make_shared_device([Behind(machine, read, write)], place, clock, seen)


def make_shared_device(behind: Sequence[Behind], place: Place, clock: Clock, seen: Callable[[], None]) -> Device:
    """The device of machines behind one controller, which speak one protocol; through a broker each speaks for
    itself."""
    first = behind[0]
    protocol = first.machine.protocol
    if protocol in MODBUS:
        from .modbus_device import ModbusDevice

        units = {one.machine.unit_id: Unit(one.machine.values, one.read, one.write) for one in behind}
        return ModbusDevice(protocol, place, units, seen)
    if protocol == "opcua":
        from .opcua_device import OpcUaDevice

        return OpcUaDevice(behind, place, clock, seen)
    if protocol == "sparkplug":
        from .sparkplug_device import SparkplugDevice

        return SparkplugDevice(first.machine, place, clock, first.read, seen)
    from .mqtt_device import MqttDevice

    return MqttDevice(first.machine, place, clock, first.read, seen)
