# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""THE overlay: a machine's facts in, the effective timeline out.

Each kind of fact becomes a *lane*: a list of times at which its value changes. One sweep over the merged
changes emits a slice wherever nothing changes. Nothing depends on the order in which facts are given.

Where facts compete, this is the rule:

* two points of a lane at one time: the greatest ``(value, code, interlock)``; storage keeps only one, so
  this merely makes the answer independent of order;
* overrides that overlap: the later recorded (then the greater id) wins as a whole;
* shifts that overlap: the one that began first keeps its time;
* runs: the machine's own, at each instant; only where it has none, the line's;
* reasons: a person's; only where nobody gave one, that of the first reason rule which fits.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from heapq import heappop, heappush
from operator import itemgetter
from typing import Any

from .intervals import active, union
from .model import History, Key, Override, Run, Shift, Slice, Span, StatePoint
from .reasons import Rules
from .rules import RUNNING, categorise

_Step = tuple[int, Any]
_State = tuple[str | None, str | None, str | None, str | None]
_UNKNOWN: _State = (None, None, None, None)


def overlay(window: Span, now: int, history: History, cuts: Iterable[int] = ()) -> list[Slice]:
    """The effective timeline of ``window``: disjoint, in order, without a hole, nothing after ``now``.

    Adjacent stretches in which all is equal are one slice, except at ``cuts`` (hours, for example).
    """
    return Lanes(history).sweep(window.start, min(window.end, now), cuts)


class Lanes:
    """A history made ready to be swept, as often as wanted, over any window.

    ``first_told`` is when a state can be known for the first time, None if never.
    """

    __slots__ = ("_lanes", "_rules", "first_told")

    def __init__(self, history: History) -> None:
        self._rules = Rules(history.rules)
        states = _point_steps(history.states, self._rules.asks_raw)
        told = [point.at for point in history.states] + [item.start for item in history.overrides]
        self.first_told: int | None = min(told, default=None)
        self._lanes: tuple[tuple[list[int], list[Any], Any], ...] = tuple(
            ([time for time, _value in steps], [value for _time, value in steps], before)
            for steps, before in (
                (states, _UNKNOWN),
                ([(time, value[0]) for time, value in _point_steps(history.modes)], None),
                (_evidence_steps(history.evidence), False),
                (_shift_steps(history.shifts), (None, False)),
                (_run_steps(history.runs, history.line_runs), ()),
                (_override_steps(history.overrides), None),
                (self._rules.steps(), frozenset()),
            )
        )

    def sweep(self, start: int, end: int, cuts: Iterable[int] = ()) -> list[Slice]:
        """The slices that tile ``[start, end)``; none if it is empty or negative."""
        if end <= start:
            return []
        current, changes = self._changes(start, end)
        borders = {cut for cut in cuts if start < cut < end}
        changes += [(cut, -1, None) for cut in borders]
        changes.sort(key=itemgetter(0))
        changes.append((end, -1, None))
        slices: list[Slice] = []
        opened = since = start
        held: tuple[Any, ...] = ()
        for time, lane, value in changes:
            if time > since:
                here = self._told(current)
                if held and (here != held or since in borders):
                    slices.append(_slice(opened, since, held))
                    opened = since
                held, since = here, time
            if lane >= 0:
                current[lane] = value
        slices.append(_slice(opened, end, held))
        return slices

    def _told(self, current: list[Any]) -> tuple[Any, ...]:
        """What a slice says: the lanes, and the reason rule in place of what only rules look at."""
        (state, code, interlock, raw), mode, watched, shift, runs, override, windows = current
        rule = None
        if self._rules and (override is None or override.state != RUNNING):
            products = tuple(run.product for run in runs)
            rule = self._rules.match(state, code, interlock, raw, mode, products, windows)
        return (state, code, interlock), mode, watched, shift, runs, override, rule

    def _changes(self, start: int, end: int) -> tuple[list[Any], list[tuple[int, int, Any]]]:
        """The value of every lane at ``start``, and every change after it and before ``end``."""
        current: list[Any] = []
        changes: list[tuple[int, int, Any]] = []
        for lane, (times, values, before) in enumerate(self._lanes):
            first = bisect_right(times, start)
            current.append(values[first - 1] if first else before)
            last = bisect_left(times, end)
            changes += [(times[index], lane, values[index]) for index in range(first, last)]
        return current, changes


def _slice(start: int, end: int, lanes: tuple[Any, ...]) -> Slice:
    """The slice for one stretch of equal lane values."""
    machine, mode, watched, (shift, on_break), runs, override, rule = lanes
    machine_state, code, interlock = machine
    state = override.state if override is not None and override.state is not None else machine_state
    # The flags are those of the reason in force: a word that merely corrects the state leaves the rule's.
    gave_reason = override is not None and (override.reason is not None or override.planned or override.setup)
    flags = override if gave_reason else rule
    category = categorise(
        scheduled=shift is not None,
        watched=watched,
        on_break=on_break,
        planned=flags is not None and flags.planned,
        setup=flags is not None and flags.setup,
        state=state,
        mode=mode,
        ordered=bool(runs),
    )
    return Slice(
        start, end, category, state, machine_state, mode, code, interlock, watched, shift, on_break, runs, override,
        rule,
    )  # fmt: skip


def _point_steps(points: Iterable[StatePoint], with_raw: bool = False) -> list[tuple[int, _State]]:
    """Change points in order of time, one a time; what the controller said only if somebody asks."""
    chosen: dict[int, _State] = {}
    for point in points:
        value = (point.value, point.code, point.interlock, point.raw if with_raw else None)
        rival = chosen.get(point.at)
        if rival is None or _comparable(value) > _comparable(rival):
            chosen[point.at] = value
    return sorted(chosen.items(), key=itemgetter(0))


def _comparable(value: _State) -> tuple[str, ...]:
    return tuple(part or "" for part in value)


def _evidence_steps(evidence: Iterable[Span]) -> list[_Step]:
    """When the watching begins and ends, all sources together."""
    steps: list[_Step] = []
    for span in union(evidence):
        steps += [(span.start, True), (span.end, False)]
    return steps


def _shift_steps(shifts: Iterable[Shift]) -> list[_Step]:
    """The shift that holds and whether it is at a break."""
    ranked = sorted(shifts, key=lambda shift: (shift.start, shift.end, shift.key))
    items: list[tuple[int, int | None, tuple[Shift, bool]]] = []
    for shift in ranked:
        items.append((shift.start, shift.end, (shift, False)))
        items += [(rest.start, rest.end, (shift, True)) for rest in shift.breaks if rest.stops]
    steps: list[_Step] = []
    for time, holding in active(items):
        shift_now = next((shift for shift, rest in holding if not rest), None)
        steps.append((time, (shift_now, any(rest and shift is shift_now for shift, rest in holding))))
    return steps


def _run_steps(own: Iterable[Run], inherited: Iterable[Run]) -> list[_Step]:
    """The runs that hold, the one that began first in front: the machine's own, or, if it has none, its line's."""
    ranked = [(run, True) for run in sorted(own, key=_run_rank)]
    ranked += [(run, False) for run in sorted(inherited, key=_run_rank)]
    steps: list[_Step] = []
    for time, holding in active((run.start, run.end, (run, is_own)) for run, is_own in ranked):
        mine = tuple(run for run, is_own in holding if is_own)
        steps.append((time, mine or tuple(run for run, _is_own in holding)))
    return steps


def _run_rank(run: Run) -> tuple[int, tuple[int, int, str]]:
    return run.start, _rank(run.id)


def _override_steps(overrides: Iterable[Override]) -> list[_Step]:
    """The override that wins, found with a heap: those without an end may be many."""
    ranked = sorted(overrides, key=lambda item: (item.recorded_at, _rank(item.id)))
    told = [(place, item) for place, item in enumerate(ranked) if item.end is None or item.end > item.start]
    coming = sorted(((item.start, -place, item) for place, item in told), key=itemgetter(0), reverse=True)
    times = {item.start for _place, item in told} | {item.end for _place, item in told if item.end is not None}
    holding: list[tuple[int, Override]] = []
    steps: list[_Step] = []
    for time in sorted(times):
        while coming and coming[-1][0] <= time:
            _start, minus_place, item = coming.pop()
            heappush(holding, (minus_place, item))
        while holding and (end := holding[0][1].end) is not None and end <= time:
            heappop(holding)
        steps.append((time, holding[0][1] if holding else None))
    return steps


def _rank(key: Key) -> tuple[int, int, str]:
    """An order among identities of both kinds: numbers by size, then names."""
    return (0, key, "") if isinstance(key, int) else (1, 0, key)
