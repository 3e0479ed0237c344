"""Which units are worth a request: dead ones are tried seldom, lost lines are not held against the units."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from iot_bridge.drivers.modbus.units import FIRST_PAUSE_S, SHARE, Units

LONGEST_S = 10.0


def test_one_lost_answer_is_tried_again_soon_the_next_ones_seldom() -> None:
    units = Units([1, 2], LONGEST_S)
    assert units.failed(1, 1.0, 100.0)
    units.line_answers()
    assert not units.ready(1, 100.4) and units.ready(1, 100.0 + FIRST_PAUSE_S) and units.ready(2, 100.0)
    assert not units.failed(1, 1.0, 101.5)
    assert not units.ready(1, 101.4 + 1 / SHARE) and units.ready(1, 101.6 + 1 / SHARE)
    assert units.answered(1) and units.ready(1, 102.0) and not units.answered(1)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 8), st.floats(0.05, 1.0), st.integers(0, 1000))
def test_tries_of_dead_units_take_no_more_than_their_share(dead: int, cost_s: float, seed: int) -> None:
    """Over ten minutes, whatever the timeout and however many are dead, after their first failures."""
    chance = random.Random(seed)
    units = Units(range(10), LONGEST_S)
    now, spent, began = 0.0, 0.0, None
    while now < 600:
        for unit in chance.sample(range(10), 10):
            if not units.ready(unit, now):
                continue
            if unit < dead:
                now += cost_s
                units.failed(unit, cost_s, now)
                if began is not None:
                    spent += cost_s
            else:
                units.answered(unit)
        if began is None and now > 60:
            began = now
        now += 0.1
    assert began is not None and spent <= (now - began) * SHARE + 2 * cost_s
    assert set(units.failing) == set(range(dead))


def test_no_dead_unit_is_forgotten() -> None:
    units = Units(range(6), LONGEST_S)
    tried = dict.fromkeys(range(5), 0)
    now = 0.0
    while now < 300:
        units.answered(5)
        for unit in tried:
            if units.ready(unit, now):
                tried[unit] += 1
                now += 0.2
                units.failed(unit, 0.2, now)
        now += 0.1
    assert min(tried.values()) >= 5


def test_a_lost_line_is_not_held_against_its_units() -> None:
    units = Units([1, 2, 3], LONGEST_S)
    units.failed(1, 1.0, 0.0)
    assert not units.line_is_lost
    units.failed(2, 1.0, 1.0)
    assert units.line_is_lost
    units.line_lost()
    assert units.last_resort([1, 2, 3]) is None and not units.ready(2, 1.1)
    units.failed(3, 1.0, 3.0)
    assert units.last_resort([1, 2, 3]) == 1 and units.last_resort([2, 3]) == 2 and units.last_resort([]) is None
    assert units.answered(1)
    assert all(units.ready(unit, 3.1) for unit in (1, 2, 3)) and units.failing == []


def test_a_silent_unit_on_a_line_that_answers_stays_silent() -> None:
    units = Units([1, 2, 3], LONGEST_S)
    units.failed(1, 1.0, 0.0)
    units.answered(2)
    units.failed(3, 1.0, 5.0)
    assert not units.line_is_lost
    units.line_lost()
    units.answered(2)
    assert units.is_failing(1) and not units.is_failing(3)
