# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""Changeovers read off a timeline, and which target holds."""

from __future__ import annotations

import itertools
from dataclasses import replace

from histories import HOUR, MINUTE, T0, histories, machine, nows, shift
from hypothesis import given
from hypothesis import strategies as st
from kpi import Asked, Changeover, Target, best, changeovers
from timeline import History, Run, Span, StatePoint, overlay

WINDOW = Span(T0, T0 + 4 * HOUR)
RUNS = (Run(T0, T0 + HOUR, 1, "A"), Run(T0 + 90 * MINUTE, T0 + 4 * HOUR, 2, "B"))
HOURS = (
    StatePoint(T0, "running"),
    StatePoint(T0 + HOUR, "setup"),
    StatePoint(T0 + 2 * HOUR, "running"),
)


def told(history: History, now: int = WINDOW.end) -> list[Changeover]:
    """The changeovers of the window, seen at ``now``."""
    return changeovers(overlay(WINDOW, now, history))


def test_from_the_last_order_to_the_next() -> None:
    """Set-up between two orders' production, from one product to the other."""
    history = machine(WINDOW, states=HOURS, runs=RUNS)
    assert told(history) == [Changeover(T0 + HOUR, T0 + 2 * HOUR, HOUR, "A", "B")]


def test_what_interrupts_it_does_not_count() -> None:
    """A break, a stop and time without data lie within the changeover, not in its set-up time."""
    rest = shift(WINDOW.start, WINDOW.end, breaks=[(T0 + 70 * MINUTE, T0 + 80 * MINUTE)])
    states = (*HOURS[:2], StatePoint(T0 + 100 * MINUTE, "down"), *HOURS[2:])
    history = machine(WINDOW, states=states, runs=RUNS, shifts=(rest,))
    assert told(history) == [Changeover(T0 + HOUR, T0 + 2 * HOUR, 30 * MINUTE, "A", "B")]


def test_an_adjustment_is_no_changeover() -> None:
    """Set-up within one order's run, over or not."""
    history = machine(WINDOW, states=HOURS)
    assert told(history) == []
    assert told(history, T0 + 90 * MINUTE) == []


def test_while_it_runs() -> None:
    """Without an end; to nobody knows what, until the next order's run begins."""
    history = machine(WINDOW, states=HOURS, runs=RUNS)
    assert told(history, T0 + 80 * MINUTE) == [Changeover(T0 + HOUR, None, 20 * MINUTE, "A", None)]
    assert told(history, T0 + 100 * MINUTE) == [Changeover(T0 + HOUR, None, 40 * MINUTE, "A", "B")]


def test_the_first_one_comes_from_nothing() -> None:
    """What ran before the window nobody knows."""
    history = machine(WINDOW, states=(StatePoint(T0, "setup"), *HOURS[2:]), runs=RUNS[1:])
    assert told(history) == [Changeover(T0, T0 + 2 * HOUR, 2 * HOUR, None, "B")]


@given(histories(), nows)
def test_changeovers_do_not_overlap(history: History, now: int) -> None:
    """Whatever the facts: in order of time, only the last one open, no more set-up than time."""
    found = told(history, now)
    for one, after in itertools.pairwise(found):
        assert one.end is not None and one.end <= after.start
    assert all(0 < one.setup_ms <= (one.end or now) - one.start for one in found)


ASKED = Asked("A", ("sweet", "drinks"), "B", ("drinks",), ((3, "m1"), (2, "l1"), (1, "filler")))
FROM_WIDEST = [
    Target(1, 1),
    Target(2, 2, place="filler", place_rank=1),
    Target(3, 3, place="l1", place_rank=2),
    Target(4, 4, place="m1", place_rank=3),
    Target(5, 5, before_category="drinks"),
    Target(6, 6, before_category="sweet"),
    Target(7, 7, before_category="drinks", after_category="drinks"),
    Target(8, 8, before="A"),
    Target(9, 9, before="A", after_category="drinks"),
    Target(10, 10, before="A", after="B"),
    Target(11, 11, before="A", after="B", place="l1", place_rank=2),
]


@given(st.sets(st.sampled_from(range(len(FROM_WIDEST))), min_size=1), st.randoms(use_true_random=False))
def test_the_most_specific_target_holds(places: set[int], rng: object) -> None:
    """Of any of them in any order the one further down the list; targets that do not fit are none."""
    others = [
        Target(90, 1, before="B"),
        Target(91, 1, after_category="sweet"),
        Target(92, 1, place="m2", place_rank=3),
        Target(93, 1, before="A", after="B", place="l2", place_rank=2),
    ]
    known = [FROM_WIDEST[place] for place in places] + others
    rng.shuffle(known)  # type: ignore[attr-defined]
    assert best(known, ASKED) == FROM_WIDEST[max(places)]
    assert best(others, ASKED) is None


def test_of_equal_targets_the_first_entered_holds() -> None:
    """So the answer does not change when another is added."""
    first = Target(1, 60, before="A")
    assert best([first, replace(first, id=2, ms=90)], ASKED) == first
