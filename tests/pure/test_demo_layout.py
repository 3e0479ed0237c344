"""The demo plant in Odoo and the simulated plant of the bridge are one plant."""

import pytest
from demoplant import layout, tags

from iot_bridge.simulator import layout as simulated
from iot_bridge.simulator import reactor
from iot_bridge.tags import Tag

PLANTS = sorted(layout.PLANTS)


def machines(plant):
    return [machine for cell in layout.PLANTS[plant] for machine in cell.machines]


def test_the_plants_have_the_same_names():
    assert sorted(simulated.PLANTS) == PLANTS
    assert [cell.code for cell in layout.PLANTS["all"]] == [cell.code for cell in simulated.PLANTS["all"]]


@pytest.mark.parametrize("plant", PLANTS)
def test_machines_agree_with_the_simulator(plant):
    ours = [(m.code, m.name, m.ideal_s, m.pace, m.reject_share, m.batch, m.minor, m.faults) for m in machines(plant)]
    theirs = [
        (m.code_path, m.title, m.ideal_cycle_s, m.pace, m.reject_share, m.batch, m.minor_codes, m.fault_codes)
        for m in simulated.machines(plant=plant)
    ]
    assert ours == theirs


def test_the_first_line_is_the_simulated_line():
    assert layout.LINE_CODE == simulated.LINE


@pytest.mark.parametrize("plant", PLANTS)
def test_tags_agree_with_the_simulator(plant):
    """What the bridge downloads from Odoo is what the simulated devices hold."""
    assert {t["tag"]: t for t in tags.line_tags(plant)} == {t["tag"]: t for t in simulated.line_tags(plant=plant)}


def test_every_tag_is_one_that_the_bridge_takes():
    assert len([Tag.model_validate(tag) for tag in tags.line_tags("all")]) > 110


@pytest.mark.parametrize("plant", PLANTS)
def test_counters_start_where_the_simulator_starts(plant):
    ours = {m.code: (m.total_start, m.modulus) for m in machines(plant)}
    theirs = {
        m.code_path: (c.start, c.modulus)
        for m in simulated.machines(plant=plant)
        for c in m.counters
        if c.name == "total"
    }
    assert ours == theirs


def test_bottleneck_is_the_simulators():
    assert layout.BOTTLENECK == simulated.BOTTLENECK


def test_the_reactors_batch_lasts_as_long_here_as_there():
    assert tuple(phase.minutes for phase in reactor.PHASES) == layout.PHASE_MINUTES
    assert reactor.BATCHES_A_CLEANING == layout.BATCHES_A_CLEANING
    assert reactor.CLEANING_MS == layout.CLEANING_MINUTES * 60_000
    # At best a batch takes its litres times the ideal cycle, as a machine's pieces do.
    assert sum(layout.PHASE_MINUTES) * 60 == layout.REACTOR.batch * layout.REACTOR.ideal_s


def test_names_of_machines_and_stop_codes_are_unique_in_the_plant():
    found = machines("all")
    assert len({machine.unit for machine in found}) == len(found)
    codes = [code for machine in found for code in (*machine.minor, *machine.faults)]
    assert len(set(codes)) == len(codes) and set(codes) > layout.UNMAPPED


def test_ports_of_the_first_line_stay_where_they_are_in_the_whole_plant():
    line, plant = list(simulated.devices()), list(simulated.devices("all"))
    assert plant[: len(line)] == line and len(plant) == len(line) + 2
