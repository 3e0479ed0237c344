"""What simulated equipment is, as data: registers, counters, setpoints, machines, meters, and cells of them.

A pure description without third-party imports. ``layout`` says what the demo plant has of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .profiles import Profile

LINE = "DEMO/PACK/L1"
POLL_MS = 500
STALE_MS = 5000
# No state lasts shorter: four polls, so that every state is seen.
MIN_DWELL_MS = 2000

STATE_MAP = {"1": "running", "2": "idle", "3": "down", "4": "setup", "5": "maintenance"}
MODE_MAP = {"1": "production", "2": "changeover", "3": "maintenance", "4": "cleaning"}
INTERLOCK_MAP = {"1": "starved", "2": "blocked"}
MAP_REVISION = 1

Protocol = Literal["modbus_tcp", "modbus_rtu_tcp", "opcua", "mqtt", "sparkplug"]
MODBUS = frozenset({"modbus_tcp", "modbus_rtu_tcp"})
# These speak through a broker, all others listen on a port of their own.
BROKERED = frozenset({"mqtt", "sparkplug"})


@dataclass(frozen=True, slots=True)
class Register:
    """Where a value lies in a machine's holding registers, and its type whatever the protocol."""

    address: int
    type: str
    word_order: str = "ABCD"


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter of a machine. ``start`` is the raw value of a factory-new simulator."""

    name: str
    register: Register
    modulus: int
    start: int = 0
    unit: str = "pcs"


@dataclass(frozen=True, slots=True)
class Setpoint:
    """A value that a command may set at a machine on Modbus, ``low`` to ``high`` in ``unit``."""

    name: str
    register: Register
    start: float
    low: float
    high: float
    unit: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured value of a machine in ``unit``, told when it has moved by ``deadband``."""

    name: str
    register: Register
    unit: str
    deadband: float = 1.0


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine. It is a device of its own, or unit ``unit_id`` behind ``controller``.

    ideal_cycle_s: seconds a piece (a litre, for a batch) by its nameplate; pace: what it really takes at
    best ÷ that. minor_codes, fault_codes: code -> text. batch: pieces a batch, 0: one piece after another.
    """

    name: str
    title: str
    ideal_cycle_s: float
    reject_share: float
    counters: tuple[Counter, ...]
    minor_codes: dict[int, str] = field(default_factory=dict)
    fault_codes: dict[int, str] = field(default_factory=dict)
    protocol: Protocol = "modbus_tcp"
    line: str = LINE
    setpoints: tuple[Setpoint, ...] = ()
    controller: str = ""
    unit_id: int = 1
    poll_ms: int = POLL_MS
    pace: float = 1.0
    batch: int = 0
    measures: tuple[Measure, ...] = ()
    # Registers common to all machines of the line.
    state: Register = Register(0, "uint16")
    code: Register = Register(1, "uint16")
    interlock: Register = Register(2, "uint16")
    mode: Register = Register(3, "uint16")
    boot: Register = Register(4, "uint16")
    speed: Register = Register(10, "float32")

    @property
    def code_path(self) -> str:
        """Stable equipment code, e.g. DEMO/PACK/L1/FILLER."""
        return f"{self.line}/{self.name}"

    @property
    def connection(self) -> str:
        """Name of the bridge's connection, e.g. plc_filler."""
        return f"plc_{self.device.lower()}"

    @property
    def device(self) -> str:
        """Name of the device that the machine is, or is behind."""
        return self.controller or self.name

    @property
    def max_rate(self) -> float:
        """Most pieces a second that are possible: twice the ideal rate."""
        return round(2.0 / self.ideal_cycle_s, 3)

    @property
    def values(self) -> dict[str, Register]:
        """Every value the machine shows, by name."""
        common = {
            "state": self.state, "code": self.code, "interlock": self.interlock, "mode": self.mode,
            "boot": self.boot, "speed": self.speed,
        }  # fmt: skip
        set_ = {one.name: one.register for one in self.setpoints}
        measured = {one.name: one.register for one in self.measures}
        return {**common, **set_, **measured, **{counter.name: counter.register for counter in self.counters}}


@dataclass(frozen=True, slots=True)
class Meter:
    """An energy meter in a machine's feeder: a device of its own, whose values belong to that machine.

    energy counts whole watt-hours; power is in kW. idle_kw, running_kw: what the machine draws. meter: the
    meter's name at the machine.
    """

    name: str
    title: str
    machine: str
    protocol: Protocol
    idle_kw: float
    running_kw: float
    start_wh: int
    meter: str = "main"
    unit_id: int = 7
    energy: Register = Register(0, "uint32")
    power: Register = Register(2, "float32")

    @property
    def connection(self) -> str:
        """Name of the bridge's connection."""
        return f"plc_{self.name.lower()}"

    @property
    def code_path(self) -> str:
        """Equipment code of the machine that the energy belongs to."""
        return f"{LINE}/{self.machine}"

    @property
    def max_rate(self) -> float:
        """Most watt-hours a second that are possible: twice the power when running."""
        return round(2 * self.running_kw / 3.6, 3)


def counters(
    bits: int, start: int, word_order: str = "ABCD", unit: str = "pcs", reject_unit: str = "pcs"
) -> tuple[Counter, ...]:
    """Total and reject counter of a machine, of ``bits`` each; the total begins at ``start``."""
    kind = f"uint{bits}"
    return (
        Counter("total", Register(5, kind, word_order), 2**bits, start, unit),
        Counter("reject", Register(7, kind, word_order), 2**bits, 0, reject_unit),
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """Machines that belong together.

    in_flow: pieces pass from one to the next; else each works for itself. profile: how lively it is whatever
    the plant is, None: as the plant. hours: from and to on the local clock, Mondays to Fridays; None: always.
    """

    code: str
    machines: tuple[Machine, ...]
    meters: tuple[Meter, ...] = ()
    in_flow: bool = True
    profile: Profile | None = None
    hours: tuple[int, int] | None = None
