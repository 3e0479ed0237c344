"""Real servers on copied databases. Everything a test starts here ends with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from floor import PREFIX, Floor, make_base

from mescli import database


@pytest.fixture(scope="session")
def base() -> Iterator[tuple[str, dict[str, Any]]]:
    """The database that floors are copied from, and its users and keys."""
    name = f"{PREFIX}base"
    made = make_base(name)
    yield name, made
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
