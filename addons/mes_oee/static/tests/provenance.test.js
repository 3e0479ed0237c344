import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { describe, expect, test } from "@odoo/hoot";
import { mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { animationFrame } from "@odoo/hoot-mock";
import { click } from "@odoo/hoot-dom";
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
                { name: "price", label: "sales price", value: 3, exact: "3", unit: "money" }] }],
            others: { number: 2, money: 40 },
        }; // prettier-ignore
    });
    const drill = [["step", "unplanned"]];
    await mountWithCleanup(Provenance, { props: props({ figure: "money", money: { drill } }) });
    await animationFrame();
    expect(asked).toEqual([["provenance", [["mrp.workcenter", [1]], 0, 1, drill]]]);
    expect(".mes-provenance-value").toHaveText(/3,600/);
    expect("[data-part] [data-value=price]").toHaveText(/3\.00/);
    expect("[data-part]").toHaveText(/Filler · Cola/);
    expect(".mes-provenance").toHaveText(/2 others: .*40/);
});
