"""Reasons in a real browser: the panel in which one is chosen, the tree, and the form of a rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from shopfloor import ShopFloor

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
    page.screenshot(path=Path(sub("pictures")) / f"reasons-{name}.png")


@pytest.mark.parametrize(("theme", "size"), [("light", (768, 1024)), ("dark", (1440, 900))])
def test_a_reason_is_chosen_by_touch_keyboard_and_scanner(
    open_page: Any, theme: str, size: tuple[int, int]
) -> None:
    page = open_page("/odoo/mes-board", ".o_mes_board", size=size, theme=theme)
    page.evaluate(SHOW, ["DEMO/PACK/L1/FILLER", theme])
    tiles = page.locator(".mes-picker-tile[data-reason]")
    expect(tiles).to_have_count(8)
    picture(page, f"picker-{theme}")
    small = page.evaluate(
        """() => [...document.querySelectorAll('.mes-picker button, .mes-picker input')]
              .map(e => e.getBoundingClientRect()).filter(b => b.width < 48 || b.height < 48).length"""
    )
    assert small == 0
    wide = page.evaluate("document.querySelector('.o_mes_picker_host').scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} px too wide"
    first = tiles.first.get_attribute("data-reason")
    page.keyboard.press("1")
    page.wait_for_function("window.picked.length == 1")
    page.keyboard.type("WAIT-MATERIAL", delay=3)  # as a scanner does
    page.keyboard.press("Enter")
    page.wait_for_function("window.picked.length == 2")
    page.keyboard.type("other", delay=120)  # as a hand does
    picture(page, f"picker-search-{theme}")
    page.keyboard.press("Enter")
    page.locator(".mes-picker-ask textarea").fill("The door was open")
    page.keyboard.press("Enter")
    page.wait_for_function("window.picked.length == 3")
    assert page.evaluate("window.picked") == [[first, None], ["WAIT-MATERIAL", None], ["OTHER", "The door was open"]]


def test_a_rule_tells_what_it_would_explain_while_it_is_typed(floor: ShopFloor, open_page: Any) -> None:
    floor.gateway.turn("FILLER", "down", code="211")
    floor.gateway.turn("FILLER", "running")
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
