"""How much a call carries and how long the uplink waits: pure, with chance and time given."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iot_bridge.outbox import Batch
from iot_bridge.outbox.condense import REASON
from iot_bridge.uplink.conservation import Conservation
from iot_bridge.uplink.pacing import FIRST_LIMIT, FLOOR_S, HIGH_S, LEAST_LIMIT, LOW_S, SOON_S, Pace, Pauses, Refusals


def settle(per_event_s: float, fixed_s: float, most: int = 5000) -> tuple[int, float]:
    """The limit that is found against an Odoo of this speed, and what a call then takes."""
    pace = Pace(most)
    for _ in range(30):
        pace.took(fixed_s + per_event_s * pace.limit, pace.limit)
    return pace.limit, fixed_s + per_event_s * pace.limit


@pytest.mark.parametrize("per_event_s", [1e-5, 5e-5, 2e-4, 1e-3, 5e-3])
def test_calls_come_to_take_between_a_fifth_and_half_a_second(per_event_s: float) -> None:
    limit, took = settle(per_event_s, 0.01)
    assert took <= HIGH_S and (took >= LOW_S / 2 or limit == 5000)


def test_slow_odoo_is_asked_for_little_but_not_for_ever_less() -> None:
    assert settle(1.0, 0.0)[0] == LEAST_LIMIT
    assert settle(1.0, 0.0, most=7)[0] == 7
    assert settle(1e-6, 0.0, most=800)[0] == 800


def test_batches_that_are_not_full_say_nothing() -> None:
    """A quiet plant: three events a call, quickly answered, are no reason for larger calls."""
    pace = Pace()
    for _ in range(50):
        pace.took(0.01, 3)
    assert pace.limit == FIRST_LIMIT


def test_timeout_halves_a_refusal_goes_down_to_one_and_comes_back() -> None:
    pace = Pace()
    pace.failed(0.01)
    assert pace.limit == FIRST_LIMIT, "a refused connection says nothing about the size"
    pace.failed(10.0)
    assert pace.limit == FIRST_LIMIT // 2
    events = pace.limit
    while events > 1:
        pace.refused(events)
        events = pace.limit
    assert pace.limit == 1
    for _ in range(9):
        pace.took(0.02, pace.limit)
    assert pace.limit >= FIRST_LIMIT


def test_what_something_on_the_way_does_not_take_is_not_tried_again() -> None:
    pace = Pace()
    pace.too_large(500)
    for _ in range(9):
        pace.took(0.02, pace.limit)
    assert pace.limit == 250


@given(st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=40), st.floats(0.3, 60))
def test_pauses_are_drawn_below_a_doubling_bound(draws: list[float], most: float) -> None:
    it = iter(draws)
    pauses = Pauses(0.2, most, lambda: next(it))
    for number, draw in enumerate(draws):
        bound = min(0.2 * 2**number, most)
        assert pauses.next() == pytest.approx(max(FLOOR_S, draw * bound))
    pauses.reset()
    pauses._chance = lambda: 1.0
    assert pauses.next() == pytest.approx(0.2)


def test_bridges_that_lost_the_same_odoo_do_not_come_back_together() -> None:
    chance = iter(number / 100 for number in range(100))
    moments = [Pauses(2.0, 2.0, lambda: next(chance)).next() for _ in range(100)]
    fullest = max(sum(start <= moment < start + 0.2 for moment in moments) for start in [k / 10 for k in range(20)])
    assert fullest <= 12


def test_a_pause_that_was_asked_for_is_never_shorter() -> None:
    assert Pauses(0.2, 2.0, lambda: 0.0).after(30) == 30
    assert 30 < Pauses(0.2, 2.0, lambda: 0.99).after(30) <= 31


def count(seq: int, total: int, delta: int, decision: str = "step") -> tuple[int, str]:
    fields = {"counter": "total", "counter_epoch": 0, "raw": total, "total": total, "delta": delta}
    body = {"kind": "count", "equipment": "M1", "at": "2026-11-22T10:00:00.000Z", "quality": "good", **fields}
    return seq, json.dumps({**body, "decision": decision}, separators=(",", ":"))


def batch(events: list[tuple[int, str]], dropped: list[tuple[int, int, str]] | None = None) -> Batch:
    return Batch("e", events[0][0], events[-1][0], events, dropped or [])


def test_conservation_follows_each_counter_over_batches() -> None:
    check = Conservation().check
    assert check(batch([count(1, 100, 0, "first"), count(2, 105, 5)])) == []
    assert check(batch([count(3, 111, 6), count(4, 111, 0)])) == []
    assert "event 5" in check(batch([count(5, 120, 8)]))[0]
    assert check(batch([count(6, 121, 1)])) == [], "told once"


def test_conservation_holds_over_what_was_condensed_and_not_over_what_was_lost() -> None:
    check = Conservation().check
    assert check(batch([count(1, 10, 10)])) == []
    assert check(batch([count(9, 30, 20)], [(2, 8, REASON)])) == []
    assert len(check(batch([count(12, 60, 20)], [(10, 11, REASON)]))) == 1
    assert check(batch([count(20, 99, 1)], [(13, 19, "quarantined: x")])) == []


def test_what_is_sent_again_is_not_compared_with_what_came_after() -> None:
    check = Conservation().check
    assert check(batch([count(1, 10, 10), count(2, 20, 10), count(3, 30, 10)])) == []
    assert check(batch([count(2, 20, 10), count(3, 30, 10)])) == []


def test_refusal_after_success_is_tried_soon_then_ever_more_seldom() -> None:
    """A 401 may pass: within ten seconds no pause is longer than two. A key that is wrong is left alone soon."""
    refusals = Refusals(lambda: 1.0, now=lambda: 0.0)
    refusals.worked()
    assert [refusals.after("access_denied") for _ in range(12)] == [*SOON_S, 5, 10, 20, 40, 60, 60]
    assert 0.8 * sum(SOON_S) > 7 and max(SOON_S) <= 2


def test_what_never_worked_is_tried_seldom_from_the_outset() -> None:
    refusals = Refusals(lambda: 0.0, now=lambda: 0.0)
    assert [refusals.after("access_denied") for _ in range(3)] == [5, 5, 5]
    assert refusals.after("tls") == 2


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 20)), max_size=300))
def test_taking_and_refusing_in_turn_brings_no_hammering(turns: list[tuple[bool, float]]) -> None:
    """However success and refusal alternate: in no minute more short pauses than one series has."""
    now, short = 0.0, []
    refusals = Refusals(lambda: 0.0, now=lambda: now)
    for works, passes_s in turns:
        if works:
            refusals.worked()
        pause = refusals.after("access_denied")
        short.extend([now] if pause < 5 else [])
        now += pause + passes_s
    for began in short:
        assert sum(began <= at < began + 30 for at in short) <= 2 * len(SOON_S)
    assert len(short) <= len(SOON_S) * (now // 60 + 1)
