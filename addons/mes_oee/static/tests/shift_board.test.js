import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { waitForChannels, waitNotifications } from "@bus/../tests/bus_test_helpers";
import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame, press, queryAllTexts, queryOne, waitFor } from "@odoo/hoot-dom";
import { MockServer, contains, makeServerError, mountWithCleanup, onRpc } from "@web/../tests/web_test_helpers";
import { Changeover } from "@mes_oee/shift_board/changeover/changeover";
import { ShiftBoard } from "@mes_oee/shift_board/shift_board";
import { MINUTE, NOW, START, live, snapshot, stop } from "./shift_board_test_helpers";

describe.current.tags("desktop");
defineMailModels();

let answer;
let asked;
let explained;

beforeEach(() => {
    asked = [];
    explained = [];
    answer = () => snapshot();
    onRpc("mes.shift.board", "snapshot", ({ args }) => {
        asked.push(args);
        return answer();
    });
    onRpc("mes.reason.picker", "choices", () => {
        const jam = {
            id: 5, name: "Jam", code: "J", icon: "fa-cog", needs_comment: false, max_minutes: null, share: 0.5,
            count: 3, choosable: true, children: [],
        }; // prettier-ignore
        return { top: [jam], tree: [jam], recent: [] };
    });
    onRpc("mes.stop", "words", () => [{ version: "v1", effective: null, by: null }]);
    onRpc("mes.stop", "explain", ({ args, kwargs }) => {
        explained.push([...args, kwargs.version]);
        return { override_ids: [9], version: "v2" };
    });
});

async function mountBoard(props = {}) {
    await mountWithCleanup(ShiftBoard, { props: { action: {}, ...props } });
    await animationFrame();
}

test("a row an hour with what it made, lost and why", async () => {
    await mountBoard();
    expect(".mes-hour").toHaveCount(9);
    expect(".mes-hour[data-hour='07:00'] .mes-hour-good").toHaveText("900");
    expect(".mes-hour[data-hour='07:00'] .mes-hour-lost").toHaveText(/12 min\s*340 pieces/);
    expect(".mes-hour[data-hour='07:00'] .mes-hour-top").toHaveText(/Jam\s*9 min/);
    expect(".mes-hour[data-hour='08:00']").toHaveClass("mes-hour-now");
    expect(".mes-hour[data-hour='10:00'] .mes-hour-made").toHaveText("of 1,000");
    expect(".mes-shift-name").toHaveText(/Early shift · 06:30 – 14:30 · Crew A/);
});

test("the mark opens the reasons beside the board; one tap gives the reason, against the words that were read", async () => {
    await mountBoard();
    expect(".mes-unknown").toHaveCount(1);
    await contains(".mes-unknown").click();
    await contains(".mes-side .mes-picker-tile").click();
    expect(explained).toEqual([[[41], 5, "v1"]]);
    await animationFrame();
    expect(".mes-side").toHaveCount(0);
    expect(asked).toHaveLength(2);
});

test("two taps on a reason are one, not a conflict with oneself", async () => {
    await mountBoard();
    await contains(".mes-unknown").click();
    const tile = await waitFor(".mes-side .mes-picker-tile");
    tile.click();
    tile.click();
    await animationFrame();
    await animationFrame();
    expect(explained).toHaveLength(1);
});

test("Escape closes the reasons, and the keyboard is where it was", async () => {
    await mountBoard();
    queryOne(".mes-unknown").focus();
    await press("Enter");
    await waitFor(".mes-side .mes-picker-tile");
    await press("Escape");
    await animationFrame();
    expect(".mes-side").toHaveCount(0);
    expect(".mes-unknown").toBeFocused();
});

test("a reason is taken back from the toast", async () => {
    const undone = [];
    onRpc("mes.stop", "undo", ({ args }) => {
        undone.push(args);
        return {};
    });
    await mountBoard();
    await contains(".mes-unknown").click();
    await contains(".mes-side .mes-picker-tile").click();
    await contains(".o_notification button:contains(Undo)").click();
    expect(undone).toEqual([[[41], [9]]]);
});

test("whoever was faster is told, and nothing is overwritten unread", async () => {
    onRpc("mes.stop", "explain", () => {
        throw makeServerError({
            errorName: "odoo.addons.mes_base.exceptions.StopConflict",
            message: "Olga has meanwhile said “Jam”",
        });
    });
    await mountBoard();
    await contains(".mes-unknown").click();
    await contains(".mes-side .mes-picker-tile").click();
    expect(".mes-side-problem").toHaveText(/Olga has meanwhile/);
    expect(".mes-side-problem").toHaveAttribute("data-conflict", "1");
    onRpc("mes.stop", "words", () => [{ version: "v3", effective: { id: 5, name: "Jam" }, by: "Olga" }]);
    await contains(".mes-side-problem button").click();
    expect(".mes-side-said").toHaveText("Olga said: Jam");
});

test("an hour opens to its losses and stops", async () => {
    await mountBoard();
    await contains(".mes-hour[data-hour='07:00'] .mes-ribbon").click();
    expect(".mes-hour-panel .mes-hour-losses").toHaveText(/Jam\s*9 min/);
    expect(".mes-hour-panel .mes-hour-stops button").toHaveCount(1);
    await contains(".mes-hour-panel .mes-hour-stops button").click();
    expect(".mes-side .mes-picker-tile").toHaveCount(1);
});

test("a stop that was just seen has no identity yet and says so", async () => {
    answer = () => snapshot({ stops: [stop(START + 50 * MINUTE, 12, { id: null })] });
    await mountBoard();
    await contains(".mes-unknown").click();
    expect(".mes-side").toHaveCount(0);
    expect(".o_notification").toHaveText(/in a moment/);
});

test("arrows go from shift to shift, and the address follows", async () => {
    const patches = [];
    await mountBoard({ updateActionState: (patch) => patches.push(patch) });
    await contains("button[aria-label='Shift before']").click();
    const before = snapshot().shift.previous;
    expect(asked.at(-1)).toEqual([3, before, false]);
    expect(patches.at(-2)).toEqual({ at: before });
    await contains("button:contains(Now)").click();
    expect(asked.at(-1)).toEqual([3, false, false]);
});

test("an address names the place and the shift", async () => {
    await mountBoard({ resId: 7, action: { params: { at: String(START) } } });
    expect(asked).toEqual([[7, START, false]]);
});

test("counts come by live messages, without reading again", async () => {
    await mountBoard();
    await waitForChannels(["mes_live"]);
    const reads = asked.length;
    const payload = { stream: "L", at: NOW, server: NOW, machines: { PACKER: live({ counts: { total: 5007 } }) } };
    MockServer.env["bus.bus"]._sendone("mes_live", "mes.live", payload);
    await waitNotifications(["mes.live"]);
    await advanceTime(1000);
    expect(".mes-hour-now .mes-hour-good").toHaveText("907");
    expect(asked.length).toBe(reads);
});

test("without a shift it says what to do first", async () => {
    answer = () => snapshot({ shift: null });
    await mountBoard();
    expect(".o_mes_shift_board").toHaveAttribute("data-phase", "empty");
    expect(".mes-message button").toHaveText("Plan shifts");
    expect(".mes-place-picker").toHaveCount(1);
});

test("overtime is two taps for a supervisor, and taken back by a third", async () => {
    const calls = [];
    onRpc("mes.shift.exception", "overtime", ({ args }) => {
        calls.push(args);
        return { id: 4, text: "Shift E goes on until 15:00." };
    });
    onRpc("mes.shift.exception", "overtime_seen", () => 7);
    onRpc("mes.shift.exception", "action_undo", ({ args }) => {
        calls.push(args);
        return true;
    });
    answer = () => snapshot({ may: { overtime: true } });
    await mountBoard();
    await contains(".mes-overtime button").click();
    expect(queryAllTexts(".mes-overtime button")).toEqual(["Overtime", "+ 30 min", "+ 60 min", "+ 120 min"]);
    await contains(".mes-overtime button:contains(30)").click();
    await contains(".o_notification button:contains(Undo)").click();
    expect(calls).toEqual([[3, 30, 7], [[4]]]);
});

test("a changeover is counted down, and over its target it warns", async () => {
    const changeover = {
        from: { id: 1, name: "Lemonade" }, to: { id: 2, name: "Cola" }, since: NOW, elapsed_ms: 5 * MINUTE,
        target_ms: 20 * MINUTE, left_ms: 15 * MINUTE,
    }; // prettier-ignore
    const root = await mountWithCleanup(Changeover, { props: { changeover, told: NOW, now: NOW + 30000 } });
    expect(".mes-changeover-clock").toHaveText("14:30");
    expect(".mes-changeover-what").toHaveText("Lemonade → Cola");
    expect(root.isOver).toBe(false);
    await mountWithCleanup(Changeover, { props: { changeover, told: NOW, now: NOW + 16 * MINUTE } });
    expect(".mes-changeover[data-over='1'] .mes-changeover-clock").toHaveText("1:00");
});
