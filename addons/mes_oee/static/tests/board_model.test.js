import { describe, expect, test } from "@odoo/hoot";
import { BoardModel, kindOf, pieces } from "@mes_oee/board/board_model";
import { HOUR, NOW, START, live, machine, message, snapshot } from "./board_test_helpers";

describe.current.tags("headless");

function loaded(values) {
    const model = new BoardModel();
    model.applySnapshot(snapshot(values));
    return model;
}

test("a live state closes the running span and opens the next one", () => {
    const model = loaded();
    const since = NOW + 700;
    const { stateChanged } = model.applyLive(
        message({ FILLER: live({ at: NOW + 900, state: "down", since, code: "211" }) })
    );
    expect(stateChanged).toBe(true);
    expect(model.byCode.FILLER.ribbon).toEqual([
        { start: START, end: since, kind: "running", label: "" },
        { start: since, end: null, kind: "down", label: "211" },
    ]);
});

test("a count alone asks for no new snapshot", () => {
    const model = loaded();
    const result = model.applyLive(
        message({ FILLER: live({ at: NOW + 900, counts: { total: 5105 } }) })
    );
    expect(result).toEqual({ concerns: true, stateChanged: false, shiftOver: false });
    expect(pieces(model.byCode.FILLER)).toEqual({ total: 4105, good: 4005, reject: 100 });
});

test("an older live value is not believed", () => {
    const model = loaded();
    model.applyLive(message({ FILLER: live({ at: NOW - 60000, state: "down" }) }));
    expect(kindOf(model.byCode.FILLER, NOW)).toBe("running");
});

test("a message about other lines does not concern this one", () => {
    const model = loaded();
    const before = model.asOf;
    expect(model.applyLive(message({ OTHER: live() })).concerns).toBe(false);
    expect(model.asOf).toBe(before);
});

test("a machine without a fresh read has no state, its neighbour keeps its own", () => {
    const model = loaded({ machines: [machine("FILLER"), machine("CAPPER")] });
    const later = NOW + 20000;
    model.applyLive(message({ FILLER: live({ at: later - 100 }) }, later));
    expect(kindOf(model.byCode.FILLER, later)).toBe("running");
    expect(kindOf(model.byCode.CAPPER, later)).toBe("no_data");
});

test("a lost link is no data from the last good read on", () => {
    const model = loaded();
    model.applyLive(message({ FILLER: live({ at: NOW + 200, state: null, since: NOW + 100 }) }));
    expect(model.byCode.FILLER.ribbon.at(-1).kind).toBe("no_data");
});

test("the end of the shift asks for a new snapshot", () => {
    const model = loaded();
    const end = START + 8 * HOUR;
    expect(model.applyLive(message({ FILLER: live({ at: end }) }, end)).shiftOver).toBe(true);
});

test("a snapshot read before the last message does not take it back", () => {
    const model = loaded();
    model.applyLive(message({ FILLER: live({ at: NOW + 900, state: "down", since: NOW + 700 }) }));
    model.applySnapshot(snapshot());
    expect(kindOf(model.byCode.FILLER, NOW)).toBe("down");
    expect(model.byCode.FILLER.ribbon.at(-1).kind).toBe("down");
});

test("outside its shifts a machine is not scheduled, whatever it tells, until the next one begins", () => {
    const next = NOW + HOUR;
    const resting = { live: live({ state: "idle" }), schedule: { until: null, next } };
    expect(kindOf(resting, NOW)).toBe("off");
    expect(kindOf({ ...resting, live: live() }, NOW)).toBe("off");
    expect(kindOf({ ...resting, live: null }, NOW)).toBe("off");
    expect(kindOf(resting, next)).toBe("idle");
    const working = { live: live({ state: "idle" }), schedule: { until: next, next: next + HOUR } };
    expect(kindOf(working, NOW)).toBe("idle");
    expect(kindOf(working, next)).toBe("off");
});

test("what a resting machine tells moves neither its ribbon nor the figures", () => {
    const rests = [{ start: START, end: null, kind: "off", label: "" }];
    const values = { ribbon: rests, schedule: { until: null, next: NOW + HOUR } };
    const model = loaded({ machines: [machine("FILLER", values)] });
    const said = model.applyLive(message({ FILLER: live({ at: NOW + 900, state: "down", since: NOW + 700 }) }));
    expect(said.stateChanged).toBe(false);
    expect(model.byCode.FILLER.ribbon).toEqual(rests);
});

test("a machine that counts good parts has no total but what it counts", () => {
    const counters = { good: { role: "good", base: 5, pieces_per_unit: 12 } };
    const only = machine("PACKER", { counters, live: live({ counts: { good: 8 } }) });
    expect(pieces(only)).toEqual({ total: null, good: 36, reject: null });
});
