"""The andon wall: where must somebody go now? Calls, timers, stages, another user's screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect
from steady import at_rest, not_for_fingers

PICTURES = Path(__file__).parents[2] / ".mes" / "pictures"
WALL = "/odoo/mes-andon"
FILLER = '[data-machine="DEMO/PACK/L1/FILLER"]'


@pytest.fixture(autouse=True)
def no_calls(floor):
    """Every test begins and ends with nobody called."""
    yield
    over = [("state", "not in", ("resolved", "cancelled"))]
    floor.rpc("supervisor", "mes.andon.call", "cancel", floor.rpc("supervisor", "mes.andon.call", "search", over))


def picture(page, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    at_rest(page).screenshot(path=PICTURES / f"{name}.png")


def test_a_machine_that_goes_down_stands_out_and_somebody_is_called(floor, open_page):
    """Tap the machine, tap what for; the other user's wall shows it without being touched; coming, there, done."""
    wall = open_page(WALL, size=(1920, 1080), theme="dark")
    boss = open_page(WALL, login="supervisor")
    floor.gateway.turn("FILLER", "down", "211")
    tile = wall.locator(FILLER)
    expect(tile).to_have_attribute("data-kind", "down")
    expect(tile).to_contain_text("Product pump fault")
    tile.click()
    wall.fill("#mes-andon-comment", "Pump is hot")
    wall.click("[data-code=MAINT]")
    card = boss.locator(".mes-call")
    expect(card).to_contain_text("Pump is hot")
    expect(card).to_have_attribute("data-state", "open")
    picture(wall, "andon-wall")
    card.get_by_role("button", name="I am coming").click()
    expect(wall.locator(".mes-call")).to_have_attribute("data-state", "acknowledged")
    expect(wall.locator(".mes-call")).to_contain_text("Samir Supervisor")
    card.get_by_role("button", name="I am there").click()
    expect(wall.locator(".mes-call")).to_have_attribute("data-state", "arrived")
    card.get_by_role("button", name="Done").click()
    expect(wall.locator(".mes-call")).to_have_count(0)
    expect(wall.get_by_text("Nobody is called.")).to_be_visible()


def test_by_keyboard_alone(floor, open_page):
    """Tab to the machine, Enter: the panel has the focus; Tab to the kind, Enter; Escape closes, and the focus is on
    the machine again; the address keeps the place.
    """
    wall = open_page(WALL)
    panel = wall.locator(".mes-andon-panel")
    wall.locator(FILLER).focus()
    wall.keyboard.press("Enter")
    expect(panel).to_be_focused()
    wall.locator("[data-code=QUAL]").focus()
    wall.keyboard.press("Enter")
    expect(wall.locator(".mes-call")).to_contain_text("Quality")
    wall.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(wall.locator(FILLER)).to_be_focused()
    wall.keyboard.press("Enter")
    wall.locator("#mes-andon-comment").focus()
    wall.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(wall.locator(FILLER)).to_be_focused()
    line = wall.locator(".mes-place-picker option", has_text="Line 1").get_attribute("value")
    wall.locator(".mes-place-picker").select_option(line)
    expect(wall).to_have_url(re.compile(f"place={line}"))
    wall.reload()
    expect(wall.locator(".mes-place-picker")).to_have_value(line)


def test_on_a_tablet_with_thumbs(floor, open_page):
    """Everything that can be pressed is large enough and within the page."""
    wall = open_page(WALL, size=(768, 1024), touch=True)
    wall.locator(FILLER).tap()
    wall.locator("[data-code=MAT]").tap()
    expect(wall.locator(".mes-call")).to_contain_text("Material")
    picture(wall, "andon-tablet")
    assert not_for_fingers(wall, ".o_mes_andon", "button", narrow=0) == []


def test_who_sees_nothing(open_page):
    """Another company's operator gets the empty wall, who has no role the sentence whom to ask."""
    stranger = open_page(WALL, login="stranger")
    expect(stranger.get_by_text("No machine to show yet")).to_be_visible()
    clerk = open_page(WALL, login="clerk")
    expect(clerk.get_by_text("ask for the role Operator")).to_be_visible()
    expect(clerk.get_by_role("button", name="Try again")).to_be_visible()
