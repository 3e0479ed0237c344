"""Who may see the board, and who may hear the live lane."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websocket
from playwright.sync_api import expect
from shopfloor import ShopFloor
from steady import eventually

from mescli import database

GUESSES = ["mes_live", "res.company", "1", '["res.company",1]', "mes.live", "broadcast"]


class Listener:
    """A websocket with a user's session, subscribed to what a client may ask for."""

    def __init__(self, floor: ShopFloor, login: str) -> None:
        address = floor.url.replace("http", "ws", 1) + "/websocket"
        cookie = f"session_id={floor.session(login)}"
        self.socket = websocket.create_connection(address, cookie=cookie, origin=floor.url, timeout=30)
        message = {"event_name": "subscribe", "data": {"channels": GUESSES, "last": 0}}
        self.socket.send(json.dumps(message))

    def hears_live(self, patience_s: float = 30.0) -> bool:
        """Whether a live message arrives within the time."""
        deadline = time.monotonic() + patience_s
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                heard = json.loads(self.socket.recv())
            except websocket.WebSocketTimeoutException:
                return False
            if any(one["message"]["type"] == "mes.live" for one in heard):
                return True
        return False

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def listen(floor: ShopFloor) -> Iterator[Callable[[str], Listener]]:
    """Listeners that end with the test."""
    made: list[Listener] = []

    def make(login: str) -> Listener:
        made.append(Listener(floor, login))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("login", ["operator", "supervisor", "engineer"])
def test_mes_roles_hear_the_live_lane(listen: Any, login: str) -> None:
    assert listen(login).hears_live()


@pytest.mark.parametrize("login", ["stranger", "clerk"])
def test_others_hear_nothing_whatever_they_ask_for(listen: Any, login: str) -> None:
    """An operator of another company, and a user of this one without a role; who may, hears it meanwhile."""
    other, witness = listen(login), listen("operator")
    for _beat in range(2):
        assert witness.hears_live()
    assert not other.hears_live(1)


def test_who_was_away_is_not_flooded_with_old_heartbeats(floor: ShopFloor, listen: Any) -> None:
    """Live messages overwrite each other: of a minute of them only the last seconds are kept."""
    database.sql(
        "INSERT INTO bus_bus (channel, message, create_date) SELECT channel, message, create_date - interval '1 hour'"
        " FROM bus_bus, generate_series(1, 50) WHERE channel LIKE '%mes_live%'",
        floor.name,
    )
    old = "SELECT count(*) FROM bus_bus WHERE channel LIKE '%mes_live%' AND create_date < now() - interval '1 minute'"
    assert listen("operator").hears_live()
    eventually(lambda: database.sql(old, floor.name), lambda kept: kept == ["0"])


def test_other_company_sees_the_empty_state(open_board: Any) -> None:
    page = open_board(login="stranger")
    expect(page.locator(".o_mes_board")).to_have_attribute("data-phase", "empty")
    expect(page.get_by_role("button", name="Set up work centers")).to_be_visible()
    expect(page.locator(".mes-machine")).to_have_count(0)


def test_user_without_a_role_is_told_which_one_to_ask_for(open_board: Any) -> None:
    page = open_board(login="clerk")
    expect(page.locator(".mes-message")).to_contain_text("Operator")
    expect(page.locator(".mes-machine")).to_have_count(0)
