"""A site of its own for the timeline: two machines with known stops yesterday, and a hall of forty."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page
from shopfloor import ShopFloor
from steady import at_rest

MINUTE = 60_000
HOUR = 60 * MINUTE
# The first machine stands so long after the beginning (ms), and so long: odd milliseconds that no screen shows.
STOPS = ((HOUR + 123, 30 * MINUTE + 250), (3 * HOUR, 12 * MINUTE), (4 * HOUR, 20_000), (5 * HOUR, 9 * MINUTE))
SPAN_MS = 8 * HOUR

PLANT = """
import json
from odoo.addons.mes_base.tests import common
from odoo.addons.mes_base.tools import clock

MINUTE, HOUR = 60_000, 3_600_000
start = (env["mes.clock"].now_ms() // HOUR - 26) * HOUR
site = common.make_site(env, "TL", "Europe/Berlin", name="Timeline Works")
area = common.make_area(env, site, "HALL")
line = common.make_line(env, area, "LT", name="Timeline Line")
common.make_shift_pattern(env, site)
first, second = (common.make_work_center(env, area, code, line=line, name=code.title()) for code in ("SAW", "DRILL"))
product = common.make_product(env, "Timeline Bottle")
reason = common.make_reason(env, "Film tore", mes_code="TL1")
other = common.make_reason(env, "Waiting for pallets", mes_code="TL2")
env["mes.order.run"].create([{"workcenter_id": line.id, "product_id": product.id, "at_from": clock.from_ms(start)}])
common.set_ideal_cycle(env, first, 2.0)
for machine in first | second:
    common.feed_evidence(env, machine, [(start, start + 8 * HOUR)])
points = [(start, "running")]
for offset, length in STOPS:
    points += [(start + offset, "down", "911"), (start + offset + length, "running")]
common.feed_states(env, first, points)
waits = start + 2 * HOUR
common.feed_states(env, second, [(start, "running"), (waits, "idle", "912"), (waits + 15 * MINUTE, "running")])

hall = common.make_area(env, site, "FORTY")
many = [common.make_work_center(env, hall, "F%02d" % number) for number in range(40)]
for number, machine in enumerate(many):
    common.feed_evidence(env, machine, [(start, start + 24 * HOUR)])
    common.feed_states(env, machine, [
        (start + step * 24 * MINUTE + number * 977 + shift, state, code)
        for step in range(60)
        for shift, state, code in ((0, "running", None), (22 * MINUTE + step * 2100, "down", "9%02d" % (step % 7)))
    ])
env["mes.order.run"].create([
    {"workcenter_id": machine.id, "product_id": product.id, "at_from": clock.from_ms(start)} for machine in many
])
while marks := env["mes.dirty.span"]._take("stop"):
    env["mes.stop"]._fold(marks)
for login, role, name in (("tina", "operator", "Tina"), ("sven", "supervisor", "Sven")):
    common.make_user(env, role, login, password=login, name=name)
answer(json.dumps({"start": start, "line": line.id, "first": first.id, "second": second.id, "hall": hall.id,
                   "reason": reason.id, "other": other.id, "site": site.id}))
"""


class TimelinePlant:
    """The site on the shop floor's server, and the addresses and places of what is on it."""

    def __init__(self, floor: ShopFloor) -> None:
        self.floor = floor
        code = PLANT.replace("in STOPS:", f"in {STOPS!r}:")
        self.made: dict[str, int] = json.loads(floor.script(code, "The plant for the timeline"))
        self.start = self.made["start"]

    def address(self, **choices: Any) -> str:
        """The first line over its eight hours, unless other choices are given."""
        chosen = {"scope": f"line-{self.made['line']}", "from": self.start, "to": self.start + SPAN_MS, **choices}
        return "/odoo/mes-timeline?" + "&".join(f"{name}={value}" for name, value in chosen.items())

    def stop_ids(self, machine: str = "first") -> list[int]:
        """The stops of a machine in order of time."""
        domain = [["workcenter_id", "=", self.made[machine]]]
        ids: list[int] = self.floor.rpc("tina", "mes.stop", "search", domain, order="at_from")
        return ids

    def about(self, stop_id: int) -> dict[str, Any]:
        told: list[dict[str, Any]] = self.floor.rpc("tina", "mes.timeline.screen", "about", [stop_id])
        return told[0]

    def forget(self) -> None:
        """Take back every word on the site: each test begins with nothing explained."""
        domain = [["withdrawn_at", "=", False], ["workcenter_id", "in", [self.made["first"], self.made["second"]]]]
        words = self.floor.rpc("sven", "mes.state.override", "search", domain)
        if words:
            self.floor.rpc("sven", "mes.state.override", "withdraw", words)

    def point(self, page: Page, offset_ms: int, machine: str = "first") -> tuple[float, float]:
        """Where on the page a time of a machine is, with the span that the address says."""
        box = at_rest(page).locator(f"[data-machine='{self.made[machine]}'] .mes-tl-plot").bounding_box()
        assert box
        return box["x"] + box["width"] * offset_ms / SPAN_MS, box["y"] + 24
