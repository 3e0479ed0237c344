"""A real bridge and a real Odoo that both lose their memory: V27 and V28 with everything in place.

`./mes demo --check` kills both; here their disks are set back as well, which is what a restored virtual machine
or a restored database is. Judged by the same comparison with the simulator's truth.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator

import pytest
from floor import some_port

from mescli import check, database, demo, facts
from mescli.check import Run
from mescli.compare import compare

SPELL_PARTS = 25


@pytest.fixture(scope="module")
def plant() -> Iterator[Run]:
    """A plant of its own whose first part has been made."""
    settings = check._own(demo.Settings(port=some_port()))
    running = Run(demo.Plant(settings))
    running.plant.prepare()
    running.plant.start()
    try:
        check.wait("the first part", lambda: bool(running.truth.parts))
        yield running
    finally:
        running.plant.stop()
        database.drop(settings.database)


def spell(run: Run) -> None:
    """Some parts are made: about six seconds."""
    parts = len(run.truth.parts)
    check.wait("more parts", lambda: len(run.truth.parts) >= parts + SPELL_PARTS)


def restored_bridge(run: Run) -> None:
    """V28: the bridge's disk goes back by some seconds, of which Odoo has already heard."""
    folder = run.plant.folder / "bridge"
    snapshot = folder.with_name("bridge-snapshot")
    frozen(run, lambda: shutil.copytree(folder, snapshot))
    spell(run)

    def set_back() -> None:
        shutil.rmtree(folder)
        snapshot.rename(folder)

    run.kill_bridge(meanwhile=set_back)


def frozen(run: Run, work: object) -> None:
    """Do something while the bridge stands still, as a snapshot of its virtual machine would be taken."""
    bridge = run.plant.bridge
    assert bridge and callable(work)
    os.kill(bridge.pid, signal.SIGSTOP)
    try:
        work()
    finally:
        os.kill(bridge.pid, signal.SIGCONT)


def restored_odoo(run: Run) -> None:
    """V27: the database goes back to a copy, and what was acknowledged since is gone from it."""
    backup = f"{run.database}_backup"
    run.kill_odoo(meanwhile=lambda: database.copy(run.database, backup))
    before = points(run)
    check.wait("facts after the backup", lambda: points(run) > before + 40)

    def set_back() -> None:
        database.drop(run.database)
        database.rename(backup, run.database)

    run.kill_odoo(meanwhile=set_back)


def points(run: Run) -> int:
    return int(database.sql("SELECT count(*) FROM mes_count_point", run.database)[0])


def test_v27_v28_both_disks_set_back_and_nothing_is_lost_or_doubled(plant: Run) -> None:
    """All parts and states are in Odoo exactly once; the bridge's downtime is no data and nothing else is."""
    restored_bridge(plant)
    spell(plant)
    restored_odoo(plant)
    spell(plant)
    plant.plant.stop_producing()
    plant.drain()
    truth = plant.truth
    verdict = compare(
        facts.machines(truth, plant.database), facts.counters(truth, plant.database), check.rules(plant, truth)
    )
    assert verdict.problems == []
    assert verdict.produced_odoo == verdict.produced_plc > 50
    found = database.sql("SELECT kind FROM mes_gateway_finding ORDER BY 1", plant.database)
    assert "new_epoch" in found, "a bridge set back must begin a new epoch and say so"
