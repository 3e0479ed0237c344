import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { animationFrame } from "@odoo/hoot-mock";
import { click } from "@odoo/hoot-dom";
import { LossSingles } from "@mes_oee/losses/loss_singles/loss_singles";
import { Provenance } from "@mes_oee/provenance/provenance";

const TOLD = {
    key: "oee", number: 6, value: null, unit: "ratio", refusal: "too little of the shift time was watched", refusal_about: null,
    formula: "APT / PBT", formula_version: 1,
    inputs: [{ name: "PQ", label: "pieces made", value: 1200, exact: "1200", unit: "pieces" },
        { name: "APT", label: "production time", value: 3660000, exact: "3660000", unit: "ms" }],
    calendars: [{ machine: 1, name: "Filler", version: "abc" }], coverage: 0.5, method: "the machine itself", notes: [],
    as_of: 1772438400000, pending_hours: 0, intervals: { hours: { name: "Hours", type: "ir.actions.act_window" } },
}; // prettier-ignore

const props = (values) => ({
    scope: ["mrp.workcenter", [1]], start: 0, end: 1, figure: "oee", label: "OEE", tz: "UTC", onClose: () => expect.step("close"),
    ...values,
}); // prettier-ignore

describe.current.tags("desktop");
defineMailModels();

test("a refused figure is a dash with its reason, its inputs and its coverage", async () => {
    onRpc("mes.oee", "provenance", ({ args }) => {
        expect.step(JSON.stringify(args));
        return TOLD;
    });
    await mountWithCleanup(Provenance, { props: props() });
    await animationFrame();
    expect.verifySteps(['[["mrp.workcenter",[1]],0,1,"oee",null]']);
    expect(".mes-provenance-value").toHaveText("–");
    expect(".mes-provenance-why").toHaveText(TOLD.refusal);
    expect("[data-input=PQ] td").toHaveText(/1,200/);
    expect("[data-input=APT] td").toHaveText(/1 h 01 min[\s\S]*3660000 ms/);
    expect(".mes-provenance-strong").toHaveText(/50\.0/);
    expect("[data-interval=hours]").toHaveText("Hours");
    await click("[aria-label=Close]");
    expect.verifySteps(["close"]);
});

test("what cannot be read is said, and read again when asked", async () => {
    let fails = true;
    onRpc("mes.oee", "provenance", () => {
        if (fails) {
            throw new Error("no");
        }
        return TOLD;
    });
    await mountWithCleanup(Provenance, { props: props() });
    await animationFrame();
    expect("[role=alert]").toHaveCount(1);
    fails = false;
    await click("[role=alert] button");
    await animationFrame();
    expect(".mes-provenance[data-phase=ready]").toHaveCount(1);
});

test("money is told with what it was made of, of the way down", async () => {
    const asked = [];
    onRpc("mes.oee.money", "*", ({ method, args }) => {
        asked.push([method, args]);
        return {
            ...TOLD, key: "money", unit: "money", value: 3600, refusal: null, currency_id: 1,
            parts: [{ label: "Filler · Cola", rule: "lost time × cost", money: 3600, exact: "3600", values: [
                { name: "time", label: "time", value: 3600000, exact: "3600000", unit: "ms" },
                { name: "cycle", label: "ideal cycle", value: 800, exact: "800", unit: "cycle_ms" },
                { name: "price", label: "sales price", value: 3, exact: "3", unit: "money" }] }],
            others: { number: 2, money: 40 },
        }; // prettier-ignore
    });
    const drill = [["step", "unplanned"]];
    await mountWithCleanup(Provenance, { props: props({ figure: "money", money: { drill } }) });
    await animationFrame();
    expect(asked).toEqual([["provenance", [["mrp.workcenter", [1]], 0, 1, drill, false]]]);
    expect(".mes-provenance-value").toHaveText(/3,600/);
    expect("[data-part] [data-value=price]").toHaveText(/3\.00/);
    expect("[data-part]").toHaveText(/Filler · Cola/);
    expect("[data-part] [data-value=cycle]").toHaveText("0.800 s");
    expect("[data-input=APT] th").toHaveText("production time", { message: "money has no names of the standard" });
    expect(".mes-provenance").toHaveText(/2 others: .*40/);
});

test("the money of a single stop is asked for by the stop, and says the time that counts", async () => {
    const asked = [];
    onRpc("mes.oee.money", "stop", ({ args }) => {
        asked.push(args);
        return { ...TOLD, key: "money", unit: "money", value: 12.5, refusal: null, currency_id: 1, parts: [], others: null,
            interval: [3600000, 3630000] }; // prettier-ignore
    });
    await mountWithCleanup(Provenance, { props: props({ end: 86400000, figure: "money", money: { stop: 11 } }) });
    await animationFrame();
    expect(asked).toEqual([[11, 0, 86400000]]);
    expect(".mes-provenance-value").toHaveText(/12\.50/);
    expect("[data-interval-text]").toHaveText("Thu, Jan 1 01:00:00 – 01:00:30");
});

test("each single stop has its timeline, its money and its record; an hour has no record", async () => {
    const row = { machine: { id: 7, name: "Filler" }, ms: 60000, pieces: 30, kind: null, reason: null, codes: null, product: null };
    const rows = [
        { ...row, what: "stop", id: 11, start: 0, end: 60000, money: 60, kind: "unplanned" },
        { ...row, what: "hour", id: null, start: 0, end: 3600000, money: 5 },
        { ...row, what: "hour", id: null, start: 3600000, end: 7200000, money: 0 },
    ];
    const step = (name) => (one) => expect.step(`${name} ${one.what} ${one.id} ${one.start}`);
    await mountWithCleanup(LossSingles, {
        props: { singles: { rows, total: 3 }, tz: "UTC", isDays: false, currency: 1, onTimeline: step("timeline"),
            onStop: step("record"), onMoney: step("money") },
    }); // prettier-ignore
    expect(".mes-loss-money").toHaveCount(2, { message: "no money, nothing to open" });
    await click("[data-stop='11'] .mes-loss-money");
    await click(".mes-loss-money:last");
    await click("[data-stop='11'] .mes-loss-open");
    await click("[data-stop='11'] [aria-label='Open the stop']");
    expect.verifySteps(["money stop 11 0", "money hour null 0", "timeline stop 11 0", "record stop 11 0"]);
});
