"""Real servers on copied databases. Everything a test starts here ends with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from floor import PREFIX, Floor, make_base

from mescli import database, processes


def drop_leftovers() -> None:
    """Databases of earlier runs that were killed."""
    for name in database.names():
        owner = re.match(r"mes_e2e_([0-9]+)_", name)
        if owner and not processes.birth(int(owner[1])):
            database.drop(name)


@pytest.fixture(scope="session")
def base() -> Iterator[tuple[str, dict[str, Any]]]:
    """The database that floors are copied from, and its users and keys."""
    drop_leftovers()
    name = f"{PREFIX}base"
    try:
        yield name, make_base(name)
    finally:
        database.drop(name)


@pytest.fixture(scope="module")
def new_floor(base: tuple[str, dict[str, Any]]) -> Iterator[Callable[[str], Floor]]:
    """Makes floors by name, each with a running server."""
    floors: list[Floor] = []

    def make(name: str) -> Floor:
        floors.append(Floor(name, base[1], base[0]))
        return floors[-1].start()

    yield make
    for floor in floors:
        floor.close()
