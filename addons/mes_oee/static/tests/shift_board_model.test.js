import { describe, expect, test } from "@odoo/hoot";
import {
    MARK_GAP,
    ShiftBoardModel,
    breaksOf,
    marksOf,
    outsideOf,
    ribbonOf,
    stopsOf,
} from "@mes_oee/shift_board/shift_board_model";
import { HOUR, MINUTE, NOW, START, hour, live, snapshot, stop } from "./shift_board_test_helpers";

describe.current.tags("headless");

function model(values) {
    const made = new ShiftBoardModel();
    made.apply(snapshot(values));
    return made;
}

function message(machines, server = NOW + 1000) {
    return { stream: "L", at: server, server, machines };
}

const marked = (index) => ({ ...hour(index), shiftStart: START });

test("a span over three hours has its part in each, the minute on the axis", () => {
    const spans = [{ start: START + 15 * MINUTE, end: START + 100 * MINUTE, kind: "down", label: "" }];
    const parts = [0, 1, 2].map((index) => ribbonOf(spans, hour(index), NOW)[0]);
    expect(parts.map((part) => part.left)).toEqual([75, 0, 0]);
    expect(parts.map((part) => Math.round(part.width * 10) / 10)).toEqual([25, 100, 16.7]);
});

test("what is still so ends now, and nothing is drawn of the future", () => {
    const spans = [{ start: START, end: null, kind: "running", label: "" }];
    expect(ribbonOf(spans, hour(2), NOW)[0].width).toBeCloseTo((100 * 40) / 60, { margin: 1e-6 });
    expect(ribbonOf(spans, hour(3), NOW)).toEqual([]);
});

test("a shift from half past six is only half of its first and last row", () => {
    expect(outsideOf(hour(0)).map(({ left, width }) => [left, width])).toEqual([[0, 50]]);
    expect(outsideOf(hour(1))).toEqual([]);
    expect(outsideOf(hour(8)).map(({ left, width }) => [left, width])).toEqual([[50, 50]]);
});

test("a break is shown in its hour", () => {
    const breaks = [[START + 150 * MINUTE, START + 180 * MINUTE, true]];
    expect(breaksOf(breaks, hour(3)).map(({ left, width }) => [left, width])).toEqual([[0, 50]]);
    expect(breaksOf(breaks, hour(2))).toEqual([]);
});

test("a stop over the hour is asked for once, where it began", () => {
    const stops = [stop(START + 80 * MINUTE, 20)];
    expect(marksOf(stops, marked(1), NOW)).toHaveLength(1);
    expect(marksOf(stops, marked(2), NOW)).toHaveLength(0);
    expect(stopsOf(stops, hour(2), NOW)).toHaveLength(1);
});

test("a stop from before the shift is asked for in its first hour", () => {
    const stops = [stop(START - 10 * MINUTE, 20)];
    expect(marksOf(stops, marked(0), NOW)).toHaveLength(1);
});

test("marks are so far apart that a thumb finds each, and none leaves the axis", () => {
    const stops = [50, 52, 54, 56, 58].map((minute) => stop(START + 30 * MINUTE + minute * MINUTE, 1));
    const lefts = marksOf(stops, marked(1), NOW).map((mark) => mark.left);
    expect(lefts.at(-1)).toBeLessThan(100);
    expect(lefts.slice(1).every((left, index) => left - lefts[index] >= MARK_GAP - 1e-9)).toBe(true);
});

test("what does not fit is the shortest", () => {
    const stops = Array.from({ length: 20 }, (_, n) => stop(START + (30 + 3 * n) * MINUTE, n ? 1 : 2));
    const shown = marksOf(stops, marked(1), NOW);
    expect(shown).toHaveLength(Math.floor(100 / MARK_GAP));
    expect(shown.some((mark) => mark.stop === stops[0])).toBe(true);
});

test("counts move the present hour and the sum, nothing else", () => {
    const board = model();
    const { stateChanged } = board.applyLive(message({ PACKER: live({ counts: { total: 5012, reject: 102 } }) }));
    expect(stateChanged).toBe(false);
    expect(board.hours.map((one) => one.made)).toEqual([900, 900, 910, null, null, null, null, null, null]);
    expect(board.hours[2].sum_made).toBe(2710);
    expect(board.fresh).toBe(10);
});

test("a new answer is the new base of what is counted", () => {
    const board = model();
    board.applyLive(message({ PACKER: live({ counts: { total: 5012 } }) }));
    board.apply(snapshot());
    expect(board.fresh).toBe(0);
});

test("what was stored before live values told of it counts once", () => {
    const board = model();
    const data = snapshot();
    data.live.counters.total.told = 5012;
    board.apply(data);
    board.applyLive(message({ PACKER: live({ counts: { total: 5012, reject: 100 } }) }));
    expect(board.fresh).toBe(0);
    board.applyLive(message({ PACKER: live({ counts: { total: 5015, reject: 100 } }) }));
    expect(board.fresh).toBe(3);
});

test("a machine that stops asks for a new answer, once", () => {
    const board = model();
    expect(board.applyLive(message({ FILLER: live({ state: "down" }) })).stateChanged).toBe(true);
    expect(board.applyLive(message({ FILLER: live({ state: "down" }) })).stateChanged).toBe(false);
    expect(board.applyLive(message({ OTHER: live({ state: "down" }) })).concerns).toBe(false);
});

test("what the engine calls planned or minor is down for the live lane", () => {
    const board = model({ ribbon: [{ start: START, end: null, kind: "planned", label: "" }] });
    expect(board.applyLive(message({ FILLER: live({ state: "down" }) })).stateChanged).toBe(false);
});

test("a past shift hears nothing, a shift that has ended says so", () => {
    const past = model({ shift: { ...snapshot().shift, phase: "past" } });
    expect(past.applyLive(message({ FILLER: live() })).concerns).toBe(false);
    const board = model();
    expect(board.isOver).toBe(false);
    board.applyLive(message({ FILLER: live() }, START + 8 * HOUR));
    expect(board.isOver).toBe(true);
});
