"""The shapes of an invented past, and what all of its kinds share. Times are integer milliseconds, UTC."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf

from .equipment import Machine
from .paint import Paint

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Edges = Sequence[tuple[int, int]]
"""Disjoint spans [start, end) in order."""
Points = list[tuple[int, int]]
"""(at, total) of a counter, in order."""


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When people are there, and when they rest."""

    shifts: Edges
    breaks: Edges

    def away(self, start: int, end: int) -> list[tuple[int, int]]:
        """Where nobody is there."""
        return subtract((start, end), self.shifts)


@dataclass(slots=True)
class MachineHistory:
    """spans: states in order, touching. counts: counter name -> [(at, total)]. blind: spans without evidence.
    modes: [(at, mode)], the first at the beginning."""

    machine: Machine
    spans: list[Paint]
    counts: dict[str, Points]
    blind: list[tuple[int, int]] = field(default_factory=list)
    modes: list[tuple[int, str]] = field(default_factory=list)

    def raw(self, counter: str, total: int) -> int:
        """What the register showed at ``total``: its last value is where the simulated plant starts."""
        start = self.machine.total_start if counter == "total" else 0
        last = self.counts[counter][-1][1]
        return (start - last + total) % self.machine.modulus

    def gained(self, counter: str, start: int, end: int) -> int:
        """What the counter gained over [start, end)."""
        points = self.counts[counter]
        return value_at(points, end) - value_at(points, start)


@dataclass(frozen=True, slots=True)
class Run:
    """An order on a work center (its code). good, scrap: pieces made of it so far; open: it goes on."""

    place: str
    start: int
    end: int
    product: str
    good: int
    scrap: int
    open: bool = False


@dataclass(slots=True)
class History:
    """machines in the order of the flow; runs in order."""

    machines: list[MachineHistory]
    runs: list[Run]


def value_at(points: Points, at: int) -> int:
    """The total at an instant; the first one before all points."""
    return points[max(0, bisect_right(points, (at, inf)) - 1)][1]


def subtract(span: tuple[int, int], holes: Edges) -> list[tuple[int, int]]:
    """What of ``span`` no hole covers; the holes may overlap."""
    found, at = [], span[0]
    for start, end in sorted(holes):
        if start > at:
            found.append((at, min(start, span[1])))
        at = max(at, end)
        if at >= span[1]:
            break
    if at < span[1]:
        found.append((at, span[1]))
    return [(start, end) for start, end in found if end > start]


def every(rng: random.Random, start: int, end: int, mean: int) -> Iterator[int]:
    """Instants in [start, end), ``mean`` ms apart on average and a minute at least."""
    at = start + int(rng.expovariate(1 / mean))
    while at < end:
        yield at
        at += int(rng.expovariate(1 / mean)) + MINUTE


def hidden(at: int, blind: Edges) -> bool:
    """Whether nobody watched the machine."""
    return any(start <= at < end for start, end in blind)


def rejected(rng: random.Random, pieces: int, share: float) -> int:
    """How many of the pieces are rejects: ``share`` of them on average."""
    return min(pieces, int(pieces * share + rng.random())) if share else 0
