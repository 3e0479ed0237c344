"""A plausible past of a batch reactor: batches in campaigns, waits between them, a fault now and then, cleaning."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

from .equipment import Cell, Machine
from .layout import BATCHES_A_CLEANING, CLEANING_MINUTES, PHASE_MINUTES
from .paint import Paint, flatten
from .past import MINUTE, SECOND, History, MachineHistory, Points, Run

# Layers: what hides what.
WAITING, RUNNING, STOPPED = range(3)

CHARGED_MS = 12 * MINUTE  # the batch that goes on has been charged for so long
WAIT_MS = (6 * MINUTE, 24 * MINUTE)
PACE = (1.0, 1.05)
FAULT_SHARE = 0.16  # of the batches
MINOR_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class _Batch:
    """One batch over [start, end); open: it goes on."""

    start: int
    end: int
    stops: tuple[Paint, ...]
    open: bool = False


def invent(cell: Cell, start: int, end: int, seed: int = 7) -> History:
    """The past of the reactor: made backwards, so that a batch has just begun when it ends; it begins with the first
    batch that is whole."""
    (machine,) = cell.machines
    rng = random.Random(f"{seed}/{machine.code}")
    batches, cleanings = _campaigns(rng, machine, start, end)
    start = batches[0].start
    paints = [Paint(start, end, WAITING, "idle", None, "starved")]
    paints += [Paint(a, b, WAITING + 1, "idle") for a, b in cleanings]
    for batch in batches:
        paints += [Paint(batch.start, batch.end, RUNNING, "running"), *batch.stops]
    modes = [(start, "production"), *(m for a, b in cleanings for m in ((a, "cleaning"), (b, "production")))]
    history = MachineHistory(machine, flatten(paints, start, end), _counts(machine, batches, start), [], modes)
    return History([history], _runs(cell, history, cleanings, start, end))


def _campaigns(
    rng: random.Random, machine: Machine, start: int, end: int
) -> tuple[list[_Batch], list[tuple[int, int]]]:
    """Batches and cleanings, in order; the open batch is the second of its campaign."""
    batches = [_Batch(end - CHARGED_MS, end, (), open=True)]
    cleanings: list[tuple[int, int]] = []
    at = end - CHARGED_MS - rng.randint(*WAIT_MS)
    until_cleaning = 1
    while True:
        batch = _batch(rng, machine, at)
        if batch.start <= start:
            break
        batches.append(batch)
        until_cleaning -= 1
        at = batch.start - rng.randint(*WAIT_MS)
        if until_cleaning == 0:
            cleanings.append((at - CLEANING_MINUTES * MINUTE, at))
            at -= CLEANING_MINUTES * MINUTE
            until_cleaning = BATCHES_A_CLEANING
    return batches[::-1], [(a, b) for a, b in cleanings[::-1] if a > start]


def _batch(rng: random.Random, machine: Machine, end: int) -> _Batch:
    """A batch that ended then, with the stops in it."""
    length = int(sum(PHASE_MINUTES) * MINUTE * rng.uniform(*PACE))
    stops = []
    if rng.random() < FAULT_SHARE:
        stops.append((str(rng.choice(list(machine.faults))), rng.randint(15, 55) * MINUTE))
    if rng.random() < MINOR_SHARE:
        stops.append((str(rng.choice(list(machine.minor))), rng.randint(25, 58) * SECOND))
    length += sum(lasted for _code, lasted in stops)
    start, at, painted = end - length, end - length, []
    for code, lasted in stops:
        at += rng.randint(35, 90) * MINUTE
        painted.append(Paint(at, at + lasted, STOPPED, "down", code))
        at += lasted
    return _Batch(start, end, tuple(painted))


def _counts(machine: Machine, batches: list[_Batch], start: int) -> dict[str, Points]:
    """The total counts a batch when it is out, the reject its filter's litres while it is discharged."""
    totals, rejects = [(start, 0)], [(start, 0)]
    refused = round(machine.reject_share * machine.batch)
    for batch in batches:
        if batch.open:
            continue
        discharged_ms = PHASE_MINUTES[-1] * MINUTE
        for litre in range(1, refused + 1):
            at = batch.end - discharged_ms + discharged_ms * litre // (refused + 1)
            rejects.append((at, rejects[-1][1] + 1))
        totals.append((batch.end, totals[-1][1] + 1))
    return {"total": totals, "reject": rejects}


def _runs(
    cell: Cell, history: MachineHistory, cleanings: list[tuple[int, int]], start: int, end: int
) -> list[Run]:
    """A campaign is an order: from one cleaning to the next."""
    edges = [start, *(a for a, _b in cleanings), end]
    runs = []
    for index, (a, b) in enumerate(pairwise(edges)):
        litres = history.gained("total", a, b) * history.machine.batch
        scrap = history.gained("reject", a, b)
        product = cell.products[index % len(cell.products)]
        runs.append(Run(history.machine.code, a, b, product, max(0, litres - scrap), scrap, open=b == end))
    return runs
