"""What the plant's equipment is, as data: machines with their codes and setpoints, meters, cells of machines."""

from __future__ import annotations

from dataclasses import dataclass

POLL_MS = 500


@dataclass(frozen=True, slots=True)
class Setpoint:
    """A value that a command may set at a machine: ``low`` to ``high`` in ``unit``."""

    name: str
    register: int
    low: float
    high: float
    unit: str


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured value in ``unit``, told when it has moved by ``deadband``."""

    name: str
    raw_type: str
    unit: str
    deadband: float = 1.0


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine of a cell, in the order of the flow.

    ideal_s: seconds a piece (a litre) at the best sustained rate, as the nameplate says; pace: what it takes at
    best ÷ that. raw_type, word_order: how its counters lie in its registers. protocol: what it speaks, itself or
    behind ``controller``. total_start: what its total counter shows when the simulated plant is first started.
    minor, faults: stop codes and what they mean to a person. batch: litres that one count of the total stands
    for, 0: it counts pieces.
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
    cell: str = "DEMO/PACK/L1"
    controller: str = ""
    unit_id: int = 1
    poll_ms: int = POLL_MS
    pace: float = 1.0
    batch: int = 0
    measures: tuple[Measure, ...] = ()

    @property
    def code(self) -> str:
        return f"{self.cell}/{self.unit}"

    @property
    def connection(self) -> str:
        return f"plc_{(self.controller or self.unit).lower()}"

    @property
    def max_rate(self) -> float:
        """Most pieces a second that a counter may gain: twice the ideal rate."""
        return round(2.0 / self.ideal_s, 3)

    @property
    def modulus(self) -> int:
        return 1 << int(self.raw_type.removeprefix("uint"))

    @property
    def units(self) -> dict[str, str]:
        """Counter -> its unit."""
        return {"total": "batch", "reject": "l"} if self.batch else {"total": "pcs", "reject": "pcs"}


@dataclass(frozen=True, slots=True)
class Meter:
    """An energy meter in the feeder of machine ``unit``, which draws at most ``running_kw`` while it runs."""

    name: str
    unit: str
    running_kw: float
    unit_id: int = 7
    cell: str = "DEMO/PACK/L1"

    @property
    def code(self) -> str:
        return f"{self.cell}/{self.unit}"

    @property
    def connection(self) -> str:
        return f"plc_{self.name.lower()}"

    @property
    def max_rate(self) -> float:
        """Most watt-hours a second that are possible: twice the power when running."""
        return round(2 * self.running_kw / 3.6, 3)


@dataclass(frozen=True, slots=True)
class Cell:
    """Machines that belong together.

    kind: "flow" (a line: pieces pass from one machine to the next, orders are the line's), "tools" (each
    machine has orders of its own) or "batch". line: whether the cell is a line of the plant model; else its
    machines stand in the area. bottleneck: unit whose figures are the line's. shifts: name of the pattern.
    products: codes of what it makes. hour_cost: of each machine, in the company's currency.
    """

    code: str
    name: str
    area: str
    kind: str
    machines: tuple[Machine, ...]
    products: tuple[str, ...]
    shifts: str
    hour_cost: float
    line: bool = True
    bottleneck: str | None = None
    meters: tuple[Meter, ...] = ()

    @property
    def slowest_s(self) -> float:
        """Ideal cycle of the cell: that of its slowest machine."""
        return max(machine.ideal_s for machine in self.machines)
