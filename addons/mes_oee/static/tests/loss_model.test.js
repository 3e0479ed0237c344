import { describe, expect, test } from "@odoo/hoot";
import { allowTranslations } from "@web/../tests/web_test_helpers";
import {
    alignedBefore,
    choiceOf,
    cumulativePoints,
    delta,
    drillInto,
    drillIntoRow,
    formatDrill,
    isTold,
    nextBy,
    paretoRows,
    parseDrill,
    waterfallRows,
} from "@mes_oee/losses/loss_model";
import { formatAmount, formatDelta, wordOf } from "@mes_oee/losses/loss_words";

describe.current.tags("headless");

const MINUTE = 60000;

const step = (name, minutes, values = {}) => ({
    name, ms: minutes * MINUTE, pieces: minutes, money: 2 * minutes, count: 0, was: null, ...values,
}); // prettier-ignore

const row = (key, minutes, values = {}) => ({
    key, label: key, ms: minutes * MINUTE, count: 1, pieces: 10 * minutes, money: minutes, was: null, ...values,
}); // prettier-ignore

test("the waterfall takes away from the right and ends with what was worth it", () => {
    const rows = waterfallRows([step("planned", 20), step("unplanned", 30), step("value_adding", 50)], "ms");
    expect(rows.map(({ left, width, share }) => [left, width, share])).toEqual([
        [80, 20, 0.2],
        [50, 30, 0.3],
        [0, 50, 0.5],
    ]);
});

test("a machine faster than ideal grows what is left; the widest stage fills the track", () => {
    const rows = waterfallRows([step("setup", 20), step("speed", -20), step("value_adding", 100)], "ms");
    expect(rows.map(({ left, width }) => [left, width])).toEqual([
        [80, 20],
        [80, 20],
        [0, 100],
    ]);
    expect(rows[1].value).toBe(-20 * MINUTE);
});

test("in money the time that is no loss has none, and shares are of the money", () => {
    const rows = waterfallRows([step("planned", 20, { money: 0 }), step("unplanned", 30), step("value_adding", 70)], "money");
    expect(rows.map((one) => [one.value, one.share])).toEqual([[null, null], [60, 0.3], [140, 0.7]]); // prettier-ignore
});

test("nothing lost at all draws empty bars and no shares", () => {
    const [one] = waterfallRows([step("unplanned", 0)], "ms");
    expect([one.left, one.width, one.share]).toEqual([0, 0, null]);
});

test("steps that are and were nothing are not told, value-adding time always is", () => {
    expect(isTold(step("minor", 0))).toBe(false);
    expect(isTold(step("minor", 0, { was: step("minor", 3) }))).toBe(true);
    expect(isTold(step("value_adding", 0))).toBe(true);
});

test("the Pareto goes by what is asked for, the greatest first, with what they are together", () => {
    const rows = [row("a", 1, { count: 9 }), row("b", 3, { count: 1 })];
    expect(paretoRows(rows, "ms").map(({ key, sum, width }) => [key, sum, Math.round(width)])).toEqual([
        ["b", 0.75, 100],
        ["a", 1, 33],
    ]);
    expect(paretoRows(rows, "count").map(({ key, sum }) => [key, sum])).toEqual([["a", 0.9], ["b", 1]]); // prettier-ignore
});

test("after the tenth the rest is one bar that carries their sums", () => {
    const rows = Array.from({ length: 13 }, (_none, place) => row(`r${place}`, 20 - place));
    const shown = paretoRows(rows, "ms");
    expect(shown).toHaveLength(11);
    expect(shown[10]).toMatchObject({ isRest: true, rows: 3, count: 3, ms: (10 + 9 + 8) * MINUTE });
    expect(shown[10].sum).toBe(1);
    expect(paretoRows(rows.slice(0, 11), "ms").some((one) => one.isRest)).toBe(false);
});

test("what there was only before is a ghost at the end", () => {
    const nothing = { ms: 0, count: 0, pieces: 0, money: 0 };
    const rows = [row("gone", 0, { ms: 0, was: row("gone", 4) }), row("new", 2, { was: nothing })];
    expect(paretoRows(rows, "ms").map(({ key, width, ghost }) => [key, width, ghost])).toEqual([
        ["new", 50, 0],
        ["gone", 0, 100],
    ]);
});

test("the cumulative line goes through the middle of each row", () => {
    expect(cumulativePoints([{ sum: 0.5 }, { sum: 1 }])).toBe("50.00,0.5 100.00,1.5");
});

test("the way down survives an address, whatever a code is called", () => {
    const way = [["step", "unplanned"], ["code", "E~1.2/ü&%"], ["reason", "-"]]; // prettier-ignore
    expect(parseDrill(formatDrill(way))).toEqual(way);
    expect(parseDrill("")).toEqual([]);
    expect(parseDrill("nonsense~reason.%E0%A4%A~reason.4")).toEqual([["reason", "4"]]);
});

test("another step begins anew, another reason takes the place of the first", () => {
    const way = [["step", "minor"], ["reason", "4"]]; // prettier-ignore
    expect(drillInto(way, "step", "setup")).toEqual([["step", "setup"]]);
    expect(drillInto(way, "reason", "7")).toEqual([["step", "minor"], ["reason", "7"]]); // prettier-ignore
    const unsaid = drillIntoRow([["machine", "3"]], "reason", { key: "-", step: "setup" });
    expect(unsaid).toEqual([["step", "setup"], ["machine", "3"], ["reason", "-"]]);
    expect(drillIntoRow(way, "reason", { key: "7", step: null })).toEqual([["step", "minor"], ["reason", "7"]]); // prettier-ignore
    expect(nextBy("reason", "reason", ["reason", "machine"])).toBe("machine");
    expect(nextBy("code", "reason", ["reason", "code"])).toBe("code");
});

test("what is asked of the server is what the address says", () => {
    const values = { place: "line-1", span: "any", from: 5, to: 9, compare: "any", cfrom: 1, cto: 2, unit: "money", by: "code", drill: "step.minor" };
    expect(choiceOf(values)).toEqual({
        place: "line-1", span: "any", since: 5, until: 9, compare: "any", other_since: 1, other_until: 2,
        unit: "money", by: "code", drill: [["step", "minor"]],
    }); // prettier-ignore
});

test("two periods: the difference, and points laid over each other", () => {
    expect(delta(6, 4)).toEqual({ diff: 2, ratio: 0.5 });
    expect(delta(6, null)).toBe(null);
    expect(delta(6, 0)).toEqual({ diff: 6, ratio: null });
    expect(alignedBefore([{ at: 3 }, { at: 4 }], [{ at: 1, ms: 7 }], "ms")).toEqual([7, null]);
    expect(alignedBefore([{ at: 3 }], null, "ms")).toBe(null);
});

test("amounts are written by their unit, changes with the direction", () => {
    allowTranslations();
    expect(formatAmount(-3 * MINUTE, "ms")).toBe("−3 min");
    expect([formatAmount(-40, "pieces"), formatAmount(-0.4, "pieces")]).toEqual(["−40", "0"]);
    expect(formatAmount(null, "pieces")).toBe("–");
    expect(formatDelta(delta(5 * MINUTE, 2 * MINUTE), "ms")).toBe("▲\u00a03 min");
    expect(formatDelta(delta(1, 4), "count")).toBe("▼\u00a03");
    expect(formatDelta(delta(4, 4), "count")).toBe("=");
    expect(formatDelta(null, "count")).toBe("");
    expect(wordOf({ kind: "step", value: "breakdowns", label: "" })).toBe("Breakdowns");
    expect(wordOf({ kind: "reason", value: "4", label: "Motor" })).toBe("Motor");
});
