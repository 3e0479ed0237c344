"""The invented past of the demo plant is one that a real plant could have had."""

import itertools

import pytest
from demoplant import layout, plant, words
from demoplant.paint import Paint, flatten
from demoplant.past import DAY, HOUR, MINUTE, Rhythm, subtract

END = 1_767_225_600_000 + 3 * DAY + 14 * HOUR + 17 * MINUTE  # a Sunday is among the days before
START = END - 7 * DAY
MIDNIGHT = START - START % DAY
BREAKS = [(MIDNIGHT + k * 8 * HOUR + 2 * HOUR, MIDNIGHT + k * 8 * HOUR + 2 * HOUR + 15 * MINUTE) for k in range(22)]
BREAKS = [(a, b) for a, b in BREAKS if a >= START and b <= END]
NIGHT_OFF = (START + 3 * DAY, START + 3 * DAY + 8 * HOUR)
DAYS = [(MIDNIGHT + k * DAY + 6 * HOUR, MIDNIGHT + k * DAY + 22 * HOUR) for k in range(8) if k not in (2, 3)]
RHYTHMS = {
    "flow": Rhythm(subtract((START, END), [NIGHT_OFF]), BREAKS),
    "tools": Rhythm([(max(a, START), min(b, END)) for a, b in DAYS if b > START and a < END], BREAKS),
    "batch": Rhythm([(START, END)], []),
}
CELLS = {cell.code: cell for cell in layout.PLANTS["all"]}
RHYTHM_OF = {code: RHYTHMS[cell.kind] for code, cell in CELLS.items()}


@pytest.fixture(scope="module")
def past():
    return plant.invent_plant(list(CELLS.values()), START, END, RHYTHM_OF)


@pytest.fixture(scope="module")
def machines(past):
    return {one.machine.unit: one for history in past.values() for one in history.machines}


def state_at(machine, at):
    return next(span.state for span in machine.spans if span.start <= at < span.end)


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


def test_all_machines_have_a_past_up_to_now(past, machines):
    assert set(machines) == {machine.unit for cell in CELLS.values() for machine in cell.machines}
    assert all(machine.spans[-1].end == END for machine in machines.values())


def test_states_tile_the_past_and_neighbours_differ(machines):
    for machine in machines.values():
        for one, other in itertools.pairwise(machine.spans):
            assert one.end == other.start and one.look != other.look


def test_everybody_rests_in_breaks_unless_changing_over(machines):
    for unit in ("FILLER", "BLOC"):
        assert state_at(machines[unit], BREAKS[1][0] + MINUTE) in ("idle", "setup")


def test_nobody_works_at_night_or_on_a_weekend_at_the_tools(machines):
    for unit in ("MILL1", "MILL2", "LATHE1"):
        for begin, end in subtract((START, END), RHYTHMS["tools"].shifts):
            inside = [s.state for s in machines[unit].spans if s.start < end and s.end > begin]
            assert inside == ["idle"], unit


def test_a_closed_night_of_a_line_is_idle(machines):
    inside = [s.state for s in machines["BLOC"].spans if s.start < NIGHT_OFF[1] and s.end > NIGHT_OFF[0]]
    assert inside == ["idle"]


def test_counters_never_fall_and_rejects_are_part_of_the_total(machines):
    for machine in machines.values():
        for points in machine.counts.values():
            assert points == sorted(points)
            assert all(a[1] <= b[1] for a, b in itertools.pairwise(points))
        pieces = machine.counts["total"][-1][1] * (machine.machine.batch or 1)
        assert machine.counts["reject"][-1][1] < 0.05 * pieces + 1


def test_nothing_is_counted_while_a_machine_stands(machines):
    for machine in machines.values():
        gained = {b[0] for a, b in itertools.pairwise(machine.counts["total"])}
        standing = [s for s in machine.spans if s.state != "running"]
        for span in standing[:80]:
            assert not any(span.start < at <= span.end for at in gained), machine.machine.unit


def performance(machine):
    running_s = sum(s.end - s.start for s in machine.spans if s.state == "running") / 1000
    return machine.counts["total"][-1][1] * (machine.machine.batch or 1) * machine.machine.ideal_s / running_s


def test_one_machine_only_is_faster_than_its_nameplate(machines):
    faster = {unit for unit, machine in machines.items() if performance(machine) > 1.0}
    assert faster == {"MILL2"}


def test_registers_end_where_the_simulator_starts(machines):
    for machine in machines.values():
        for name, points in machine.counts.items():
            expected = machine.machine.total_start if name == "total" else 0
            assert machine.raw(name, points[-1][1]) == expected


def test_no_machine_of_a_line_passes_on_more_than_it_was_given(past):
    """Bottles do not appear on the way: after the bottleneck, total <= good of the machine before."""
    for cell in (layout.LINE_1_CELL, layout.LINE_2_CELL):
        line = past[cell.code].machines
        paced = next(i for i, one in enumerate(line) if one.machine.unit == cell.bottleneck)
        for giver, taker in itertools.pairwise(line[paced:]):
            good = giver.counts["total"][-1][1] - giver.counts["reject"][-1][1]
            assert taker.counts["total"][-1][1] <= good


def test_a_line_keeps_up_with_its_bottleneck(past):
    for cell in (layout.LINE_1_CELL, layout.LINE_2_CELL):
        made = {one.machine.unit: one.counts["total"][-1][1] for one in past[cell.code].machines}
        assert min(made.values()) > 0.95 * made[cell.bottleneck]


def test_runs_of_a_line_tile_the_past_and_change_the_product(past):
    runs = past[layout.LINE_CODE].runs
    assert [run.start for run in runs] == [START, *(run.end for run in runs[:-1])]
    assert all(a.product != b.product for a, b in itertools.pairwise(runs))


def test_each_place_ends_with_one_open_order(past):
    for history in past.values():
        going = [run.place for run in history.runs if run.open]
        assert len(going) == len(set(going)) and all(run.end == END for run in history.runs if run.open)
        assert set(going) == {run.place for run in history.runs}


def test_tools_have_time_without_an_order(past):
    runs = [run for run in past[layout.TOOLS_CODE].runs if run.place.endswith("LATHE1")]
    assert any(b.start - a.end > 45 * MINUTE for a, b in itertools.pairwise(runs))


def test_the_reactor_counts_a_batch_when_it_is_out_and_is_cleaned_after_four(past, machines):
    reactor = machines["REACTOR1"]
    cleanings = [at for at, mode in reactor.modes if mode == "cleaning"]
    gained = [reactor.gained("total", a, b) for a, b in itertools.pairwise(cleanings)]
    assert len(gained) >= 5 and set(gained) == {layout.BATCHES_A_CLEANING}
    assert all(run.good + run.scrap == 4 * layout.BATCH_LITRES for run in past[reactor.machine.code].runs[1:-1])


def test_stories_of_the_week_are_there(machines):
    """A cleaning and a gap on each line, planned maintenance and a long repair at the tools."""
    for unit in ("FILLER", "BLOC", "REACTOR1"):
        assert "cleaning" in [mode for _at, mode in machines[unit].modes]
    assert machines["LABELLER"].blind and machines["BLOC"].blind
    assert "maintenance" in [mode for _at, mode in machines["LATHE1"].modes]
    repair = [s for s in machines["MILL1"].spans if s.state == "maintenance"]
    assert sum(s.end - s.start for s in repair) > 100 * MINUTE


def test_a_short_past_has_no_story_that_began_before_it():
    cell = layout.LINE_1_CELL
    short = plant.invent_cell(cell, END - DAY, END, Rhythm([(END - DAY, END)], []))
    assert all(machine.modes == [(END - DAY, "production")] for machine in short.machines)


def test_most_long_stops_are_explained_and_some_of_today_are_not(machines):
    said = words.invent_words(list(machines.values()), END)
    about = {(word.machine, word.start) for word in said}
    long = [
        (machine.machine.code, s)
        for machine in machines.values()
        for s in machine.spans
        if s.state == "down" and s.code is None and s.end - s.start > 2 * MINUTE
    ]
    before = [(code, s.start) in about for code, s in long if s.end < END - words.UNEXPLAINED_MS]
    today = [(code, s.start) in about for code, s in long if s.end >= END - words.UNEXPLAINED_MS]
    assert sum(before) > 0.85 * len(before) and not all(today)
    assert all(word.end < word.recorded <= END for word in said)
    assert all(word.comment for word in said if word.reason == "OTHER")


def test_each_line_has_a_stop_of_this_shift_that_waits_for_a_reason(machines):
    said = {(word.machine, word.start) for word in words.invent_words(list(machines.values()), END)}
    for unit in ("FILLER", "BLOC"):
        code, spans = machines[unit].machine.code, machines[unit].spans
        fresh = [s for s in spans if s.state == "down" and s.code is None and s.end > END - 2 * HOUR]
        assert any(s.end - s.start >= 2 * MINUTE and (code, s.start) not in said for s in fresh)


def test_same_seed_same_past(past, machines):
    again = plant.invent_plant(list(CELLS.values()), START, END, RHYTHM_OF)
    for code, history in past.items():
        assert again[code].runs == history.runs
        assert [m.counts for m in again[code].machines] == [m.counts for m in history.machines]
    said = words.invent_words(list(machines.values()), END)
    assert said == words.invent_words([m for h in again.values() for m in h.machines], END)
