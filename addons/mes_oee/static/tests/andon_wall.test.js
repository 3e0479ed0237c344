import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { allowTranslations } from "@web/../tests/web_test_helpers";
import { WallModel, formatTimer } from "@mes_oee/andon/wall_model";

describe.current.tags("headless");
beforeEach(allowTranslations);

const NOW = 1772438400000;
const MINUTE = 60000;

const call = (values) => ({
    id: 1, kind: 1, name: "Maintenance", icon: "fa-wrench", state: "open", raised: NOW - 4 * MINUTE,
    acknowledged: null, arrived: null, target: NOW + 6 * MINUTE, next: { at: NOW + MINUTE, who: ["Boss"] }, told: [],
    ...values,
}); // prettier-ignore

const machine = (code, values = {}) => ({
    id: code.length, code, name: code, line: "Line 1", stale_ms: 5000, calls: [], stop: null,
    live: { at: NOW, state: "running", since: NOW - MINUTE, counts: {} },
    ...values,
}); // prettier-ignore

function wall(machines) {
    const model = new WallModel();
    model.applySnapshot({ now: NOW, speed: 1, machines, reasons: { 17: "Jam" }, kinds: [], as_of: NOW, tz: "UTC" });
    return model;
}

test("nobody has seen it comes before somebody comes, the longest wait first", () => {
    const model = wall([
        machine("A", { calls: [call({ id: 1, state: "acknowledged", raised: NOW - 9 * MINUTE })] }),
        machine("BB", { calls: [call({ id: 2 }), call({ id: 3, raised: NOW - 5 * MINUTE })] }),
    ]);
    expect(model.calls.map((one) => one.id)).toEqual([3, 2, 1]);
});

test("a call hurries at half of its target time, is late after it, and is neither once somebody is there", () => {
    const model = wall([]);
    const at = (minutes, values) => model.timer(call({ raised: NOW - minutes * MINUTE, target: NOW - minutes * MINUTE + 10 * MINUTE, ...values }));
    expect(at(4)).toMatchObject({ isHurry: false, isLate: false, waited: 4 * MINUTE });
    expect(at(6)).toMatchObject({ isHurry: true, isLate: false });
    expect(at(11)).toMatchObject({ isHurry: true, isLate: true });
    expect(at(11, { state: "arrived", arrived: NOW - MINUTE })).toMatchObject({ isLate: false, inStage: MINUTE });
    expect(at(4, { next: null }).nextIn).toBe(null);
});

test("live messages move the states; who is not heard of has none", () => {
    const model = wall([machine("A"), machine("BB")]);
    model.applyLive({ at: NOW + 1000, machines: { A: { at: NOW + 1000, state: "down", since: NOW + 1000, code: "17" } } });
    expect(model.kind(model.machines[0])).toBe("down");
    expect(model.why(model.machines[0])).toBe("Jam");
    expect(model.since(model.machines[1])).toBe(null);
});

test("outside its shift a machine rests: no timer, no question, until when; its call counts all the same", () => {
    const next = NOW + 9 * 60 * MINUTE;
    const rests = { schedule: { until: null, next }, stop: { needs_reason: true }, calls: [call({})] };
    const model = wall([
        machine("A", { ...rests, live: { at: NOW, state: "down", since: NOW - MINUTE, code: "17", counts: {} } }),
        machine("BB", rests),
        machine("CCC", { ...rests, schedule: { until: null, next: null } }),
    ]);
    const [down, running, forever] = model.machines;
    expect(model.kind(down)).toBe("off");
    expect(model.since(down)).toBe(null);
    expect(`${model.why(down)}`).toBe("next shift 17:00");
    expect(model.why(running)).toBe("next shift 17:00 · runs all the same");
    expect(model.why(forever)).toBe("no shift planned · runs all the same");
    expect(model.timer(model.calls[0]).waited).toBe(4 * MINUTE);
    model.now = next;
    expect(model.kind(down)).toBe("down");
});

test("machines stand under their line", () => {
    const model = wall([machine("A"), machine("BB"), machine("CCC", { line: "Oven" })]);
    expect(model.groups.map((group) => [group.name, group.machines.length])).toEqual([["Line 1", 2], ["Oven", 1]]);
});

test("timers on a wall", () => {
    expect(formatTimer(65000)).toBe("1:05");
    expect(formatTimer(3845000)).toBe("1:04:05");
    expect(formatTimer(-5)).toBe("0:00");
    expect(formatTimer(47.9 * 60 * MINUTE)).toBe("47:54:00");
    expect(`${formatTimer(75 * 60 * MINUTE)}`).toBe("3 d");
});
