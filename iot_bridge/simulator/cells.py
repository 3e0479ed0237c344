"""The cells of the demo plant: two bottling lines, machine tools, a batch reactor.

Line 2 is one PLC with a unit for each machine; the machine tools and the reactor stand behind one OPC UA server
that collects them.
"""

from __future__ import annotations

from .equipment import LINE, Cell, Machine, Measure, Meter, Register, Setpoint, counters
from .profiles import Profile

ZONE = "Europe/Berlin"
LINE_2 = "DEMO/PACK/L2"
TOOLS = "DEMO/MACH/CNC"
PROCESS = "DEMO/PROC"

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


def _behind_plc(
    unit_id: int, name: str, title: str, cycle_s: float, rejects: float, start: int, codes: dict[int, str],
    faults: dict[int, str],
) -> Machine:
    """A machine of line 2."""
    return Machine(
        name, title, cycle_s, rejects, counters(32, start), codes, faults, line=LINE_2, controller="L2",
        unit_id=unit_id, poll_ms=1000,
    )  # fmt: skip


LINE_2_MACHINES = (
    _behind_plc(1, "BLOWER", "Blow moulder", 1.10, 0.006, 420_000, {601: "Preform jam", 602: "Mould sensor"},
                {611: "Oven lamp failed"}),
    _behind_plc(2, "BLOC", "Filler block", 1.20, 0.010, 418_000, {621: "Bottle down at starwheel", 622: "Cap feed"},
                {631: "Carbonator pressure low", 632: "Filling valve stuck"}),
    _behind_plc(3, "SLEEVER", "Sleeve labeller", 1.12, 0.008, 414_000, {641: "Sleeve roll change", 642: "Sleeve torn"},
                {651: "Steam tunnel cold"}),
    _behind_plc(4, "SHRINK", "Shrink wrapper", 1.05, 0.003, 410_000, {661: "Film roll change", 669: "Fault 669"},
                {671: "Film cutter blunt"}),
    _behind_plc(5, "PALLETIZER", "Palletizer", 1.05, 0.0, 409_000, {681: "Pallet missing"},
                {691: "Layer gripper fault"}),
)  # fmt: skip


def _tool(
    name: str, title: str, cycle_s: float, rejects: float, start: int, codes: dict[int, str], faults: dict[int, str],
    pace: float = 1.0,
) -> Machine:
    """A machine tool."""
    return Machine(
        name, title, cycle_s, rejects, counters(32, start), codes, faults, "opcua", TOOLS, controller="CELLS",
        poll_ms=1000, pace=pace,
    )  # fmt: skip


TOOL_MACHINES = (
    _tool("MILL1", "Mill 1", 95.0, 0.015, 31_000, {701: "Tool change", 702: "Chip conveyor full"},
          {711: "Spindle overload"}),
    # Faster than its nameplate says: its ideal cycle wants correcting.
    _tool("MILL2", "Mill 2", 95.0, 0.012, 28_000, {721: "Tool change", 722: "Coolant filter"},
          {731: "Tool broken", 739: "Alarm 739"}, pace=0.88),
    _tool("LATHE1", "Lathe 1", 48.0, 0.020, 52_000, {741: "Bar end", 742: "Swarf in chuck"},
          {751: "Turret indexing fault"}),
)  # fmt: skip

BATCH_LITRES = 2000
REACTOR = Machine(
    "REACTOR1", "Reactor 1", 7.5, 0.012, counters(32, 900, unit="batch", reject_unit="l"),
    {801: "Waiting for sample result"}, {811: "Stirrer overload", 812: "Steam pressure low"}, "opcua", PROCESS,
    controller="CELLS", poll_ms=1000, batch=BATCH_LITRES,
    measures=(
        Measure("phase", Register(12, "uint16"), "no.", 0.5),
        Measure("temperature", Register(14, "float32"), "°C", 1.0),
        Measure("level", Register(16, "float32"), "l", 50.0),
    ),
)  # fmt: skip

LINE_1_CELL = Cell(LINE, MACHINES, METERS)
LINE_2_CELL = Cell(
    LINE_2, LINE_2_MACHINES,
    profile=Profile("line 2", 200.0, (5.0, 25.0), 2400.0, (60.0, 240.0), 5400.0, (300.0, 600.0), buffer_size=30),
)  # fmt: skip
TOOL_CELL = Cell(
    TOOLS, TOOL_MACHINES, in_flow=False, hours=(6, 22),
    profile=Profile("tools", 1500.0, (15.0, 55.0), 14_400.0, (300.0, 1200.0), 21_600.0, (1200.0, 2400.0), (1.0, 1.06)),
)  # fmt: skip
REACTOR_CELL = Cell(
    f"{PROCESS}/REACTOR1", (REACTOR,), in_flow=False,
    profile=Profile("process", 7200.0, (20.0, 55.0), 50_000.0, (600.0, 1800.0), 1e9, (1.0, 2.0), (1.0, 1.06)),
)  # fmt: skip

PLANTS: dict[str, tuple[Cell, ...]] = {
    "line1": (LINE_1_CELL,),
    "all": (LINE_1_CELL, LINE_2_CELL, TOOL_CELL, REACTOR_CELL),
}
"""What of the demo plant may be simulated, by name."""
