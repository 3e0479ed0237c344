"""The tags by which the gateway reads the plant, in the shape of the event contract."""

from __future__ import annotations

from typing import Any

from .equipment import POLL_MS, Machine, Meter
from .layout import (
    EDGE_NODE,
    INTERLOCK_MAP,
    MAP_REVISION,
    MODE_MAP,
    NAMESPACE,
    PLANTS,
    REGISTERS,
    STALE_MS,
    STATE_MAP,
)


def _register(machine: Machine, name: str) -> int:
    own = {setpoint.name: setpoint.register for setpoint in machine.setpoints}
    return {**REGISTERS, **own}[name]


def _where(machine: Machine, name: str, value_type: str, word_order: str) -> dict[str, Any]:
    """Where value ``name`` of the machine is: in a register, or at an address."""
    if machine.protocol == "modbus":
        return {
            "table": "holding", "register": _register(machine, name), "type": value_type, "word_order": word_order,
            "unit_id": machine.unit_id,
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
        "signal": signal, **_where(machine, name, value_type, word_order), "poll_ms": machine.poll_ms, **more,
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
                reset_flag_tag=f"{machine.code}/boot", unit=machine.units[counter],
            )
        )
    for one in machine.measures:
        tags.append(_tag(machine, one.name, "measurement", one.raw_type, unit=one.unit, deadband=one.deadband))
    for setpoint in machine.setpoints:
        tags.append(_tag(machine, setpoint.name, "measurement", "float32", unit=setpoint.unit, writable=True))
    return tags


def alarm_tag(machine: Machine) -> dict[str, Any]:
    """The code that the machine shows while it has a fault, as an alarm that comes and goes."""
    return {**_tag(machine, "code", "alarm"), "tag": f"{machine.code}/alarm"}


def write_limits(plant: str = "line1") -> dict[str, dict[str, float]]:
    """Tag -> what a command may write to it, in the fields of the gateway's tag."""
    return {
        f"{machine.code}/{one.name}": {"write_min": one.low, "write_max": one.high}
        for cell in PLANTS[plant]
        for machine in cell.machines
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


def line_tags(plant: str = "line1") -> list[dict[str, Any]]:
    """All tags of a plant; alarms are told where there is more than line 1."""
    machines = [machine for cell in PLANTS[plant] for machine in cell.machines]
    tags = [tag for machine in machines for tag in machine_tags(machine)]
    if plant != "line1":
        tags += [alarm_tag(machine) for machine in machines]
    return [*tags, *(tag for cell in PLANTS[plant] for meter in cell.meters for tag in meter_tags(meter))]
