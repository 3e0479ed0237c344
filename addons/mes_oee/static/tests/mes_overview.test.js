import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame, click } from "@odoo/hoot-dom";
import { Deferred } from "@odoo/hoot-mock";
import { makeServerError, mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { MesOverview } from "@mes_oee/overview/mes_overview";

describe.current.tags("desktop");
defineMailModels();

let prices;

function place(key, lost_ms) {
    const [kind, id] = key.split("-");
    const targets = { oee: 0.85, availability: 0.9, performance: 0.95, quality: 0.99 };
    const figures = { oee: 0.5, availability: 0.5, performance: 1, quality: 1, coverage: 1, reason: null, good: 5, target: 9, lost_pieces: 4, lost_ms };
    return {
        key, kind, id: Number(id), name: key, depth: 0, parent: null, figures, before: { oee: null, lost_ms: null }, targets, limit: 0.8,
        curve: [null], machines: 1, from: 0, until: 1, unexplained: 0, calls: 0, silent: 0, unheard: 0,
    }; // prettier-ignore
}

beforeEach(() => {
    prices = true;
    onRpc("mes.overview", "snapshot", ({ args: [span] }) => ({
        now: 0, speed: 1, span, prices, tz: "UTC", is_live: true, as_of: 0, pending_hours: 0, curve: "hour", open: [],
        places: [place("site-1", 60000), place("site-2", null), place("site-3", 60000)],
    })); // prettier-ignore
});

async function mountOverview() {
    await mountWithCleanup(MesOverview, { props: { action: { params: {} } } });
    await advanceTime(10);
    await animationFrame();
}

test("money comes after the places, of the span that is shown, and only where something is known", async () => {
    const answers = { shift: new Deferred(), week: new Deferred() };
    onRpc("mes.overview", "money", ({ args: [span] }) => answers[span]);
    await mountOverview();
    expect("[data-place]").toHaveCount(3, { message: "nobody waits for the money" });
    expect("[data-figure=money]").toHaveCount(0);
    answers.shift.resolve({ "site-1": { money: 1234.5, currency_id: 1 }, "site-2": { money: 7, currency_id: 1 },
        "site-3": { money: 0, currency_id: 1 } }); // prettier-ignore
    await animationFrame();
    await animationFrame();
    expect("[data-figure=money]").toHaveCount(1);
    expect("[data-place=site-1] [data-figure=money]").toHaveText(/1,23[45]/);
    await click("[data-span=week]");
    await advanceTime(10);
    await animationFrame();
    expect("[data-figure=money]").toHaveCount(0, { message: "the money of another span is not shown" });
    answers.week.resolve({ "site-3": { money: 50, currency_id: 1 } });
    await animationFrame();
    await animationFrame();
    expect("[data-place=site-3] [data-figure=money]").toHaveText(/50\.00/);
});

test("who may see no prices is not asked for", async () => {
    prices = false;
    onRpc("mes.overview", "money", () => expect.step("money"));
    await mountOverview();
    expect("[data-place]").toHaveCount(3);
    expect.verifySteps([]);
});

test("money that cannot be read is said, all else stays", async () => {
    onRpc("mes.overview", "money", () => {
        throw makeServerError({ message: "no" });
    });
    await mountOverview();
    await animationFrame();
    expect("[data-place]").toHaveCount(3);
    expect(".mes-overview-lacks").toHaveText(/money could not be read/);
});
