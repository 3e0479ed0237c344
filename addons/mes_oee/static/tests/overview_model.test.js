import { describe, expect, test } from "@odoo/hoot";
import {
    curveLines, delta, machinesAt, openSet, openText, pressed, toggled, treeRows, worstBelow,
} from "@mes_oee/overview/overview_model"; // prettier-ignore

describe.current.tags("headless");

const MINUTE = 60000;

function place(key, parent, { oee = null, lost = null, before = null, name = key } = {}) {
    const [kind, id] = key.split("-");
    return {
        key, kind, id: Number(id), name, parent, depth: 0, figures: { oee, lost_ms: lost === null ? null : lost * MINUTE },
        before: { oee: before },
    }; // prettier-ignore
}

const PLANT = [
    place("site-1", null, { oee: 0.7, lost: 60 }),
    place("area-1", "site-1", { oee: 0.7, lost: 60 }),
    place("line-1", "area-1", { oee: 0.8, lost: 20, name: "Line 10" }),
    place("machine-1", "line-1", { oee: 0.8, lost: 20 }),
    place("line-2", "area-1", { oee: 0.6, lost: 40, name: "Line 9" }),
    place("machine-2", "line-2"),
    place("machine-3", "line-2", { oee: 0.6, lost: 40 }),
    place("machine-4", "area-1", { name: "Oven" }),
];
const ALL = new Set(["site-1", "area-1", "line-1", "line-2"]);
const keys = (rows) => rows.map((row) => row.place.key);
const tree = (sort, open = ALL) => treeRows(PLANT, { sort, open });

test("children stand under their parents, and only under open ones", () => {
    expect(keys(tree("plant", new Set(["site-1"])))).toEqual(["site-1", "area-1"]);
    expect(keys(tree("plant", new Set(["area-1", "line-1"])))).toEqual(["site-1"]);
    expect(keys(tree("plant"))).toEqual(PLANT.map((one) => one.key));
    expect(tree("plant").map((row) => row.level)).toEqual([1, 2, 3, 4, 3, 4, 4, 3]);
    expect(tree("plant")[4]).toMatchObject({ position: 2, size: 3, hasChildren: true, isOpen: true });
});

test("the worst comes first among its siblings, what has no figure last", () => {
    const worst = ["site-1", "area-1", "line-2", "machine-3", "machine-2", "line-1", "machine-1", "machine-4"];
    expect(keys(tree("lost"))).toEqual(worst);
    expect(keys(tree("oee"))).toEqual(worst);
});

test("names in order as people count", () => {
    expect(keys(tree("name", new Set(["site-1", "area-1"])))).toEqual([
        "site-1", "area-1", "line-2", "line-1", "machine-4",
    ]); // prettier-ignore
});

test("arrow keys move through the tree as in a treegrid", () => {
    const rows = tree("plant", new Set(["site-1", "area-1"]));
    expect(pressed(rows, "site-1", "ArrowDown")).toEqual({ focus: "area-1" });
    expect(pressed(rows, "site-1", "ArrowUp")).toEqual({ focus: "site-1" });
    expect(pressed(rows, "site-1", "End")).toEqual({ focus: "machine-4" });
    expect(pressed(rows, "machine-4", "Home")).toEqual({ focus: "site-1" });
    expect(pressed(rows, "line-1", "ArrowRight")).toEqual({ toggle: "line-1" });
    expect(pressed(rows, "area-1", "ArrowRight")).toEqual({ focus: "line-1" });
    expect(pressed(rows, "line-1", "ArrowLeft")).toEqual({ focus: "area-1" });
    expect(pressed(rows, "area-1", "ArrowLeft")).toEqual({ toggle: "area-1" });
    expect(pressed(rows, "machine-4", "ArrowRight")).toBe(null);
    expect(pressed(rows, "machine-4", "Enter")).toBe(null);
    expect(pressed(rows, "line-1", " ")).toEqual({ toggle: "line-1" });
    expect(pressed(rows, "line-1", "x")).toBe(null);
});

test("what is open stands in the address; nothing open is not the same as nothing said", () => {
    expect([...openSet("", ["site-1"])]).toEqual(["site-1"]);
    expect([...openSet("site-1.area-2", ["line-7"])]).toEqual(["site-1", "area-2"]);
    const none = toggled(new Set(["site-1"]), "site-1");
    expect([...openSet(openText(none), ["site-1"])]).toEqual([]);
    expect(openText(toggled(new Set(["site-1"]), "area-2"))).toBe("site-1.area-2");
});

test("against the span before, in points of OEE; nothing where one of them is unknown", () => {
    expect(delta(place("line-1", null, { oee: 0.8, before: 0.75 }))).toEqual({ points: 5, word: "better" });
    expect(delta(place("line-1", null, { oee: 0.7, before: 0.75 }))).toEqual({ points: -5, word: "worse" });
    expect(delta(place("line-1", null, { oee: 0.75, before: 0.7501 }))).toMatchObject({ word: "same" });
    expect(delta(place("line-1", null, { oee: 0.75 }))).toBe(null);
    expect(delta(place("line-1", null, { before: 0.75 }))).toBe(null);
});

test("a curve has a gap where nothing is known, and never leaves its box", () => {
    expect(curveLines([0.5, 1, null, 0, 1.2])).toEqual(["0,50 25,0", "75,100 100,0"]);
    expect(curveLines([null, null])).toEqual([]);
});

test("of a wide place the line that lost most stands on a board of one line", () => {
    const [site, , line] = PLANT;
    expect(worstBelow(PLANT, site, ["line", "machine"]).key).toBe("line-2");
    expect(worstBelow(PLANT, line, ["line", "machine"]).key).toBe("line-1");
    expect(worstBelow(PLANT, PLANT[3], ["line", "machine"]).key).toBe("machine-1");
    expect(machinesAt(PLANT, site)).toEqual([1, 2, 3, 4]);
    expect(machinesAt(PLANT, PLANT[3])).toEqual([1]);
});
