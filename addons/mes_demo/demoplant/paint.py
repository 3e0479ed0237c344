"""Spans painted over each other: the higher layer hides the lower one."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paint:
    """State of a machine over [start, end), milliseconds; of two layers the higher one shows."""

    start: int
    end: int
    layer: int
    state: str
    code: str | None = None
    interlock: str | None = None

    @property
    def look(self) -> tuple[str, str | None, str | None]:
        return self.state, self.code, self.interlock


def flatten(spans: Iterable[Paint], start: int, end: int) -> list[Paint]:
    """What shows of ``spans`` over [start, end): spans that touch, each unlike the next.

    Of two spans in one layer the one that began first shows. Where nothing is painted, nothing is
    returned.
    """
    waiting = sorted((s for s in spans if s.end > start and s.start < end), key=lambda s: s.start)
    edges = sorted({start, end, *(max(s.start, start) for s in waiting), *(min(s.end, end) for s in waiting)})
    top: list[tuple[int, int, int]] = []  # (-layer, start, index) of the spans that have begun
    shown: list[Paint] = []
    index = 0
    for at, until in itertools.pairwise(edges):
        while index < len(waiting) and waiting[index].start <= at:
            heapq.heappush(top, (-waiting[index].layer, waiting[index].start, index))
            index += 1
        while top and waiting[top[0][2]].end <= at:
            heapq.heappop(top)
        if top:
            _append(shown, waiting[top[0][2]], at, until)
    return shown


def _append(shown: list[Paint], span: Paint, at: int, until: int) -> None:
    last = shown[-1] if shown else None
    if last is not None and last.end == at and last.look == span.look:
        shown[-1] = Paint(last.start, until, last.layer, *last.look)
    else:
        shown.append(Paint(at, until, span.layer, *span.look))
