"""The comparison of ``./mes demo --check``: it agrees with a good run and names each way a run can lie."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mescli.compare import Counter, Machine, Rules, Verdict, compare, disagreements, judge_times, tile

WINDOW = (0, 60_000)
TRUTH = [(0, "running"), (20_000, "down"), (30_000, "idle"), (40_000, "running")]
RULES = Rules(window=WINDOW, downtimes=[(45_000, 52_000)], poll=500, stale=3000)
GOOD = Machine(
    "M1",
    truth=TRUTH,
    points=[(120, "running"), (20_300, "down"), (30_499, "idle"), (40_001, "running"), (52_100, "running")],
    evidence=[(100, 30_000), (29_000, 47_900), (52_100, 61_000)],
)
MADE = Counter("M1", "total", made=70, booked=70)


def problems(machine: Machine = GOOD, counter: Counter = MADE, rules: Rules = RULES) -> list[str]:
    return compare([machine], [counter], rules).problems


def test_a_run_within_its_tolerances_is_good() -> None:
    """Late by less than a poll, downtime within the stale limit: nothing to say."""
    verdict = compare([GOOD], [MADE], RULES)
    assert verdict.problems == []
    assert (verdict.produced_plc, verdict.produced_odoo) == (70, 70)
    assert verdict.states_plc == verdict.states_odoo == 5
    assert (verdict.lost, verdict.duplicated) == (0, 0)


@pytest.mark.parametrize(("booked", "lost", "duplicated"), [(69, 1, 0), (73, 0, 3)])
def test_one_part_more_or_less_is_told(booked: int, lost: int, duplicated: int) -> None:
    verdict = compare([GOOD], [replace(MADE, booked=booked)], RULES)
    assert not verdict.ok
    assert (verdict.lost, verdict.duplicated) == (lost, duplicated)


def test_another_counter_is_compared_but_not_summed() -> None:
    """Rejects are compared like totals, but produced parts are counted once."""
    verdict = compare([GOOD], [MADE, Counter("M1", "reject", 4, 4)], RULES)
    assert verdict.ok and verdict.produced_plc == 70
    assert not compare([GOOD], [MADE, Counter("M1", "reject", 4, 5)], RULES).ok


def test_a_lost_state_is_told() -> None:
    points = [point for point in GOOD.points if point[1] != "down"]
    verdict = compare([replace(GOOD, points=points)], [MADE], RULES)
    assert not verdict.ok
    assert verdict.lost >= 1 and verdict.states_plc == 5 and verdict.states_odoo < 5


def test_an_invented_state_is_told() -> None:
    points = sorted([*GOOD.points, (5_000, "setup"), (8_000, "running")])
    verdict = compare([replace(GOOD, points=points)], [MADE], RULES)
    assert not verdict.ok
    assert verdict.duplicated >= 1


@pytest.mark.parametrize("late", [-1100, 900])
def test_a_state_shifted_by_more_than_a_poll_is_told(late: int) -> None:
    points = [(at + late if value == "idle" else at, value) for at, value in GOOD.points]
    assert problems(replace(GOOD, points=points))


def test_a_poll_of_lateness_is_the_limit() -> None:
    points = [(40_500, value) if at == 40_001 else (at, value) for at, value in GOOD.points]
    assert problems(replace(GOOD, points=points)) == []
    points = [(40_501, value) if at == 40_500 else (at, value) for at, value in points]
    assert problems(replace(GOOD, points=points))


def test_stretched_evidence_hides_a_downtime() -> None:
    """Evidence over the bridge's downtime is a lie even when the state happens to be right."""
    assert problems(replace(GOOD, evidence=[(0, 61_000)]))
    assert problems(replace(GOOD, evidence=[(100, 49_500), (52_100, 61_000)]))


def test_no_data_where_the_bridge_ran_is_told() -> None:
    assert problems(replace(GOOD, evidence=[(100, 10_000), (11_000, 47_900), (52_100, 61_000)]))
    assert problems(rules=replace(RULES, downtimes=[]))


def test_a_machine_without_facts_is_told() -> None:
    assert problems(replace(GOOD, points=[], evidence=[]))


def test_a_plant_that_made_nothing_proves_nothing() -> None:
    assert problems(counter=replace(MADE, made=0, booked=0))


def test_disagreement_spans_a_chain_of_short_differences() -> None:
    """Three wrong values in a row are one long disagreement, not three short ones."""
    true = tile([(0, "running")], (0, 1000))
    seen = tile([(0, "running"), (300, "down"), (500, "idle"), (700, "running")], (0, 1000))
    assert disagreements(true, seen) == [(300, 700, "running", "down")]


def test_lag_and_recovery_are_measured_apart() -> None:
    """What waits for a dead Odoo is recovery, not lag."""
    arrivals = [(at, at + 200) for at in range(0, 20_000, 500)]
    arrivals += [(at, 33_000) for at in range(20_000, 30_000, 500)]
    arrivals += [(at, max(at, 33_000) + 200) for at in range(30_000, 60_000, 500)]
    verdict = Verdict()
    judge_times(verdict, arrivals, outages=[(20_000, 30_000)])
    assert verdict.problems == []
    assert verdict.lag_p99_s == pytest.approx(0.2)
    assert verdict.recovery_s == pytest.approx(3.2)


def test_slow_lag_and_slow_recovery_are_told() -> None:
    slow = Verdict()
    judge_times(slow, [(at, at + 5_100) for at in range(0, 60_000, 500)], outages=[])
    assert not slow.ok
    late = Verdict()
    arrivals = [(at, at + 100) for at in range(0, 20_000, 500)]
    arrivals += [(at, max(at, 46_000) + 100) for at in range(20_000, 90_000, 500)]
    judge_times(late, arrivals, outages=[(20_000, 30_000)])
    assert late.recovery_s == pytest.approx(16.1) and not late.ok


def test_silence_after_an_outage_is_told() -> None:
    verdict = Verdict()
    judge_times(verdict, [(at, at + 100) for at in range(0, 20_000, 500)], outages=[(20_000, 30_000)])
    assert not verdict.ok


def test_speed_turns_plant_time_into_real_time() -> None:
    verdict = Verdict()
    judge_times(verdict, [(at, at + 4_000) for at in range(0, 60_000, 500)], outages=[], speed=10.0)
    assert verdict.lag_p99_s == pytest.approx(0.4)
