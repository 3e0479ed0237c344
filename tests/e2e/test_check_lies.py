"""`./mes demo --check` is red under each sabotage, for the reason of that sabotage."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from checks import Outcome, run
from floor import some_port

from mescli.sabotage import LIES

#: A shorter run than the command's: the lies are told from the first batch on.
SABOTAGED_S = 15
SABOTAGED = "import sys; from mescli import check, demo; sys.exit(check.run(demo.Settings(port={port}), {name!r}, {s}))"


@pytest.fixture(scope="module")
def sabotaged() -> dict[str, Outcome]:
    """All sabotages, two plants at a time; each has a database, processes and ports of its own."""
    run_one = {name: SABOTAGED.format(port=some_port(), name=name, s=SABOTAGED_S) for name in LIES}
    commands = {name: [sys.executable, "-c", code] for name, code in run_one.items()}
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(commands, pool.map(run, commands.values())))


@pytest.mark.parametrize("name", LIES)
def test_a_sabotage_is_red(sabotaged: dict[str, Outcome], name: str) -> None:
    outcome = sabotaged[name]
    assert outcome.code == 1 and outcome.told["ok"] is False, outcome.text
    assert outcome.told["produced_plc"] > 20, f"the plant did not even run:\n{outcome.text}"


def test_dropped_states_are_missed(sabotaged: dict[str, Outcome]) -> None:
    assert sabotaged["drop"].told["lost"] > 0 and "Odoo lacks" in sabotaged["drop"].text


def test_one_part_counted_twice_is_found(sabotaged: dict[str, Outcome]) -> None:
    told = sabotaged["double"].told
    assert told["duplicated"] > 0 and told["produced_odoo"] > told["produced_plc"]
    assert told["states_odoo"] == told["states_plc"]


def test_shifted_states_are_found_though_all_are_there(sabotaged: dict[str, Outcome]) -> None:
    told = sabotaged["shift"].told
    assert told["produced_odoo"] == told["produced_plc"]
    assert "the PLC was" in sabotaged["shift"].text and "Odoo says" in sabotaged["shift"].text


def test_a_downtime_hidden_by_stretched_evidence_is_found(sabotaged: dict[str, Outcome]) -> None:
    told = sabotaged["stretch"].told
    assert told["produced_odoo"] == told["produced_plc"]
    assert "the bridge was down" in sabotaged["stretch"].text
