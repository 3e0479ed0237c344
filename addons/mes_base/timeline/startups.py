# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Start-up time: so long after every end of a set-up, whatever the machine does then.

Only a set-up begins one. A break, a planned stop or the next order without a set-up does not: where a machine
must settle after those, people book the settling as set-up (the mode changeover, or a reason flagged so).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from .intervals import union
from .model import SETUP, Slice, Span


def startups(slices: Sequence[Slice], startup_ms: int) -> tuple[Span, ...]:
    """The start-up times after the set-ups that end in consecutive slices, disjoint and in order."""
    if startup_ms <= 0:
        return ()
    ends = [piece.end for piece, after in pairwise(slices) if piece.category == SETUP != after.category]
    return tuple(union(Span(end, end + startup_ms) for end in ends))


def cut(slices: Sequence[Slice], borders: Iterable[int]) -> list[Slice]:
    """The same slices, with one border more at each of these times that lies within one."""
    wanted = sorted(set(borders))
    made: list[Slice] = []
    for piece in slices:
        start = piece.start
        for place in range(bisect_right(wanted, start), len(wanted)):
            if wanted[place] >= piece.end:
                break
            made.append(replace(piece, start=start, end=wanted[place]))
            start = wanted[place]
        made.append(piece if start == piece.start else replace(piece, start=start))
    return made
