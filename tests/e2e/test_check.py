"""`./mes demo --check` is green on a healthy plant and red under each sabotage, for the reason of that sabotage."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from floor import some_port

from mescli.sabotage import LIES

ROOT = Path(__file__).resolve().parents[2]
#: A shorter run than the command's: the lies are told from the first batch on.
SABOTAGED_S = 15
SABOTAGED = "import sys; from mescli import check, demo; sys.exit(check.run(demo.Settings(port={port}), {name!r}, {s}))"


@dataclass(frozen=True)
class Outcome:
    """How a check ended: exit code, the JSON object of its last line, and all that it printed."""

    code: int
    told: dict[str, Any]
    text: str


def run(command: list[str]) -> Outcome:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400)
    lines = done.stdout.strip().splitlines()
    assert lines, f"the check said nothing:\n{done.stderr}"
    return Outcome(done.returncode, json.loads(lines[-1]), done.stdout + done.stderr)


@pytest.fixture(scope="module")
def sabotaged() -> dict[str, Outcome]:
    """All sabotages, two plants at a time; each has a database, processes and ports of its own."""
    run_one = {name: SABOTAGED.format(port=some_port(), name=name, s=SABOTAGED_S) for name in LIES}
    commands = {name: [sys.executable, "-c", code] for name, code in run_one.items()}
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(commands, pool.map(run, commands.values())))


def test_the_check_is_green() -> None:
    """The command as a person types it: every part and state arrived once, though bridge and Odoo were killed."""
    outcome = run([str(ROOT / "mes"), "demo", "--check", "--port", str(some_port())])
    told = outcome.told
    assert outcome.code == 0 and told["ok"] is True, outcome.text
    assert told["produced_plc"] == told["produced_odoo"] > 100
    assert told["states_plc"] == told["states_odoo"] > 10
    assert told["lost"] == told["duplicated"] == 0
    assert 0 < told["lag_p99_s"] <= 5 and 0 < told["recovery_s"] <= 15
    names = "ok produced_plc produced_odoo states_plc states_odoo lost duplicated lag_p99_s recovery_s"
    assert list(told) == names.split()


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
