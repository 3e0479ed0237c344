import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame, click, press, queryAllTexts, queryFirst, waitFor, waitUntil } from "@odoo/hoot-dom";
import { makeServerError, mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { READ_AGE_MS } from "@mes_oee/screen/hooks";
import { MesTimeline } from "@mes_oee/timeline/mes_timeline";
import { NOW, START, about, answer, machine } from "./timeline_test_helpers";

describe.current.tags("desktop");
defineMailModels();

let drawing;
let said;

beforeEach(() => {
    drawing = () => answer();
    said = [];
    onRpc("mes.screen", "places", () => [
        { key: "line-3", kind: "line", id: 3, name: "Line 1", depth: 0, parent: null },
    ]);
    onRpc("mes.timeline.screen", "draw", ({ args }) => drawing(args));
    onRpc("mes.timeline.screen", "about", ({ args }) => args[0].map((id) => about({ id })));
    onRpc("mes.timeline.screen", "explain", ({ args }) => {
        said.push(args);
        return args[0].map(({ id }) => ({ id, override_ids: [5], version: "5" }));
    });
    onRpc("mes.reason.picker", "choices", () => {
        const reason = { id: 4, name: "Film tore", code: "F", icon: "fa-chain-broken", needs_comment: false,
            max_minutes: null, share: 1, count: 1 }; // prettier-ignore
        return { top: [reason], tree: [{ ...reason, choosable: true, children: [] }], recent: [] };
    });
});

async function mountTimeline(params = {}) {
    await mountWithCleanup(MesTimeline, { props: { action: { params: { from: START, to: NOW, ...params } } } });
    await animationFrame();
    await settle();
}

/** The view rests, so that what is missing is read. */
async function settle() {
    await advanceTime(500);
    await animationFrame();
}

test("rows, the list of stops, and what is to be explained", async () => {
    await mountTimeline();
    expect("[data-machine]").toHaveCount(1);
    expect(".mes-tl-plot").toHaveAttribute("aria-label", "Filler: 5 stops, 1 to explain");
    expect(queryAllTexts(".mes-tl-item-what")).toEqual(["? To explain", "Film tore"]);
    expect(".mes-tl-list").toHaveText(/and 3 minor stops/);
});

test("time without a shift is the ground, not whatever was painted last", async () => {
    drawing = () => answer({ calendars: [[]], machines: [machine({ state: [], marks: [], stops: [], unlisted: 0 })] });
    await mountTimeline();
    await waitFor("[data-machine] canvas");
    const canvas = queryFirst("[data-machine] canvas");
    const ground = getComputedStyle(canvas).getPropertyValue("--mes-ground").trim();
    const pixel = () => [...canvas.getContext("2d").getImageData(5, 5, 1, 1).data.slice(0, 3)];
    expect(ground).toMatch(/^#[0-9a-f]{6}$/);
    await waitUntil(() => canvas.getContext("2d").getImageData(5, 5, 1, 1).data[3] === 255);
    expect(pixel()).toEqual([1, 3, 5].map((at) => parseInt(ground.slice(at, at + 2), 16)));
});

test("what is asked for is the span with a margin, at the pixel's length", async () => {
    const asked = [];
    drawing = (args) => {
        asked.push(args);
        return answer({ start: args[1], end: args[2], pixel: args[3] });
    };
    await mountTimeline({ scope: "line-3" });
    expect(asked[0].slice(0, 3)).toEqual(["line-3", START, NOW]);
    const before = asked.length;
    await click("button[aria-label='Show less time']");
    await settle();
    await click("button[aria-label='Show less time']");
    await settle();
    expect(asked.length).toBeGreaterThan(before);
    expect(asked.at(-1)[3]).toBeLessThan(asked[0][3]);
});

test("from the list to a reason, and back", async () => {
    let undone = 0;
    onRpc("mes.timeline.screen", "undo", () => {
        undone++;
        return true;
    });
    await mountTimeline();
    await click(".mes-tl-item:first");
    await settle();
    expect(".mes-picker").toHaveCount(1);
    await press("1");
    await settle();
    await settle();
    expect(said).toEqual([[[{ id: 11, version: "0" }], 4, null]]);
    expect(".mes-tl-undo").toHaveText(/Film tore/);
    await click(".mes-tl-undo button");
    await settle();
    expect(undone).toBe(1);
});

test("two taps on a reason say it once", async () => {
    await mountTimeline();
    await click(".mes-tl-item:first");
    await settle();
    const tile = queryFirst(".mes-picker-tile");
    tile.click();
    tile.click();
    await settle();
    expect(said).toHaveLength(1);
});

test("a conflict is told, and the reasons are put away", async () => {
    onRpc("mes.timeline.screen", "explain", () => {
        throw makeServerError({
            errorName: "odoo.addons.mes_base.exceptions.StopConflict",
            message: "Sven has meanwhile said",
        });
    });
    await mountTimeline();
    await click(".mes-tl-item:first");
    await settle();
    await press("1");
    await settle();
    await settle();
    expect(".mes-tl-problem").toHaveText(/Sven/);
    expect(".mes-picker").toHaveCount(0);
});

test("what is said answers to what was there when the reasons were opened", async () => {
    let version = "0";
    onRpc("mes.timeline.screen", "about", ({ args }) => {
        expect.step(version === "0" ? "read" : "read again");
        return args[0].map((id) => about({ id, version }));
    });
    await mountTimeline();
    await click(".mes-tl-item:first");
    await settle();
    expect(".mes-picker").toHaveCount(1);
    version = "8"; // somebody else says something, and the lanes are read again
    await advanceTime(READ_AGE_MS + 1000);
    await settle();
    expect.verifySteps(["read", "read again"]);
    await press("1");
    await settle();
    await settle();
    expect.verifySteps(["read again", "read again"]); // after what was said, and with the lanes
    expect(said).toEqual([[[{ id: 11, version: "0" }], 4, null]]);
});

test("a stop that is no more says so", async () => {
    onRpc("mes.timeline.screen", "about", () => []);
    await mountTimeline({ stop: "99" });
    expect(".mes-tl-title").toHaveText("This stop is no more");
});

test("without machines: what to do first", async () => {
    drawing = () => answer({ machines: [], calendars: [] });
    await mountTimeline();
    expect(".mes-message button").toHaveText("Set up work centers");
});

test("a failure is told and can be tried again", async () => {
    drawing = () => {
        throw makeServerError({ message: "no such place" });
    };
    await mountTimeline();
    expect(".o_mes_timeline").toHaveAttribute("data-phase", "error");
    expect(".mes-message").toHaveText(/no such place/);
    drawing = () => answer();
    await click(".mes-message button");
    await settle();
    expect("[data-machine]").toHaveCount(1);
});

test("machines that have no room are counted", async () => {
    drawing = () => answer({ left_out: 7, machines: [machine()] });
    await mountTimeline();
    expect(".mes-tl-none").toHaveText(/7 more machines/);
});

test("what a stop lost opens to its money, and Escape leads back to the stop", async () => {
    const asked = [];
    onRpc("mes.oee.money", "stop", ({ args }) => {
        asked.push(args);
        return { key: "money", number: null, value: 1800, unit: "money", currency_id: 1, refusal: null, formula: "f", formula_version: 1,
            inputs: [], calendars: [], coverage: 1, method: "m", notes: [], as_of: NOW, pending_hours: 0, intervals: {},
            interval: [args[1], args[2]], parts: [], others: null }; // prettier-ignore
    });
    await mountTimeline({ stop: "11" });
    await click(".mes-tl-lost");
    await settle();
    expect(asked).toEqual([[11, about().from_ms, about().until_ms]]);
    expect(".mes-provenance-value").toHaveText(/1,800/);
    await press("Escape");
    await settle();
    expect(".mes-provenance").toHaveCount(0);
    expect(".mes-tl-lost").toHaveText("900 pieces");
});
