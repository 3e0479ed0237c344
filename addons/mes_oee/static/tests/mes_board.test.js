import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { waitForChannels, waitNotifications } from "@bus/../tests/bus_test_helpers";
import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame, queryOne, queryText } from "@odoo/hoot-dom";
import { Deferred } from "@odoo/hoot-mock";
import { MockServer, contains, mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { REFRESH_GAP_MS, MesBoard } from "@mes_oee/board/mes_board";
import { NOW, figures, live, machine, message, snapshot } from "./board_test_helpers";

describe.current.tags("desktop");
defineMailModels();

let answer;
let calls;

beforeEach(() => {
    calls = 0;
    answer = () => snapshot();
    onRpc("mes.board", "snapshot", () => {
        calls++;
        return answer();
    });
});

async function mountBoard() {
    await mountWithCleanup(MesBoard, { props: { action: {} } });
    await animationFrame();
}

/** A board that is subscribed and rested: what silence made it read meanwhile is forgotten. */
async function mountLiveBoard() {
    await mountBoard();
    await waitForChannels(["mes_live"]);
    await elapse(20);
    calls = 0;
}

/** Seconds one by one, so that what a timer starts is timed from then on. */
async function elapse(seconds) {
    for (let second = 0; second < seconds; second++) {
        await advanceTime(1000);
    }
}

async function say(machines, at) {
    MockServer.env["bus.bus"]._sendone("mes_live", "mes.live", message(machines, at));
    await waitNotifications(["mes.live"]);
    await animationFrame();
}

test("shows state, count against target and figures of each machine", async () => {
    await mountBoard();
    expect(".mes-machine").toHaveAttribute("data-state", "running");
    expect(".mes-machine .mes-count-good").toHaveText("4,000");
    expect(".mes-machine [data-kpi=oee] .mes-number").toHaveText("70.0");
    expect(".mes-header-fresh").not.toHaveClass("mes-stale");
});

test("a live message changes state and count without reading the board again", async () => {
    await mountLiveBoard();
    await say({ FILLER: live({ at: NOW + 900, counts: { total: 5107, reject: 110 } }) });
    await contains(".mes-machine .mes-count-good:contains(4,007)").focus();
    expect(calls).toBe(0);
    await say({ FILLER: live({ at: NOW + 950, state: "down", since: NOW + 940, code: "211" }) });
    await contains(".mes-machine[data-state=down]:contains(Pump fault)").focus();
});

test("a change of state has the figures read again, once in five seconds", async () => {
    await mountLiveBoard();
    await say({ FILLER: live({ at: NOW + 100, state: "idle", since: NOW + 50 }) });
    await advanceTime(100);
    expect(calls).toBe(1);
    await say({ FILLER: live({ at: NOW + 900, state: "down", since: NOW + 800 }) });
    await say({ FILLER: live({ at: NOW + 990, state: "running", since: NOW + 980 }) });
    expect(calls).toBe(1);
    await advanceTime(REFRESH_GAP_MS);
    expect(calls).toBe(2);
});

test("silence freezes the board and says since when", async () => {
    await mountBoard();
    await advanceTime(5000);
    expect(".mes-header-fresh").toHaveAttribute("data-stale", "silent");
    expect(".mes-machines").toHaveClass("mes-frozen");
    expect(queryText(".mes-header-asof")).toInclude("as of 08:59:59");
});

test("without a line the board says what to do first", async () => {
    answer = () => ({ now: NOW, speed: 1, lines: [], line: null, machines: [] });
    await mountBoard();
    expect(".mes-message button").toHaveCount(1);
    expect(".o_mes_board").toHaveAttribute("data-phase", "empty");
});

test("a failure is told and can be tried again", async () => {
    expect.errors(0);
    answer = () => {
        throw new Error("database is away");
    };
    await mountBoard();
    expect(".o_mes_board").toHaveAttribute("data-phase", "error");
    answer = () => snapshot();
    await contains(".mes-message button").click();
    expect(".mes-machine").toHaveCount(1);
});

test("a refused figure is a dash with its reason", async () => {
    const refused = figures({ oee: null, reason: "Only 60 % of the time is known" });
    answer = () => snapshot({ machines: [machine("FILLER", { figures: refused })] });
    await mountBoard();
    expect(".mes-machine [data-kpi=oee] .mes-number").toHaveText("–");
    expect(".mes-machine [data-kpi=oee]").toHaveText(/Only 60 % of the time is known/);
});

test("the figures open to the times and counts they were made of", async () => {
    await mountBoard();
    await contains(".mes-figures").click();
    expect(".mes-detail").toHaveText(/4,000 ÷ 4,100/);
    expect(queryOne(".mes-figures").getAttribute("aria-expanded")).toBe("true");
});

test("silence is looked at twice: is only the socket dead, and are the states known", async () => {
    await mountLiveBoard();
    await say({ FILLER: live({ at: NOW + 900 }) });
    await elapse(5);
    expect(calls).toBe(1);
    await elapse(10);
    expect(calls).toBe(2);
    await elapse(60);
    expect(calls).toBe(2);
});

test("what is answered about the line before never takes the place of the one chosen", async () => {
    const lines = [
        { id: 3, name: "Line 1" },
        { id: 4, name: "Line 2" },
    ];
    answer = () => snapshot({ lines });
    await mountLiveBoard();
    const slow = new Deferred();
    answer = () => slow;
    await say({ FILLER: live({ at: NOW + 100, state: "down", since: NOW + 50 }) });
    const line = { ...snapshot().line, id: 4, name: "Line 2", path: "Elsewhere" };
    answer = () => snapshot({ lines, line });
    expect(getComputedStyle(queryOne(".mes-header select")).appearance).toBe("auto"); // an arrow says that it opens
    await contains(".mes-header select").select("4");
    expect(".mes-header-path").toHaveText("Elsewhere");
    slow.resolve(snapshot({ lines }));
    await animationFrame();
    expect(".mes-header-path").toHaveText("Elsewhere");
});
