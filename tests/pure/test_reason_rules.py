"""Reason rules in the overlay: what fits, who wins, and that they break no invariant."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from histories import HOUR, MINUTE, T0, histories, machine
from hypothesis import given
from hypothesis import strategies as st
from timeline import History, Override, ReasonRule, Span, StatePoint, overlay

DOWN = StatePoint(T0 + MINUTE, "down", "17", "starved", "6")
WINDOW = Span(T0, T0 + 10 * MINUTE)


def at(history: History, minute: int):
    """The slice that holds a minute of the window."""
    wanted = T0 + minute * MINUTE
    return next(one for one in overlay(WINDOW, T0 + 24 * HOUR, history) if one.start <= wanted < one.end)


def told(*rules: ReasonRule, **more) -> History:
    """A machine that runs for a minute and then stands with code 17, starved."""
    return History(states=(StatePoint(T0, "running"), DOWN), rules=rules, **more)


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({}, True),
        ({"codes": ("17",)}, True),
        ({"codes": ("1[78]", "x")}, True),
        ({"codes": ("1",)}, False),
        ({"bits": 2}, True),
        ({"bits": 6}, True),
        ({"bits": 7}, False),
        ({"states": ("down",)}, True),
        ({"states": ("idle",)}, False),
        ({"interlocks": ("starved",)}, True),
        ({"interlocks": ("blocked",)}, False),
        ({"modes": ("manual",)}, False),
        ({"products": (7,)}, False),
        ({"windows": (Span(T0 + 4 * MINUTE, T0 + 6 * MINUTE),)}, True),
        ({"windows": ()}, False),
        ({"codes": ("17",), "states": ("idle",)}, False),
    ],
)
def test_every_condition_must_hold(conditions: dict, fits: bool) -> None:
    rule = ReasonRule(1, "why", **conditions)
    assert at(told(rule), 5).machine_reason == ("why" if fits else None)


def test_a_rule_never_speaks_while_the_machine_runs() -> None:
    """Neither by its own word nor by a person's, and not before anything was told."""
    rule = ReasonRule(1, "why", planned=True)
    assert at(told(rule), 0).machine_reason is None
    runs = Override(T0 + 2 * MINUTE, T0 + 9 * MINUTE, 1, 1, state="running")
    assert at(told(rule, overrides=(runs,)), 5).machine_reason is None


def test_the_first_rule_that_fits_decides() -> None:
    first, second = ReasonRule(1, "first", codes=("9",)), ReasonRule(2, "second")
    third = ReasonRule(3, "third")
    assert at(told(first, second, third), 5).machine_reason == "second"
    assert at(told(third, second), 5).machine_reason == "third"


def test_a_person_beats_every_rule() -> None:
    """With the flags of his reason; one who merely corrects the state leaves the rule's in force."""
    rule = ReasonRule(1, "cleaning", planned=True)
    scene = replace(machine(WINDOW, (T0, "running")), states=told().states, rules=(rule,))
    said = Override(T0 + 2 * MINUTE, None, 1, 1, reason="jam")
    corrected = Override(T0 + 2 * MINUTE, None, 1, 1, state="idle")
    by_person = at(replace(scene, overrides=(said,)), 5)
    assert (by_person.effective_reason, by_person.machine_reason) == ("jam", "cleaning")
    assert by_person.category == "delay"
    by_rule = at(replace(scene, overrides=(corrected,)), 5)
    assert (by_rule.effective_reason, by_rule.category, by_rule.state) == ("cleaning", "planned", "idle")


RULES = st.lists(
    st.builds(
        ReasonRule,
        id=st.integers(1, 9),
        reason=st.sampled_from("AB"),
        planned=st.booleans(),
        setup=st.booleans(),
        codes=st.sampled_from([(), ("17",), ("*",), ("E*", "23")]),
        states=st.sampled_from([(), ("down",), ("idle", "setup")]),
        modes=st.sampled_from([(), ("production",)]),
        windows=st.sampled_from([None, (Span(T0, T0 + HOUR),), (Span(T0 + 1000, T0 + 5000), Span(T0, T0 + 3000))]),
    ),
    max_size=4,
    unique_by=lambda rule: rule.id,
)


@given(histories(), RULES, st.integers(0, 2**16))
def test_rules_keep_the_invariants(history: History, rules: list[ReasonRule], seed: int) -> None:
    """Slices tile the window (1), their order of arrival does not matter (3), and what ran is what it was."""
    window = Span(T0, T0 + 24 * HOUR)
    ruled = replace(history, rules=tuple(rules))
    slices = overlay(window, T0 + 24 * HOUR, ruled)
    assert [one.end for one in slices[:-1]] == [one.start for one in slices[1:]]
    assert sum(one.ms for one in slices) == window.ms
    states = list(history.states)
    Random(seed).shuffle(states)
    assert overlay(window, T0 + 24 * HOUR, replace(ruled, states=tuple(states))) == slices
    plain = overlay(window, T0 + 24 * HOUR, history)
    ran = [sum(one.ms for one in found if one.category == "production") for found in (slices, plain)]
    assert ran[0] == ran[1]


@given(histories(), RULES)
def test_a_rule_never_changes_what_a_person_explained(history: History, rules: list[ReasonRule]) -> None:
    """Wherever somebody gave a reason, effective reason and category are what they are without any rule."""
    window = Span(T0, T0 + 24 * HOUR)
    cuts = [one.start for one in overlay(window, window.end, replace(history, rules=tuple(rules)))]
    ruled = overlay(window, window.end, replace(history, rules=tuple(rules)), cuts)
    plain = overlay(window, window.end, history, cuts)
    by_start = {one.start: one for one in plain}
    for piece in ruled:
        bare = by_start.get(piece.start)
        if bare is not None and piece.reason is not None:
            assert (piece.effective_reason, piece.category) == (bare.reason, bare.category)
    # Rules behind the first that fits change nothing: taking the last away only frees what it alone explained.
    fewer = overlay(window, window.end, replace(history, rules=tuple(rules[:-1])), cuts)
    firsts = {one.start: one.rule for one in fewer}
    assert all(firsts[one.start] == one.rule for one in ruled if firsts.get(one.start) is not None)
