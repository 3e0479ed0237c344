"""A plausible past of machine tools: orders of their own, set-ups, tool changes, a breakdown, time without an order."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

from .equipment import Cell, Machine
from .paint import Paint, flatten
from .past import HOUR, MINUTE, SECOND, Edges, History, MachineHistory, Points, Rhythm, Run, every, rejected, subtract

# Layers: what hides what.
IDLE, RUNNING, STOPPED, SETTING_UP, REPAIRED, RESTING, AWAY = range(7)

MINOR_EVERY_MS = 38 * MINUTE
FAULT_EVERY_MS = 11 * HOUR
BY_HAND_EVERY_MS = 13 * HOUR
ORDER_MS = (6 * HOUR, 13 * HOUR)
SETUP_MS = (25 * MINUTE, 50 * MINUTE)
GAP_MS = (45 * MINUTE, 130 * MINUTE)
PACE = (1.0, 1.06)
FIRST_PIECES = 4  # so many pieces after a set-up are likely rejects
FIRST_REJECTS = 0.35
# Unit -> what happened to it at that share of its working time: (state, mode, code, minutes), one after the other.
EVENTS = {
    "MILL1": (0.55, (("down", "production", "711", 35), ("maintenance", "production", "711", 140))),
    "LATHE1": (0.70, (("maintenance", "maintenance", None, 110),)),
}


class Hours:
    """Working time as one stretch: what lies between shifts and in breaks is cut out."""

    def __init__(self, spans: Edges) -> None:
        self._spans = list(spans)
        self._before = [0, *accumulate(end - start for start, end in spans)]

    @property
    def total(self) -> int:
        return self._before[-1]

    def at(self, worked: int) -> int:
        """The instant at which so much has been worked."""
        index = min(bisect_right(self._before, worked) - 1, len(self._spans) - 1)
        return self._spans[index][0] + worked - self._before[index]

    def pieces(self, start: int, end: int) -> list[tuple[int, int]]:
        """The spans of working time from ``start`` to ``end``, both worked."""
        return [
            (a + max(0, start - before), min(b, a + end - before))
            for (a, b), before in zip(self._spans, self._before, strict=False)
            if before < end and before + b - a > start
        ]


def invent(cell: Cell, start: int, end: int, rhythm: Rhythm, parts: dict[str, str], seed: int = 7) -> History:
    """The past of all tools of a cell; ``parts``: unit -> what it makes."""
    worked = [piece for s, e in rhythm.shifts for piece in subtract((max(s, start), min(e, end)), rhythm.breaks)]
    hours = Hours(worked)
    away = rhythm.away(start, end)
    found = History([], [])
    for machine in cell.machines:
        rng = random.Random(f"{seed}/{machine.code}")
        plan = _orders(rng, hours)
        history = _machine(rng, machine, hours, plan, rhythm.breaks, away, start, end)
        found.machines.append(history)
        found.runs += _runs(machine, history, hours, plan, parts[machine.unit], end)
    return found


def _orders(rng: random.Random, hours: Hours) -> list[tuple[int, int, int]]:
    """(start, end of the set-up, end) of each order, in worked time; the last one goes on. Some are apart."""
    found, at = [], 0
    while at < hours.total:
        ready = at + rng.randint(*SETUP_MS)
        done = ready + rng.randint(*ORDER_MS)
        found.append((at, ready, done))
        at = done + (rng.randint(*GAP_MS) if len(found) % 2 == 0 else 0)
    if len(found) > 1 and found[-1][1] + HOUR > hours.total:
        found.pop()
    if found:
        found[-1] = (*found[-1][:2], hours.total)
    return found


def _machine(
    rng: random.Random, machine: Machine, hours: Hours, plan: Sequence[tuple[int, int, int]], breaks: Edges,
    away: Edges, start: int, end: int,
) -> MachineHistory:
    """States and counts of one tool."""
    paints = [Paint(start, end, IDLE, "idle")]
    for begin, ready, done in plan:
        paints += [Paint(a, b, SETTING_UP, "setup") for a, b in hours.pieces(begin, ready)]
        paints += [Paint(a, b, RUNNING, "running") for a, b in hours.pieces(ready, done)]
    working = [span for begin, _ready, done in plan for span in hours.pieces(begin, done)]
    for begin, until in working:
        paints += _stops(rng, machine, begin, until)
    events, modes = _events(machine, hours, start)
    paints += events
    paints += [Paint(a, b, RESTING, "idle") for a, b in breaks]
    paints += [Paint(a, b, AWAY, "idle") for a, b in away]
    history = MachineHistory(machine, flatten(paints, start, end), {}, [], modes)
    history.counts = _counts(rng, history, start)
    return history


def _stops(rng: random.Random, machine: Machine, start: int, end: int) -> Iterator[Paint]:
    """Stops within a stretch of work."""

    def stop(at: int, seconds: int, code: str | None) -> Paint:
        return Paint(at, min(end, at + seconds * SECOND), STOPPED, "down", code)

    for at in every(rng, start, end, MINOR_EVERY_MS):
        yield stop(at, rng.randint(14, 55), str(rng.choice(list(machine.minor))))
    for at in every(rng, start, end, FAULT_EVERY_MS):
        yield stop(at, rng.randint(300, 1500), str(rng.choice(list(machine.faults))))
    for at in every(rng, start, end, BY_HAND_EVERY_MS):
        yield stop(at, rng.randint(150, 700), None)


def _events(machine: Machine, hours: Hours, start: int) -> tuple[list[Paint], list[tuple[int, str]]]:
    """What happened to the tool, if its past is long enough: states, and modes from the beginning on."""
    modes = [(start, "production")]
    if machine.unit not in EVENTS or hours.total < 24 * HOUR:
        return [], modes
    share, steps = EVENTS[machine.unit]
    at, paints = int(hours.total * share), []
    for state, mode, code, minutes in steps:
        until = at + minutes * MINUTE
        paints += [Paint(a, b, REPAIRED, state, code) for a, b in hours.pieces(at, until)]
        if mode != "production":
            modes += [(hours.at(at), mode), (hours.at(until), "production")]
        at = until
    return paints, modes


def _counts(rng: random.Random, history: MachineHistory, start: int) -> dict[str, Points]:
    """A count with each piece; a piece that a stop interrupts is finished after it."""
    machine = history.machine
    totals, rejects = [(start, 0)], [(start, 0)]
    bad, begun, fresh = 0, 0.0, 0
    for span in history.spans:
        if span.state == "setup":
            fresh = FIRST_PIECES
        if span.state != "running":
            continue
        cycle_ms = machine.ideal_s * machine.pace * SECOND * rng.uniform(*PACE)
        at = span.start + cycle_ms * (1 - begun)
        while at < span.end:
            totals.append((int(at), totals[-1][1] + 1))
            bad += rejected(rng, 1, FIRST_REJECTS if fresh > 0 else machine.reject_share)
            fresh -= 1
            if bad > rejects[-1][1]:
                rejects.append((int(at), bad))
            at += cycle_ms
        begun = 1 - (at - span.end) / cycle_ms
    return {"total": totals, "reject": rejects}


def _runs(
    machine: Machine, history: MachineHistory, hours: Hours, plan: Sequence[tuple[int, int, int]], part: str, end: int
) -> Iterator[Run]:
    """The orders of a tool; the last one is open."""
    for index, (begin, _ready, done) in enumerate(plan):
        going_on = index == len(plan) - 1
        a, b = hours.at(begin), end if going_on else hours.at(done)
        made, scrap = history.gained("total", a, b), history.gained("reject", a, b)
        yield Run(machine.code, a, b, part, made - scrap, scrap, open=going_on)
