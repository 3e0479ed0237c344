"""Waits for what a page does after an action: a state is waited for, never a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from playwright.sync_api import Page

Value = TypeVar("Value")
PATIENCE_S = 30.0
OPENS_WITHIN_MS = 90_000

# Runs in a page before its own scripts: how many questions are open, and how many short timers run (a
# debounced search, an address that is written a moment later). Long ones (heartbeats, a reading in a minute)
# are no part of an answer.
WATCH = """(() => {
    const SHORT_MS = 400;
    const asked = new Set();
    const timers = new Set();
    const { setTimeout, clearTimeout, fetch } = window;
    const send = XMLHttpRequest.prototype.send;
    XMLHttpRequest.prototype.send = function (...args) {
        asked.add(this);
        this.addEventListener("loadend", () => asked.delete(this));
        return send.apply(this, args);
    };
    window.fetch = (...args) => {
        const answer = fetch.apply(window, args);
        asked.add(answer);
        const over = () => asked.delete(answer);
        answer.then(over, over);
        return answer;
    };
    window.setTimeout = (what, ms, ...args) => {
        const id = setTimeout.call(window, (...given) => {
            timers.delete(id);
            return typeof what === "function" ? what(...given) : (0, eval)(what);
        }, ms, ...args);
        if (!(ms > SHORT_MS)) {
            timers.add(id);
        }
        return id;
    };
    window.clearTimeout = (id) => {
        timers.delete(id);
        return clearTimeout.call(window, id);
    };
    const lacks = () => {
        const said = [];
        const apps = window.owl ? [...owl.App.apps] : [];
        for (const { scheduler } of apps) {
            if (scheduler.tasks.size || scheduler.delayedRenders.length || scheduler.frame) {
                said.push("drawing");
            }
        }
        if (asked.size) {
            said.push([...asked].map((one) => one.responseURL || "a request").join());
        }
        if (timers.size) {
            said.push(`${timers.size} timers`);
        }
        return said.join(", ");
    };
    // A page behind another has no frames: it is looked at by a timer.
    const soon = (then) => {
        const over = () => {
            clearTimeout.call(window, late);
            cancelAnimationFrame(drawn);
            setTimeout.call(window, then, 0);
        };
        const late = setTimeout.call(window, over, 100);
        const drawn = requestAnimationFrame(over);
    };
    // Nothing asked, nothing to draw, in two frames one after the other: then "", else what is still under way.
    window.mesAtRest = (patience) => new Promise((done) => {
        const until = performance.now() + patience;
        const look = (calm) => soon(() => {
            const now = lacks();
            if (!now && calm) {
                done("");
            } else if (performance.now() > until) {
                done(now || "no two frames");
            } else {
                look(!now);
            }
        });
        look(false);
    });
})()"""


def at_rest(page: Page) -> Page:
    """Wait until the page has asked, been answered, drawn, and written its address; give the page.

    After it what is read from the page at once is what the last action has led to.
    """
    lacks = page.evaluate("patience => window.mesAtRest(patience)", PATIENCE_S * 1000)
    assert not lacks, f"the page does not come to rest: {lacks}"
    return page


def eventually(
    read: Callable[[], Value], holds: Callable[[Value], Any] = bool, patience_s: float = PATIENCE_S
) -> Value:
    """Read again until what is read holds; give it. For what has no locator: figures, pixels, the server's data."""
    deadline = time.monotonic() + patience_s
    while not holds(value := read()):
        assert time.monotonic() < deadline, f"after {patience_s:.0f} s still {value!r}"
        time.sleep(0.05)
    return value


# The outline of what can be pressed; what is hidden has none.
_BOXES = """selector => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility()).map((one) => {
    const { x, width, height } = one.getBoundingClientRect();
    return [`${one.className} "${one.innerText.slice(0, 30)}"`, x, width, height];
})"""


def not_for_fingers(page: Page, within: str, kinds: str = "button select input", narrow: float = 47.5) -> list[str]:
    """What a finger cannot press in a part of the page: too low, narrower than ``narrow``, or beyond the edge.

    All are measured in one glance of a page at rest.
    """
    width = at_rest(page).evaluate("innerWidth")
    boxes = page.evaluate(_BOXES, ", ".join(f"{within} {kind}" for kind in kinds.split()))
    assert boxes, f"nothing to press in {within}"
    return [
        f"{name}: {wide:.0f} × {high:.0f} at {x:.0f}"
        for name, x, wide, high in boxes
        if high < 47.5 or wide < narrow or x < 0 or x + wide > width + 0.5
    ]


def too_wide(page: Page, selector: str) -> int:
    """How many pixels a part of the page at rest reaches beyond the window."""
    found: int = at_rest(page).evaluate(
        "selector => Math.max(0, document.querySelector(selector).scrollWidth - innerWidth)", selector
    )
    return found
