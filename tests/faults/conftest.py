"""What the scenes of the fault matrix share: one Odoo, the cables' loop, and the scene of each fault, played once."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_links import Links
from fault_list import BY_NAME, FAULTS, PROTOCOLS
from fault_scene import Cell, play
from fault_site import PREFIX, Site
from fault_world import machine_name

from mescli import database, processes


def pytest_configure(config: pytest.Config) -> None:
    """Who is told to end cleans up: there are servers and brokers behind these tests."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def chosen() -> list[str]:
    """The protocols that take part: all, or those of MES_FAULTS_PROTOCOLS."""
    named = os.environ.get("MES_FAULTS_PROTOCOLS", "").split()
    return [protocol for protocol in PROTOCOLS if protocol in named or not named]


def cells() -> list[tuple[str, str]]:
    """The cells of this run: with MES_FAULTS=all the whole matrix, else the rows that are run always."""
    whole = os.environ.get("MES_FAULTS") == "all"
    return [
        (fault.name, protocol)
        for fault in FAULTS
        if whole or fault.often
        for protocol in fault.protocols
        if protocol in chosen()
    ]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cell_of" in metafunc.fixturenames:
        ids = [f"{fault}-{protocol}" for fault, protocol in cells()]
        metafunc.parametrize("cell_of", cells(), ids=ids, indirect=True)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Odoo, with a machine for each cell and a stream for each fault."""
    for name in database.names():
        owner = re.fullmatch(rf"{PREFIX}([0-9]+)", name)
        if owner and not processes.birth(int(owner[1])):
            database.drop(name)
    names = [machine_name(fault.name, protocol) for fault in FAULTS for protocol in PROTOCOLS]
    made = Site([fault.name for fault in FAULTS], names)
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def links() -> Iterator[Links]:
    made = Links()
    yield made
    made.close()


@pytest.fixture(scope="session")
def played() -> dict[str, dict[str, Cell]]:
    """The scenes played so far."""
    return {}


@pytest.fixture
def cell_of(
    request: pytest.FixtureRequest,
    site: Site,
    links: Links,
    played: dict[str, dict[str, Cell]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Cell:
    """The outcome of one cell; its scene is played when its first cell is asked for."""
    name, protocol = request.param
    if name not in played:
        protocols = [p for p in BY_NAME[name].protocols if p in chosen()]
        played[name] = play(BY_NAME[name], protocols, site, links, tmp_path_factory.mktemp(name))
        _report(name, played[name])
    return played[name][protocol]


def _report(name: str, outcome: dict[str, Cell]) -> None:
    """What ``./mes test --faults`` makes its table of: a line of the whole matrix, and one a scene."""
    if not os.environ.get("MES_FAULTS_REPORT"):
        return
    target, fault = Path(os.environ["MES_FAULTS_REPORT"]), BY_NAME[name]
    lines = [] if target.exists() else [{"rows": [fault.name for fault in FAULTS], "columns": PROTOCOLS}]
    reasons = {protocol: fault.reason(protocol) for protocol in PROTOCOLS}
    cells = {protocol: cell.told() for protocol, cell in outcome.items()}
    lines.append({"fault": name, "title": fault.title, "how": fault.how, "reasons": reasons, "cells": cells})
    with target.open("a", encoding="utf-8") as report:
        report.writelines(json.dumps(line) + "\n" for line in lines)
