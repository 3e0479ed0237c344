"""Real Chromium, a real server with committed data. Everything a test opens here ends with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

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
def open_page(floor: ShopFloor, browser: Browser) -> Iterator[Open]:
    """Opens an address of Odoo as a user; fails the test when the page reports an error on its console.

    ``ready`` is the selector of what must be there: by default a screen that has left its skeleton. What a
    test did to a page itself it may take out of ``open_page.said`` again.
    """
    contexts = []
    said: list[str] = []

    def make(
        path: str,
        ready: str = ".o_mes_screen:not([data-phase=loading])",
        *,
        login: str = "operator",
        url: str | None = None,
        size: tuple[int, int] = (1440, 900),
        theme: str = "light",
        touch: bool = False,
        timezone: str | None = None,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, has_touch=touch, timezone_id=timezone
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto(f"{url or floor.url}/web/login?{urlencode({'redirect': path})}")
        page.evaluate("theme => localStorage.setItem('mes_board_theme', theme)", theme)
        page.fill("input[name=login]", login)
        page.fill("input[name=password]", login)
        page.click("button[type=submit]")
        page.wait_for_selector(ready, timeout=60_000)
        return page

    make.said = said  # type: ignore[attr-defined]
    yield make
    for context in contexts:
        context.close()
    assert not said, said


@pytest.fixture
def open_board(open_page: Open) -> Open:
    """Opens the live board."""

    def make(path: str = "/odoo/mes-board", **options: Any) -> Page:
        return open_page(path, ".o_mes_board:not([data-phase=loading])", **options)

    make.said = open_page.said  # type: ignore[attr-defined]
    return make
