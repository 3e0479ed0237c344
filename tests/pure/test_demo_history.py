"""The invented past of the demo plant is one that a real plant could have had."""

import itertools

import pytest
from demoplant import MACHINES, invent
from demoplant.paint import Paint, flatten

HOUR = 3_600_000
END = 1_767_225_600_000  # 2026-01-01 00:00 UTC
START = END - 48 * HOUR
BREAKS = [(START + k * 8 * HOUR + 2 * HOUR, START + k * 8 * HOUR + 2 * HOUR + 900_000) for k in range(6)]


@pytest.fixture(scope="module")
def past():
    return invent(START, END, BREAKS, products=3)


def test_higher_layer_hides_lower_and_gaps_stay_gaps():
    spans = [Paint(0, 10, 0, "running"), Paint(4, 6, 1, "down", "7"), Paint(12, 14, 0, "running")]
    assert [(s.start, s.end, s.state) for s in flatten(spans, 0, 20)] == [
        (0, 4, "running"),
        (4, 6, "down"),
        (6, 10, "running"),
        (12, 14, "running"),
    ]


def test_equal_neighbours_are_one_span():
    spans = [Paint(0, 5, 0, "running"), Paint(5, 9, 0, "running")]
    assert [(s.start, s.end) for s in flatten(spans, 0, 9)] == [(0, 9)]


def test_states_tile_the_past(past):
    for machine in past.machines:
        edges = [START, *(s.end for s in machine.spans)]
        assert [s.start for s in machine.spans] == edges[:-1]
        assert edges[-1] == END


def test_neighbouring_states_differ(past):
    for machine in past.machines:
        assert all(a.look != b.look for a, b in zip(machine.spans, machine.spans[1:], strict=False))


def test_everybody_rests_in_breaks_unless_changing_over(past):
    for machine in past.machines:
        at = BREAKS[1][0] + 60_000
        assert next(s for s in machine.spans if s.start <= at < s.end).state in ("idle", "setup")


def test_counters_never_fall_and_rejects_are_part_of_the_total(past):
    for machine in past.machines:
        for points in machine.counts.values():
            assert points == sorted(points)
            assert all(a[1] <= b[1] for a, b in itertools.pairwise(points))
        assert machine.counts["reject"][-1][1] <= machine.counts["total"][-1][1]


def test_nothing_is_counted_while_a_machine_stands(past):
    for machine in past.machines:
        gained = {b[0] for a, b in zip(machine.counts["total"], machine.counts["total"][1:], strict=False)}
        standing = [s for s in machine.spans if s.state != "running"]
        assert not any(s.start < at <= s.end for s in standing[:200] for at in gained)


def test_no_machine_is_faster_than_its_ideal_cycle(past):
    for machine in past.machines:
        running_s = sum(s.end - s.start for s in machine.spans if s.state == "running") / 1000
        assert machine.counts["total"][-1][1] * machine.machine.ideal_s <= running_s


def test_registers_end_where_the_simulator_starts(past):
    for machine in past.machines:
        for name, points in machine.counts.items():
            expected = machine.machine.total_start if name == "total" else 0
            assert machine.raw(name, points[-1][1]) == expected


def test_runs_tile_the_past_and_change_the_product(past):
    assert [r[0] for r in past.runs] == [START, *(r[1] for r in past.runs[:-1])]
    assert past.runs[-1][1] == END
    assert all(a[2] != b[2] for a, b in zip(past.runs, past.runs[1:], strict=False))


def test_same_seed_same_past(past):
    again = invent(START, END, BREAKS, products=3)
    assert again.runs == past.runs
    assert [m.counts for m in again.machines] == [m.counts for m in past.machines]


def test_all_machines_of_the_line_have_a_past(past):
    assert [m.machine for m in past.machines] == list(MACHINES)


def test_no_machine_passes_on_more_than_it_was_given(past):
    """Bottles do not appear on the way: after the bottleneck, total <= good of the machine before."""
    filler, *rest = past.machines[1:]
    for giver, taker in itertools.pairwise([filler, *rest]):
        good = giver.counts["total"][-1][1] - giver.counts["reject"][-1][1]
        assert taker.counts["total"][-1][1] <= good


def test_the_line_keeps_up_with_its_bottleneck(past):
    made = {m.machine.unit: m.counts["total"][-1][1] for m in past.machines}
    assert min(made.values()) > 0.95 * made["FILLER"]
