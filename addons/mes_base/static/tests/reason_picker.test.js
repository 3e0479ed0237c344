import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame, press, queryAll, queryAllTexts, queryOne, queryText } from "@odoo/hoot-dom";
import { contains, makeServerError, mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { DIGIT_WAIT_MS, SCAN_GAP_MS, Wedge, byCode, flatten, search } from "@mes_base/reason_picker/picker_model";
import { ReasonPicker } from "@mes_base/reason_picker/reason_picker";

describe.current.tags("desktop");
defineMailModels();

function reason(id, name, values = {}) {
    return {
        id, name, code: null, icon: "fa-wrench", needs_comment: false, max_minutes: null, share: 0.1, count: 0,
        choosable: true, children: [], ...values,
    }; // prettier-ignore
}

const leak = reason(11, "Leak", { code: "FAIL-LEAK" });
const tool = reason(12, "Werkzeugbrüche", { code: "FAIL-TOOL" });
const other = reason(2, "Other", { code: "OTHER", needs_comment: true });
const lunch = reason(3, "Lunch", { code: "17", max_minutes: 30 });
const failure = reason(1, "Machine failure", { code: "FAIL", children: [leak, tool] });
const heading = reason(4, "Only a heading", { choosable: false, children: [reason(41, "Below")] });

let given;
let answer;
let picked;

beforeEach(() => {
    given = [];
    picked = [];
    answer = () => ({ top: [leak, other, lunch], tree: [failure, other, lunch, heading], recent: [] });
    onRpc("mes.reason.picker", "choices", ({ args }) => {
        given.push(args);
        return answer();
    });
});

async function mountPicker(props = {}) {
    await mountWithCleanup(ReasonPicker, {
        props: { workcenterId: 7, stopId: 5, onPick: (one, note) => picked.push([one.id, note]), ...props },
    });
    await animationFrame();
}

/** Keys as a scanner sends them: all at once. */
async function scan(text) {
    for (const key of [...text, "Enter"]) {
        await press(key);
    }
    await animationFrame();
}

/** Keys as a hand presses them. */
async function typed(...keys) {
    for (const key of keys) {
        await advanceTime(SCAN_GAP_MS * 4);
        await press(key);
        await animationFrame();
    }
    await advanceTime(DIGIT_WAIT_MS + 1);
    await animationFrame();
}

test("one press on a tile is the answer", async () => {
    await mountPicker();
    expect(given).toEqual([[7, 5]]);
    expect(queryAllTexts(".mes-picker-tile .mes-picker-name")).toEqual(["Leak", "Other", "Lunch"]);
    expect(queryAllTexts(".mes-picker-key")).toEqual(["1", "2", "3"]);
    await contains(".mes-picker-tile:first").click();
    expect(picked).toEqual([[11, null]]);
    expect(".mes-picker-tile:first").toHaveClass("mes-picker-pressed");
});

test("every target is at least 48 px", async () => {
    await mountPicker({ onClose: () => {} });
    const small = queryAll(".mes-picker button, .mes-picker input").filter((one) => {
        const box = one.getBoundingClientRect();
        return box.width < 48 || box.height < 48;
    });
    expect(small).toEqual([]);
});

test("a reason that needs a comment asks for it in the panel", async () => {
    await mountPicker();
    await contains(".mes-picker-tile[data-reason=OTHER]").click();
    expect(picked).toEqual([]);
    expect(".mes-picker-send").not.toBeEnabled();
    await contains(".mes-picker-ask textarea").edit("The door was open");
    await contains(".mes-picker-send").click();
    expect(picked).toEqual([[2, "The door was open"]]);
});

test("any reason may be given with a comment, or without after all", async () => {
    await mountPicker();
    await contains(".mes-picker-note").click();
    expect(".mes-picker-note").toHaveAttribute("aria-pressed", "true");
    await contains(".mes-picker-tile:first").click();
    await contains(".mes-picker-send").click();
    expect(picked).toEqual([[11, null]]);
});

test("a digit takes its tile, and shows at once that it was pressed", async () => {
    await mountPicker();
    await advanceTime(1000);
    await press("3");
    await animationFrame();
    expect(".mes-picker-tile[data-reason='17']").toHaveClass("mes-picker-pressed");
    expect(picked).toEqual([]);
    await advanceTime(DIGIT_WAIT_MS + 1);
    expect(picked).toEqual([[3, null]]);
});

test("letters search, arrows move, Enter takes", async () => {
    await mountPicker();
    await typed("f", "a", "i", "l");
    expect(queryAllTexts(".mes-picker-found .mes-picker-name")).toEqual(["Machine failure", "Leak", "Werkzeugbrüche"]);
    await typed("ArrowDown");
    expect(".mes-picker-row.mes-picker-active").toHaveText(/Leak/);
    await typed("Enter");
    expect(picked).toEqual([[11, null]]);
});

test("Enter on a heading that was found looks under it; Esc comes back and then closes", async () => {
    const closed = [];
    await mountPicker({ onClose: () => closed.push(1) });
    await contains(".mes-picker-group:first").click();
    expect(queryAllTexts(".mes-picker-row .mes-picker-name")).toEqual([
        "Leak", "Werkzeugbrüche", "Machine failure, without detail",
    ]); // prettier-ignore
    await typed("Escape");
    expect(".mes-picker-tile").toHaveCount(3);
    expect(closed).toEqual([]);
    await typed("Escape");
    expect(closed).toEqual([1]);
});

test("a group may be the answer, a mere heading may not", async () => {
    await mountPicker();
    await contains(".mes-picker-group:last").click();
    expect(".mes-picker-general").toHaveCount(0);
    await contains(".mes-picker-back").click();
    await contains(".mes-picker-group:first").click();
    await contains(".mes-picker-general").click();
    expect(picked).toEqual([[1, null]]);
});

test("a scanned code is the answer, digits too, wherever the focus stands", async () => {
    await mountPicker();
    await advanceTime(1000);
    await scan("FAIL-TOOL");
    expect(picked).toEqual([[12, null]]);
    await advanceTime(1000);
    await contains(".mes-picker-search").focus();
    await typed("1");
    expect(picked.length).toBe(1); // in the field a digit is text
    await contains(".mes-picker-search").clear();
    await advanceTime(1000);
    await scan("FAIL-LEAK");
    expect(picked.at(-1)).toEqual([11, null]);
    expect(".mes-picker-search").toHaveValue("");
});

test("a scanner that hesitates is understood", async () => {
    await mountPicker();
    await advanceTime(1000);
    for (const key of "FAIL-") {
        await press(key);
    }
    await advanceTime(SCAN_GAP_MS * 4);
    await scan("TOOL");
    expect(picked).toEqual([[12, null]]);
});

test("an unknown code is said, and nothing is chosen", async () => {
    await mountPicker();
    await advanceTime(1000);
    await scan("12345");
    await advanceTime(DIGIT_WAIT_MS + 1);
    await animationFrame();
    expect(picked).toEqual([]);
    expect(".mes-picker-unknown").toHaveText(/12345/);
});

test("keys in another field are that field's", async () => {
    await mountPicker();
    const field = document.createElement("input");
    queryOne(".mes-picker").before(field);
    field.focus();
    await typed("1", "Enter");
    expect(picked).toEqual([]);
    field.remove();
});

test("what cannot be read says so and is tried again", async () => {
    const good = answer;
    answer = () => {
        throw makeServerError({ message: "The line is down" });
    };
    await mountPicker();
    expect(queryText(".mes-picker-says")).toInclude("The line is down");
    answer = good;
    await contains(".mes-picker-says button").click();
    await animationFrame();
    expect(".mes-picker-tile").toHaveCount(3);
});

test("no reason at all says who adds them", async () => {
    answer = () => ({ top: [], tree: [], recent: [] });
    await mountPicker();
    expect(queryText(".mes-picker-says")).toInclude("An engineer adds them");
});

test("search finds words in any order, without accents, codes first", () => {
    const all = flatten([failure, other, lunch, heading]);
    expect(all.map((one) => one.id)).toEqual([1, 11, 12, 2, 3, 41]);
    expect(search(all, "bruche machine").map((one) => one.id)).toEqual([12]);
    expect(search(all, "17").map((one) => one.id)).toEqual([3]);
    expect(byCode(all, " fail-tool ").id).toBe(12);
    expect(byCode(all, "")).toBe(undefined);
});

test("a wedge is told from a hand by its pace", () => {
    const wedge = new Wedge();
    const keys = (text, pace) => [...text, "Enter"].map((key, place) => wedge.key(key, place * pace)).at(-1);
    expect(keys("FAIL", 10)).toBe("FAIL");
    expect(keys("FAIL", SCAN_GAP_MS + 1)).toBe(null);
    expect(keys("17", 10)).toBe(null);
});
