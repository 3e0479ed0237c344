# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""A small algebra on sets of half-open integer spans.

A set may be given in any order, with overlaps and empty spans; an answer is always sorted, disjoint, without
empty spans, and adjacent spans are one. One private sweep does the work; each operation only says which
instants it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from .model import Span

T = TypeVar("T")


def union(*sets: Iterable[Span]) -> list[Span]:
    """The instants that are in any of the sets."""
    return _combine([span for spans in sets for span in spans], [], lambda left, right: left)


def intersect(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """The instants that are in both sets."""
    return _combine(left, right, lambda in_left, in_right: in_left and in_right)


def subtract(left: Iterable[Span], right: Iterable[Span]) -> list[Span]:
    """The instants of ``left`` that are not in ``right``."""
    return _combine(left, right, lambda in_left, in_right: in_left and not in_right)


def complement(spans: Iterable[Span], window: Span) -> list[Span]:
    """The instants of ``window`` that are in none of the spans."""
    return subtract([window], spans)


def measure(spans: Iterable[Span]) -> int:
    """How many milliseconds the set covers, each instant once."""
    return sum(span.ms for span in union(spans))


def active(items: Iterable[tuple[int, int | None, T]]) -> list[tuple[int, list[T]]]:
    """At which times the set of items that hold changes, and to what.

    An item is ``(start, end, value)``, ``end`` None for one without an end; empty and negative ones hold
    nowhere. The answer is sorted by time; the values of one time stand in the order of the input.
    """
    spans = [(start, end, value) for start, end, value in items if end is None or end > start]
    moves: dict[int, list[tuple[int, bool]]] = {}
    for index, (start, end, _value) in enumerate(spans):
        moves.setdefault(start, []).append((index, True))
        if end is not None:
            moves.setdefault(end, []).append((index, False))
    holding: set[int] = set()
    steps: list[tuple[int, list[T]]] = []
    for time in sorted(moves):
        for index, begins in moves[time]:
            (holding.add if begins else holding.discard)(index)
        steps.append((time, [spans[index][2] for index in sorted(holding)]))
    return steps


def _combine(left: Iterable[Span], right: Iterable[Span], keep: Callable[[bool, bool], bool]) -> list[Span]:
    """The instants for which ``keep(in left, in right)`` holds."""
    edges: list[tuple[int, int, int]] = []
    for side, spans in enumerate((left, right)):
        for span in spans:
            edges += [(span.start, side, 1), (span.end, side, -1)]
    edges.sort()
    depth = [0, 0]
    found: list[Span] = []
    since: int | None = None
    for index, (time, side, step) in enumerate(edges):
        depth[side] += step
        if index + 1 < len(edges) and edges[index + 1][0] == time:
            continue
        inside = keep(depth[0] > 0, depth[1] > 0)
        if inside and since is None:
            since = time
        elif not inside and since is not None:
            found.append(Span(since, time))
            since = None
    return found
