"""A plausible past of a bottling line: minor stops, faults with their waves, changeovers, breaks, rejects.

Deterministic: the same arguments give the same past. Times are integer milliseconds, UTC.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from .equipment import Cell, Machine
from .paint import Paint, flatten
from .past import DAY, HOUR, MINUTE, SECOND, History, MachineHistory, Points, Rhythm, Run, every, hidden, rejected
from .past import value_at as _value_at

# Layers: what hides what.
RUNNING, WAITING, STOPPED, CLEANING, RESTING, CHANGING, AWAY = range(7)

MINOR_EVERY_MS = 11 * MINUTE
FAULT_EVERY_MS = 5 * HOUR
BY_HAND_EVERY_MS = 14 * HOUR  # stopped by a person: the machine gives no code
CHANGEOVER_EVERY_MS = (6 * HOUR, 11 * HOUR)
CHANGEOVER_MS = (14 * MINUTE, 26 * MINUTE)
LAST_CHANGEOVER_MS = 170 * MINUTE
BUFFER_MS = 50 * SECOND  # a machine's neighbour runs on from the conveyor for so long
COUNT_EVERY_MS = MINUTE
PACE = (1.02, 1.16)  # actual ÷ ideal cycle of the bottleneck, drawn for each spell of running
KEEPING_UP = (1.0, 1.03)  # the same of the others, who catch up whatever the bottleneck lets through
CONVEYOR = 40  # bottles between the machine before the bottleneck and it
STARTING_UP_MS = 12 * MINUTE  # after a changeover so long, rejects are so many times as many
STARTING_UP_REJECTS = 7

Flow = Callable[[int], float]
"""How many pieces a machine may have handled until an instant."""


@dataclass(frozen=True, slots=True)
class Stories:
    """What is special in the past of a line; each a span [start, end).

    cleaning: the whole line is cleaned in place. slow: it runs at ``slow_pace`` times the ideal cycle.
    blind: unit -> not watched; "" stands for all units. by_hand: somebody stopped the bottleneck.
    """

    cleaning: tuple[tuple[int, int], ...] = ()
    slow: tuple[tuple[int, int], ...] = ()
    slow_pace: float = 1.35
    by_hand: tuple[tuple[int, int], ...] = ()
    blind: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


def stories_of(cell: Cell, start: int, end: int) -> Stories:
    """The stories of each line that lie within its past."""

    def within(*spans: tuple[int, int]) -> tuple[tuple[int, int], ...]:
        return tuple((a, b) for a, b in spans if start + HOUR < a and b < end)

    by_hand = within((end - 78 * MINUTE, end - 73 * MINUTE))
    if cell.bottleneck == "FILLER":
        return Stories(
            by_hand=by_hand,
            cleaning=within((end - 3 * DAY - 4 * HOUR, end - 3 * DAY - 2 * HOUR)),
            blind={"LABELLER": within((end - 100 * MINUTE, end - 94 * MINUTE))},
        )
    return Stories(
        by_hand=by_hand,
        cleaning=within((end - 5 * DAY, end - 5 * DAY + 100 * MINUTE)),
        slow=within((end - DAY - 5 * HOUR, end - DAY)),
        blind={"": within((end - 2 * DAY - 40 * MINUTE, end - 2 * DAY))},
    )


def invent(cell: Cell, start: int, end: int, rhythm: Rhythm, seed: int = 7) -> History:
    """The past of a whole line over [start, end)."""
    rng = random.Random(f"{seed}/{cell.code}")
    told = stories_of(cell, start, end)
    changeovers = _changeovers(rng, start, end, [*rhythm.breaks, *told.cleaning, *rhythm.away(start, end)])
    common = [Paint(s, e, RESTING, "idle") for s, e in rhythm.breaks]
    common += [Paint(s, e, AWAY, "idle") for s, e in rhythm.away(start, end)]
    common += [Paint(s, e, CHANGING, "setup") for s, e in changeovers]
    common += [Paint(s, e, CLEANING, "idle") for s, e in told.cleaning]
    modes = [(start, "production"), *(m for s, e in told.cleaning for m in ((s, "cleaning"), (e, "production")))]
    stops = [_stops(rng, machine, start, end) for machine in cell.machines]
    for machine, own in zip(cell.machines, stops, strict=True):
        if machine.unit == cell.bottleneck:
            own += [Paint(a, b, STOPPED, "down") for a, b in told.by_hand]
    machines = []
    for index, machine in enumerate(cell.machines):
        base = [Paint(start, end, RUNNING, "running")]
        spans = flatten(base + _waits(stops, index) + stops[index] + common, start, end)
        blind = [*told.blind.get("", ()), *told.blind.get(machine.unit, ())]
        machines.append(MachineHistory(machine, spans, {}, blind, modes))
    _Line(rng, cell, machines, start, [e for _s, e in changeovers], told).let_flow()
    return History(machines, list(_runs(cell, machines, changeovers, start, end)))


@dataclass(slots=True)
class _Line:
    """Counts what passes along the line: nobody handles more than the one before has let through."""

    rng: random.Random
    cell: Cell
    machines: Sequence[MachineHistory]
    start: int
    started_up: Sequence[int]
    told: Stories

    def let_flow(self) -> None:
        """Fill in the counts of all machines."""
        machines = self.machines
        slowest = next(i for i, one in enumerate(machines) if one.machine.unit == self.cell.bottleneck)
        paced = machines[slowest]
        paced.counts = self._counts(paced, PACE, lambda _at: inf, self.told.slow)
        for before in machines[:slowest]:
            before.counts = self._counts(before, KEEPING_UP, _passed(paced, "total", CONVEYOR))
        for giver, taker in pairwise(machines[slowest:]):
            taker.counts = self._counts(taker, KEEPING_UP, _passed(giver, "good", 0))

    def _counts(
        self, history: MachineHistory, pace: tuple[float, float], flow: Flow, slow: Sequence[tuple[int, int]] = ()
    ) -> dict[str, Points]:
        """Totals once a minute of running and at the end of each running span; nothing while unwatched."""
        machine, rng = history.machine, self.rng
        totals, rejects = [(self.start, 0)], [(self.start, 0)]
        made = bad = 0
        owed = 0.0
        for span in history.spans:
            if span.state != "running":
                continue
            cycle_ms = machine.ideal_s * machine.pace * SECOND * rng.uniform(*pace)
            at = span.start
            while at < span.end:
                until = min(span.end, (at // COUNT_EVERY_MS + 1) * COUNT_EVERY_MS)
                owed += (until - at) / (cycle_ms * (self.told.slow_pace if hidden(at, slow) else 1.0))
                pieces, owed = int(max(0, min(int(owed), flow(until) - made))), owed % 1
                made, bad = made + pieces, bad + rejected(rng, pieces, self._share(machine, at))
                if pieces and not hidden(until, history.blind):
                    totals.append((until, made))
                    if bad > rejects[-1][1]:
                        rejects.append((until, bad))
                at = until
        return {"total": totals, "reject": rejects}

    def _share(self, machine: Machine, at: int) -> float:
        """The share of rejects: higher while the line starts up."""
        starting = any(0 <= at - up < STARTING_UP_MS for up in self.started_up)
        return machine.reject_share * (STARTING_UP_REJECTS if starting else 1)


def _passed(machine: MachineHistory, what: str, more: int) -> Flow:
    """The machine's total, or its good pieces, until an instant, and ``more`` on the conveyor."""
    totals, rejects = machine.counts["total"], machine.counts["reject"]

    def flow(at: int) -> float:
        bad = _value_at(rejects, at) if what == "good" else 0
        return _value_at(totals, at) - bad + more

    return flow


def _stops(rng: random.Random, machine: Machine, start: int, end: int) -> list[Paint]:
    """Stops of the machine's own: many short ones, a few long ones, some by hand."""
    stops = []
    for at in every(rng, start, end, MINOR_EVERY_MS):
        code = str(rng.choice(list(machine.minor)))
        stops.append(Paint(at, at + rng.randint(6, 54) * SECOND, STOPPED, "down", code))
    for at in every(rng, start, end, FAULT_EVERY_MS):
        code = str(rng.choice(list(machine.faults)))
        length = int(min(rng.lognormvariate(1.9, 0.55), 28) * MINUTE)
        stops.append(Paint(at, at + length, STOPPED, "down", code))
    for at in every(rng, start, end, BY_HAND_EVERY_MS):
        stops.append(Paint(at, at + rng.randint(90, 420) * SECOND, STOPPED, "down"))
    return stops


def _waits(stops: list[list[Paint]], index: int) -> list[Paint]:
    """The machine starves behind a long stop and is blocked before one, once the buffer is used up."""
    waits = []
    for other, spans in enumerate(stops):
        delay = abs(other - index) * BUFFER_MS
        interlock = "starved" if other < index else "blocked"
        for stop in spans:
            if other != index and stop.end - stop.start > delay:
                waits.append(Paint(stop.start + delay, stop.end + 10 * SECOND, WAITING, "idle", None, interlock))
    return waits


def _changeovers(
    rng: random.Random, start: int, end: int, other: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Changes of the product, none beside what else goes on; the last one so long ago that its order is well under
    way."""
    found = []
    at = end - LAST_CHANGEOVER_MS
    while at > start + HOUR:
        until = at + rng.randint(*CHANGEOVER_MS)
        if any(s - 20 * MINUTE < until and at < e + 20 * MINUTE for s, e in other):
            at -= 25 * MINUTE
        else:
            found.append((at, until))
            at -= rng.randint(*CHANGEOVER_EVERY_MS)
    return found[::-1]


def _runs(
    cell: Cell, machines: Sequence[MachineHistory], changeovers: Sequence[tuple[int, int]], start: int, end: int
) -> Iterator[Run]:
    """Order runs: a changeover belongs to the order that follows it. What leaves the last machine is good."""
    edges = [start, *(begin for begin, _end in changeovers), end]
    products = cell.products
    for index, (a, b) in enumerate(pairwise(edges)):
        last = machines[-1]
        good = last.gained("total", a, b) - last.gained("reject", a, b)
        scrap = sum(machine.gained("reject", a, b) for machine in machines)
        yield Run(cell.code, a, b, products[index % len(products)], good, scrap, open=b == end)
