/** Builders of what the server sends to the board. */

export const HOUR = 3600000;
export const START = 1767250800000; // 2026-01-01 07:00 UTC
export const NOW = START + 2 * HOUR;

export function figures(values = {}) {
    return {
        oee: 0.7, availability: 0.8, performance: 0.9, quality: 0.97, coverage: 1, reason: null,
        lost_ms: 30 * 60000, lost_pieces: 2000, target: 5000, ms: { production: HOUR },
        planned_busy_ms: 2 * HOUR, ideal_ms: HOUR, ideal_good_ms: HOUR, good: 4000, total: 4100,
        ...values,
    }; // prettier-ignore
}

export function machine(code, values = {}) {
    return {
        id: 7, code, name: code.toLowerCase(), stale_ms: 5000,
        live: live(),
        ribbon: [{ start: START, end: null, kind: "running", label: "" }],
        counters: {
            total: { role: "total", base: 1000, pieces_per_unit: 1 },
            reject: { role: "reject", base: 10, pieces_per_unit: 1 },
        },
        figures: figures(),
        target: 5000,
        ...values,
    }; // prettier-ignore
}

export function live(values = {}) {
    return {
        at: NOW - 500, recv: NOW - 400, state: "running", since: START, mode: "production", code: null,
        interlock: null, counts: { total: 5100, reject: 110 },
        ...values,
    }; // prettier-ignore
}

export function snapshot(values = {}) {
    const shift = { key: "E", name: "Early shift", start: START, end: START + 8 * HOUR, breaks: [] };
    return {
        now: NOW, speed: 1, as_of: NOW - 400, tz: "UTC", shift, span: shift, next_shift: null,
        lines: [{ id: 3, name: "Line 1" }],
        line: { id: 3, name: "Line 1", path: "Plant · Area", output_code: "FILLER", figures: figures() },
        order: { name: "MO/1", product: "Lemonade" },
        targets: { oee: 0.85, availability: 0.9, performance: 0.95, quality: 0.99 },
        reasons: { 211: "Pump fault" },
        machines: [machine("FILLER")],
        ...values,
    }; // prettier-ignore
}

export function message(machines, at = NOW + 1000) {
    return { stream: "L", at, server: at, machines };
}
