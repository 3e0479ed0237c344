"""The counter model against the vectors that must come out, and its tables' other rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from iot_bridge.signals.counter import Booking, CounterMemory, CounterSpec, Doubt, Policy, Reading, Same, book

SPEC = CounterSpec(modulus=65536, max_rate=10.0, tolerance=2)
MEMORY = CounterMemory(raw=65530, at=0, mono=0, boot_id="b", epoch=3, total=1000, flag=7)


def reading(raw: int, ms: int = 1000, **more: Any) -> Reading:
    return replace(Reading(raw, ms, ms, "b", 7), **more)


def booked(outcome: object) -> Booking:
    assert isinstance(outcome, Booking)
    return outcome


def test_first_sample_is_the_baseline() -> None:
    first = booked(book(SPEC, None, reading(500)))
    assert (first.decision, first.delta, first.memory.total, first.memory.raw) == ("first", 0, 0, 500)


def test_v4_rollover_books_ten_and_is_logged() -> None:
    point = booked(book(SPEC, MEMORY, reading(4)))
    assert (point.decision, point.delta, point.bounds, point.quality) == ("rollover", 10, None, "good")
    assert (point.memory.total, point.memory.epoch) == (1010, 3)


def test_v4b_wrap_in_an_outage_books_the_least_with_bounds() -> None:
    """3 h at up to 10/s: 108 000 pieces are possible, so 10 or 10 + 65 536."""
    point = booked(book(SPEC, MEMORY, reading(4, 3 * 3600 * 1000)))
    assert (point.decision, point.delta, point.bounds, point.quality) == ("gap", 10, (10, 65546), "uncertain")


@pytest.mark.parametrize("polled", [[3], [0, 3]])
def test_v5a_reset_with_evidence_books_three(polled: list[int]) -> None:
    memory, decisions, ms = MEMORY, [], 0
    for raw in polled:
        ms += 500
        point = booked(book(SPEC, memory, reading(raw, ms, flag=8)))
        memory = point.memory
        decisions.append(point.decision)
    assert decisions[0] == "reset"
    assert (memory.total, memory.epoch, memory.raw) == (1003, 4, 3)


@pytest.mark.parametrize(
    ("policy", "total", "decision"), [("flag", 1003, "reset"), ("reset", 1003, "reset"), ("rollover", 1009, "rollover")]
)
@pytest.mark.parametrize("max_rate", [2.0, 10.0])
def test_v5b_without_evidence_goes_by_policy_and_is_flagged(
    policy: Policy, total: int, decision: str, max_rate: float
) -> None:
    """Both where a rollover is plausible by rate (10/s) and where it is not (2/s: read twice first)."""
    spec = replace(SPEC, policy=policy, max_rate=max_rate)
    outcome = book(spec, MEMORY, reading(0, 500))
    if isinstance(outcome, Doubt):
        outcome = book(spec, MEMORY, reading(0, 600), outcome)
    point = booked(outcome)
    assert point.decision == decision and point.quality == "uncertain" and point.alarm
    assert point.bounds is not None and point.bounds[0] == 0 and (point.bounds[1] or 0) >= 6
    after = booked(book(spec, point.memory, reading(3, 2500)))
    assert (after.decision, after.memory.total) == ("step", total)


def test_link_dropped_by_the_device_makes_a_rollover_doubtful() -> None:
    point = booked(book(SPEC, MEMORY, reading(4, dropped=True)))
    assert (point.decision, point.delta, point.quality) == ("reset", 4, "uncertain")


def test_torn_read_is_read_again_and_forgotten() -> None:
    doubt = book(SPEC, MEMORY, reading(30000))
    assert isinstance(doubt, Doubt)
    point = booked(book(SPEC, MEMORY, reading(65533, 1500), doubt))
    assert (point.decision, point.delta, point.bounds) == ("step", 3, None)


def test_implausible_jump_twice_read_is_a_preset_with_alarm() -> None:
    doubt = book(SPEC, replace(MEMORY, raw=100), reading(30000))
    assert isinstance(doubt, Doubt)
    point = booked(book(SPEC, replace(MEMORY, raw=100), reading(30001, 1500), doubt))
    assert (point.decision, point.delta, point.memory.epoch, point.quality) == ("reset", 0, 4, "uncertain")
    assert point.alarm


def test_implausible_jump_after_an_outage_is_booked_as_estimated() -> None:
    memory = replace(MEMORY, raw=100)
    doubt = book(SPEC, memory, reading(1100, 60_000))
    assert isinstance(doubt, Doubt)
    point = booked(book(SPEC, memory, reading(1101, 60_500), doubt))
    assert (point.decision, point.delta, point.quality, point.bounds) == ("gap", 1001, "estimated", (0, 1001))


def test_parts_made_while_the_bridge_was_dead_are_booked() -> None:
    point = booked(book(SPEC, replace(MEMORY, raw=100), reading(150, 20_000)))
    assert (point.decision, point.delta, point.quality) == ("step", 50, "good")


def test_wall_clock_counts_only_across_a_reboot() -> None:
    same_boot = reading(65535, 1000, at=-3_600_000)
    assert booked(book(SPEC, MEMORY, same_boot)).decision == "step"
    backwards = booked(book(SPEC, MEMORY, reading(65535, 1000, at=-5, boot_id="other")))
    assert (backwards.decision, backwards.delta, backwards.bounds) == ("gap", 5, (5, None))


def test_unchanged_counter_only_moves_the_time() -> None:
    same = book(SPEC, MEMORY, reading(65530, 1000))
    assert isinstance(same, Same) and same.memory == replace(MEMORY, at=1000, mono=1000)


def test_fall_of_more_than_half_the_modulus_is_never_a_rollover() -> None:
    spec = replace(SPEC, policy="rollover")
    memory = replace(MEMORY, raw=50_000)
    doubt = book(spec, memory, reading(40_000))
    assert isinstance(doubt, Doubt)
    point = booked(book(spec, memory, reading(40_000, 1500), doubt))
    assert (point.decision, point.delta) == ("reset", 0)


def test_boot_bit_going_down_is_no_reset() -> None:
    spec = replace(SPEC, flag_is_bool=True)
    memory = replace(MEMORY, raw=100, flag=1)
    assert booked(book(spec, memory, reading(105, flag=0))).decision == "step"
    assert booked(book(spec, replace(memory, flag=0), reading(5, flag=1))).decision == "reset"
