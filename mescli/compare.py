"""What the plant really did against what Odoo says it did: pure, no files, no database, no clock.

Times are integer milliseconds of *plant* time; a span is a pair ``(start, end)``, end excluded. The
caller (``mescli/check.py``) reads the simulator's truth file and Odoo's tables into ``Machine`` and
``Counter`` and gets a ``Verdict`` whose ``problems`` are sentences for a person.

The rules, in the words of the issue:

- counts are equal, counter by counter;
- state spans are equal within one poll wherever the bridge ran;
- the bridge's downtime is *no data*, that span give or take the stale limit;
- lag outside the injected outages has p99 ≤ 5 s, recovery takes ≤ 15 s after each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Span = tuple[int, int]
#: A state that is not known: Odoo has no evidence there.
NO_DATA = "no data"
LAG_LIMIT_S = 5.0
RECOVERY_LIMIT_S = 15.0


@dataclass(frozen=True)
class Piece:
    """A stretch of one value in a timeline."""

    start: int
    end: int
    value: str

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Counter:
    """One counter of one machine: pieces made at the PLC and pieces booked in Odoo over the same run."""

    machine: str
    name: str
    made: int
    booked: int


@dataclass(frozen=True)
class Machine:
    """One machine: the true changes, and Odoo's points and evidence, each in time order.

    ``truth`` and ``points`` are ``(at, state)``; both lanes hold until their next entry.
    """

    code: str
    truth: Sequence[tuple[int, str]]
    points: Sequence[tuple[int, str]]
    evidence: Sequence[Span]


@dataclass(frozen=True)
class Rules:
    """The run and its tolerances: its span, the bridge's downtimes, one poll, the stale limit (all ms)."""

    window: Span
    downtimes: Sequence[Span] = ()
    poll: int = 500
    stale: int = 5000


@dataclass
class Verdict:
    """The figures of the last line, and a sentence for each thing that does not hold."""

    produced_plc: int = 0
    produced_odoo: int = 0
    states_plc: int = 0
    states_odoo: int = 0
    lost: int = 0
    duplicated: int = 0
    lag_p99_s: float | None = None
    recovery_s: float | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def line(self) -> dict[str, object]:
        """The JSON object of the last line, in the order the issue gives."""
        names = ("produced_plc", "produced_odoo", "states_plc", "states_odoo", "lost", "duplicated")
        figures = {name: getattr(self, name) for name in names}
        return {"ok": self.ok, **figures, "lag_p99_s": self.lag_p99_s, "recovery_s": self.recovery_s}


# -- timelines ------------------------------------------------------------------------------------


def tile(changes: Sequence[tuple[int, str]], window: Span) -> list[Piece]:
    """The changes as pieces that tile the window; before the first change nothing is known."""
    start, end = window
    edges = [(start, NO_DATA), *sorted(changes), (end, NO_DATA)]
    pieces = [Piece(max(at, start), min(until, end), value) for (at, value), (until, _) in pairwise(edges)]
    return merge(pieces)


def merge(pieces: Iterable[Piece]) -> list[Piece]:
    """Join touching pieces of one value; empty pieces vanish."""
    joined: list[Piece] = []
    for piece in pieces:
        if piece.length <= 0:
            continue
        if joined and joined[-1].value == piece.value and joined[-1].end == piece.start:
            piece = Piece(joined.pop().start, piece.end, piece.value)
        joined.append(piece)
    return joined


def blank(pieces: Sequence[Piece], spans: Iterable[Span]) -> list[Piece]:
    """The pieces with ``NO_DATA`` inside the spans."""
    for start, end in spans:
        cut: list[Piece] = []
        for piece in pieces:
            low, high = max(piece.start, min(start, piece.end)), max(piece.start, min(end, piece.end))
            cut += [
                Piece(piece.start, low, piece.value),
                Piece(low, high, NO_DATA),
                Piece(high, piece.end, piece.value),
            ]
        pieces = merge(cut)
    return list(pieces)


def complement(spans: Iterable[Span], window: Span) -> list[Span]:
    """The parts of the window that no span covers; the spans may come in any order and overlap."""
    gaps, at = [], window[0]
    for start, end in sorted(spans):
        if start > at:
            gaps.append((at, min(start, window[1])))
        at = max(at, end)
    gaps.append((at, window[1]))
    return [(start, end) for start, end in gaps if end > start]


def disagreements(left: Sequence[Piece], right: Sequence[Piece]) -> list[tuple[int, int, str, str]]:
    """Maximal stretches over which two tilings of one window differ: start, end and the first two values."""
    edges = sorted({edge for piece in (*left, *right) for edge in (piece.start, piece.end)})
    stretches: list[tuple[int, int, str, str]] = []
    for start, end in pairwise(edges):
        ours, theirs = value_at(left, start), value_at(right, start)
        if ours == theirs:
            continue
        if stretches and stretches[-1][1] == start:
            start, _, ours, theirs = stretches.pop()
        stretches.append((start, end, ours, theirs))
    return stretches


def value_at(pieces: Sequence[Piece], at: int) -> str:
    return next((piece.value for piece in pieces if piece.start <= at < piece.end), NO_DATA)


# -- the comparison -------------------------------------------------------------------------------


def compare(machines: Iterable[Machine], counters: Iterable[Counter], rules: Rules) -> Verdict:
    """Hold Odoo's facts against the truth; lag and recovery are added by ``judge_times``."""
    verdict = Verdict()
    for counter in counters:
        _compare_counter(counter, verdict)
    for machine in machines:
        _compare_states(machine, rules, verdict)
        _compare_downtimes(machine, rules, verdict)
    if not verdict.produced_plc:
        verdict.problems.append("the plant made nothing: a check without parts proves nothing")
    return verdict


def _compare_counter(counter: Counter, verdict: Verdict) -> None:
    if counter.name == "total":
        verdict.produced_plc += counter.made
        verdict.produced_odoo += counter.booked
    verdict.lost += max(0, counter.made - counter.booked)
    verdict.duplicated += max(0, counter.booked - counter.made)
    if counter.made != counter.booked:
        what = f"{counter.machine}/{counter.name}: the PLC made {counter.made}, Odoo has {counter.booked}"
        verdict.problems.append(what)


def _compare_states(machine: Machine, rules: Rules, verdict: Verdict) -> None:
    """Disagreement may last one poll, but at the edges of a downtime, where the stale limit decides."""
    true = tile(machine.truth, rules.window)
    seen = blank(tile(machine.points, rules.window), complement(machine.evidence, rules.window))
    fuzzy = [(start - rules.poll, end + rules.stale) for start, end in rules.downtimes]
    true, seen = blank(true, fuzzy), blank(seen, fuzzy)
    for start, end, said, found in disagreements(true, seen):
        if end - start > rules.poll:
            verdict.problems.append(
                f"{machine.code}: for {end - start} ms from {start} the PLC was {said}, Odoo says {found}"
            )
    lost, invented = unmatched(true, seen, rules.poll), unmatched(seen, true, rules.poll)
    visible = len(known(true, rules.poll))
    verdict.states_plc += visible
    verdict.states_odoo += visible - len(lost) + len(invented)
    verdict.lost += len(lost)
    verdict.duplicated += len(invented)
    for piece in lost:
        verdict.problems.append(f"{machine.code}: Odoo lacks {piece.value} from {piece.start} to {piece.end}")
    for piece in invented:
        verdict.problems.append(f"{machine.code}: Odoo invents {piece.value} from {piece.start} to {piece.end}")


def known(pieces: Iterable[Piece], poll: int) -> list[Piece]:
    """The pieces that a poll cannot miss: of a known value and longer than two polls."""
    return [piece for piece in pieces if piece.value != NO_DATA and piece.length > 2 * poll]


def unmatched(pieces: Sequence[Piece], others: Sequence[Piece], poll: int) -> list[Piece]:
    """Pieces for which the other side has none of the same value with both ends within one poll."""

    def meets(piece: Piece, other: Piece) -> bool:
        ends = abs(piece.start - other.start) <= poll and abs(piece.end - other.end) <= poll
        return ends and piece.value == other.value

    return [piece for piece in known(pieces, poll) if not any(meets(piece, other) for other in others)]


def _compare_downtimes(machine: Machine, rules: Rules, verdict: Verdict) -> None:
    """Each downtime of the bridge is one gap in the evidence, its ends within the stale limit."""
    gaps = complement(machine.evidence, rules.window)
    for start, end in rules.downtimes:
        near = [g for g in gaps if abs(g[0] - start) <= rules.stale and abs(g[1] - end) <= rules.stale]
        if len(near) != 1:
            over = [g for g in gaps if g[0] < end and g[1] > start] or "none"
            verdict.problems.append(
                f"{machine.code}: the bridge was down {start}–{end}, Odoo's no data there is {over}"
            )


# -- lag and recovery -----------------------------------------------------------------------------


def percentile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank percentile; ``None`` of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def judge_times(
    verdict: Verdict, arrivals: Sequence[tuple[int, int]], outages: Sequence[Span], speed: float = 1.0
) -> None:
    """Add lag and recovery, in seconds of real time.

    ``arrivals`` are ``(source time, time Odoo took it)`` of facts; ``outages`` are ``(broken, mended)``:
    the kill, and the moment the restart was ordered. A fact is outside the outages when neither its
    source time nor its way lies in one, the recovery included.
    """
    recoveries = [_recovery(arrivals, outage) for outage in outages]
    if any(recovery is None for recovery in recoveries):
        verdict.problems.append("after an outage nothing arrived any more")
    healed = [(start, end + (recovery or 0)) for (start, end), recovery in zip(outages, recoveries)]
    lags = [taken - at for at, taken in arrivals if not any(at <= end and taken >= start for start, end in healed)]
    p99 = percentile(lags, 0.99)
    verdict.lag_p99_s = None if p99 is None else round(p99 / speed / 1000, 3)
    known_ones = [recovery for recovery in recoveries if recovery is not None]
    verdict.recovery_s = round(max(known_ones) / speed / 1000, 3) if known_ones else None
    if verdict.lag_p99_s is None or verdict.lag_p99_s > LAG_LIMIT_S:
        verdict.problems.append(f"the lag's 99th percentile is {verdict.lag_p99_s} s, allowed are {LAG_LIMIT_S} s")
    if verdict.recovery_s is not None and verdict.recovery_s > RECOVERY_LIMIT_S:
        verdict.problems.append(f"recovery took {verdict.recovery_s} s, allowed are {RECOVERY_LIMIT_S} s")


def _recovery(arrivals: Sequence[tuple[int, int]], outage: Span) -> int | None:
    """From the mend to the moment when all that happened until the mend, and something newer, has arrived."""
    broken, mended = outage
    backlog = [taken for at, taken in arrivals if broken <= at < mended]
    fresh = [taken for at, taken in arrivals if at >= mended]
    if not fresh:
        return None
    return max(0, max([min(fresh), *backlog]) - mended)
