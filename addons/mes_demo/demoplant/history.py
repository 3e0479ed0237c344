"""A plausible past of the line: minor stops, faults with their waves, changeovers, breaks, rejects.

Deterministic: the same arguments give the same past. Times are integer milliseconds, UTC.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from .layout import BOTTLENECK, MACHINES, Machine
from .paint import Paint, flatten

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

# Layers: what hides what.
RUNNING, WAITING, STOPPED, RESTING, CHANGING = range(5)

MINOR_EVERY_MS = 11 * MINUTE
FAULT_EVERY_MS = 6 * HOUR
CHANGEOVER_EVERY_MS = (6 * HOUR, 11 * HOUR)
CHANGEOVER_MS = (14 * MINUTE, 26 * MINUTE)
LAST_CHANGEOVER_MS = 170 * MINUTE
BUFFER_MS = 50 * SECOND  # a machine's neighbour runs on from the conveyor for so long
COUNT_EVERY_MS = MINUTE
PACE = (1.0, 1.1)  # actual ÷ ideal cycle of the bottleneck, drawn for each spell of running
KEEPING_UP = (1.0, 1.03)  # the same of the others, who catch up whatever the bottleneck lets through
CONVEYOR = 40  # bottles between the machine before the bottleneck and it

Flow = Callable[[int], float]
"""How many pieces a machine may have handled until an instant."""


@dataclass(slots=True)
class MachineHistory:
    """spans: states in order, touching. counts: counter name -> [(at, total)]. blind: spans without evidence."""

    machine: Machine
    spans: list[Paint]
    counts: dict[str, list[tuple[int, int]]]
    blind: list[tuple[int, int]] = field(default_factory=list)

    def raw(self, counter: str, total: int) -> int:
        """What the register showed at ``total``: its last value is where the simulated plant starts."""
        start = self.machine.total_start if counter == "total" else 0
        last = self.counts[counter][-1][1]
        return (start - last + total) % self.machine.modulus


@dataclass(slots=True)
class History:
    """machines in the order of the flow; runs: [(start, end, index of the product)], touching."""

    machines: list[MachineHistory]
    runs: list[tuple[int, int, int]]


def invent(
    start: int, end: int, breaks: Sequence[tuple[int, int]], products: int, seed: int = 7
) -> History:
    """The past of the whole line over [start, end).

    breaks: spans in which everybody rests. products: how many there are to change between.
    """
    rng = random.Random(seed)
    changeovers = _changeovers(rng, start, end, breaks)
    rests = [Paint(s, e, RESTING, "idle") for s, e in breaks]
    setups = [Paint(s, e, CHANGING, "setup") for s, e in changeovers]
    stops = [_stops(rng, machine, start, end) for machine in MACHINES]
    machines = []
    for index, machine in enumerate(MACHINES):
        base = [Paint(start, end, RUNNING, "running")]
        spans = flatten(base + _waits(stops, index) + stops[index] + rests + setups, start, end)
        blind = [(end - 100 * MINUTE, end - 94 * MINUTE)] if machine.unit == "LABELLER" else []
        machines.append(MachineHistory(machine, spans, {}, blind))
    _let_flow(rng, machines, start)
    return History(machines, _runs(changeovers, start, end, products))


def _let_flow(rng: random.Random, machines: Sequence[MachineHistory], start: int) -> None:
    """Count what passes along the line: nobody handles more than the one before has let through."""
    slowest = next(i for i, one in enumerate(machines) if one.machine.unit == BOTTLENECK)
    paced = machines[slowest]
    paced.counts = _counts(rng, paced, start, PACE, lambda _at: inf)
    for before in machines[:slowest]:
        before.counts = _counts(rng, before, start, KEEPING_UP, _passed(paced, "total", CONVEYOR))
    for giver, taker in pairwise(machines[slowest:]):
        taker.counts = _counts(rng, taker, start, KEEPING_UP, _passed(giver, "good", 0))


def _passed(machine: MachineHistory, what: str, more: int) -> Flow:
    """The machine's total, or its good pieces, until an instant, and ``more`` on the conveyor."""
    totals, rejects = machine.counts["total"], machine.counts["reject"]

    def flow(at: int) -> float:
        passed = totals[bisect_right(totals, (at, inf)) - 1][1]
        rejected = rejects[bisect_right(rejects, (at, inf)) - 1][1] if what == "good" else 0
        return passed - rejected + more

    return flow


def _every(rng: random.Random, start: int, end: int, mean: int) -> Iterator[int]:
    at = start + int(rng.expovariate(1 / mean))
    while at < end:
        yield at
        at += int(rng.expovariate(1 / mean)) + MINUTE


def _stops(rng: random.Random, machine: Machine, start: int, end: int) -> list[Paint]:
    """Stops of the machine's own: many short ones, a few long ones."""
    stops = []
    for at in _every(rng, start, end, MINOR_EVERY_MS):
        code = str(rng.choice(list(machine.minor)))
        stops.append(Paint(at, at + rng.randint(6, 54) * SECOND, STOPPED, "down", code))
    for at in _every(rng, start, end, FAULT_EVERY_MS):
        code = str(rng.choice(list(machine.faults)))
        length = int(min(rng.lognormvariate(1.9, 0.55), 28) * MINUTE)
        stops.append(Paint(at, at + length, STOPPED, "down", code))
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
    rng: random.Random, start: int, end: int, breaks: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Changes of the product, none beside a break; the last one so long ago that its order is well under way."""
    found = []
    at = end - LAST_CHANGEOVER_MS
    while at > start + HOUR:
        until = at + rng.randint(*CHANGEOVER_MS)
        if any(s - 20 * MINUTE < until and at < e + 20 * MINUTE for s, e in breaks):
            at -= 25 * MINUTE
        else:
            found.append((at, until))
            at -= rng.randint(*CHANGEOVER_EVERY_MS)
    return found[::-1]


def _runs(
    changeovers: Sequence[tuple[int, int]], start: int, end: int, products: int
) -> list[tuple[int, int, int]]:
    """Order runs: a changeover belongs to the order that follows it."""
    edges = [start, *(begin for begin, _end in changeovers), end]
    return [(a, b, index % products) for index, (a, b) in enumerate(pairwise(edges))]


def _counts(
    rng: random.Random, history: MachineHistory, start: int, pace: tuple[float, float], flow: Flow
) -> dict[str, list[tuple[int, int]]]:
    """Totals once a minute of running and at the end of each running span; nothing while unwatched."""
    machine = history.machine
    totals, rejects = [(start, 0)], [(start, 0)]
    made = rejected = 0
    owed = 0.0
    for span in history.spans:
        if span.state != "running":
            continue
        cycle_ms = machine.ideal_s * SECOND * rng.uniform(*pace)
        at = span.start
        while at < span.end:
            until = min(span.end, (at // COUNT_EVERY_MS + 1) * COUNT_EVERY_MS)
            owed += (until - at) / cycle_ms
            pieces, owed = int(max(0, min(int(owed), flow(until) - made))), owed % 1
            bad = sum(rng.random() < machine.reject_share for _piece in range(pieces))
            made, rejected = made + pieces, rejected + bad
            if pieces and not any(s <= until < e for s, e in history.blind):
                totals.append((until, made))
                if rejected > rejects[-1][1]:
                    rejects.append((until, rejected))
            at = until
    return {"total": totals, "reject": rejects}
