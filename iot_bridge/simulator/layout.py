"""What the demo line is made of: machines, registers, maps, counters, ideal cycles.

A pure description. The simulator serves it, ``iot-bridge simulate --print-tags`` renders it as
tags, ``--print-config`` as a bridge configuration; the demo plant in Odoo must agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LINE = "DEMO/PACK/L1"
POLL_MS = 500
STALE_MS = 5000
# No state lasts shorter: four polls, so that every state is seen.
MIN_DWELL_MS = 2000

STATE_MAP = {"1": "running", "2": "idle", "3": "down", "4": "setup", "5": "maintenance"}
MODE_MAP = {"1": "production", "2": "changeover", "3": "maintenance", "4": "cleaning"}
INTERLOCK_MAP = {"1": "starved", "2": "blocked"}
MAP_REVISION = 1


@dataclass(frozen=True, slots=True)
class Register:
    """Where a value lies in a machine's holding registers."""

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
class Machine:
    """One machine, one Modbus TCP server (port = base port + index).

    ideal_cycle_s: seconds a piece. stop_codes: code -> text, minor stops first, faults after.
    """

    name: str
    title: str
    ideal_cycle_s: float
    reject_share: float
    counters: tuple[Counter, ...]
    minor_codes: dict[int, str] = field(default_factory=dict)
    fault_codes: dict[int, str] = field(default_factory=dict)
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
        return f"{LINE}/{self.name}"

    @property
    def connection(self) -> str:
        """Name of the bridge's connection, e.g. plc_filler."""
        return f"plc_{self.name.lower()}"

    @property
    def max_rate(self) -> float:
        """Most pieces a second that are possible: twice the ideal rate."""
        return round(2.0 / self.ideal_cycle_s, 3)


def _counters(bits: int, start: int, word_order: str = "ABCD") -> tuple[Counter, ...]:
    kind = f"uint{bits}"
    return (
        Counter("total", Register(5, kind, word_order), 2**bits, start),
        Counter("reject", Register(7, kind, word_order), 2**bits),
    )


# The order is the flow. The filler is the bottleneck, its total wraps in the first minute.
MACHINES: tuple[Machine, ...] = (
    Machine(
        "DEPAL", "Depalletizer", 0.70, 0.0, _counters(32, 1_000_000),
        {101: "Pallet change", 102: "Bottle fallen"}, {111: "Gripper vacuum lost"},
    ),
    Machine(
        "FILLER", "Filler", 0.80, 0.012, _counters(16, 65_500),
        {201: "Bottle jam at infeed", 202: "Level sensor dirty"}, {211: "Product pump fault", 212: "Valve stuck"},
    ),
    Machine(
        "CAPPER", "Capper", 0.75, 0.008, _counters(16, 12_000),
        {301: "Cap chute jam", 302: "Cap missing"}, {311: "Torque head fault"},
    ),
    Machine(
        "LABELLER", "Labeller", 0.72, 0.005, _counters(32, 70_000, "CDAB"),
        {401: "Label roll change", 402: "Label torn"}, {411: "Glue temperature low"},
    ),
    Machine(
        "PACKER", "Packer", 0.70, 0.002, _counters(16, 0),
        {501: "Carton missing", 502: "Carton jam"}, {511: "Servo overload"},
    ),
)  # fmt: skip

BOTTLENECK = "FILLER"


def _tag(machine: Machine, name: str, signal: str, register: Register, **more: Any) -> dict[str, Any]:
    return {
        "tag": f"{machine.code_path}/{name}", "connection": machine.connection, "equipment": machine.code_path,
        "signal": signal, "table": "holding", "register": register.address, "type": register.type,
        "word_order": register.word_order, "unit_id": 1, "poll_ms": POLL_MS, **more,
    }  # fmt: skip


def machine_tags(machine: Machine) -> list[dict[str, Any]]:
    """The tags of one machine, in the shape of the schema's ``tag``."""
    path = machine.code_path
    tags = [
        _tag(
            machine, "state", "state", machine.state, map=STATE_MAP, map_revision=MAP_REVISION, stale_ms=STALE_MS,
            code_tag=f"{path}/code", interlock_tag=f"{path}/interlock", interlock_map=INTERLOCK_MAP,
        ),
        _tag(machine, "code", "companion", machine.code),
        _tag(machine, "interlock", "companion", machine.interlock),
        _tag(machine, "mode", "mode", machine.mode, map=MODE_MAP, map_revision=MAP_REVISION),
        _tag(machine, "boot", "companion", machine.boot),
        _tag(machine, "speed", "measurement", machine.speed, unit="1/min", deadband=1.0),
    ]  # fmt: skip
    for counter in machine.counters:
        tags.append(
            _tag(
                machine, counter.name, "counter", counter.register, counter=counter.name, modulus=counter.modulus,
                max_rate=machine.max_rate, tolerance=2, policy="rollover", reset_flag_tag=f"{path}/boot",
                unit=counter.unit,
            )
        )  # fmt: skip
    return tags


def line_tags() -> list[dict[str, Any]]:
    """All tags of the line."""
    return [tag for machine in MACHINES for tag in machine_tags(machine)]


def connections(host: str, base_port: int) -> list[dict[str, Any]]:
    """The connections of a bridge that reads the simulator at ``host``."""
    return [
        {"name": machine.connection, "driver": "modbus_tcp", "host": host, "port": base_port + index}
        for index, machine in enumerate(MACHINES)
    ]
