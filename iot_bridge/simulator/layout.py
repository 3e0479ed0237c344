"""How the demo plant's equipment is reached: devices and ports, tags, connections.

A pure description. The simulator serves it, ``iot-bridge simulate --print-tags`` renders it as
tags, ``--print-config`` as a bridge configuration; the demo plant in Odoo must agree with it. ``plant`` is a name
of ``cells.PLANTS``: without it, line 1 alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .cells import MACHINES, METERS, PLANTS
from .equipment import (
    BROKERED,
    INTERLOCK_MAP,
    LINE,
    MAP_REVISION,
    MIN_DWELL_MS,
    MODBUS,
    MODE_MAP,
    POLL_MS,
    STALE_MS,
    STATE_MAP,
    Cell,
    Counter,
    Machine,
    Meter,
    Protocol,
    Register,
    Setpoint,
    counters,
)

__all__ = [
    "BROKERED", "INTERLOCK_MAP", "LINE", "MACHINES", "MAP_REVISION", "METERS", "MIN_DWELL_MS", "MODBUS", "MODE_MAP",
    "PLANTS", "POLL_MS", "STALE_MS", "STATE_MAP", "Cell", "Counter", "Machine", "Meter", "Protocol", "Register",
    "Setpoint", "counters",
]  # fmt: skip

# Where values lie in what is no register: an OPC UA namespace, an MQTT root topic, a Sparkplug group and edge node.
NAMESPACE = "urn:gemba:demo"
OPCUA_PATH = "/gemba"
TOPIC = "gemba/line1"
SPARKPLUG_GROUP, SPARKPLUG_NODE = "Gemba", "Line1"
# Member of the JSON payload that holds its time, plant ms.
MQTT_TIME = "at"

BOTTLENECK = "FILLER"
BROKER_PORT = 1883


def cells(plant: str = "line1", protocol: Protocol | None = None) -> tuple[Cell, ...]:
    """The cells of a plant; with ``protocol`` all machines speak that one, each for itself, e.g. to do without a
    broker."""
    if protocol is None:
        return PLANTS[plant]
    return tuple(
        replace(cell, machines=tuple(replace(m, protocol=protocol, controller="", unit_id=1) for m in cell.machines))
        for cell in PLANTS[plant]
    )


def machines(protocol: Protocol | None = None, plant: str = "line1") -> tuple[Machine, ...]:
    """The machines of a plant; ``protocol`` as in :func:`cells`."""
    return tuple(machine for cell in cells(plant, protocol) for machine in cell.machines)


def devices(plant: str = "line1", protocol: Protocol | None = None) -> dict[str, tuple[Machine, ...] | Meter]:
    """Device name -> the machines behind it, or the meter that it is; in the order of their ports."""
    found: dict[str, tuple[Machine, ...] | Meter] = {}
    for cell in cells(plant, protocol):
        for machine in cell.machines:
            others = found.get(machine.device, ())
            found[machine.device] = (*others, machine) if isinstance(others, tuple) else (machine,)
        found.update({meter.name: meter for meter in cell.meters})
    return found


def ports(plant: str = "line1", protocol: Protocol | None = None) -> int:
    """How many ports in a row the devices of a plant need."""
    return len(devices(plant, protocol))


# What line 1 needs.
PORTS = ports()


def where(machine: Machine, name: str) -> dict[str, Any]:
    """The fields of a tag that say where value ``name`` of the machine is, in what the machine speaks."""
    register = machine.values[name]
    if machine.protocol in MODBUS:
        return {
            "table": "holding", "register": register.address, "type": register.type,
            "word_order": register.word_order, "unit_id": machine.unit_id,
        }  # fmt: skip
    return {"address": address(machine, name), "type": register.type}


def address(machine: Machine, name: str) -> str:
    """The address of value ``name`` for a protocol without registers."""
    if machine.protocol == "opcua":
        return f"nsu={NAMESPACE};s={node_id(machine, name)}"
    if machine.protocol == "mqtt":
        return f"{topic(machine)}|{name}"
    return f"{SPARKPLUG_GROUP}/{SPARKPLUG_NODE}/{machine.title}:{metric(name)}"


def node_id(machine: Machine, name: str) -> str:
    """Identifier of an OPC UA node, e.g. Labeller.State."""
    return f"{machine.title}.{name.title()}"


def topic(machine: Machine) -> str:
    """MQTT topic of a machine's JSON payload: {"state": …, "total": …}."""
    return f"{TOPIC}/{machine.name.lower()}"


def metric(name: str) -> str:
    """Sparkplug metric, e.g. Status/State or Counts/Total."""
    return f"{'Counts' if name in ('total', 'reject') else 'Status'}/{name.title()}"


def _tag(machine: Machine, name: str, signal: str, **more: Any) -> dict[str, Any]:
    return {
        "tag": f"{machine.code_path}/{name}", "connection": machine.connection, "equipment": machine.code_path,
        "signal": signal, **where(machine, name), "poll_ms": machine.poll_ms, **more,
    }  # fmt: skip


def machine_tags(machine: Machine) -> list[dict[str, Any]]:
    """The tags of one machine, in the shape of the schema's ``tag``."""
    path = machine.code_path
    tags = [
        _tag(
            machine, "state", "state", map=STATE_MAP, map_revision=MAP_REVISION, stale_ms=STALE_MS,
            code_tag=f"{path}/code", interlock_tag=f"{path}/interlock", interlock_map=INTERLOCK_MAP,
        ),
        _tag(machine, "code", "companion"),
        _tag(machine, "interlock", "companion"),
        _tag(machine, "mode", "mode", map=MODE_MAP, map_revision=MAP_REVISION),
        _tag(machine, "boot", "companion"),
        _tag(machine, "speed", "measurement", unit="1/min", deadband=1.0),
    ]  # fmt: skip
    for counter in machine.counters:
        tags.append(
            _tag(
                machine, counter.name, "counter", counter=counter.name, modulus=counter.modulus,
                max_rate=machine.max_rate, tolerance=2, policy="rollover", reset_flag_tag=f"{path}/boot",
                unit=counter.unit,
            )
        )  # fmt: skip
    for one in machine.measures:
        tags.append(_tag(machine, one.name, "measurement", unit=one.unit, deadband=one.deadband))
    for setpoint in machine.setpoints:
        tags.append(_tag(machine, setpoint.name, "measurement", unit=setpoint.unit, writable=True))
    return tags


def alarm_tag(machine: Machine) -> dict[str, Any]:
    """The machine's code, as an alarm that comes and goes."""
    return {**_tag(machine, "code", "alarm"), "tag": f"{machine.code_path}/alarm"}


def meter_tags(meter: Meter) -> list[dict[str, Any]]:
    """The tags of a meter; they belong to the machine that it measures."""

    def tag(name: str, register: Register, signal: str, unit: str, **more: Any) -> dict[str, Any]:
        return {
            "tag": f"{meter.code_path}/{name}", "connection": meter.connection, "equipment": meter.code_path,
            "signal": signal, "table": "holding", "register": register.address, "type": register.type,
            "word_order": register.word_order, "unit_id": meter.unit_id, "poll_ms": POLL_MS, "unit": unit, **more,
        }  # fmt: skip

    return [
        tag(
            "energy", meter.energy, "energy", "kWh", meter=meter.meter, scale=0.001, max_rate=meter.max_rate,
            deadband=0.1,
        ),
        tag("power", meter.power, "measurement", "kW", deadband=0.5),
    ]  # fmt: skip


def line_tags(protocol: Protocol | None = None, plant: str = "line1") -> list[dict[str, Any]]:
    """All tags of a plant; ``protocol`` as in :func:`cells`. Alarms are told where there is more than line 1."""
    found = machines(protocol, plant)
    tags = [tag for machine in found for tag in machine_tags(machine)]
    if plant != "line1":
        tags += [alarm_tag(machine) for machine in found]
    return [*tags, *(tag for cell in cells(plant) for meter in cell.meters for tag in meter_tags(meter))]


def connection(machine: Machine, host: str, port: int) -> dict[str, Any]:
    """The connection of a bridge that reads the machine; for what speaks through a broker, the broker's port.

    What brings a stamp of its own is stamped by it: the plant's clock may run faster than the bridge's network.
    """
    head: dict[str, Any] = {"name": machine.connection, "driver": machine.protocol}
    if machine.setpoints:
        head["write"] = [
            {"tag": f"{machine.code_path}/{one.name}", "min": one.low, "max": one.high} for one in machine.setpoints
        ]
    if machine.protocol in MODBUS:
        return {**head, "host": host, "port": port}
    if machine.protocol == "opcua":
        return {**head, "endpoint": f"opc.tcp://{host}:{port}{OPCUA_PATH}", "clock": "source"}
    more = {"time_path": MQTT_TIME} if machine.protocol == "mqtt" else {}
    return {**head, "host": host, "port": port, "clock": "source", **more}


def connections(
    host: str,
    base_port: int,
    broker_port: int = BROKER_PORT,
    protocol: Protocol | None = None,
    broker_host: str | None = None,
    plant: str = "line1",
) -> list[dict[str, Any]]:
    """The connections of a bridge that reads the simulator at ``host``; its broker is there too, or elsewhere."""
    broker = (broker_host or host, broker_port)
    made: list[dict[str, Any]] = []
    meters: list[dict[str, Any]] = []
    for port, device in enumerate(devices(plant, protocol).values(), base_port):
        if isinstance(device, Meter):
            meters.append({"name": device.connection, "driver": device.protocol, "host": host, "port": port})
        else:
            place = broker if device[0].protocol in BROKERED else (host, port)
            made.append(connection(device[0], *place))
    return made + meters
