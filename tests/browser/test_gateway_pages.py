"""The gateway's pages in a real Chromium: a tag's trend, a command that is answered, tags from a file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from shopfloor import LINE, ShopFloor, now_ms, text
from steady import at_rest, eventually, too_wide

Open = Callable[..., Page]
MINUTE_MS = 60_000
TREND = ".o_mes_tag_trend"

TAGS = """
import json
machine = env["mrp.workcenter"].search([("mes_code", "=", "DEMO/PACK/L1/FILLER")])
gateway = env["mes.gateway"].search([], limit=1)
place = {"gateway_id": gateway.id, "workcenter_id": machine.id, "connection": "plc", "signal": "measurement"}
tags = env["mes.gateway.tag"].create([
    {**place, "name": "pressure", "register": 90, "unit": "bar", "has_limits": True, "limit_low": 2, "limit_high": 6,
     "window_ms": 60000},
    {**place, "name": "unused", "register": 91},
    {**place, "name": "flow", "register": 93, "unit": "l/min"},
    {**place, "name": "target", "register": 92, "unit": "1/min", "writable": True, "write_min": 10, "write_max": 90},
])
answer(json.dumps([gateway.id, *tags.ids]))
"""


@pytest.fixture(scope="module")
def tags(floor: ShopFloor) -> dict[str, int]:
    """A gateway with tags of its own; `pressure` has a value a minute of the last hours, but for the last but one."""
    made = json.loads(floor.script(TAGS, "The tags of the pages"))
    now = now_ms()
    events = [
        {
            "kind": "measurement", "equipment": f"{LINE}/FILLER", "at": text(now - minute * MINUTE_MS),
            "quality": "good", "name": "pressure", "value": 4.0 + minute % 10 / 10,
        }
        for minute in range(1, 420)
        if not 60 < minute < 120
    ]  # fmt: skip
    assert floor.gateway
    floor.gateway.ingest(events)
    return dict(zip(("gateway", "pressure", "unused", "flow", "target"), made, strict=True))


@pytest.fixture
def open_form(open_page: Any) -> Open:
    """Opens a page of Odoo as a user who is in Berlin."""

    def make(login: str, path: str, selector: str, size: tuple[int, int] = (1440, 1000)) -> Page:
        page: Page = open_page(path, selector, login=login, size=size, timezone="Europe/Berlin")
        return page

    make.said = open_page.said  # type: ignore[attr-defined]
    return make


def columns_with_line(page: Page) -> list[int]:
    """The pixel columns of the chart's area in which the line of the means is drawn."""
    found: list[int] = page.evaluate(
        """() => {
            const canvas = document.querySelector(".o_mes_tag_trend canvas");
            const area = Chart.getChart(canvas).chartArea;
            const scale = canvas.width / canvas.clientWidth;
            const [left, width] = [Math.ceil(area.left * scale), Math.floor((area.right - area.left) * scale)];
            const [top, height] = [Math.ceil(area.top * scale), Math.floor((area.bottom - area.top) * scale)];
            const colour = getComputedStyle(canvas).getPropertyValue("--mes-trend-line").trim();
            const probe = document.createElement("canvas").getContext("2d");
            probe.fillStyle = colour;
            probe.fillRect(0, 0, 1, 1);
            const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
            const { data } = canvas.getContext("2d").getImageData(left, top, width, height);
            const columns = new Set();
            for (let i = 0; i < data.length; i += 4) {
                const near = (at, value) => Math.abs(data[i + at] - value) < 24;
                if (data[i + 3] > 200 && near(0, r) && near(1, g) && near(2, b)) {
                    columns.add((i / 4) % width);
                }
            }
            return [...columns].map((x) => Math.round((1000 * x) / width)).sort((a, b) => a - b);
        }"""
    )
    return found


def test_a_tag_shows_its_trend(open_form: Open, tags: dict[str, int]) -> None:
    """Values, unit and figures; a gap where no value came; the span is chosen by keyboard."""
    page = open_form("operator", f"/odoo/gateway-tags/{tags['pressure']}", f"{TREND}[data-phase=ready]")
    expect(page.locator(f"{TREND} dd").first).to_have_text(re.compile(r"4\.\d+ bar"))
    # The line grows into its place.
    drawn = eventually(lambda: columns_with_line(page), lambda columns: len(columns) > 300 and min(columns) > 100)
    # The last seven of eight hours have values, but for the hour before the last.
    assert not [x for x in drawn if 770 < x < 860], "the gap is drawn over"
    assert [x for x in drawn if 880 < x < 990]
    at_rest(page).locator(f"{TREND} input[type=radio]:checked").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f"{TREND} input[type=radio]:checked + label")).to_have_text("1 hour")
    at_rest(page)
    expect(page.locator(TREND)).to_have_attribute("data-phase", "ready")


def test_single_values_are_read_by_keyboard(open_form: Open, tags: dict[str, int]) -> None:
    """The chart takes the focus, says what it shows, and the arrow keys go from value to value."""
    page = open_form("operator", f"/odoo/gateway-tags/{tags['pressure']}", f"{TREND}[data-phase=ready]")
    chart = page.locator(f"{TREND} .o_mes_trend_chart")
    expect(chart).to_have_attribute("aria-label", re.compile("Last 4.* bar"))
    chart.focus()
    page.keyboard.press("ArrowLeft")
    spoken = page.locator(f"{TREND} [aria-live]")
    expect(spoken).to_have_text(re.compile(r"bar \("))
    first = at_rest(page).locator(f"{TREND} [aria-live]").inner_text()
    page.keyboard.press("ArrowLeft")
    expect(spoken).not_to_have_text(first)


def test_nothing_to_show_and_no_answer(open_form: Open, tags: dict[str, int]) -> None:
    """Each with a sentence; the button asks again."""
    page = open_form("operator", f"/odoo/gateway-tags/{tags['unused']}", f"{TREND}[data-phase=empty]")
    expect(page.locator(TREND)).to_contain_text("No values in this time")
    page.route("**/read_trend*", lambda route: route.abort())
    page.locator(f"{TREND} label", has_text="1 year").click()
    expect(page.locator(TREND)).to_have_attribute("data-phase", "error")
    page.unroute("**/read_trend*")
    open_form.said[:] = [text for text in open_form.said if "ERR_FAILED" not in text]  # type: ignore[attr-defined]
    page.locator(TREND).get_by_role("button", name="Try again").click()
    expect(page.locator(TREND)).to_have_attribute("data-phase", "empty")


def test_the_trend_speaks_german(open_form: Open, tags: dict[str, int]) -> None:
    """Spans and figures in the user's language, on a narrow screen too."""
    path = f"/odoo/gateway-tags/{tags['pressure']}"
    page = open_form("hans", path, f"{TREND}[data-phase=ready]", size=(600, 900))
    expect(page.locator(f"{TREND} label").first).to_have_text("1 Stunde")
    expect(page.locator(f"{TREND} dt").first).to_have_text("Zuletzt")
    expect(page.locator(f"{TREND} dd").first).to_have_text(re.compile(r"4,\d+ bar"))
    assert too_wide(page, TREND) == 0


def test_a_command_is_answered_on_the_open_form(open_form: Open, floor: ShopFloor, tags: dict[str, int]) -> None:
    """Written from the tag's form, taken by the bridge, answered: the form follows without being loaded again."""
    page = open_form("engineer", f"/odoo/gateway-tags/{tags['target']}", ".o_form_view")
    page.get_by_role("button", name="Write a value").click()
    page.locator("[name=number] input").fill("42")
    page.locator("[name=reason] input").fill("Trial")
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("button", name="Ok").click()
    status = page.locator(".o_statusbar_status .o_arrow_button_current")
    expect(status).to_have_text(re.compile("Sent|With the bridge"))
    offer = offered(floor)
    assert offer["tag"] == f"{LINE}/FILLER/target" and offer["value"] == 42 and offer["reason"] == "Trial"
    expect(status).to_have_text("With the bridge")
    assert floor.gateway
    floor.gateway.ingest(
        [
            {
                "kind": "command_result", "equipment": f"{LINE}/FILLER", "at": text(now_ms()), "quality": "good",
                "command": offer["id"], "status": "done", "read_back": 42,
            }
        ]
    )  # fmt: skip
    expect(status).to_have_text("Done")
    expect(page.locator(".alert-success")).to_contain_text("42")


def offered(floor: ShopFloor) -> dict[str, Any]:
    """The command that the bridge is offered, as soon as it is."""
    gateway = floor.gateway
    assert gateway

    def ask() -> list[dict[str, Any]]:
        head = {"stream": "LINE1", "epoch": gateway.epoch, "version": now_ms(), "machines": {}}
        found: list[dict[str, Any]] = gateway.call("live", head)["commands"]
        return found

    return eventually(ask)[-1]


def test_tags_come_from_a_file(open_form: Open, tags: dict[str, int]) -> None:
    """Looked over row by row, applied when the engineer says so, without the wrong one."""
    page = open_form("engineer", f"/odoo/gateways/{tags['gateway']}", ".o_form_view")
    page.get_by_role("button", name="Import tags").click()
    lines = [
        "tag,signal,connection,register,type,unit",
        f"{LINE}/FILLER/level,measurement,plc,95,float32,mm",
        f"{LINE}/FILLER/flow,measurement,plc,93,uint16,kPa",
        f"{LINE}/NOBODY/level,measurement,plc,96,float32,mm",
    ]
    dialog = page.locator(".modal-dialog")
    dialog.locator("input[type=file]").set_input_files(
        {"name": "tags.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
    )
    dialog.get_by_role("button", name="Read the file").click()
    rows = dialog.locator(".o_data_row")
    expect(rows).to_have_count(3)
    for row, word in enumerate(("New", "Changed", "Wrong")):
        expect(rows.nth(row).locator("td[name=status]")).to_have_text(word)
    expect(rows.nth(2)).to_contain_text("NOBODY")
    dialog.get_by_role("checkbox", name="Leave wrong rows out").check()
    dialog.get_by_role("button", name="Apply").click()
    expect(page.locator(".o_notification")).to_contain_text("2 tags were written")
