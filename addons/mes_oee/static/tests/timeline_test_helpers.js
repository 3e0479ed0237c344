/** Builders of what the server sends to the timeline. */

export const MINUTE = 60000;
export const HOUR = 60 * MINUTE;
export const START = 1767250800000; // 2026-01-01 07:00 UTC
export const NOW = START + 4 * HOUR;
const KINDS = ["off", "no_data", "running", "planned", "setup", "maintenance", "minor", "idle", "down"];

/** A machine that runs an hour, is down for half an hour (stop 11, unexplained), runs, and is idle up to now (stop 12). */
export function machine(values = {}) {
    return {
        id: 7, name: "Filler", code: "S/A/FILLER", place: "Line 1", calendar: 0, unlisted: 3,
        state: [
            0, HOUR, 2, 0,
            HOUR, 30 * MINUTE, 8, 1,
            90 * MINUTE, 2 * HOUR, 2, 0,
            210 * MINUTE, 30 * MINUTE, 7, 0,
        ],
        marks: [10 * MINUTE, 2000, 6, 3, 40000],
        words: [],
        stops: [11, HOUR, 30 * MINUTE, 0, 1, 0, 12, 210 * MINUTE, 30 * MINUTE, 1, 0, 2],
        ...values,
    }; // prettier-ignore
}

export function answer(values = {}) {
    return {
        now: NOW, speed: 1, start: START, end: NOW + HOUR, pixel: 10000, tz: "UTC", live: true, left_out: 0,
        scope: { key: "line-3", name: "Line 1" },
        kinds: KINDS,
        texts: ["", "17", "Film tore"],
        calendars: [[[START - HOUR, START + 7 * HOUR, 2, "2026-01-01", [[START + HOUR, START + 2 * HOUR]]]]],
        machines: [machine()],
        ...values,
    }; // prettier-ignore
}

/** What mes.timeline.screen.about tells of stop 11. */
export function about(values = {}) {
    return {
        id: 11, version: "0", from_ms: START + HOUR, until_ms: START + 90 * MINUTE, seen_ms: START + 90 * MINUTE,
        machine: { id: 7, name: "Filler", code: "S/A/FILLER" }, kind: "unplanned", codes: ["17"], loss: null,
        machine_loss: null, effective: null, by: null, comment: null, causes: [], words: [], maintenance: null,
        may: { explain: true, split: true, merge: false, undo: false }, tz: "UTC", state: "down", interlock: null,
        needs_reason: true, shift: "Early", business_date: "2026-01-01", order: "MO/1", product: "Lemonade",
        lost_pieces: 900, alarms: [],
        ...values,
    }; // prettier-ignore
}
