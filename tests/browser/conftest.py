"""Real Chromium, a real server with committed data. Everything a test opens here ends with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cable import Cable
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from shopfloor import ShopFloor
from steady import OPENS_WITHIN_MS, WATCH, at_rest

# Patience, not a promise: how fast a screen is, is measured by the benchmarks.
expect.set_options(timeout=30_000)

# Before the first page of a tab: the device remembers nothing but the theme. A page that is loaded again does.
DEVICE = """(() => {
    if (location.origin === "null" || sessionStorage.getItem("mes_began")) { return; }
    sessionStorage.setItem("mes_began", "1");
    localStorage.clear();
    localStorage.setItem("mes_board_theme", "%s");
})()"""


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


class Devices:
    """Browser profiles, lent to one page at a time: what Odoo's web client is made of is loaded once each."""

    def __init__(self, browser: Browser, floor: ShopFloor) -> None:
        self.browser, self.floor = browser, floor
        self.free: dict[tuple[Any, ...], list[BrowserContext]] = {}

    def take(self, login: str, touch: bool, timezone: str | None) -> tuple[tuple[Any, ...], BrowserContext]:
        """One on which the user is logged in, and what it is to be given back as."""
        kind = (login, touch, timezone)
        if self.free.get(kind):
            return kind, self.free[kind].pop()
        context = self.browser.new_context(has_touch=touch, timezone_id=timezone)
        context.add_init_script(WATCH)
        # A cookie knows no port: it is good at the other end of a cable too.
        cookie = {"name": "session_id", "value": self.floor.session(login), "domain": "127.0.0.1", "path": "/"}
        context.add_cookies([cookie])  # type: ignore[list-item]
        return kind, context

    def warm(self) -> None:
        """The first page of all has the server make what every page is made of: no test waits for that."""
        kind, context = self.take("operator", False, None)
        page = context.new_page()
        page.goto(self.floor.url + "/odoo/mes-board", timeout=3 * OPENS_WITHIN_MS)
        page.wait_for_selector(".mes-machine", timeout=3 * OPENS_WITHIN_MS)
        self.give_back(kind, context)

    def give_back(self, kind: tuple[Any, ...], context: BrowserContext) -> None:
        for page in context.pages:
            page.close()
        self.free.setdefault(kind, []).append(context)


@pytest.fixture(scope="session")
def devices(browser: Browser, floor: ShopFloor) -> Devices:
    made = Devices(browser, floor)
    made.warm()
    return made


Open = Callable[..., Page]


@pytest.fixture
def open_page(floor: ShopFloor, devices: Devices) -> Iterator[Open]:
    """Opens an address of Odoo as a user; fails the test when the page reports an error on its console.

    ``ready`` is the selector of what must be there: by default a screen that has left its skeleton; after it
    the page is at rest. What a test did to a page itself it may take out of ``open_page.said`` again.
    """
    lent = []
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
        lent.append(devices.take(login, touch, timezone))
        page = lent[-1][1].new_page()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.add_init_script(DEVICE % theme)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.goto((url or floor.url) + path, timeout=OPENS_WITHIN_MS)
        page.wait_for_selector(ready, timeout=OPENS_WITHIN_MS)
        return at_rest(page)

    make.said = said  # type: ignore[attr-defined]
    yield make
    for kind, context in lent:
        devices.give_back(kind, context)
    assert not said, said


@pytest.fixture
def open_board(open_page: Open) -> Open:
    """Opens the live board."""

    def make(path: str = "/odoo/mes-board", **options: Any) -> Page:
        return open_page(path, ".o_mes_board:not([data-phase=loading])", **options)

    make.said = open_page.said  # type: ignore[attr-defined]
    return make
