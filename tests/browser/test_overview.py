"""The plant overview: how is the plant doing, and can I trust what I see? And the report of a shift as a file."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect
from shopfloor import now_ms
from steady import at_rest, eventually, not_for_fingers, too_wide

PICTURES = Path(__file__).parents[2] / ".mes" / "pictures"
OVERVIEW = "/odoo/mes-overview"


@pytest.fixture(scope="module")
def places(floor):
    """The key of the demo plant's site, area and line, and of a machine."""
    (line,) = floor.rpc("operator", "mrp.workcenter", "read", [floor.made["line"]], ["mes_area_id", "mes_site_id"])
    (machine,) = floor.rpc("operator", "mrp.workcenter", "search", [("mes_line_id", "=", line["id"])], 0, 1)
    ids = {"site": line["mes_site_id"][0], "area": line["mes_area_id"][0], "line": line["id"], "machine": machine}
    return {kind: f"{kind}-{id_}" for kind, id_ in ids.items()}


def row(page, key):
    return page.locator(f'[data-place="{key}"]')


def snapshot(floor, span):
    """What the page is told, by the key of the place."""
    return {one["key"]: one for one in floor.rpc("operator", "mes.overview", "snapshot", span)["places"]}


@pytest.fixture
def called(floor, places):
    """Somebody is called to the machine, until the test is over."""
    machine = int(places["machine"].partition("-")[2])
    kind = floor.rpc("operator", "mes.andon.kind", "search", [])[0]
    calls = []
    yield lambda: calls.append(floor.rpc("operator", "mes.andon.call", "call", machine, kind))
    floor.rpc("operator", "mes.andon.call", "cancel", calls)


def picture(page, name):
    PICTURES.mkdir(parents=True, exist_ok=True)
    at_rest(page).screenshot(path=PICTURES / f"{name}.png")


def test_the_whole_plant_with_lost_time_first(floor, open_page, places):
    """Site to machine at a glance; the worst first; a tap on what is open leads there, filtered to the place.

    Early in a day little may have been lost, and less was watched: then over the day before.
    """
    hour = datetime.fromtimestamp(now_ms() / 1000, ZoneInfo("Europe/Berlin")).hour
    span = "today" if hour >= 4 else "yesterday"
    page = open_page(f"{OVERVIEW}?span={span}", login="supervisor", size=(1920, 1080))
    line = row(page, places["line"])
    expect(line.locator("[data-figure=lost]")).to_contain_text(re.compile(r"min|h|s"))
    expect(line.locator("[data-figure=money]")).to_contain_text(re.compile(r"\d"))
    expect(line.locator("[data-gauge=oee]")).to_contain_text("%")
    expect(line.locator(".mes-curve polyline").first).to_be_attached()
    machines = page.locator('[data-kind="machine"]')
    expect(machines).to_have_count(5)

    def lost():
        """In the order that is shown."""
        told = snapshot(floor, span)
        shown = machines.evaluate_all("all => all.map((one) => one.dataset.place)")
        return [told[key]["figures"]["lost_ms"] for key in shown]

    eventually(lost, lambda times: all(one > other - 60_000 for one, other in pairwise(times)))
    picture(page, "overview")
    mark = line.locator("[data-mark=unexplained]")

    def unexplained():
        """As shown, and as the server has it: a stop that was just seen is told to the page a moment later."""
        return int(mark.inner_text()), snapshot(floor, span)[places["line"]]["unexplained"]

    count, _told = eventually(unexplained, lambda both: both[0] == both[1] > 0)
    mark.click()
    page.wait_for_selector(".o_list_view")
    expect(page.locator(".o_breadcrumb")).to_contain_text("To Explain")
    page.locator(".o_facet_remove").first.click()
    expect(page.locator(".o_pager_limit, .o_pager_value").last).to_contain_text(str(count) if count < 80 else "80")


def test_by_keyboard_alone(open_page, places):
    """Arrows walk the tree, open and close it; the address keeps what is open, the order and the span."""
    page = open_page(OVERVIEW)
    site, area, line = (row(page, places[kind]) for kind in ("site", "area", "line"))
    expect(page.locator('[role=treegrid] [role=row][tabindex="0"]')).to_have_count(1)
    site.focus()
    page.keyboard.press("ArrowDown")
    expect(area).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator('[role=treegrid] [role=row]').last).to_be_focused()
    line.focus()
    page.keyboard.press("ArrowLeft")
    expect(line).to_have_attribute("aria-expanded", "false")
    expect(page.locator('[data-kind="machine"]')).to_have_count(0)
    expect(page).to_have_url(re.compile(r"open="))
    page.reload()
    expect(line).to_have_attribute("aria-expanded", "false")
    line.focus()
    page.keyboard.press("Enter")
    expect(page.locator('[data-kind="machine"]')).to_have_count(5)
    page.keyboard.press("ArrowRight")
    expect(page.locator('[data-kind="machine"]').first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(line).to_be_focused()
    page.select_option(".mes-overview-sort", "name")
    expect(page).to_have_url(re.compile(r"sort=name"))
    names = at_rest(page).locator('[data-kind="machine"] .mes-place-word').all_inner_texts()
    assert names == sorted(names)
    page.get_by_role("button", name="7 days").click()
    expect(page).to_have_url(re.compile(r"span=week"))
    expect(page.get_by_role("button", name="7 days")).to_have_attribute("aria-pressed", "true")


def test_to_the_other_screens(open_page, places):
    """One tap to the live board, shift board, timeline and losses of the very place."""
    page = open_page(OVERVIEW)
    machine = page.locator('[data-kind="machine"]').first
    key = machine.get_attribute("data-place")
    line_id = places["line"].partition("-")[2]
    for to, address in (
        ("board", f"mes-board/{line_id}"),
        ("shift_board", f"mes-shift-board/{key.partition('-')[2]}"),
        ("timeline", f"mes-timeline.*scope={key}"),
        ("losses", f"mes-losses.*place={key}"),
    ):
        row(page, key).locator(f"[data-to={to}]").click()
        expect(page).to_have_url(re.compile(address))
        at_rest(page).go_back()
        expect(row(page, key)).to_be_visible()
        at_rest(page)


def test_a_call_and_a_silent_gateway_are_seen(floor, open_page, places, called):
    """A call appears without a touch; machines of which nobody tells are hatched and counted."""
    page = open_page(OVERVIEW, theme="dark")
    site = row(page, places["site"])
    expect(site.locator("[data-mark=unheard]")).to_have_count(0)
    called()
    expect(site.locator("[data-mark=calls]")).to_contain_text("1")
    floor.gateway.fall_silent()
    eventually(lambda: snapshot(floor, "today")[places["site"]]["unheard"], lambda unheard: unheard == 5, 60)
    page.get_by_role("button", name="Today").click()
    expect(site.locator("[data-mark=unheard]")).to_contain_text("5")
    picture(page, "overview-dark")


def test_on_a_tablet_with_thumbs(open_page, places):
    """Cards instead of columns; everything that can be pressed is large enough and within the page."""
    page = open_page(OVERVIEW, size=(768, 1024), touch=True)
    line = row(page, places["line"])
    line.locator(".mes-place-toggle").tap()
    expect(page.locator('[data-kind="machine"]')).to_have_count(0)
    line.locator(".mes-place-toggle").tap()
    expect(page.locator('[data-kind="machine"]')).to_have_count(5)
    picture(page, "overview-tablet")
    assert not_for_fingers(page, ".o_mes_overview", "button select", narrow=0) == []
    assert too_wide(page, ".o_mes_overview") == 0


def test_who_sees_nothing(open_page):
    """Another company's operator gets the empty screen, who has no role the sentence whom to ask."""
    stranger = open_page(OVERVIEW, login="stranger")
    expect(stranger.get_by_text("No machine to show yet")).to_be_visible()
    clerk = open_page(OVERVIEW, login="clerk")
    expect(clerk.get_by_text("ask for the role Operator")).to_be_visible()
    expect(clerk.get_by_role("button", name="Try again")).to_be_visible()


def test_the_report_of_a_shift_is_one_tap_from_its_board(floor, open_page, places):
    """The button opens a PDF for those who may see the line, and for nobody else."""
    page = open_page(f"/odoo/mes-shift-board/{places['line'].partition('-')[2]}")
    link = page.get_by_role("link", name="Shift report")
    assert link.get_attribute("target") == "_blank"
    address = floor.url + link.get_attribute("href")
    answer = page.request.get(address)
    assert answer.status == 200 and answer.headers["content-type"] == "application/pdf"
    assert answer.body().startswith(b"%PDF")
    stranger = open_page(OVERVIEW, login="stranger")
    assert stranger.request.get(address).status == 403
