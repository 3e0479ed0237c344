"""What a fact that came for a closed period would change if it were let in; times in ms."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from ..timeline import CountPoint, History, Span, StatePoint, Timeline, affected, build
from .rows import CountRow, EvidenceRow, StateRow

Fact = StateRow | CountRow | EvidenceRow


def difference(history: History, row: Fact, names: Mapping[int, str], lock: int, now: int) -> dict[str, int]:
    """Milliseconds by category and pieces (total, good, reject) that ``row`` alone would change before ``lock``.

    ``names`` are those of the counters by id. Only the time that the fact can bear on is laid out: around
    it, to the next fact of its kind.
    """
    late = _with(history, row, names)
    window = _reach(history, late, row, lock, now)
    before, after = _sums(build(history, window, now)), _sums(build(late, window, now))
    return {key: after[key] - before[key] for key in sorted(after | before) if after[key] != before[key]}


def until(row: Fact) -> int:
    """The last instant that the fact itself names."""
    return row.at_until if isinstance(row, EvidenceRow) else row.at


def _start(row: Fact) -> int:
    """The first instant that the fact itself names."""
    return row.at_from if isinstance(row, EvidenceRow) else row.at


def _reach(history: History, late: History, row: Fact, lock: int, now: int) -> Span:
    """The time that the fact can bear on, up to the end of the closed period."""
    end = until(row)
    if isinstance(row, StateRow):
        lane = history.states if row.lane == "state" else history.modes
        end = min((point.at for point in lane if point.at > row.at), default=lock)
    touched = Span(_start(row), max(_start(row), min(end, lock)))
    wide = [affected(one, touched, now) for one in (history, late)]
    start = min(touched.start, *(one.start for one in wide))
    return Span(start, max(start, min(lock, max(touched.end, *(one.end for one in wide)))))


def _with(history: History, row: Fact, names: Mapping[int, str]) -> History:
    """The history as it would be with this fact; where a key is taken, it is taken over."""
    if isinstance(row, EvidenceRow):
        return replace(history, evidence=(*history.evidence, Span(row.at_from, row.at_until)))
    if isinstance(row, CountRow):
        point = CountPoint(row.at, row.total, row.counter_epoch, row.decision, row.bound_low, row.bound_high)
        counters = tuple(
            replace(one, points=(*(p for p in one.points if (p.at, p.epoch) != (row.at, row.counter_epoch)), point))
            if one.name == names[row.counter_id]
            else one
            for one in history.counters
        )
        return replace(history, counters=counters)
    lane = "states" if row.lane == "state" else "modes"
    kept = tuple(point for point in getattr(history, lane) if point.at != row.at)
    return replace(history, **{lane: (*kept, StatePoint(row.at, row.value, row.code, row.interlock, row.raw))})


def _sums(timeline: Timeline) -> Counter[str]:
    """Milliseconds by category and pieces of a timeline."""
    found: Counter[str] = Counter()
    for piece, quantity in zip(timeline.slices, timeline.quantities, strict=True):
        found[piece.category] += piece.ms
        found.update(total=quantity.total, good=quantity.good, reject=quantity.reject)
    return found
