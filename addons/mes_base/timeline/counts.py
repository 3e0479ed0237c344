# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""From running totals to whole pieces in each slice.

The pieces of an interval between two neighbouring points are the difference of their totals; a late or
replayed point splits an interval and never adds. An interval that crosses slices is shared out

* by running time, whatever that time counts as: a machine that runs on after its order, into a break or beyond
  the shift makes parts there too, and they must not be guessed into the order. Time of which nobody knows
  whether the machine ran takes its part as well (what was made unseen must not be pressed into the seconds
  before and after, it would look like speed);
* if there is none, by time.

What falls into a slice that is not production was made *outside production*. Pieces are shared out whole: at
every edge by largest remainder between its two sides, a tie to the earlier (:func:`timeline.shares.spread`). A
point exactly on a slice's edge belongs to both sides, and a step that takes no time to the slice before it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from .model import Counter, CountPoint, Run, Slice, Span
from .rules import RUNNING
from .shares import spread, turns, weights_of

_PLAIN = frozenset({"step", "first"})


@dataclass(frozen=True, slots=True)
class Portion:
    """What belongs to one order run (None: no order ran) of a slice's time and pieces."""

    run: Run | None
    ms: int
    total: int
    good: int
    reject: int


@dataclass(frozen=True, slots=True)
class Quantity:
    """Pieces of a slice: total = good + reject, and the same divided over its runs."""

    total: int
    good: int
    reject: int
    portions: tuple[Portion, ...]


@dataclass(frozen=True, slots=True)
class CountFinding:
    """Something about a counter that a person should look at.

    ``code``: reset, rollover or gap (the bridge's decision for the step that ends at ``end``; the truth lies
    within ``low``..``high`` counter units), falls (a total went down), differs (two counters disagree by
    more than the tolerance: ``low`` and ``high`` are the two numbers of pieces).
    """

    code: str
    counter: str
    start: int
    end: int
    pieces: int
    low: int | None = None
    high: int | None = None


class Series:
    """One counter's points in order, in pieces; nothing told after ``now``."""

    __slots__ = ("counter", "pieces", "points", "times")

    def __init__(self, counter: Counter, now: int | None = None) -> None:
        self.counter = counter
        known = (point for point in counter.points if now is None or point.at <= now)
        self.points = sorted(known, key=lambda point: (point.at, point.total, point.epoch))
        self.times = [point.at for point in self.points]
        up, down = counter.pieces_per_unit.as_integer_ratio()
        self.pieces = [point.total * up // down for point in self.points]

    def reach(self, window: Span) -> Span:
        """The window widened so that every interval between two points that touches it is whole in it.

        A machine that was switched off long ago has a last point and no interval since.
        """
        before = bisect_right(self.times, window.start) - 1
        after = bisect_left(self.times, window.end)
        last = len(self.times) - 1
        start = self.times[before] if 0 <= before < last else window.start
        end = self.times[after] if 0 < after <= last else window.end
        return Span(min(start, window.start), max(end, window.end))

    def told_by(self, time: int) -> int:
        """The total, in pieces, by ``time``; before the first point, that of the first point."""
        return self.pieces[max(0, bisect_right(self.times, time) - 1)] if self.pieces else 0

    def made_in(self, window: Span) -> int:
        """The difference between the last points at or before the window's edges."""
        return self.told_by(window.end) - self.told_by(window.start)


def quantities(points: Iterable[CountPoint], slices: Sequence[Slice], per_unit: Fraction = Fraction(1)) -> list[int]:
    """Whole pieces of each slice, by one counter's points in any order.

    ``slices`` tile a span. An interval that reaches beyond it is shared out within it only; widen the span
    with :func:`timeline.build.build`, which knows how.
    """
    return _share_out(Series(Counter("", "total", tuple(points), per_unit)), slices)


def authoritative(series: Iterable[Series]) -> dict[str, Series]:
    """The counter of each role total, good and reject.

    :raises ValueError: two counters claim one role.
    """
    found: dict[str, Series] = {}
    for one in series:
        role = one.counter.role
        if role == "check":
            continue
        if role in found:
            raise ValueError(
                f"counters {found[role].counter.name!r} and {one.counter.name!r} are both authoritative "
                f"for {role}: make one of them a check"
            )
        found[role] = one
    return found


def by_role(series: Sequence[Series], slices: Sequence[Slice], hours: Sequence[int] = ()) -> list[Quantity]:
    """Total, good and reject of each slice, from whichever authoritative counters there are.

    Two of the three give the third (total and reject before total and good); a total alone means that all
    are good, good alone that it is the total. Over a short slice the derived number may be negative, when a
    reject is counted after its piece: over time it is not. A counter says something from the hour of its first
    reading on (``hours``: where they begin and the last ends, slices are cut there): one that is added later makes no
    other past.

    :raises ValueError: two counters claim one role.
    """
    known = authoritative(series)
    shares = {role: _share_out(one, slices) for role, one in known.items()}
    since = {role: _since(one, slices, hours) for role, one in known.items()}
    made: list[Quantity] = []
    for first, last in pairwise(sorted({0, len(slices), *since.values()})):
        part = slices[first:last]
        told = [role for role, place in since.items() if place <= first]
        total, reject = _derive({role: shares[role][first:last] for role in told}, len(part))
        by_then = {role: [known[role].told_by(slices[0].start) + sum(shares[role][:first])] for role in told}
        before = _derive(by_then, 1)
        made += _divided(part, total, reject, before[0][0], before[1][0])
    return made


def _since(series: Series, slices: Sequence[Slice], hours: Sequence[int]) -> int:
    """The place of the slice with which the hour of a counter's first reading begins; behind all without one."""
    if not series.times:
        return len(slices)
    first = series.times[0]
    place = bisect_right(hours, first)
    at = hours[place - 1] if 0 < place < len(hours) else first
    if not slices or at >= slices[-1].end:
        return len(slices)
    return max(0, bisect_right(slices, at, key=lambda piece: piece.start) - 1)


def _derive(counted: dict[str, list[int]], length: int) -> tuple[list[int], list[int]]:
    """Total and reject, whichever two of total, good and reject were counted."""
    nothing = [0] * length
    good, reject = counted.get("good", nothing), counted.get("reject", nothing)
    if "total" not in counted:
        return [fine + lost for fine, lost in zip(good, reject, strict=True)], reject
    total = counted["total"]
    if "good" in counted and "reject" not in counted:
        reject = [made - fine for made, fine in zip(total, good, strict=True)]
    return total, reject


def findings(series: Sequence[Series], window: Span) -> list[CountFinding]:
    """What a person should look at in ``window``, in order of time."""
    found = _differences(series, window)
    for one in series:
        first = max(1, bisect_right(one.times, window.start))
        for index in range(first, bisect_right(one.times, window.end)):
            step = one.pieces[index] - one.pieces[index - 1]
            point = one.points[index]
            code = "falls" if step < 0 else point.decision
            if code not in _PLAIN:
                start = one.times[index - 1]
                found.append(CountFinding(code, one.counter.name, start, point.at, step, point.low, point.high))
    return sorted(found, key=lambda item: (item.end, item.counter, item.code))


def _differences(series: Sequence[Series], window: Span) -> list[CountFinding]:
    """Counters that do not agree with the total over the window, within their tolerance."""
    known = authoritative(series)
    made = {role: one.made_in(window) for role, one in known.items()}
    both = made.get("good", 0) + made.get("reject", 0)
    total = made.get("total", both)
    rivals = [(known["total"].counter, both)] if len(made) == 3 else []
    rivals += [(one.counter, one.made_in(window)) for one in series if made and one.counter.role == "check"]
    return [
        CountFinding("differs", counter.name, window.start, window.end, total - pieces, *sorted((total, pieces)))
        for counter, pieces in rivals
        if abs(total - pieces) > counter.tolerance
    ]


def _share_out(series: Series, slices: Sequence[Slice]) -> list[int]:
    """Pieces of each slice: the whole intervals by one subtraction, those that cross an edge shared out."""
    times, pieces = series.times, series.pieces
    shares = [0] * len(slices)
    crossing = -1
    if slices and (before := bisect_left(times, slices[0].start) - 1) >= 0:
        crossing = before
        _share_crossing(series, before, slices, 0, shares)
    for place, piece in enumerate(slices):
        first = bisect_right(times, piece.start)
        if first and times[first - 1] == piece.start:
            first -= 1
        last = bisect_right(times, piece.end) - 1
        if last > first:
            shares[place] += pieces[last] - pieces[first]
        if last > crossing and times[last] < piece.end:
            crossing = last
            _share_crossing(series, last, slices, place, shares)
    return shares


def _share_crossing(series: Series, index: int, slices: Sequence[Slice], place: int, shares: list[int]) -> None:
    """Share out the interval that begins at point ``index``, from slice ``place`` on."""
    if index + 1 >= len(series.times):
        return
    start, end = series.times[index], series.times[index + 1]
    stop = place
    while stop < len(slices) and slices[stop].start < end:
        stop += 1
    touched = slices[place:stop]
    times = [min(piece.end, end) - max(piece.start, start) for piece in touched]
    weights = [ms if _may_have_run(piece) else 0 for ms, piece in zip(times, touched, strict=True)]
    whole = series.pieces[index + 1] - series.pieces[index]
    for offset, share in enumerate(spread(whole, weights if any(weights) else times)):
        shares[place + offset] += share


def _may_have_run(piece: Slice) -> bool:
    """The machine ran, or nobody knows."""
    return piece.state in (RUNNING, None) or not piece.watched


def _divided(
    slices: Sequence[Slice], total: list[int], reject: list[int], told_total: int, told_reject: int
) -> list[Quantity]:
    """Each slice's pieces and time divided over its runs; ``told_*`` is what was told before the first."""
    made: list[Quantity] = []
    for piece, count, lost in zip(slices, total, reject, strict=True):
        if len(piece.runs) < 2:
            run = piece.runs[0] if piece.runs else None
            portions: tuple[Portion, ...] = (Portion(run, piece.ms, count, count - lost, lost),)
        else:
            weights = weights_of(piece.runs)
            times = turns(weights, piece.start, piece.end)
            counts = turns(weights, told_total, told_total + count)
            losts = turns(weights, told_reject, told_reject + lost)
            parts = zip(piece.runs, times, counts, losts, strict=True)
            portions = tuple(Portion(run, ms, n, n - bad, bad) for run, ms, n, bad in parts)
        made.append(Quantity(count, count - lost, lost, portions))
        told_total += count
        told_reject += lost
    return made
