"""What the demo plant is made of: site, areas, cells, machines, registers, shifts, people."""

from __future__ import annotations

from .equipment import Cell, Machine, Measure, Meter, Setpoint

SITE = {"code": "DEMO", "name": "Demo plant", "tz": "Europe/Berlin"}
AREAS = {"PACK": "Packaging", "MACH": "Machining", "PROC": "Process"}
LINE_CODE = "DEMO/PACK/L1"
LINE_2_CODE = "DEMO/PACK/L2"
TOOLS_CODE = "DEMO/MACH/CNC"
PROCESS_CODE = "DEMO/PROC"
GATEWAY = {"name": "Demo gateway"}
STREAM = "LINE1"
TELEMETRY_STREAM = f"{STREAM}-T"

STALE_MS = 5000
STATE_MAP = {"1": "running", "2": "idle", "3": "down", "4": "setup", "5": "maintenance"}
MODE_MAP = {"1": "production", "2": "changeover", "3": "maintenance", "4": "cleaning"}
INTERLOCK_MAP = {"1": "starved", "2": "blocked"}
MAP_REVISION = 1
# Where values lie in what has no registers: an OPC UA namespace, a Sparkplug group and edge node.
NAMESPACE = "urn:gemba:demo"
EDGE_NODE = "Gemba/Line1"
REGISTERS = {"state": 0, "code": 1, "interlock": 2, "mode": 3, "boot": 4, "total": 5, "reject": 7, "speed": 10}

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

METERS = (Meter("METER", "FILLER", 36.0),)
BOTTLENECK = "FILLER"


def _behind_plc(
    unit_id: int, unit: str, name: str, ideal_s: float, rejects: float, start: int, minor: dict[int, str],
    faults: dict[int, str],
) -> Machine:
    """A machine of line 2."""
    return Machine(
        unit, name, ideal_s, rejects, "uint32", start, minor, faults, cell=LINE_2_CODE, controller="L2",
        unit_id=unit_id, poll_ms=1000,
    )  # fmt: skip


LINE_2 = (
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
    unit: str, name: str, ideal_s: float, rejects: float, start: int, minor: dict[int, str], faults: dict[int, str],
    pace: float = 1.0,
) -> Machine:
    """A machine tool."""
    return Machine(
        unit, name, ideal_s, rejects, "uint32", start, minor, faults, protocol="opcua", cell=TOOLS_CODE,
        controller="CELLS", poll_ms=1000, pace=pace,
    )  # fmt: skip


TOOLS = (
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
    "REACTOR1", "Reactor 1", 7.5, 0.012, "uint32", 900, {801: "Waiting for sample result"},
    {811: "Stirrer overload", 812: "Steam pressure low"}, protocol="opcua", cell=PROCESS_CODE, controller="CELLS",
    poll_ms=1000, batch=BATCH_LITRES,
    measures=(
        Measure("phase", "uint16", "no.", 0.5),
        Measure("temperature", "float32", "°C", 1.0),
        Measure("level", "float32", "l", 50.0),
    ),
)  # fmt: skip
# Minutes of charging, heating, reacting, cooling and discharging at best; between cleanings so many batches.
PHASE_MINUTES = (30, 40, 110, 40, 30)
BATCHES_A_CLEANING = 4
CLEANING_MINUTES = 90

# Stop codes that nobody has said yet what they mean: they wait to be mapped.
UNMAPPED = frozenset({669, 739})

LINE_1_CELL = Cell(
    LINE_CODE, "Line 1", "PACK", "flow", MACHINES, ("DEMO-LEMON", "DEMO-COLA", "DEMO-WATER"), "continuous", 48.0,
    bottleneck=BOTTLENECK, meters=METERS,
)  # fmt: skip
LINE_2_CELL = Cell(
    LINE_2_CODE, "Line 2", "PACK", "flow", LINE_2, ("DEMO-LEMON15", "DEMO-WATER15"), "continuous", 55.0,
    bottleneck="BLOC",
)  # fmt: skip
TOOL_CELL = Cell(
    TOOLS_CODE, "CNC cell", "MACH", "tools", TOOLS, ("DEMO-VALVE", "DEMO-NOZZLE"), "weekdays", 72.0
)
REACTOR_CELL = Cell(
    f"{PROCESS_CODE}/REACTOR1", "Reactor 1", "PROC", "batch", (REACTOR,), ("DEMO-SYRUP-L", "DEMO-SYRUP-C"), "process",
    95.0, line=False,
)  # fmt: skip

PLANTS = {"line1": (LINE_1_CELL,), "all": (LINE_1_CELL, LINE_2_CELL, TOOL_CELL, REACTOR_CELL)}
"""What may be made of the plant, by name."""

# A machine tool makes one kind of part.
PART_OF = {"MILL1": "DEMO-VALVE", "MILL2": "DEMO-VALVE", "LATHE1": "DEMO-NOZZLE"}

# Round the clock: whenever the demo is opened, a shift is running.
SHIFTS = (
    {"code": "E", "name": "Early shift", "start": 6.0, "end": 14.0},
    {"code": "L", "name": "Late shift", "start": 14.0, "end": 22.0},
    {"code": "N", "name": "Night shift", "start": 22.0, "end": 6.0},
)
BREAK_MINUTES = 15
# Hours after the begin of a shift; the plant takes the rhythm whose breaks are farther from now.
BREAK_RHYTHMS = ((2.0, 5.5), (3.75, 7.25))
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
WEEK = (*WEEKDAYS, "saturday", "sunday")
# name of the pattern -> its title, the codes of its shifts, the days they begin on, whether people rest together
PATTERNS = {
    "continuous": ("Three shifts, every day", ("E", "L", "N"), WEEK, True),
    "weekdays": ("Two shifts, Monday to Friday", ("E", "L"), WEEKDAYS, True),
    "process": ("Three shifts, continuous process", ("E", "L", "N"), WEEK, False),
}
