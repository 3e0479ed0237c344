/** Builders of what the server sends to the shift board. */

export const MINUTE = 60000;
export const HOUR = 60 * MINUTE;
export const START = 1767250800000 - 30 * MINUTE; // 2026-01-01 06:30 UTC
export const NOW = START + 2 * HOUR + 10 * MINUTE; // 08:40

export function hour(index, values = {}) {
    const start = START - 30 * MINUTE + index * HOUR;
    const phase = start + HOUR <= NOW ? "past" : start <= NOW ? "now" : "future";
    const isFuture = phase === "future";
    return {
        start, end: start + HOUR, from: Math.max(start, START), until: Math.min(start + HOUR, START + 8 * HOUR),
        label: `${String(6 + index).padStart(2, "0")}:00`, phase,
        made: isFuture ? null : 900, target: isFuture ? 0 : 1000, target_whole: 1000,
        sum_made: 900 * (index + 1), sum_target: 1000 * (index + 1),
        lost_ms: isFuture ? null : 12 * MINUTE, lost_pieces: isFuture ? null : 340,
        oee: 0.7, coverage: 1, reason: null,
        losses: isFuture ? [] : [{ kind: "unplanned", name: "Jam", ms: 9 * MINUTE }],
        ...values,
    }; // prettier-ignore
}

export function stop(start, minutes, values = {}) {
    return {
        id: 41, start, end: start + minutes * MINUTE, seen: start + minutes * MINUTE, kind: "unplanned", name: "",
        codes: ["17"], explained: false, needs: true,
        ...values,
    }; // prettier-ignore
}

export function snapshot(values = {}) {
    const line = { key: "line-3", kind: "line", id: 3, name: "Line 1", depth: 0 };
    return {
        now: NOW, speed: 1, tz: "UTC",
        places: [line, { key: "machine-7", kind: "machine", id: 7, name: "Filler", depth: 1 }],
        place: { ...line, path: "Plant · Area" },
        machine: { id: 7, name: "Filler", code: "FILLER" },
        output: { id: 8, name: "Packer", code: "PACKER" },
        targets: { oee: 0.85, availability: 0.9, performance: 0.95, quality: 0.99 },
        may: { overtime: false },
        shift: {
            key: "E", name: "Early shift", start: START, end: START + 8 * HOUR, business_date: "2026-01-01",
            breaks: [], crew: "Crew A", phase: "now", previous: START - 8 * HOUR, next: START + 8 * HOUR, waits: null,
        },
        hours: [0, 1, 2, 3, 4, 5, 6, 7, 8].map((index) => hour(index)),
        figures: { oee: 0.7, coverage: 1, reason: null, lost_ms: 36 * MINUTE, lost_pieces: 1020, made: 2700, target: 3000 },
        method: "bottleneck",
        ribbon: [{ start: START, end: null, kind: "running", label: "" }],
        stops: [stop(START + 50 * MINUTE, 12)],
        order: { name: "MO/1", product: "Lemonade", wanted: 4000, made: 2000, since: START, ends: NOW + 2 * HOUR },
        changeover: null,
        live: {
            hour: START + 90 * MINUTE,
            live: { counts: { total: 5000, reject: 100 } },
            counters: {
                total: { role: "total", base: 0, pieces_per_unit: 1 },
                reject: { role: "reject", base: 0, pieces_per_unit: 1 },
            },
        },
        ...values,
    }; // prettier-ignore
}

export function live(values = {}) {
    return { at: NOW, state: "running", since: START, mode: null, code: null, interlock: null, counts: {}, ...values };
}
