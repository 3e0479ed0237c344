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

POLL_MS = 500
STALE_MS = 5000
STATE_MAP = {"1": "running", "2": "idle", "3": "down", "4": "setup", "5": "maintenance"}
MODE_MAP = {"1": "production", "2": "changeover", "3": "maintenance", "4": "cleaning"}
INTERLOCK_MAP = {"1": "starved", "2": "blocked"}
MAP_REVISION = 1
REGISTERS = {"state": 0, "code": 1, "interlock": 2, "mode": 3, "boot": 4, "total": 5, "reject": 7, "speed": 10}


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of the line, in the order of the flow.

    ideal_s: seconds a piece at the best sustained rate. raw_type, word_order: how its counters lie in
    its registers. total_start: what its total counter shows when the simulated plant is first started.
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
            {211: "Product pump fault", 212: "Valve stuck"}),
    Machine("CAPPER", "Capper", 0.75, 0.008, "uint16", 12_000,
            {301: "Cap chute jam", 302: "Cap missing"}, {311: "Torque head fault"}),
    Machine("LABELLER", "Labeller", 0.72, 0.005, "uint32", 70_000,
            {401: "Label roll change", 402: "Label torn"}, {411: "Glue temperature low"}, "CDAB"),
    Machine("PACKER", "Packer", 0.70, 0.002, "uint16", 0,
            {501: "Carton missing", 502: "Carton jam"}, {511: "Servo overload"}),
)  # fmt: skip

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
    {"login": "engineer", "name": "Enno Engineer", "group": "mes_base.group_mes_engineer"},
)


def _tag(machine: Machine, name: str, signal: str, value_type: str = "uint16", **more: Any) -> dict[str, Any]:
    return {
        "tag": f"{machine.code}/{name}", "connection": machine.connection, "equipment": machine.code,
        "signal": signal, "table": "holding", "register": REGISTERS[name], "type": value_type,
        "word_order": "ABCD", "unit_id": 1, "poll_ms": POLL_MS, **more,
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
                machine, counter, "counter", machine.raw_type, word_order=machine.word_order, counter=counter,
                modulus=machine.modulus, max_rate=machine.max_rate, tolerance=2, policy="rollover",
                reset_flag_tag=f"{machine.code}/boot", unit="pcs",
            )
        )
    return tags


def line_tags() -> list[dict[str, Any]]:
    """All tags of the line."""
    return [tag for machine in MACHINES for tag in machine_tags(machine)]
