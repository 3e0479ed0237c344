"""The live board follows the plant without a reload, and says so when it cannot."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from shopfloor import LINE, ShopFloor
from steady import at_rest, eventually

# The board reads its figures again at most so often.
GAP_S = 5.0
HEALS_WITHIN_MS = 40_000


def row(page: Page, unit: str) -> Any:
    return page.locator(f".mes-machine[data-code='{LINE}/{unit}']")


def fresh(page: Page) -> Any:
    return page.locator(".mes-header-fresh")


def shown(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def wait_live(page: Page) -> None:
    """The first live message has arrived: the board is subscribed."""
    before = page.locator(".mes-header-asof").inner_text()
    expect(page.locator(".mes-header-asof")).not_to_have_text(before)
    expect(fresh(page)).to_have_attribute("data-stale", "")
    at_rest(page)


def test_machine_goes_down_before_the_eyes(floor: ShopFloor, open_board: Any) -> None:
    page = open_board()
    wait_live(page)
    page.evaluate("window.sameDocument = true")
    expect(row(page, "FILLER")).to_have_attribute("data-state", "running")
    spans = row(page, "FILLER").locator(".mes-ribbon-span").count()

    floor.gateway.turn("FILLER", "down", code="211")

    expect(row(page, "FILLER")).to_have_attribute("data-state", "down")
    expect(row(page, "FILLER")).to_contain_text("Product pump fault")
    expect(row(page, "FILLER").locator(".mes-ribbon-span[data-kind=down]").last).to_be_visible()
    eventually(row(page, "FILLER").locator(".mes-ribbon-span").count, lambda drawn: drawn >= spans)
    assert page.evaluate("window.sameDocument"), "the page was loaded again"


def test_count_grows_before_the_eyes(floor: ShopFloor, open_board: Any) -> None:
    page = open_board()
    wait_live(page)
    page.evaluate("window.sameDocument = true")
    good = row(page, "CAPPER").locator(".mes-count-good")
    before = shown(good.inner_text())

    floor.gateway.count("CAPPER", 7)

    expect(good).to_have_text(re.compile(rf"^\D*{_grouped(before + 7)}\D*$"))
    assert page.evaluate("window.sameDocument"), "the page was loaded again"


def test_rejects_are_taken_off_the_good_count(floor: ShopFloor, open_board: Any) -> None:
    page = open_board()
    wait_live(page)
    good = row(page, "LABELLER").locator(".mes-count-good")
    before = shown(good.inner_text())

    floor.gateway.count("LABELLER", 3, name="reject")

    expect(good).to_have_text(re.compile(rf"^{_grouped(before - 3)}$"))


def test_figures_follow_what_was_ingested(floor: ShopFloor, open_board: Any) -> None:
    """Figures are read again, without a reload, after a machine stopped."""
    page = open_board()
    wait_live(page)
    reads: list[str] = []
    began = time.monotonic()
    page.on("request", lambda request: reads.append(request.url) if "mes.board/snapshot" in request.url else None)

    with page.expect_response(re.compile("mes.board/snapshot")):
        floor.gateway.turn("PACKER", "down", code="511")

    page.locator(".mes-machine[data-code$=PACKER] .mes-figures").click()
    expect(page.locator(".mes-detail")).to_contain_text("÷")
    most = 2 + (time.monotonic() - began) / GAP_S
    assert len(reads) <= most, "the board polls"


def test_cut_websocket_is_stale_and_heals(floor: ShopFloor, cable: Any, open_board: Any) -> None:
    page = open_board(url=cable.url)
    wait_live(page)

    cable.cut()
    expect(fresh(page)).to_have_attribute("data-stale", "disconnected")
    expect(page.locator(".mes-frozen")).to_be_visible()
    floor.gateway.turn("FILLER", "down", code="212")
    cable.mend()

    expect(fresh(page)).to_have_attribute("data-stale", "", timeout=HEALS_WITHIN_MS)
    expect(row(page, "FILLER")).to_have_attribute("data-state", "down")
    # What is noted of a refused connection, by the browser or by Odoo's other widgets, is what was done to them.
    refused = ("ERR_", "WebSocket", "ConnectionLostError")
    open_board.said[:] = [text for text in open_board.said if not any(word in text for word in refused)]


def test_half_open_socket_is_stale_and_heals(cable: Any, open_board: Any) -> None:
    """A line that is open but carries nothing: no event tells, only the missing heartbeat."""
    page = open_board(url=cable.url)
    wait_live(page)

    cable.freeze()
    expect(fresh(page)).to_have_attribute("data-stale", "silent")
    cable.mend()

    expect(fresh(page)).to_have_attribute("data-stale", "", timeout=HEALS_WITHIN_MS)


def test_silent_gateway_is_stale_and_heals(floor: ShopFloor, open_board: Any) -> None:
    page = open_board()
    wait_live(page)

    floor.gateway.fall_silent()
    expect(fresh(page)).to_have_attribute("data-stale", "silent")
    expect(row(page, "FILLER")).to_have_attribute("data-state", "no_data")
    floor.gateway.speak_again()

    expect(fresh(page)).to_have_attribute("data-stale", "")
    expect(row(page, "FILLER")).to_have_attribute("data-state", "running")


@pytest.mark.parametrize("phase", ["before", "after"])
def test_failing_server_is_told_and_can_be_tried_again(cable: Any, open_board: Any, phase: str) -> None:
    """Before anything was shown a whole page says so; after it, a notice beside what is still true."""
    page = open_board(url=cable.url)
    pattern = re.compile("mes.board/snapshot")
    told = {"name": "odoo.exceptions.UserError", "message": "The database is being restored.", "arguments": []}
    error = {"code": 0, "message": "Odoo Server Error", "data": told}
    page.route(pattern, lambda route: route.fulfill(json={"jsonrpc": "2.0", "id": 1, "error": error}))
    if phase == "before":
        page.reload()
        place = page.locator(".mes-message")
    else:
        wait_live(page)
        cable.freeze()  # silence asks for a reading
        place = page.locator(".mes-notice")
    expect(place).to_contain_text("The database is being restored.")
    cable.mend()
    page.unroute(pattern)
    place.get_by_role("button").click()
    expect(place).to_have_count(0)
    expect(page.locator(".mes-machine")).to_have_count(5)


def _grouped(value: int) -> str:
    """The number with any character between its groups."""
    return re.sub(",", r"\\D?", f"{value:,}")
