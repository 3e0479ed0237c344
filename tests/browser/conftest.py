"""Real Chromium, a real server with committed data. Everything a test opens here ends with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
from cable import Cable
from playwright.sync_api import Browser, Page, expect, sync_playwright
from shopfloor import ShopFloor

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM")
    assert path, "CHROMIUM is not set: run the browser tests through ./mes test, which finds or installs it"
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield made
        made.close()


@pytest.fixture(scope="session")
def floor() -> Iterator[ShopFloor]:
    made = ShopFloor()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test begins with all machines running and the gateway speaking."""
    if "floor" in request.fixturenames:
        gateway = request.getfixturevalue("floor").gateway
        gateway.speak_again()
        for unit, state in gateway.states.items():
            if state != "running":
                gateway.turn(unit, "running")
    yield


@pytest.fixture
def cable(floor: ShopFloor) -> Iterator[Cable]:
    made = Cable(floor.port)
    yield made
    made.close()


Open = Callable[..., Page]


@pytest.fixture
def open_board(floor: ShopFloor, browser: Browser) -> Iterator[Open]:
    """Opens the board as a user; fails the test when the page reports an error on its console."""
    contexts = []
    said: list[str] = []

    def make(
        login: str = "operator",
        url: str | None = None,
        size: tuple[int, int] = (1440, 900),
        theme: str = "light",
        path: str = "/odoo/mes-board",
        touch: bool = False,
    ) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        base = url or floor.url
        page.goto(f"{base}/web/login?redirect={path}")
        page.evaluate("theme => localStorage.setItem('mes_board_theme', theme)", theme)
        page.fill("input[name=login]", login)
        page.fill("input[name=password]", login)
        page.click("button[type=submit]")
        page.wait_for_selector(".o_mes_board:not([data-phase=loading])", timeout=60_000)
        return page

    make.said = said  # type: ignore[attr-defined]
    yield make
    for context in contexts:
        context.close()
    assert not said, said
