"""Reasons in a real browser: the panel in which one is chosen, the tree, and the form of a rule."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from shopfloor import LINE, ShopFloor
from steady import at_rest, eventually, not_for_fingers, too_wide

from mescli.paths import sub

# The panel lives inside other screens: here it is put over the live board, for the machine that stands.
SHOW = """async ([code, theme]) => {
    const get = (name) => odoo.loader.modules.get(name);
    const env = odoo.__WOWL_DEBUG__.root.env;
    const [machine] = await env.services.orm.searchRead("mrp.workcenter", [["mes_code", "=", code]], ["id"]);
    const host = document.createElement("div");
    host.className = "o_mes_screen o_mes_picker_host";
    host.dataset.theme = theme;
    host.style = "position: fixed; inset: 0; z-index: 3000; display: block; padding: 8px; overflow: auto";
    document.body.append(host);
    window.picked = [];
    await get("@web/env").mountComponent(get("@mes_base/reason_picker/reason_picker").ReasonPicker, host, {
        env, props: { workcenterId: machine.id, stopId: null, onClose: () => {},
                      onPick: (reason, comment) => window.picked.push([reason.code, comment]) },
    });
}"""


def picture(page: Page, name: str) -> None:
    """Left for a person to look at."""
    at_rest(page).screenshot(path=Path(sub("pictures")) / f"reasons-{name}.png")


def keys(page: Page, text: str, gap_ms: int) -> None:
    """Keys that were pressed so far apart, however busy the machine is on which the test runs: each says when."""
    session = page.context.new_cdp_session(page)
    began = time.time()
    for place, key in enumerate(text):
        named = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13} if key == "\r" else {"key": key}
        event = {**named, "text": key, "timestamp": began + place * gap_ms / 1000}
        session.send("Input.dispatchKeyEvent", {"type": "keyDown", **event})
        session.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})
    session.detach()


@pytest.mark.parametrize(("theme", "size"), [("light", (768, 1024)), ("dark", (1440, 900))])
def test_a_reason_is_chosen_by_touch_keyboard_and_scanner(
    open_page: Any, theme: str, size: tuple[int, int]
) -> None:
    page = open_page("/odoo/mes-board", ".o_mes_board", size=size, theme=theme)
    page.evaluate(SHOW, ["DEMO/PACK/L1/FILLER", theme])
    tiles = page.locator(".mes-picker-tile[data-reason]")
    expect(tiles).to_have_count(8)
    picture(page, f"picker-{theme}")
    assert not_for_fingers(page, ".mes-picker", "button input") == []
    assert too_wide(page, ".o_mes_picker_host") == 0
    first = tiles.first.get_attribute("data-reason")
    page.keyboard.press("1")
    page.wait_for_function("window.picked.length == 1")
    keys(page, "WAIT-MATERIAL\r", 3)  # as a scanner does
    page.wait_for_function("window.picked.length == 2")
    keys(page, "other", 120)  # as a hand does
    picture(page, f"picker-search-{theme}")
    page.keyboard.press("Enter")
    page.locator(".mes-picker-ask textarea").fill("The door was open")
    page.keyboard.press("Enter")
    page.wait_for_function("window.picked.length == 3")
    assert page.evaluate("window.picked") == [[first, None], ["WAIT-MATERIAL", None], ["OTHER", "The door was open"]]


def test_a_rule_tells_what_it_would_explain_while_it_is_typed(floor: ShopFloor, open_page: Any) -> None:
    floor.gateway.turn("FILLER", "down", code="211")
    floor.gateway.turn("FILLER", "running")
    stood = [("workcenter_id.mes_code", "=", f"{LINE}/FILLER"), ("codes", "ilike", "211")]
    eventually(lambda: floor.rpc("admin", "mes.stop", "search_count", stood))
    page = open_page("/odoo/mes-reason-rules/new", ".o_form_view", login="admin")
    told = page.locator("[name=last_week]")
    expect(told).to_contain_text("Give a condition")
    page.locator("[name=codes] textarea").fill("21*")
    page.locator("[name=codes] textarea").blur()
    expect(told).to_contain_text("in the last seven days")
    expect(told.locator("tbody tr").first).to_contain_text("211")
    picture(page, "rule")


def test_the_tree_is_drawn_as_columns(open_page: Any) -> None:
    page = open_page("/odoo/mes-reasons", ".o_kanban_record", login="admin")
    expect(page.locator(".o_kanban_group", has_text="Waiting")).to_contain_text("Starved by the machine before")
    picture(page, "tree")
