"""The shift board: which hour lost the shift, and why a machine stood, given in three taps."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from shopfloor import LINE, ShopFloor
from steady import at_rest, not_for_fingers, too_wide

from mescli.paths import sub

BOARD = ".o_mes_shift_board"
SCREENS = {
    "wall": ((1920, 1080), "dark", False),
    "desk": ((1440, 900), "light", False),
    "tablet": ((1024, 768), "light", True),
    "tablet-portrait": ((768, 1024), "dark", True),
}
# The machine that sets the pace, with two stops that nobody has explained: the words on them are taken back, and
# the codes that would explain them are no reasons any more; and a supervisor.
PLANT = """
import json
from odoo.addons.mes_base.tools import clock
line = env["mrp.workcenter"].search([("mes_code", "=", %(line)r)])
machine = line.mes_bottleneck_id or line.mes_unit_ids.sorted("sequence")[-1]
now = env["mes.clock"].now_ms()
writer = env["mes.fact.writer"]
shift = next(s for s in env["mes.calendar"].shifts(machine, now - 86400000, now + 1)[machine.id][::-1]
             if s.start + 3 * 3600000 < now)
from odoo.addons.mes_base.tools.rows import StateRow, EvidenceRow
writer.write_evidence([EvidenceRow(machine.id, "TEST", shift.start, shift.start + 3 * 3600000)])
points = []
for minute in (20, 80):
    at = shift.start + minute * 60000
    points += [(at, "down"), (at + 9 * 60000, "running")]
env["mes.state.point"].search([("workcenter_id", "=", machine.id), ("lane", "=", "state"),
    ("at", ">=", clock.from_ms(shift.start)), ("at", "<", clock.from_ms(shift.start + 3 * 3600000))]).sudo().unlink()
writer.write_states([StateRow(machine.id, "state", at, value, value, None, None, stream="TEST", seq=n + 1)
    for n, (at, value) in enumerate([(shift.start, "running"), *points])])
env["mes.stop"]._cron_fold()
# Whatever else of this shift waits for a reason has one now.
ours = [clock.from_ms(at) for at, value in points if value == "down"]
others = env["mes.stop"].search([("workcenter_id", "=", machine.id), ("needs_reason", "=", True),
    ("at_from", ">=", clock.from_ms(shift.start)), ("at_from", "not in", ours)])
for stop in others:
    stop.explain(env.ref("mes_base.reason_quality").id)
env["mes.stop"]._cron_fold()
# A line that worked two days ago and works again in five: there is room for overtime at any hour.
rare = env["mrp.workcenter"].create({"name": "Rare line", "code": "RARE", "mes_level": "line",
    "mes_area_id": line.mes_area_id.id, "company_id": line.company_id.id})
env["mrp.workcenter"].create({"name": "Rare machine", "code": "RARE1", "mes_level": "unit", "mes_line_id": rare.id,
    "mes_area_id": line.mes_area_id.id, "company_id": line.company_id.id})
days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
worked = (clock.from_ms(now).weekday() - 2) %% 7
env["mes.shift.pattern"].create({"name": "Rare", "company_id": line.company_id.id,
    "shift_ids": [(0, 0, {"name": "Rare shift", "code": "R", "start_hour": 6, "end_hour": 14,
        **{day: number == worked for number, day in enumerate(days)}})],
    "assignment_ids": [(0, 0, {"workcenter_id": rare.id, "date_from": "2020-01-01"})]})
user = env["res.users"].create({"name": "Sophie", "login": "sophie", "password": "sophie", "company_id": env.company.id,
    "company_ids": [(6, 0, env.company.ids)], "group_ids": [(6, 0, env.ref("mes_base.group_mes_supervisor").ids)]})
manual = [("manual", "=", True), ("loss_type", "=", "availability")]
loss = env["mrp.workcenter.productivity.loss"].search(manual, limit=1)
said = env["mes.state.override"].search([("workcenter_id", "=", machine.id)])
answer(json.dumps({"machine": machine.id, "line": line.id, "shift": shift.start, "rare": rare.id,
                   "loss": loss.id, "reason": loss.name, "said": said.ids}))
"""
def picture(page: Page, name: str) -> None:
    """Left for a person to look at."""
    at_rest(page).screenshot(path=Path(sub("pictures")) / f"shift-board-{name}.png")


@pytest.fixture(scope="module")
def plant(floor: ShopFloor) -> dict[str, Any]:
    """A shift whose first hours have two stops to explain."""
    made: dict[str, Any] = json.loads(floor.script(PLANT % {"line": LINE}, "The stops of the shift"))
    return made


@pytest.fixture
def shift(floor: ShopFloor, plant: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plant; what a test says about its stops is taken back."""
    yield plant
    said = [("withdrawn_at", "=", False), ("workcenter_id", "=", plant["machine"]), ("id", "not in", plant["said"])]
    words = floor.rpc("sophie", "mes.state.override", "search", said)
    if words:
        floor.rpc("sophie", "mes.state.override", "withdraw", words)


@pytest.fixture
def open_shift(open_page: Any, shift: dict[str, Any]) -> Any:
    """Opens the shift board at the shift with the stops."""

    def make(query: str = "", place: str = "line", **options: Any) -> Page:
        path = f"/odoo/mes-shift-board/{shift[place]}?at={shift['shift']}{query}"
        page: Page = open_page(path, f"{BOARD}:not([data-phase=loading])", **options)
        return page

    make.said = open_page.said  # type: ignore[attr-defined]
    return make


def marks(page: Page) -> Any:
    return page.locator(".mes-unknown")


@pytest.mark.parametrize("screen", SCREENS)
def test_it_fits_its_screens(open_shift: Any, screen: str) -> None:
    size, theme, touch = SCREENS[screen]
    page = open_shift(size=size, theme=theme, touch=touch)
    expect(marks(page).first).to_be_visible()
    picture(page, screen)
    assert too_wide(page, BOARD) == 0
    assert not_for_fingers(page, BOARD) == []


def test_a_reason_in_two_taps_and_back(open_shift: Any) -> None:
    """By touch: the mark, the tile; then the toast takes it back."""
    page = open_shift(size=(1024, 768), touch=True)
    expect(marks(page)).to_have_count(2)
    marks(page).first.tap()
    expect(page.locator(".mes-side button.mes-picker-tile").first).to_be_visible()
    picture(page, "reasons")
    page.locator(".mes-side button.mes-picker-tile").first.tap()
    expect(page.locator(".mes-side")).to_have_count(0)
    expect(marks(page)).to_have_count(1)
    page.get_by_role("button", name="Undo").tap()
    expect(marks(page)).to_have_count(2)


def test_keyboard_alone_gives_a_reason(open_shift: Any) -> None:
    """Tab to the mark, Enter, 1; the focus comes back to the board."""
    page = open_shift()
    expect(marks(page)).to_have_count(2)
    at_rest(page).locator(".mes-shift-unknown").focus()
    for _step in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "mes-unknown":
            break
    assert page.evaluate("document.activeElement.className") == "mes-unknown"
    page.keyboard.press("Enter")
    expect(page.locator(".mes-side")).to_be_visible()
    at_rest(page).keyboard.press("Escape")
    expect(page.locator(".mes-side")).to_have_count(0)
    expect(page.locator(".mes-unknown:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".mes-side button.mes-picker-tile").first).to_be_visible()
    page.keyboard.press("1")
    expect(marks(page)).to_have_count(1)
    page.get_by_role("button", name="Undo").press("Enter")
    expect(marks(page)).to_have_count(2)


def test_whoever_is_late_is_told(floor: ShopFloor, shift: dict[str, Any], open_shift: Any) -> None:
    page = open_shift()
    expect(marks(page)).to_have_count(2)
    marks(page).first.click()
    expect(page.locator(".mes-side button.mes-picker-tile").first).to_be_visible()
    waiting = [("workcenter_id", "=", shift["machine"]), ("needs_reason", "=", True)]
    (stop,) = floor.rpc("sophie", "mes.stop", "search", waiting, limit=1, order="at_from")
    floor.rpc("sophie", "mes.stop", "explain", [stop], shift["loss"], "seen by me")
    page.locator(".mes-side button.mes-picker-tile").first.click()
    problem = page.locator(".mes-side-problem")
    expect(problem).to_contain_text("Sophie")
    expect(problem).to_have_attribute("data-conflict", "1")
    picture(page, "conflict")
    problem.get_by_role("button").click()
    expect(page.locator(".mes-side-said")).to_contain_text(f"Sophie said: {shift['reason']}")


def test_an_hour_opens_to_what_it_lost(open_shift: Any) -> None:
    page = open_shift(place="machine")
    page.locator(".mes-hour .mes-ribbon").first.click()
    panel = page.locator(".mes-hour-panel")
    expect(panel).to_contain_text("Lost")
    expect(panel.locator(".mes-hour-stops button").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)


def test_shifts_have_addresses_and_the_way_back(floor: ShopFloor, shift: dict[str, Any], open_shift: Any) -> None:
    page = open_shift()
    first = at_rest(page).locator(".mes-shift-name").inner_text()
    page.get_by_role("button", name="Shift before").click()
    expect(page.locator(".mes-shift-name")).not_to_have_text(first)
    expect(page).not_to_have_url(re.compile(f"at={shift['shift']}"))
    at_rest(page).go_back()
    expect(page).to_have_url(re.compile(f"/odoo/mes-shift-board/{shift['line']}.*at={shift['shift']}"))
    expect(page.locator(f"{BOARD}[data-phase=ready]")).to_be_visible()
    page.get_by_role("button", name="Now", exact=True).click()
    expect(page).to_have_url(f"{floor.url}/odoo/mes-shift-board/{shift['line']}")


def test_supervisor_orders_overtime_in_two_clicks_and_back(open_page: Any, shift: dict[str, Any]) -> None:
    page = open_page(f"/odoo/mes-shift-board/{shift['rare']}", f"{BOARD}[data-phase=ready]", login="sophie")
    expect(page.locator(".mes-screen-main .mes-notice")).to_contain_text("No shift is running")
    page.get_by_role("button", name="Overtime").click()
    page.get_by_role("button", name="+ 60 min").click()
    expect(page.locator(".mes-hour-now")).to_be_visible()
    expect(page.locator(".mes-shift-name")).to_contain_text("OT")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".mes-hour-now")).to_have_count(0)


def test_the_present_hour_counts_before_the_eyes(floor: ShopFloor, open_page: Any) -> None:
    assert floor.gateway
    # What is made since a reading before the hour is shared with that hour: so there is one in this hour.
    floor.gateway.count("PACKER", 20)
    page = open_page("/odoo/mes-shift-board", f"{BOARD}[data-phase=ready]")
    made = page.locator(".mes-hour-now .mes-hour-good")
    expect(page.locator(".mes-header-fresh")).to_have_attribute("data-stale", "")
    at_rest(page)
    before = int(re.sub(r"\D", "", made.inner_text()))
    floor.gateway.count("PACKER", 7)
    expect(made).to_have_text(re.compile(re.sub(",", r"\\D?", f"{before + 7:,}")))


def test_failing_server_is_told_and_can_be_tried_again(open_shift: Any) -> None:
    page = open_shift()
    pattern = re.compile("mes.shift.board/snapshot")
    told = {"name": "odoo.exceptions.UserError", "message": "The database is being restored.", "arguments": []}
    error = {"code": 0, "message": "Odoo Server Error", "data": told}
    page.route(pattern, lambda route: route.fulfill(json={"jsonrpc": "2.0", "id": 1, "error": error}))
    page.get_by_role("button", name="Shift before").click()
    place = page.locator(".mes-message")
    expect(place).to_contain_text("The database is being restored.")
    picture(page, "error")
    page.unroute(pattern)
    place.get_by_role("button").click()
    expect(place).to_have_count(0)
    expect(page.locator(".mes-hour").first).to_be_visible()


def test_a_stranger_is_told_what_to_do_first(open_page: Any) -> None:
    page = open_page("/odoo/mes-shift-board", f"{BOARD}[data-phase=empty]", login="stranger")
    expect(page.locator(".mes-message button")).to_be_visible()
    picture(page, "empty")


def test_it_speaks_german(shift: dict[str, Any], open_shift: Any) -> None:
    page = open_shift(login="hans")
    expect(page.locator(".mes-legend")).to_contain_text("Läuft")
    expect(page.locator(".mes-hour-head")).to_contain_text("Stunde")
