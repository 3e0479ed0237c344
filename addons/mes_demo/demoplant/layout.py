"""What the demo plant is made of: the line, its machines, registers, shifts, products, people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SITE = {"code": "DEMO", "name": "Demo plant", "tz": "Europe/Berlin"}
AREA = {"code": "PACK", "name": "Packaging"}
LINE = {"code": "L1", "name": "Line 1"}
LINE_CODE = f"{SITE['code']}/{AREA['code']}/{LINE['code']}"
GATEWAY = {"name": "Demo gateway"}
STREAM = "LINE1"
TELEMETRY_STREAM = f"{STREAM}-T"

POLL_MS = 500
STALE_MS = 5000
STATE_MAP = {"1": "running", "2": "idle", "3": "down", "4": "setup", "5": "maintenance"}
MODE_MAP = {"1": "production", "2": "changeover", "3": "maintenance", "4": "cleaning"}
INTERLOCK_MAP = {"1": "starved", "2": "blocked"}
MAP_REVISION = 1
# Where values lie in what has no registers: an OPC UA namespace, a Sparkplug group and edge node.
NAMESPACE = "urn:gemba:demo"
EDGE_NODE = "Gemba/Line1"
REGISTERS = {"state": 0, "code": 1, "interlock": 2, "mode": 3, "boot": 4, "total": 5, "reject": 7, "speed": 10}


@dataclass(frozen=True, slots=True)
class Setpoint:
    """A value that a command may set at a machine: ``low`` to ``high`` in ``unit``."""

    name: str
    register: int
    low: float
    high: float
    unit: str


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of the line, in the order of the flow.

    ideal_s: seconds a piece at the best sustained rate. raw_type, word_order: how its counters lie in
    its registers. protocol: what it speaks. total_start: what its total counter shows when the simulated
    plant is first started.
    minor, faults: stop codes and what they mean to a person.
    """

    unit: str
    name: str
    ideal_s: float
    reject_share: float
    raw_type: str
    total_start: int
    minor: dict[int, str]
    faults: dict[int, str]
    word_order: str = "ABCD"
    protocol: str = "modbus"
    setpoints: tuple[Setpoint, ...] = ()

    @property
    def code(self) -> str:
        return f"{LINE_CODE}/{self.unit}"

    @property
    def connection(self) -> str:
        return f"plc_{self.unit.lower()}"

    @property
    def max_rate(self) -> float:
        """Most pieces a second that a counter may gain: twice the ideal rate."""
        return round(2.0 / self.ideal_s, 3)

    @property
    def modulus(self) -> int:
        return 1 << int(self.raw_type.removeprefix("uint"))


MACHINES = (
    Machine("DEPAL", "Depalletizer", 0.70, 0.0, "uint32", 1_000_000,
            {101: "Pallet change", 102: "Bottle fallen"}, {111: "Gripper vacuum lost"}),
    Machine("FILLER", "Filler", 0.80, 0.012, "uint16", 65_500,
            {201: "Bottle jam at infeed", 202: "Level sensor dirty"},
            {211: "Product pump fault", 212: "Valve stuck"},
            setpoints=(Setpoint("volume", 12, 490.0, 510.0, "ml"),)),
    Machine("CAPPER", "Capper", 0.75, 0.008, "uint16", 12_000,
            {301: "Cap chute jam", 302: "Cap missing"}, {311: "Torque head fault"}),
    Machine("LABELLER", "Labeller", 0.72, 0.005, "uint32", 70_000,
            {401: "Label roll change", 402: "Label torn"}, {411: "Glue temperature low"}, "CDAB",
            "opcua"),
    Machine("PACKER", "Packer", 0.70, 0.002, "uint16", 0,
            {501: "Carton missing", 502: "Carton jam"}, {511: "Servo overload"}, protocol="sparkplug"),
)  # fmt: skip



@dataclass(frozen=True, slots=True)
class Meter:
    """An energy meter in the feeder of machine ``unit``, which draws at most ``running_kw`` while it runs."""

    name: str
    unit: str
    running_kw: float
    unit_id: int = 7

    @property
    def code(self) -> str:
        return f"{LINE_CODE}/{self.unit}"

    @property
    def connection(self) -> str:
        return f"plc_{self.name.lower()}"

    @property
    def max_rate(self) -> float:
        """Most watt-hours a second that are possible: twice the power when running."""
        return round(2 * self.running_kw / 3.6, 3)


METERS = (Meter("METER", "FILLER", 36.0),)

BOTTLENECK = "FILLER"

# Round the clock: whenever the demo is opened, a shift is running.
SHIFTS = (
    {"code": "E", "name": "Early shift", "start": 6.0, "end": 14.0},
    {"code": "L", "name": "Late shift", "start": 14.0, "end": 22.0},
    {"code": "N", "name": "Night shift", "start": 22.0, "end": 6.0},
)
BREAK_MINUTES = 15
# Hours after the begin of a shift; the plant takes the rhythm whose breaks are farther from now.
BREAK_RHYTHMS = ((2.0, 5.5), (3.75, 7.25))

PRODUCTS = (
    {"code": "DEMO-LEMON", "name": "Lemonade 0.5 l"},
    {"code": "DEMO-COLA", "name": "Cola 0.5 l"},
    {"code": "DEMO-WATER", "name": "Spring water 0.5 l"},
)

USERS = (
    {"login": "operator", "name": "Olga Operator", "group": "mes_base.group_mes_operator"},
    {"login": "supervisor", "name": "Samir Supervisor", "group": "mes_base.group_mes_supervisor"},
    {"login": "engineer", "name": "Enno Engineer", "group": "mes_base.group_mes_engineer",
     "more": "mes_gateway.group_command"},
)  # fmt: skip


def _register(machine: Machine, name: str) -> int:
    own = {setpoint.name: setpoint.register for setpoint in machine.setpoints}
    return {**REGISTERS, **own}[name]


def _where(machine: Machine, name: str, value_type: str, word_order: str) -> dict[str, Any]:
    """Where value ``name`` of the machine is: in a register, or at an address."""
    if machine.protocol == "modbus":
        return {
            "table": "holding", "register": _register(machine, name), "type": value_type, "word_order": word_order,
            "unit_id": 1,
        }  # fmt: skip
    if machine.protocol == "opcua":
        return {"address": f"nsu={NAMESPACE};s={machine.name}.{name.title()}", "type": value_type}
    group = "Counts" if name in ("total", "reject") else "Status"
    return {"address": f"{EDGE_NODE}/{machine.name}:{group}/{name.title()}", "type": value_type}


def _tag(
    machine: Machine, name: str, signal: str, value_type: str = "uint16", word_order: str = "ABCD", **more: Any
) -> dict[str, Any]:
    return {
        "tag": f"{machine.code}/{name}", "connection": machine.connection, "equipment": machine.code,
        "signal": signal, **_where(machine, name, value_type, word_order), "poll_ms": POLL_MS, **more,
    }  # fmt: skip


def machine_tags(machine: Machine) -> list[dict[str, Any]]:
    """The tags of one machine, in the shape of the event contract's ``tag``."""
    tags = [
        _tag(
            machine, "state", "state", map=STATE_MAP, map_revision=MAP_REVISION, stale_ms=STALE_MS,
            code_tag=f"{machine.code}/code", interlock_tag=f"{machine.code}/interlock",
            interlock_map=INTERLOCK_MAP,
        ),
        _tag(machine, "code", "companion"),
        _tag(machine, "interlock", "companion"),
        _tag(machine, "mode", "mode", map=MODE_MAP, map_revision=MAP_REVISION),
        _tag(machine, "boot", "companion"),
        _tag(machine, "speed", "measurement", "float32", unit="1/min", deadband=1.0),
    ]  # fmt: skip
    for counter in ("total", "reject"):
        tags.append(
            _tag(
                machine, counter, "counter", machine.raw_type, machine.word_order, counter=counter,
                modulus=machine.modulus, max_rate=machine.max_rate, tolerance=2, policy="rollover",
                reset_flag_tag=f"{machine.code}/boot", unit="pcs",
            )
        )
    for setpoint in machine.setpoints:
        tags.append(_tag(machine, setpoint.name, "measurement", "float32", unit=setpoint.unit, writable=True))
    return tags


def write_limits() -> dict[str, dict[str, float]]:
    """Tag -> what a command may write to it, in the fields of the gateway's tag."""
    return {
        f"{machine.code}/{one.name}": {"write_min": one.low, "write_max": one.high}
        for machine in MACHINES
        for one in machine.setpoints
    }


def meter_tags(meter: Meter) -> list[dict[str, Any]]:
    """The tags of an energy meter; they belong to the machine that it measures."""

    def tag(name: str, register: int, value_type: str, signal: str, unit: str, **more: Any) -> dict[str, Any]:
        return {
            "tag": f"{meter.code}/{name}", "connection": meter.connection, "equipment": meter.code, "signal": signal,
            "table": "holding", "register": register, "type": value_type, "word_order": "ABCD",
            "unit_id": meter.unit_id, "poll_ms": POLL_MS, "unit": unit, **more,
        }  # fmt: skip

    return [
        tag("energy", 0, "uint32", "energy", "kWh", meter="main", scale=0.001, max_rate=meter.max_rate, deadband=0.1),
        tag("power", 2, "float32", "measurement", "kW", deadband=0.5),
    ]


def line_tags() -> list[dict[str, Any]]:
    """All tags of the line."""
    tags = [tag for machine in MACHINES for tag in machine_tags(machine)]
    return [*tags, *(tag for meter in METERS for tag in meter_tags(meter))]
