"""The timeline in real Chromium, with committed data: look, choose, explain, split, take back, disagree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from shopfloor import LINE, ShopFloor, now_ms, text
from steady import at_rest, eventually, not_for_fingers, too_wide
from timeline_plant import HOUR, MINUTE, SPAN_MS, STOPS, TimelinePlant

from mescli.paths import sub

PANEL = ".mes-tl-panel"


@pytest.fixture(scope="session")
def site(floor: ShopFloor) -> TimelinePlant:
    return TimelinePlant(floor)


@pytest.fixture
def plant(site: TimelinePlant) -> Iterator[TimelinePlant]:
    yield site
    site.forget()


def picture(page: Page, name: str) -> None:
    """Left for a person to look at."""
    at_rest(page).screenshot(path=Path(sub("pictures")) / f"timeline-{name}.png")


def view(page: Page) -> tuple[int, int]:
    """The span that the address says, once the view rests."""
    found = re.search(r"from=(\d+)&to=(\d+)", at_rest(page).url)
    assert found, page.url
    return int(found[1]), int(found[2])


def colors(page: Page, machine: int) -> int:
    """How many different colours the lanes of a machine have: an empty canvas has one."""
    script = """(id) => { const canvas = document.querySelector(`[data-machine="${id}"] canvas`);
        const { data } = canvas.getContext('2d').getImageData(0, 20, canvas.width, 1);
        const seen = new Set();
        for (let at = 0; at < data.length; at += 4) { seen.add(data.slice(at, at + 3).join()); }
        return seen.size; }"""
    found = page.evaluate(script, machine)
    assert isinstance(found, int)
    return found


def tap(page: Page, plant: TimelinePlant, offset_ms: int, **options: Any) -> None:
    page.mouse.click(*plant.point(page, offset_ms), **options)


def test_lanes_are_drawn_zoomed_and_bookmarked(plant: TimelinePlant, open_page: Any) -> None:
    page = open_page(plant.address(), login="tina")
    expect(page.locator("[data-machine]")).to_have_count(2)
    eventually(lambda: colors(page, plant.made["first"]), lambda seen: seen >= 3)
    expect(page.locator(".mes-tl-list .mes-tl-item")).to_have_count(4)
    expect(page.locator(".mes-tl-list")).to_contain_text("1 minor stop")
    picture(page, "desk")
    x, y = plant.point(page, 4 * HOUR)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -600)
    expect(page).not_to_have_url(re.compile(f"from={plant.start}&"))
    start, end = view(page)
    assert start > plant.start and end - start < SPAN_MS / 2
    at_pointer = start + (end - start) / 2
    assert abs(at_pointer - plant.start - 4 * HOUR) < 2 * MINUTE, "the time under the pointer has moved"
    page.mouse.down()
    page.mouse.move(x + 200, y, steps=5)
    page.mouse.up()
    expect(page).not_to_have_url(re.compile(f"from={start}&"))
    moved = view(page)
    assert moved[0] < start and moved[1] - moved[0] == end - start
    page.reload()
    expect(page.locator("[data-machine]")).to_have_count(2)
    expect(page).to_have_url(re.compile(f"from={moved[0]}&to={moved[1]}"))


def test_stop_is_explained_in_three_taps_and_undone(plant: TimelinePlant, open_page: Any) -> None:
    page = open_page(plant.address(details=1), login="tina")
    stop_id = plant.stop_ids()[0]
    tap(page, plant, 30 * MINUTE)
    expect(page.locator(PANEL)).to_contain_text("Running")
    tap(page, plant, STOPS[0][0] + 10 * MINUTE)
    expect(page.locator(".mes-picker")).to_be_visible()
    picture(page, "reasons")
    page.get_by_role("searchbox").fill("Film")
    page.locator(".mes-picker").get_by_text("Film tore").first.click()
    expect(page.locator(".mes-tl-undo")).to_contain_text("Film tore")
    assert plant.about(stop_id)["effective"]["name"] == "Film tore"
    expect(page.locator(f"{PANEL} .mes-tl-words")).to_contain_text("Tina")
    expect(page).to_have_url(re.compile(f"stop={stop_id}"))
    picture(page, "explained")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".mes-tl-undo")).to_have_count(0)
    eventually(lambda: plant.about(stop_id)["effective"], lambda reason: reason is None)


def test_split_at_a_typed_minute_and_by_the_handle(plant: TimelinePlant, open_page: Any) -> None:
    """What is stored counts from the record's own beginning, with its milliseconds."""
    page = open_page(plant.address(stop=plant.stop_ids()[0]), login="tina")
    page.get_by_role("button", name="Split").click()
    page.get_by_label("Split after").fill("10")
    page.get_by_label("Split after").press("Tab")
    handle = page.locator(".mes-tl-handle")
    expect(handle).to_be_visible()
    handle.focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_label("Split after")).to_have_value("11")
    picture(page, "split")
    x, y = plant.point(page, STOPS[0][0] + 11 * MINUTE)
    page.mouse.move(x, y + 20)
    page.mouse.down()
    page.mouse.move(plant.point(page, STOPS[0][0] + 6 * MINUTE)[0], y + 20, steps=6)
    page.mouse.up()
    eventually(lambda: float(page.get_by_label("Split after").input_value()), lambda minutes: abs(minutes - 6) < 1)
    assert view(page)[0] == plant.start, "the plot must stay while the handle moves"
    page.get_by_label("Split after").fill("11")
    page.get_by_label("Split after").press("Tab")
    page.locator("[data-part=first] button").click()
    page.get_by_role("searchbox").fill("Film")
    page.locator(".mes-picker").get_by_text("Film tore").first.click()
    page.get_by_role("button", name="Split here").click()
    expect(page.locator(".mes-tl-undo")).to_contain_text("Split")
    (word,) = plant.about(plant.stop_ids()[0])["words"]
    assert (word["from_offset"], word["until_offset"]) == (0, 11 * MINUTE)


def test_somebody_else_was_faster(plant: TimelinePlant, open_page: Any) -> None:
    page = open_page(plant.address(), login="tina")
    stop_id = plant.stop_ids()[0]
    tap(page, plant, STOPS[0][0] + 10 * MINUTE)
    expect(page.locator(".mes-picker")).to_be_visible()
    plant.floor.rpc("sven", "mes.stop", "explain", [stop_id], plant.made["other"])
    page.get_by_role("searchbox").fill("Film")
    page.locator(".mes-picker").get_by_text("Film tore").first.click()
    expect(page.locator(".mes-tl-problem")).to_contain_text("Sven")
    expect(page.locator(".mes-tl-facts")).to_contain_text("Waiting for pallets")
    picture(page, "conflict")
    assert plant.about(stop_id)["effective"]["name"] == "Waiting for pallets"


def test_keyboard_alone_explains_one_after_the_other(plant: TimelinePlant, open_page: Any) -> None:
    page = open_page(plant.address(to=plant.start + 30 * MINUTE), login="tina")
    first, second = plant.stop_ids()[0], plant.stop_ids("second")[0]
    expect(page.locator(".mes-tl-list")).to_contain_text("No stop")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile(f"stop={first}"))  # it lies beyond the view
    page.keyboard.press("Enter")
    expect(page.locator(".mes-picker")).to_be_visible()
    page.keyboard.type("Film tore", delay=60)
    expect(page.locator(".mes-picker")).to_contain_text("Film tore")
    page.keyboard.press("Enter")
    expect(page.locator(".mes-tl-undo")).to_contain_text("Film tore")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile(f"stop={second}"))
    page.keyboard.press("Escape")
    expect(page.locator(".mes-tl-list")).to_be_visible()
    start, end = view(page)
    page.keyboard.press("+")
    expect(page).not_to_have_url(re.compile(f"from={start}&"))
    before = view(page)
    assert before[1] - before[0] < end - start
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(re.compile(f"from={before[0]}&"))
    assert view(page)[0] > before[0]


def test_several_stops_at_once(plant: TimelinePlant, open_page: Any) -> None:
    page = open_page(plant.address(), login="tina")
    page.get_by_role("button", name="Several").click()
    tap(page, plant, STOPS[0][0] + 10 * MINUTE)
    tap(page, plant, STOPS[1][0] + 5 * MINUTE)
    expect(page.locator(".mes-tl-title")).to_contain_text("2 stops")
    page.get_by_role("button", name="Give a reason").click()
    page.get_by_role("searchbox").fill("Film")
    page.locator(".mes-picker").get_by_text("Film tore").first.click()
    expect(page.locator(".mes-tl-undo")).to_be_visible()
    told = [plant.about(stop_id)["effective"] for stop_id in plant.stop_ids()]
    assert [bool(one) for one in told] == [True, True, False, False]


def test_supervisor_joins_neighbours(plant: TimelinePlant, open_page: Any) -> None:
    """An operator may not; between the stops the machine has run too long, and the server says so."""
    third = plant.stop_ids()[1]
    page = open_page(plant.address(stop=third), login="tina")
    expect(page.locator(PANEL)).to_contain_text("Give a reason")
    expect(page.get_by_role("button", name="Join")).to_have_count(0)
    page = open_page(plant.address(stop=third), login="sven")
    page.get_by_role("button", name="Join with the stop before").click()
    expect(page.locator(".mes-tl-problem")).to_contain_text("min")


def test_what_others_say_appears_by_itself_and_the_choice_stays(plant: TimelinePlant, open_page: Any) -> None:
    page = open_page(plant.address(stop=plant.stop_ids()[1]), login="tina")
    expect(page.locator(".mes-tl-facts")).to_contain_text("nobody")
    canvas = page.locator(f"[data-machine='{plant.made['first']}'] canvas").element_handle()
    plant.floor.rpc("sven", "mes.stop", "explain", [plant.stop_ids()[1]], plant.made["other"])
    expect(page.locator(".mes-tl-facts")).to_contain_text("Waiting for pallets")
    expect(page).to_have_url(re.compile(f"stop={plant.stop_ids()[1]}"))
    assert canvas.is_visible(), "the row was made anew: that flickers"
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Only to explain").click()
    expect(page.locator(".mes-tl-item")).to_have_count(3)
    expect(page).to_have_url(re.compile("open=1"))
    picture(page, "only-open")


@pytest.mark.parametrize(("size", "theme"), [((768, 1024), "light"), ((1024, 768), "dark")])
def test_on_a_tablet(plant: TimelinePlant, open_page: Any, size: tuple[int, int], theme: str) -> None:
    page = open_page(plant.address(details=1), login="tina", size=size, theme=theme, touch=True)
    page.touchscreen.tap(*plant.point(page, STOPS[0][0] + 15 * MINUTE))
    expect(page.locator(".mes-picker")).to_be_visible()
    page.get_by_role("button", name="Close").last.click()
    expect(page.locator(".mes-tl-facts")).to_contain_text("900")
    picture(page, f"tablet-{size[0]}-{theme}")
    assert too_wide(page, ".o_mes_timeline") == 0
    assert not_for_fingers(page, ".o_mes_timeline", "button") == []


def test_forty_machines_over_a_day(plant: TimelinePlant, open_page: Any) -> None:
    """All of them are there at once; how fast exactly is the benchmark's affair."""
    page = open_page(plant.address(), login="tina")
    page.locator(".mes-place-picker").select_option(f"area-{plant.made['hall']}")
    expect(page.locator("[data-machine]")).to_have_count(40)
    at_rest(page).keyboard.press("Escape")
    page.get_by_role("button", name="Day", exact=True).click()
    expect(page.locator(".mes-tl[aria-busy=false] [data-machine]")).to_have_count(40)
    picture(page, "forty")
    nodes = page.evaluate("document.querySelectorAll('.o_mes_timeline *').length")
    assert nodes < 1500, "the page must stay light however much happened"


def alarm(floor: ShopFloor, at: int, active: bool) -> None:
    """What the bridge posts when the filler's pump fails, and when it works again."""
    said = {"code": "211", "active": active, "severity": "high", "text": "Pump is hot"}
    event = {"kind": "alarm", "equipment": f"{LINE}/FILLER", "at": text(at), "quality": "good"}
    floor.gateway.ingest([{**event, **said}])


def alarm_lane(page: Page, machine: int, offset_ms: int) -> bool:
    """Whether anything is drawn on the lane of alarms at a time of the hour that is shown."""
    script = """([id, share]) => { const canvas = document.querySelector(`[data-machine="${id}"] canvas`);
        const scale = canvas.height / canvas.getBoundingClientRect().height;
        const at = (top) => canvas.getContext('2d').getImageData(canvas.width * share, top * scale, 1, 1).data.join();
        return at(132) !== at(126); }"""
    return bool(page.evaluate(script, [machine, offset_ms / HOUR]))


def test_alarm_of_the_bridge_is_on_its_lane(floor: ShopFloor, open_page: Any) -> None:
    """It comes, is seen by a person, and goes: a bar from then until then, and its words at the pointer."""
    now = now_ms()
    (filler,) = floor.rpc("operator", "mrp.workcenter", "search", [["mes_code", "=", f"{LINE}/FILLER"]])
    begin, came, went = now - HOUR, now - 40 * MINUTE, now - 20 * MINUTE
    alarm(floor, came, True)
    address = f"/odoo/mes-timeline?scope=machine-{filler}&from={begin}&to={now}&details=1"
    page = open_page(address)
    expect(page.locator(".mes-tl-lane-names")).to_contain_text("Alarms")
    at_rest(page)
    assert not alarm_lane(page, filler, 10 * MINUTE)
    assert alarm_lane(page, filler, 30 * MINUTE) and alarm_lane(page, filler, 50 * MINUTE), "it is there still"
    ids = floor.rpc("operator", "mes.alarm", "search", [["workcenter_id", "=", filler], ["code", "=", "211"]])
    floor.rpc("operator", "mes.alarm", "action_seen", ids)
    alarm(floor, went, False)
    page = open_page(address)
    at_rest(page)
    assert alarm_lane(page, filler, 30 * MINUTE) and not alarm_lane(page, filler, 50 * MINUTE), "it has gone"
    box = page.locator(f"[data-machine='{filler}'] .mes-tl-plot").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 24)
    expect(page.locator(".mes-tl-tip")).to_contain_text("Alarm 211 · Pump is hot · seen by Olga Operator")
    picture(page, "alarm")


def test_others_see_nothing_of_it(plant: TimelinePlant, open_page: Any) -> None:
    page = open_page(plant.address(), login="stranger")
    expect(page.locator(".mes-message")).to_be_visible()
    expect(page.locator("[data-machine]")).to_have_count(0)
    open_page.said.clear()
