"""What the demo line is made of: machines, what they speak, registers, maps, counters, ideal cycles.

A pure description. The simulator serves it, ``iot-bridge simulate --print-tags`` renders it as
tags, ``--print-config`` as a bridge configuration; the demo plant in Odoo must agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

LINE = "DEMO/PACK/L1"
POLL_MS = 500
STALE_MS = 5000
# No state lasts shorter: four polls, so that every state is seen.
MIN_DWELL_MS = 2000

STATE_MAP = {"1": "running", "2": "idle", "3": "down", "4": "setup", "5": "maintenance"}
MODE_MAP = {"1": "production", "2": "changeover", "3": "maintenance", "4": "cleaning"}
INTERLOCK_MAP = {"1": "starved", "2": "blocked"}
MAP_REVISION = 1

# Where values lie in what is no register: an OPC UA namespace, an MQTT root topic, a Sparkplug group and edge node.
NAMESPACE = "urn:gemba:demo"
OPCUA_PATH = "/gemba"
TOPIC = "gemba/line1"
SPARKPLUG_GROUP, SPARKPLUG_NODE = "Gemba", "Line1"
# Member of the JSON payload that holds its time, plant ms.
MQTT_TIME = "at"

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
class Machine:
    """One machine, one device (one that listens does so on base port + index).

    ideal_cycle_s: seconds a piece. stop_codes: code -> text, minor stops first, faults after.
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
        return f"plc_{self.name.lower()}"

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
        own = {setpoint.name: setpoint.register for setpoint in self.setpoints}
        return {**common, **own, **{counter.name: counter.register for counter in self.counters}}


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


def counters(bits: int, start: int, word_order: str = "ABCD") -> tuple[Counter, ...]:
    """Total and reject counter of a machine, of ``bits`` each; the total begins at ``start``."""
    kind = f"uint{bits}"
    return (
        Counter("total", Register(5, kind, word_order), 2**bits, start),
        Counter("reject", Register(7, kind, word_order), 2**bits),
    )


# The order is the flow. The filler is the bottleneck, its total wraps in the first minute.
MACHINES: tuple[Machine, ...] = (
    Machine(
        "DEPAL", "Depalletizer", 0.70, 0.0, counters(32, 1_000_000),
        {101: "Pallet change", 102: "Bottle fallen"}, {111: "Gripper vacuum lost"},
    ),
    Machine(
        "FILLER", "Filler", 0.80, 0.012, counters(16, 65_500),
        {201: "Bottle jam at infeed", 202: "Level sensor dirty"}, {211: "Product pump fault", 212: "Valve stuck"},
        setpoints=(Setpoint("volume", Register(12, "float32"), 500.0, 490.0, 510.0, "ml"),),
    ),
    Machine(
        "CAPPER", "Capper", 0.75, 0.008, counters(16, 12_000),
        {301: "Cap chute jam", 302: "Cap missing"}, {311: "Torque head fault"},
    ),
    Machine(
        "LABELLER", "Labeller", 0.72, 0.005, counters(32, 70_000, "CDAB"),
        {401: "Label roll change", 402: "Label torn"}, {411: "Glue temperature low"}, "opcua",
    ),
    Machine(
        "PACKER", "Packer", 0.70, 0.002, counters(16, 0),
        {501: "Carton missing", 502: "Carton jam"}, {511: "Servo overload"}, "sparkplug",
    ),
)  # fmt: skip

METERS: tuple[Meter, ...] = (
    Meter("METER", "Filler's energy meter", "FILLER", "modbus_rtu_tcp", 4.0, 36.0, 8_400_000),
)

BOTTLENECK = "FILLER"
BROKER_PORT = 1883
# Ports in a row that the devices of the line need.
PORTS = len(MACHINES) + len(METERS)


def machines(protocol: Protocol | None = None) -> tuple[Machine, ...]:
    """The machines of the line; with ``protocol`` all of them speak that one, e.g. to do without a broker."""
    return MACHINES if protocol is None else tuple(replace(machine, protocol=protocol) for machine in MACHINES)


def where(machine: Machine, name: str) -> dict[str, Any]:
    """The fields of a tag that say where value ``name`` of the machine is, in what the machine speaks."""
    register = machine.values[name]
    if machine.protocol in MODBUS:
        return {
            "table": "holding", "register": register.address, "type": register.type,
            "word_order": register.word_order, "unit_id": 1,
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
        "signal": signal, **where(machine, name), "poll_ms": POLL_MS, **more,
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
    for setpoint in machine.setpoints:
        tags.append(_tag(machine, setpoint.name, "measurement", unit=setpoint.unit, writable=True))
    return tags


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


def line_tags(protocol: Protocol | None = None) -> list[dict[str, Any]]:
    """All tags of the line; ``protocol`` as in :func:`machines`."""
    tags = [tag for machine in machines(protocol) for tag in machine_tags(machine)]
    return [*tags, *(tag for meter in METERS for tag in meter_tags(meter))]


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
) -> list[dict[str, Any]]:
    """The connections of a bridge that reads the simulator at ``host``; its broker is there too, or elsewhere."""
    broker = (broker_host or host, broker_port)
    made = [
        connection(machine, *(broker if machine.protocol in BROKERED else (host, base_port + index)))
        for index, machine in enumerate(machines(protocol))
    ]
    return made + [
        {"name": meter.connection, "driver": meter.protocol, "host": host, "port": base_port + len(MACHINES) + index}
        for index, meter in enumerate(METERS)
    ]
