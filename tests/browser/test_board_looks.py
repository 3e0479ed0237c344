"""The board on the screens it is made for: size, touch, keyboard, theme, language."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from shopfloor import UNITS, ShopFloor
from steady import OPENS_WITHIN_MS, at_rest, not_for_fingers, too_wide

from mescli.paths import sub

SCREENS = {
    "wall": (1920, 1080),
    "desk": (1440, 900),
    "tablet": (1024, 768),
    "tablet-portrait": (768, 1024),
}


def picture(page: Page, name: str) -> None:
    """Left for a person to look at."""
    at_rest(page).screenshot(path=Path(sub("pictures")) / f"board-{name}.png")


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_sticks_out_and_fingers_find_the_buttons(
    floor: ShopFloor, open_board: Any, screen: str, theme: str
) -> None:
    floor.gateway.turn("FILLER", "down", code="211")
    floor.gateway.turn("CAPPER", "idle")
    page = open_board(size=SCREENS[screen], theme=theme, touch=screen.startswith("tablet"))
    expect(page.locator(".mes-machine")).to_have_count(len(UNITS))
    expect(page.locator(".o_mes_board")).to_have_attribute("data-theme", theme)
    expect(page.locator(".mes-machine[data-state=down]")).to_have_count(1)
    picture(page, f"{screen}-{theme}")
    assert too_wide(page, ".o_mes_board") == 0
    assert not_for_fingers(page, ".o_mes_board", "button") == []
    clipped = page.evaluate(
        """() => [...document.querySelectorAll('.o_mes_board .mes-number, .mes-now-name, .mes-chip-word')]
              .filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1
                           && getComputedStyle(e).display !== 'inline').map(e => e.className + ': ' + e.innerText)"""
    )
    assert clipped == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_stand_out_from_their_ground(open_board: Any, theme: str) -> None:
    """Contrast of at least 4.5 : 1 for every text."""
    page = open_board(theme=theme)
    expect(page.locator(".mes-machine")).to_have_count(len(UNITS))
    assert at_rest(page).evaluate(CONTRAST) == []


def test_keyboard_goes_through_the_board_in_reading_order(open_board: Any) -> None:
    page = open_board()
    expect(page.locator(".mes-machine")).to_have_count(len(UNITS))
    at_rest(page).locator(".mes-tool").last.focus()
    order = []
    for _step in range(8):
        page.keyboard.press("Tab")
        order.append(page.evaluate("document.activeElement.className.split(' ')[0]"))
    assert order == ["mes-now", "mes-ribbon", "mes-count", "mes-figures"] * 2
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Enter")
    expect(page.locator(".mes-detail")).to_be_visible()


def test_one_click_from_a_figure_to_what_is_behind_it(open_board: Any) -> None:
    page = open_board()
    page.locator(".mes-ribbon").first.click()
    expect(page.locator(".o_list_view")).to_be_visible()
    # Odoo writes the step into the history a moment after the list is there: only then can one go back.
    expect(page).to_have_url(re.compile(r"mes\.state\.point"))
    at_rest(page).go_back()
    page.locator(".mes-count").first.click()
    expect(page.locator(".o_list_view")).to_be_visible()


def test_login_leads_to_the_board(floor: ShopFloor, devices: Any) -> None:
    """Whoever asks for the board and is not logged in comes to it by the form."""
    context = devices.browser.new_context()
    page = context.new_page()
    page.goto(f"{floor.url}/odoo/mes-board")
    page.fill("input[name=login]", "operator")
    page.fill("input[name=password]", "operator")
    page.click("button[type=submit]")
    expect(page.locator(".mes-machine")).to_have_count(len(UNITS), timeout=OPENS_WITHIN_MS)
    expect(page).to_have_url(re.compile(f"{floor.url}/odoo/mes-board"))
    context.close()


def test_board_has_an_address_of_its_own(floor: ShopFloor, open_board: Any) -> None:
    line = floor.made["line"]
    page = open_board(path=f"/odoo/mes-board/{line}")
    expect(page.locator(".mes-header-line")).to_have_text("Line 1")
    expect(page).to_have_url(f"{floor.url}/odoo/mes-board/{line}")


def test_board_speaks_german(open_board: Any) -> None:
    page = open_board(login="hans")
    expect(page.locator(".mes-legend")).to_contain_text("Läuft")
    expect(page.locator(".mes-summary")).to_contain_text("Verfügbarkeit")


def test_theme_is_remembered(open_board: Any) -> None:
    page = open_board()
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator(".o_mes_board")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator(".o_mes_board")).to_have_attribute("data-theme", "dark")


CONTRAST = """() => {
    const rgb = (text) => { const m = text.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
    const light = (c) => { const f = (v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
        return .2126 * f(c[0]) + .7152 * f(c[1]) + .0722 * f(c[2]); };
    const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
        if (c[3] > .99) { return c; } } return [255, 255, 255, 1]; };
    const poor = [];
    for (const e of document.querySelectorAll('.o_mes_board *')) {
        const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
        if (!own || !e.offsetParent) { continue; }
        const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < 4.5) { poor.push(`${e.className} "${e.textContent.trim().slice(0, 30)}" ${ratio.toFixed(2)}`); }
    }
    return poor;
}"""
