"""The backlog of unexplained stops, as an operator works it off on a tablet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import expect
from shopfloor import ShopFloor

from mescli.paths import sub

WAITING = [("needs_reason", "=", True)]


def test_two_taps_explain_a_stop_and_it_leaves_the_list(floor: ShopFloor, open_page: Any) -> None:
    """Every row is open with its button on the screen; a tile sends the reason; the list follows by itself."""
    before = floor.rpc("admin", "mes.stop", "search", WAITING)
    page = open_page("/odoo/mes-to-explain", ".o_data_row", size=(768, 1024), touch=True)
    rows = page.locator(".o_data_row")
    expect(rows).to_have_count(len(before))
    button = rows.first.get_by_role("button", name="Explain")
    expect(button).to_be_in_viewport(ratio=1)
    button.tap()
    tile = page.locator(".modal .mes-picker-tile[data-reason]").first
    reason = tile.inner_text()
    page.screenshot(path=Path(sub("pictures")) / "backlog-reasons.png")
    tile.tap()
    expect(page.locator(".modal")).to_have_count(0)
    expect(page.locator(".o_notification")).to_contain_text("Reason given")
    expect(rows).to_have_count(len(before) - 1)
    (stop,) = set(before) - set(floor.rpc("admin", "mes.stop", "search", WAITING))
    (told,) = floor.rpc("admin", "mes.stop", "read", [stop], ["loss_id", "workcenter_id"])
    assert told["loss_id"][1] in reason
    words = [("workcenter_id", "=", told["workcenter_id"][0])]
    said = floor.rpc("admin", "mes.state.override", "search", words)[:1]  # the last one
    floor.rpc("supervisor", "mes.stop", "undo", [stop], said)  # others find the backlog as it was
    expect(rows).to_have_count(len(before))
