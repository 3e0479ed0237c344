# Part of Gemba MES. See LICENSE file for full copyright and licensing details.
"""The vectors of the KPI engine: worked examples from outside, and what a figure says of itself."""

from __future__ import annotations

from fractions import Fraction

import pytest
from histories import HOUR, MINUTE, T0, counter, machine, percent, rollup, seconds, shift, totals
from kpi import (
    Ideal,
    Kpi,
    Registry,
    Settings,
    Totals,
    add_up,
    bucket_of,
    figures,
    ideal_too_long,
    losses,
    ratio,
    standard,
)
from timeline import Run, Span, build

LATER = T0 + 1000 * HOUR


def made(window: Span, total: int, reject: int) -> tuple[object, ...]:
    """Counters that count evenly through a window."""
    return (
        counter("total", (window.start, 0), (window.end, total)),
        counter("reject", (window.start, 0), (window.end, reject)),
    )


def test_v0_the_classic_worked_example() -> None:
    """Eight hours, 60 min of breaks, 47 min of stops, 19 271 made at 1.0 s: 88.81, 86.11, 97.80, 74.79 %."""
    window = Span(T0, T0 + 8 * HOUR)
    breaks = [(2 * 60, 15), (4 * 60, 30), (6 * 60, 15)]
    rests = [(T0 + start * MINUTE, T0 + (start + length) * MINUTE) for start, length in breaks]
    stands = [(T0 + HOUR, T0 + 107 * MINUTE), *rests]
    history = machine(
        window,
        (T0, "running"),
        *((start, "idle") for start, _end in stands),
        *((end, "running") for _start, end in stands),
        shifts=(shift(window.start, window.end, breaks=rests),),
        counters=made(window, 19_271, 423),
    )
    found = totals(history, window, ideals=seconds("1.0"))
    assert found.pbt_ms == 420 * MINUTE
    told = figures(found)
    assert [percent(told[key].value) for key in ("availability", "effectiveness", "quality", "oee")] == [
        "88.81",
        "86.11",
        "97.80",
        "74.79",
    ]


def test_v1_a_pharmaceutical_plant_s_specification() -> None:
    """Twelve hours, 2 h of stops, 10 000/h ideal: 83.33, 95.00, 94.74, 75.00, and good over ideal the same."""
    window = Span(T0, T0 + 12 * HOUR)
    history = machine(window, (T0, "running"), (T0 + 10 * HOUR, "down"), counters=made(window, 95_000, 5_000))
    found = totals(history, window, ideals=seconds("0.36"))
    told = figures(found)
    assert [percent(told[key].value) for key in ("availability", "effectiveness", "quality", "oee")] == [
        "83.33",
        "95.00",
        "94.74",
        "75.00",
    ]
    assert told["oee"].value == Fraction(found.good, 120_000) == Fraction(3, 4)


def test_v2_faster_than_ideal_is_shown_and_found() -> None:
    """PBT 480, set-up 40, stop 20, 450 made at 60 s: P 107.14, OEE 91.875, NEE 100.625, and the finding."""
    window = Span(T0, T0 + 8 * HOUR)
    states = ((T0, "setup"), (T0 + 40 * MINUTE, "running"), (T0 + 460 * MINUTE, "down"))
    history = machine(window, *states, counters=made(window, 450, 9))
    timeline = build(history, window, LATER)
    hours = rollup(timeline, ideals=seconds("60"))
    told = figures(add_up(hours.values()))
    assert percent(told["availability"].value) == "87.50"
    assert percent(told["effectiveness"].value) == "107.14"
    assert percent(told["quality"].value) == "98.00"
    assert percent(told["oee"].value, 3) == "91.875"
    assert percent(told["nee"].value, 3) == "100.625"
    assert told["effectiveness"].notes == ("faster_than_ideal",)
    finding = ideal_too_long("P", hours.values())
    assert finding is not None
    assert finding.effectiveness == Fraction(450, 420)
    assert 55_000_000_000 < finding.proposal_ns < 60_000_000_000
    assert losses(add_up(hours.values())).speed_ms == -30 * MINUTE


def test_v12_speed_loss() -> None:
    """At 84 % of the ideal rate for 60 min, P is 84 % and the speed loss 9.6 min."""
    window = Span(T0, T0 + HOUR)
    history = machine(window, (T0, "running"), counters=made(window, 84, 0))
    found = totals(history, window, ideals=seconds("36"))
    assert percent(figures(found)["effectiveness"].value) == "84.00"
    assert losses(found).speed_ms == Fraction(96, 10) * MINUTE


def test_every_other_ratio_of_the_standard() -> None:
    """The ratios of times and pieces follow the standard's formulas."""
    found = Totals(
        not_scheduled_ms=200,
        planned_ms=50,
        setup_ms=100,
        no_order_ms=50,
        production_ms=600,
        unplanned_ms=150,
        minor_ms=50,
        total=100,
        good=90,
        reject=10,
        ideal_ns=500_000_000,
        ideal_good_ns=450_000_000,
        maintenance_ms=30,
        failure_ms=120,
        failure_stops=2,
    )
    told = {key: figure.value for key, figure in figures(found, more={"AOET": 1800, "PSQ": 5, "PQ1": 125}).items()}
    assert told == {
        "allocation": Fraction(900, 1800),
        "throughput": Fraction(100, 1800),
        "allocation_efficiency": Fraction(900, 950),
        "utilization": Fraction(600, 900),
        "oee": Fraction(450, 950),
        "nee": Fraction(700, 950) * Fraction(500, 600) * Fraction(9, 10),
        "availability": Fraction(600, 950),
        "effectiveness": Fraction(500, 600),
        "quality": Fraction(9, 10),
        "setup_ratio": Fraction(100, 700),
        "technical_efficiency": Fraction(600, 800),
        "production_process": Fraction(600, 1800),
        "planned_scrap": Fraction(10, 5),
        "scrap_ratio": Fraction(10, 100),
        "rework_ratio": None,
        "fall_off": Fraction(10, 125),
        "equipment_load": Fraction(500, 1000),
        "mtbf": 300,
        "mttf": 200,
        "mttr": 60,
        "corrective_maintenance": Fraction(120, 150),
        "teep": Fraction(450, 1200),
    }


def test_figure_is_refused_below_the_coverage_limit() -> None:
    """At 79 % coverage there is no figure but a reason; at 80 % there is one."""
    thin = Totals(production_ms=79, no_data_ms=21, total=1, good=1, ideal_ns=1)
    assert {figure.refusal for figure in figures(thin).values()} == {"coverage_too_low"}
    enough = Totals(production_ms=80, no_data_ms=20, total=1, good=1, ideal_ns=1)
    told = figures(enough)["availability"]
    assert (told.value, told.coverage) == (1, Fraction(4, 5))
    strict = figures(enough, Settings(coverage_limit=Fraction(9, 10)))["availability"]
    assert (strict.refusal, strict.explanation) == ("coverage_too_low", "too little of the shift time was watched")


def test_figure_is_refused_where_a_divisor_is_zero() -> None:
    """Without shift time, busy time or production there is a reason in place of a division by zero."""
    assert figures(Totals(not_scheduled_ms=9))["oee"].refusal == "no_shift_time"
    assert figures(Totals(planned_ms=9))["oee"].refusal == "no_busy_time"
    idle = figures(Totals(unplanned_ms=9))
    assert (idle["effectiveness"].refusal, idle["quality"].refusal) == ("no_production_time", "nothing_produced")
    assert (idle["oee"].value, idle["oee"].notes) == (0, ("nothing_produced",))


def test_figure_is_refused_without_an_ideal_cycle() -> None:
    """If some pieces have no ideal cycle, effectiveness and OEE are refused; availability is not."""
    window = Span(T0, T0 + HOUR)
    runs = (Run(T0, T0 + 30 * MINUTE, 1, "P"), Run(T0 + 30 * MINUTE, T0 + HOUR, 2, "Q"))
    history = machine(window, (T0, "running"), runs=runs, counters=made(window, 100, 0))
    found = totals(history, window, ideals=seconds("30", "P"))
    assert (found.without_ideal, losses(found).complete) == (50, False)
    told = figures(found)
    assert [told[key].refusal for key in ("effectiveness", "oee", "teep")] == ["no_ideal_cycle"] * 3
    assert (told["oee"].refusal_about, told["availability"].value) == ("PRU*PQ", 1)


def test_several_products_sum_their_ideal_times() -> None:
    """Effectiveness over products is the sum of ideal × total over APT; a product's own cycle beats the general."""
    window = Span(T0, T0 + HOUR)
    runs = (Run(T0, T0 + 30 * MINUTE, 1, "P"), Run(T0 + 30 * MINUTE, T0 + HOUR, 2, "Q"))
    history = machine(window, (T0, "running"), runs=runs, counters=made(window, 100, 0))
    found = totals(history, window, ideals=(*seconds("30", "P"), *seconds("18")))
    assert figures(found)["effectiveness"].value == Fraction(50 * 30 + 50 * 18, 3600)


def test_ideal_cycle_is_the_one_of_its_date() -> None:
    """An ideal cycle holds from its date on, also for a window that spans the change."""
    window = Span(T0, T0 + 2 * HOUR)
    history = machine(window, (T0, "running"), counters=made(window, 200, 0))
    ideals = (*seconds("18"), Ideal.of_seconds(None, T0 + HOUR, "36"))
    assert totals(history, window, ideals=ideals).ideal_ns == (100 * 18 + 100 * 36) * 10**9


def test_order_time_may_be_taken_out_of_busy_time() -> None:
    """With the site's setting ADOT leaves PBT, and the figure says so."""
    found = Totals(production_ms=60, unplanned_ms=20, no_order_ms=20)
    told = figures(found)["availability"]
    assert (told.value, told.notes) == (Fraction(60, 100), ())
    other = figures(found, Settings(no_order_is_loss=False))["availability"]
    assert (other.value, other.notes) == (Fraction(60, 80), ("no_order_excluded",))


def test_line_is_sums_never_a_mean() -> None:
    """A line's availability is Σ APT ÷ Σ PBT and names its method."""
    long = Totals(production_ms=900, unplanned_ms=100)
    short = Totals(production_ms=1, unplanned_ms=9)
    told = figures(add_up([long, short]), method="sums")["availability"]
    assert (told.value, told.method) == (Fraction(901, 1010), "sums")


def test_figure_keeps_what_it_was_made_of() -> None:
    """A figure keeps its inputs, formula, versions and coverage, so that it can be redone by hand."""
    found = Totals(production_ms=60, unplanned_ms=40)
    told = figures(found, Settings(calendar_version="abc"))["availability"]
    assert told.inputs == {"APT": 60, "PBT": 100}
    assert (told.formula, told.formula_version, told.calendar_version) == ("APT / PBT", 1, "abc")
    assert (told.coverage, told.number) == (1, 8)


def test_other_rooms_register_their_indicators() -> None:
    """A registered indicator is computed from elements that its room hands over; its key is its own."""
    registry = standard()
    registry.register(Kpi("worker_efficiency", 1, "APWT / APAT", ratio("APWT", "APAT")))
    found = Totals(production_ms=1)
    told = figures(found, more={"APWT": 7, "APAT": 8}, registry=registry)["worker_efficiency"]
    assert told.value == Fraction(7, 8)
    missing = figures(found, registry=registry)["worker_efficiency"]
    assert (missing.refusal, missing.refusal_about) == ("input_missing", "APAT")
    with pytest.raises(ValueError, match="choose another key"):
        registry.register(Kpi("oee", 1, "1", ratio("APT", "APT")))
    assert "worker_efficiency" not in {kpi.key for kpi in standard()}


def test_an_empty_registry_computes_nothing() -> None:
    """Only what is registered is computed."""
    assert figures(Totals(production_ms=1), registry=Registry()) == {}


def test_threshold_may_depend_on_the_mode() -> None:
    """The minor-stop threshold is that of the mode in which the stop began."""
    window = Span(T0, T0 + HOUR)
    history = machine(window, (T0, "running"), (T0 + 10 * MINUTE, "down"), (T0 + 12 * MINUTE, "running"))
    assert totals(history, window).unplanned_ms == 2 * MINUTE
    slow = Settings(minor_by_mode=(("production", 1), ("", 5 * MINUTE)))
    assert totals(history, window, settings=slow).minor_ms == 2 * MINUTE


def test_delay_without_its_stop_is_refused() -> None:
    """A delay whose stop was not handed over is an error, not a guess."""
    window = Span(T0, T0 + HOUR)
    (piece,) = build(machine(window, (T0, "down")), window, window.end).slices
    with pytest.raises(ValueError, match="derive the stops from the same slices"):
        bucket_of(piece, None, Settings())


@pytest.mark.parametrize("wrong", ["0", "-1", "NaN", "Infinity"])
def test_impossible_ideal_cycles_are_refused(wrong: str) -> None:
    """An ideal cycle that is not a number above zero is refused."""
    with pytest.raises(ValueError, match="give seconds above zero"):
        Ideal.of_seconds(None, 0, wrong)


def test_a_stop_under_two_orders_is_one_stop() -> None:
    """Where orders run at once a stop is counted once, and its time is divided by their shares."""
    window = Span(T0, T0 + HOUR)
    runs = (Run(T0, None, 1, "P", Fraction(2, 3)), Run(T0, None, 2, "Q", Fraction(1, 3)))
    history = machine(window, (T0, "running"), (T0 + 30 * MINUTE, "down"), runs=runs)
    timeline = build(history, window, LATER)
    by_run = {key.run: row for key, row in rollup(timeline).items()}
    assert [by_run[run].unplanned_ms for run in (1, 2)] == [20 * MINUTE, 10 * MINUTE]
    assert sum(row.unplanned_stops for row in by_run.values()) == 1


def test_proposal_is_the_sustained_rate_not_the_peak() -> None:
    """The proposal is near the fastest of many hours; neither a short burst nor the slow ones set it."""

    def hour(pieces: int, length: int = HOUR) -> Totals:
        return Totals(production_ms=length, total=pieces, ideal_ns=pieces * 40 * 10**9)

    finding = ideal_too_long("P", [hour(60, MINUTE), hour(120), *[hour(80)] * 9, *[hour(100)] * 10])
    assert finding is not None
    assert finding.proposal_ns == 36 * 10**9
    assert ideal_too_long("P", [hour(80)]) is None
