"""A wallboard is opened on Monday and looked at on Friday: an hour of data must leave nothing behind."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from playwright.sync_api import Page, expect
from shopfloor import LINE, UNITS, ShopFloor, now_ms
from steady import at_rest, eventually

BOARDS = {"/odoo/mes-board": ".o_mes_board", "/odoo/mes-shift-board": ".o_mes_shift_board"}
HOUR_S = 3600
# What may stay: the browser's own bookkeeping and compiled code. A board that kept the messages would hold four times
# as much, one that kept a node a change of state several times as many.
MOST_HEAP = 1_500_000
MOST_NODES = 100

# Messages of the live lane as the gateway's door sends them, a second of plant time apart, through the real bus:
# every machine counts in each, one of them changes its state every 20 s; once a minute the floor changed.
FEED = """
import json
units = %(units)s
company = env["mrp.workcenter"].search([("mes_code", "=", %(line)r)]).company_id
machines = env["mrp.workcenter"].search([("mes_code", "in", [%(line)r + "/" + unit for unit in units])])
totals = %(totals)s
for second in range(%(seconds)d):
    at = %(start)d + second * 1000
    live = {}
    for place, unit in enumerate(units):
        down = (second // 20 + place) %% 5 == 0
        live[%(line)r + "/" + unit] = {
            "at": at, "state": "down" if down else "running", "since": at - second %% 20 * 1000, "mode": "production",
            "code": str(200 + second %% 7) if down else None, "interlock": None,
            "counts": {name: total + second for name, total in totals[unit].items()},
        }
    env["bus.bus"]._sendone((company, "mes_live"), "mes.live",
                            {"stream": "LINE1", "at": at, "server": at, "machines": live})
    if second %% 60 == 0:
        news = {"kind": "stop", "machines": machines.ids, "at": at}
        env["bus.bus"]._sendone((company, "mes_floor"), "mes.floor", news)
    if second %% 120 == 119:
        env.cr.commit()
answer("")
"""


def feed(floor: ShopFloor, seconds: int) -> None:
    assert floor.gateway
    totals = {unit: {name: value["total"] for name, value in floor.gateway.totals[unit].items()} for unit in UNITS}
    values = {"units": list(UNITS), "line": LINE, "totals": json.dumps(totals), "seconds": seconds, "start": now_ms()}
    floor.script(FEED % values, "An hour of live messages")


def listen(page: Page) -> None:
    """Count the live messages that reach the page."""
    page.evaluate("""() => {
        const bus = owl.App.apps.values().next().value.env.services.bus_service;
        window.heard = 0;
        bus.subscribe("mes.live", (message) => { window.heard++; });
    }""")


def wait_heard(page: Page, least: int) -> None:
    page.wait_for_function("least => window.heard >= least", arg=least, timeout=180_000)


def weight(page: Page) -> tuple[int, int]:
    """Bytes of the heap and nodes of the document, after the rubbish is out."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    for _round in range(3):
        session.send("HeapProfiler.collectGarbage")
    heap = int(session.send("Runtime.getHeapUsage")["usedSize"])
    nodes = int(session.send("Memory.getDOMCounters")["nodes"])
    session.detach()
    return heap, nodes


def settle(floor: ShopFloor, pages: dict[str, Page]) -> None:
    """What the messages asked for has been read and is shown: one more of them has the boards read again."""
    with contextlib.ExitStack() as answers:
        for page in pages.values():
            answers.enter_context(page.expect_response(re.compile("snapshot"), timeout=90_000))
        feed(floor, 1)
    for selector, page in pages.items():
        expect(page.locator(f"{selector}[data-phase=ready]")).to_be_visible()
        at_rest(page)


def test_an_hour_of_data_leaves_nothing_behind(floor: ShopFloor, open_page: Any) -> None:
    assert floor.gateway
    pages = {selector: open_page(path, f"{selector}[data-phase=ready]") for path, selector in BOARDS.items()}
    floor.gateway.fall_silent()
    for page in pages.values():
        listen(page)
    warm = 240
    feed(floor, warm)
    for page in pages.values():
        wait_heard(page, warm)
    settle(floor, pages)
    before = {selector: weight(page) for selector, page in pages.items()}

    feed(floor, HOUR_S)

    for page in pages.values():
        wait_heard(page, warm + HOUR_S)
    settle(floor, pages)
    for selector, page in pages.items():

        def kept(selector: str = selector, page: Page = page) -> tuple[int, int]:
            heap, nodes = (now - then for now, then in zip(weight(page), before[selector], strict=True))
            return heap, nodes

        # What is only on its way (an answer, compiled code that has become old) goes; what is kept stays.
        heap, nodes = eventually(kept, lambda found: found[0] <= MOST_HEAP and found[1] <= MOST_NODES)
        print(f"{selector}: {heap / 1000:+.0f} kB, {nodes:+d} nodes after {HOUR_S} messages")
