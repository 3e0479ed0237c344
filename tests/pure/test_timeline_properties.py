# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""What holds of the timeline whatever the facts: tiling, order, conservation, identity."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from histories import HOUR, LENGTH, MINUTE, T0, WINDOW, histories, machine, nows
from hypothesis import given
from hypothesis import strategies as st
from timeline import (
    Break,
    Counter,
    CountPoint,
    History,
    KnownStop,
    Override,
    Run,
    Shift,
    Slice,
    Span,
    StatePoint,
    StopSpan,
    build,
    derive,
    match,
    overlay,
    quantities,
)
from timeline.counts import Series, authoritative
from timeline.intervals import active, complement, intersect, measure, subtract, union
from timeline.rules import categorise
from timeline.shares import spread, turns, weights_of

LATER = T0 + 1000 * HOUR
small = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda pair: Span(pair[0], sum(pair))), max_size=6
)


def instants(spans: list[Span]) -> set[int]:
    """The set as its instants."""
    return {time for span in spans for time in range(span.start, span.end)}


@given(small, small)
def test_interval_algebra_is_set_algebra(left: list[Span], right: list[Span]) -> None:
    """Union, intersection, difference and complement are those of sets of instants, in normal form."""
    window = Span(5, 25)
    answers = {
        "union": (union(left, right), instants(left) | instants(right)),
        "intersect": (intersect(left, right), instants(left) & instants(right)),
        "subtract": (subtract(left, right), instants(left) - instants(right)),
        "complement": (complement(left, window), set(range(5, 25)) - instants(left)),
    }
    for found, wanted in answers.values():
        assert instants(found) == wanted
        assert all(before.end < after.start for before, after in itertools.pairwise(found))
        assert all(span.ms > 0 for span in found)
    assert measure(left) == len(instants(left))


@given(st.lists(st.tuples(st.integers(0, 20), st.one_of(st.none(), st.integers(0, 20)), st.integers()), max_size=6))
def test_active_names_what_holds_at_each_instant(items: list[tuple[int, int | None, int]]) -> None:
    """The steps of ``active`` give at every instant the items that hold then, in the order given."""
    steps = active(items)
    for time in range(25):
        holding = next((values for start, values in reversed(steps) if start <= time), [])
        assert holding == [v for start, end, v in items if start <= time and (end is None or time < end)]


def test_negative_span_is_refused() -> None:
    """A span that ends before it starts is an error."""
    with pytest.raises(ValueError, match="swap them"):
        Span(2, 1)


@given(histories(), nows)
def test_invariant_1_slices_tile_the_window(history: History, now: int) -> None:
    """Whatever the facts, slices follow one another without hole or overlap up to now, each longer than zero."""
    slices = overlay(WINDOW, now, history)
    edges = [WINDOW.start, *(piece.end for piece in slices)]
    assert all(piece.start == edge for piece, edge in zip(slices, edges, strict=False))
    assert all(piece.ms > 0 for piece in slices)
    assert edges[-1] == max(WINDOW.start, min(WINDOW.end, now))


@given(histories(), nows, st.randoms(use_true_random=False))
def test_invariant_3_order_of_facts_does_not_matter(history: History, now: int, rng: random.Random) -> None:
    """Any permutation of the facts gives the same timeline, stops and quantities."""

    def shuffled(items: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(rng.sample(items, len(items)))

    counters = tuple(replace(one, points=shuffled(one.points)) for one in history.counters)  # type: ignore[arg-type]
    names = ("states", "modes", "evidence", "runs", "line_runs", "overrides", "shifts")
    parts = {name: shuffled(getattr(history, name)) for name in names}
    other = replace(history, counters=shuffled(counters), **parts)  # type: ignore[arg-type]
    assert build(other, WINDOW, now) == build(history, WINDOW, now)


@given(histories(), st.lists(st.integers(T0, T0 + LENGTH - 1), min_size=1, max_size=8))
def test_slice_is_what_holds_at_each_of_its_instants(history: History, times: list[int]) -> None:
    """A slice says of each instant what a plain look through the facts says."""
    slices = overlay(WINDOW, LATER, history)
    for time in times:
        piece = next(one for one in slices if one.start <= time < one.end)
        assert told(piece) == looked_up(history, time)


def told(piece: Slice) -> tuple[object, ...]:
    """What a slice says."""
    return (piece.category, piece.state, piece.mode, piece.code, piece.shift, piece.runs, piece.override)


def looked_up(history: History, time: int) -> tuple[object, ...]:
    """What the facts say of one instant, found one by one."""

    def last(points: tuple[StatePoint, ...]) -> StatePoint | None:
        past = [point for point in points if point.at <= time]
        return max(past, key=lambda p: (p.at, p.value, p.code or "", p.interlock or ""), default=None)

    def holds(item: Run | Override | Shift | Break) -> bool:
        return item.start <= time and (item.end is None or time < item.end)

    point, mode = last(history.states), last(history.modes)
    given_ = max(filter(holds, history.overrides), key=lambda o: (o.recorded_at, o.id), default=None)
    now_shift = next(filter(holds, history.shifts), None)
    runs = [run for run in history.runs if holds(run)] or [run for run in history.line_runs if holds(run)]
    state = (given_.state if given_ else None) or (point.value if point else None)
    category = categorise(
        scheduled=now_shift is not None,
        watched=any(span.start <= time < span.end for span in history.evidence),
        on_break=now_shift is not None and any(map(holds, now_shift.breaks)),
        planned=given_ is not None and given_.planned,
        setup=given_ is not None and given_.setup,
        state=state,
        mode=mode.value if mode else None,
        ordered=bool(runs),
    )
    ordered = tuple(sorted(runs, key=lambda run: (run.start, run.id)))
    return (category, state, mode and mode.value, point and point.code, now_shift, ordered, given_)


@given(histories(), st.lists(st.integers(T0, T0 + LENGTH), max_size=3))
def test_invariant_7_pieces_are_conserved(history: History, cuts: list[int]) -> None:
    """Between two points of a counter its slices hold exactly the difference, and total = good + reject."""
    for counter in history.counters:
        points = sorted(counter.points, key=lambda point: point.at)
        whole = Span(points[0].at, points[-1].at)
        slices = overlay(whole, LATER, history, cuts)
        assert sum(quantities(counter.points, slices)) == points[-1].total - points[0].total
    for made in build(history, WINDOW, LATER).quantities:
        assert made.total == made.good + made.reject
        parts = made.portions
        assert (made.total, made.good, made.reject) == tuple(
            sum(getattr(part, name) for part in parts) for name in ("total", "good", "reject")
        )


@given(histories(), nows)
def test_portions_divide_a_slice_s_time(history: History, now: int) -> None:
    """The runs of a slice divide its time without rest; a run without a share gets nothing beside one with."""
    timeline = build(history, WINDOW, now)
    for piece, made in zip(timeline.slices, timeline.quantities, strict=True):
        assert sum(part.ms for part in made.portions) == piece.ms
        assert [part.run for part in made.portions] == (list(piece.runs) or [None])
        if any(run.share for run in piece.runs):
            assert all(part.ms == 0 for part in made.portions if part.run is not None and not part.run.share)


@given(histories(), nows)
def test_stops_are_exactly_the_delays(history: History, now: int) -> None:
    """Stops cover each delay once and nothing else; between two stops there is something that is no delay."""
    slices = overlay(WINDOW, now, history)
    stops = derive(slices)
    delays = [Span(piece.start, piece.end) for piece in slices if piece.category == "delay"]
    assert [Span(stop.start, stop.end) for stop in stops] == union(delays)
    for stop in stops:
        assert stop.causes[0].start == stop.start
        assert stop.causes[-1].end == stop.end
        assert all(a.end == b.start for a, b in zip(stop.causes, stop.causes[1:], strict=False))


@given(histories(), nows, st.integers(0, LENGTH), st.integers(0, LENGTH))
def test_a_stop_is_the_same_from_every_window(history: History, now: int, one: int, other: int) -> None:
    """Whichever window one looks through, a stop that touches it is known whole and alike."""
    window = Span(T0 + min(one, other), T0 + max(one, other))
    wide = build(history, WINDOW, now).stops
    assert build(history, window, now).stops == tuple(
        stop for stop in wide if stop.start < window.end and stop.end > window.start
    )


@given(st.integers(-500, 500), st.lists(st.integers(0, 100), min_size=1, max_size=8))
def test_spread_is_whole_near_and_additive(whole: int, weights: list[int]) -> None:
    """Parts sum to the whole, none has another sign, and before each cut they are within half a piece."""
    parts = spread(whole, weights)
    assert sum(parts) == whole
    assert all(part * whole >= 0 for part in parts)
    for cut in range(len(weights)) if sum(weights) else ():
        exact = Fraction(whole * sum(weights[:cut]), sum(weights))
        assert abs(sum(parts[:cut]) - exact) <= Fraction(1, 2)
        if cut:
            joined = [sum(weights[:cut]), *weights[cut:]]
            assert spread(whole, joined) == [sum(parts[:cut]), *parts[cut:]]


shares = st.lists(st.fractions(min_value=0, max_value=4, max_denominator=2000), min_size=1, max_size=4)


@given(shares, st.integers(0, 5000), st.integers(0, 3000), st.integers(0, 3000))
def test_turns_are_fair_and_additive(some: list[Fraction], first: int, more: int, rest: int) -> None:
    """Each piece goes to one run, parts of a span add up, and a round gives each run its share."""
    weights = weights_of([Run(0, None, place, None, share) for place, share in enumerate(some)])
    one, two = turns(weights, first, first + more), turns(weights, first + more, first + more + rest)
    both = turns(weights, first, first + more + rest)
    assert both == [a + b for a, b in zip(one, two, strict=True)]
    assert sum(both) == more + rest
    assert min(both) >= 0
    assert turns(weights, first, first + sum(weights)) == list(weights)
    assert turns(weights, first + more, first) == [-share for share in one]


@given(histories())
def test_history_survives_json(history: History) -> None:
    """A history written as JSON and read again is the same."""
    assert History.from_dict(json.loads(json.dumps(history.to_dict()))) == history


def test_history_refuses_unknown_parts() -> None:
    """A misspelt part is an error, not silence."""
    with pytest.raises(ValueError, match=r"unknown parts \['statez'\]"):
        History.from_dict({"statez": []})


def test_two_counters_cannot_both_be_authoritative() -> None:
    """Two totals on one machine are refused with a sentence that says the mend."""
    series = [Series(Counter(name, "total")) for name in ("a", "b")]
    with pytest.raises(ValueError, match="make one of them a check"):
        authoritative(series)


def test_check_counter_beyond_its_tolerance_is_found() -> None:
    """A cross-check that differs by more than its tolerance is a finding; within it, none."""
    window = Span(T0, T0 + HOUR)

    def counters(tolerance: int) -> tuple[Counter, ...]:
        total = (CountPoint(T0, 5), CountPoint(window.end, 105))
        check = (CountPoint(T0, 0), CountPoint(window.end, 97))
        return (Counter("total", "total", total), Counter("eye", "check", check, tolerance=tolerance))

    def found(tolerance: int) -> list[tuple[str, str, int]]:
        timeline = build(machine(window, (T0, "running"), counters=counters(tolerance)), window, LATER)
        return [(finding.code, finding.counter, finding.pieces) for finding in timeline.findings]

    assert found(2) == [("differs", "eye", 3)]
    assert found(3) == []


def test_good_and_reject_beside_a_total_must_agree_with_it() -> None:
    """Where all three are counted, total and reject are booked and a difference is found."""
    window = Span(T0, T0 + HOUR)
    ends = {"total": 100, "good": 90, "reject": 7}
    counters = tuple(
        Counter(role, role, (CountPoint(T0, 0), CountPoint(window.end, number))) for role, number in ends.items()
    )
    timeline = build(machine(window, (T0, "running"), counters=counters), window, LATER)
    assert [(f.code, f.counter, f.pieces) for f in timeline.findings] == [("differs", "total", 3)]
    assert sum(made.good for made in timeline.quantities) == 93


def test_total_that_falls_is_found_and_conserved() -> None:
    """A total that goes down, against its contract, is a finding; the sum stays last minus first."""
    points = (CountPoint(T0, 100), CountPoint(T0 + MINUTE, 90), CountPoint(T0 + HOUR, 130))
    window = Span(T0, T0 + HOUR)
    timeline = build(machine(window, (T0, "running"), counters=(Counter("n", "total", points),)), window, LATER)
    assert [(finding.code, finding.pieces) for finding in timeline.findings] == [("falls", -10)]
    assert sum(made.total for made in timeline.quantities) == 30


def test_reason_of_a_stop_is_the_one_of_most_of_it() -> None:
    """Of several reasons within one stop, the one over most of its time is the stop's."""
    window = Span(T0, T0 + HOUR)
    overrides = (
        Override(T0, T0 + 10 * MINUTE, 1, 1, reason="A"),
        Override(T0 + 20 * MINUTE, T0 + HOUR, 1, 2, reason="B"),
    )
    (stop,) = build(machine(window, (T0, "down"), overrides=overrides), window, window.end).stops
    assert (stop.reason, len(stop.causes), stop.open) == ("B", 3, True)


def spans(*pairs: tuple[int, int]) -> list[StopSpan]:
    """Derived stops."""
    return [StopSpan(start, end, False, (), None, None) for start, end in pairs]


def test_stop_keeps_its_identity_when_it_moves() -> None:
    """A stop whose edges move by late facts keeps its id."""
    plan = match([KnownStop(7, 10, 20)], spans((12, 25)))
    assert [(kept.id, kept.merged) for kept in plan.keep] == [(7, ())]
    assert (plan.create, plan.retire) == ((), ())


def test_split_stop_keeps_its_id_on_the_greater_part() -> None:
    """When a late fact splits a stop, the greater part keeps the id, the other names it as its origin."""
    plan = match([KnownStop(7, 0, 100)], spans((0, 10), (20, 100)))
    assert [(kept.id, kept.stop.start) for kept in plan.keep] == [(7, 20)]
    assert [(made.stop.start, made.origins) for made in plan.create] == [(0, (7,))]


def test_merged_stops_keep_the_greater_s_id_and_name_the_other() -> None:
    """When two stops become one, the greater's id stays, the other is retired into it."""
    plan = match([KnownStop(1, 0, 10), KnownStop(2, 20, 100)], spans((0, 100)))
    assert [(kept.id, kept.merged) for kept in plan.keep] == [(2, (1,))]
    assert [(gone.id, gone.into) for gone in plan.retire] == [(1, 2)]


def test_stop_that_is_no_more_is_retired() -> None:
    """A stop that facts have explained away is retired into nothing; an open one matches what follows."""
    plan = match([KnownStop(1, 0, 10), KnownStop(2, 50, None)], spans((60, 90)))
    assert [(gone.id, gone.into) for gone in plan.retire] == [(1, None)]
    assert [kept.id for kept in plan.keep] == [2]


disjoint = st.lists(st.integers(0, 60), max_size=12, unique=True).map(
    lambda edges: [(a, b) for a, b in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)]
)


@given(disjoint, disjoint, st.randoms(use_true_random=False))
def test_match_loses_no_stop_and_no_lineage(
    before: list[tuple[int, int]], after: list[tuple[int, int]], rng: random.Random
) -> None:
    """Each stored stop is kept once or retired, each derived one kept or created, and all kin are named."""
    old = [KnownStop(place, start, end) for place, (start, end) in enumerate(before)]
    new = spans(*after)
    plan = match(old, new)
    assert sorted([kept.id for kept in plan.keep] + [gone.id for gone in plan.retire]) == [known.id for known in old]
    family = {kept.stop.start: {kept.id, *kept.merged} for kept in plan.keep}
    family |= {made.stop.start: set(made.origins) for made in plan.create}
    assert sorted(family) == [stop.start for stop in new]
    for stop in new:
        assert family[stop.start] == {k.id for k in old if k.start < stop.end and (k.end or 0) > stop.start}
    assert match(rng.sample(old, len(old)), rng.sample(new, len(new))) == plan
    unchanged = match(old, spans(*before))
    assert [kept.id for kept in unchanged.keep] == [known.id for known in old]
