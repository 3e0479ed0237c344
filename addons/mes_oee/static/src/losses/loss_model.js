/**
 * What the screen of losses draws, out of the server's answer; pure, without DOM and services.
 *
 * The answer of mes.loss.screen.snapshot (times in ms of plant time, money in `currency`, `was`: the same of
 * the compared period, null without one):
 *
 * @typedef {{ms: number, pieces: number, money: number, count: number}} Amounts
 * @typedef {Amounts & {name: string, was: Amounts|null}} Loss a step of the waterfall, or a big loss
 * @typedef {Amounts & {key: string, step: string|null, label: string, was: Amounts|null}} ParetoRow `step`: what has no
 *      reason is told apart by this step of the waterfall
 * @typedef {Amounts & {what: "stop"|"hour", id: number|null, machine: {id: number, name: string}, start: number,
 *      end: number}} Single
 * @typedef {Object} Answer
 * @property {number} now
 * @property {Object[]} places
 * @property {string} place key; "" where there is none: then nothing of what follows is there
 * @property {string} tz
 * @property {{model: string, ids: number[], name: string}} scope
 * @property {number} start
 * @property {number} end
 * @property {number|null} was_start
 * @property {number|null} was_end
 * @property {"hour"|"day"|"week"|"month"} grain of the trend
 * @property {number} currency id
 * @property {Object[]} figures {key, value, was, was_coverage, target, coverage, refusal, notes}
 * @property {Loss[]} steps close to calendar time; empty where nothing is known
 * @property {Loss[]} six
 * @property {Object|null} sums {calendar_ms, complete, priced, as_of, pending_hours, method}
 * @property {{kind: string, value: string, label: string}[]} drill the way down
 * @property {string} by
 * @property {string[]} dimensions by which the chosen step can be parted
 * @property {ParetoRow[]} pareto
 * @property {Object} trend {oee?: {now, was}, loss: {now, was}} of points {at, …}
 * @property {{rows: Single[], total: number}|null} singles once it is narrow enough
 */

/** What fits on a screen and in a head; the rest is one bar. */
export const MOST_BARS = 10;
export const MEASURES = ["ms", "count", "pieces", "money"];
/** Steps with neither pieces nor money: nobody lost anything there. */
const NO_LOSS = ["not_scheduled", "no_data", "planned"];

// ---- the way down, in an address ----

/** @param {string} text "step.unplanned~reason.12" @returns {[string, string][]} what cannot be read is left out */
export function parseDrill(text) {
    return text
        .split("~")
        .filter((part) => part.includes("."))
        .map((part) => [part.slice(0, part.indexOf(".")), decode(part.slice(part.indexOf(".") + 1))])
        .filter(([kind, value]) => kind && value);
}

/** @param {[string, string][]} drill @returns {string} as an address holds it */
export function formatDrill(drill) {
    return drill.map(([kind, value]) => `${kind}.${encodeURIComponent(value).replaceAll("~", "%7E")}`).join("~");
}

function decode(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return ""; // typed by hand: no choice
    }
}

/** One step further down; another step of the waterfall begins anew. */
export function drillInto(drill, kind, value) {
    return kind === "step" ? [[kind, value]] : [...drill.filter(([known]) => known !== kind), [kind, value]];
}

/**
 * Where a tap on a row of the Pareto leads; what has no reason goes down its own step of the waterfall, with the other
 * choices of the way.
 * @param {[string, string][]} drill @param {string} by @param {{key: string, step: string|null}} row
 */
export function drillIntoRow(drill, by, row) {
    const above = row.step ? [["step", row.step], ...drill.filter(([kind]) => kind !== "step")] : drill;
    return drillInto(above, by, row.key);
}

/** By what to part next: what was not chosen yet, reasons first. */
export function nextBy(by, kind, dimensions) {
    const order = ["reason", "machine", "product", "code", "shift", "crew"];
    return by === kind ? order.find((one) => one !== kind && dimensions.includes(one)) || by : by;
}

/** What is asked of the server. @param {Object} values of the screen's address */
export function choiceOf(values) {
    return {
        place: values.place,
        span: values.span,
        since: values.from,
        until: values.to,
        compare: values.compare,
        other_since: values.cfrom,
        other_until: values.cto,
        unit: values.unit,
        by: values.by,
        drill: parseDrill(values.drill),
    };
}

// ---- the waterfall ----

/**
 * @param {Loss[]} steps from calendar time down to value-adding time
 * @param {string} unit ms, pieces or money
 * @returns {Object[]} each step with `value` (null: it has none), `left` and `width` in percent, `share` of the whole:
 *      what is left of the time shrinks from the right; a gain (faster than ideal) grows it again
 */
export function waterfallRows(steps, unit) {
    const valued = steps.map((step) => ({ step, value: valueOf(step, unit) }));
    const whole = valued.reduce((sum, { value }) => sum + (value || 0), 0);
    let rest = whole;
    const placed = valued.map(({ step, value }) => {
        const from = rest;
        rest -= value || 0;
        return { step, value, low: Math.min(from, rest), high: Math.max(from, rest) };
    });
    const scale = Math.max(...placed.map((one) => one.high), 0);
    const percent = (amount) => (scale > 0 ? (100 * amount) / scale : 0);
    return placed.map(({ step, value, low, high }) => ({
        ...step,
        value,
        wasValue: step.was ? valueOf({ ...step, ...step.was }, unit) : null,
        left: percent(Math.max(0, low)),
        width: percent(high - Math.max(0, low)),
        share: value === null || whole <= 0 ? null : value / whole,
    }));
}

function valueOf(step, unit) {
    return unit !== "ms" && NO_LOSS.includes(step.name) ? null : step[unit];
}

/** Steps that are zero now and were zero before say nothing. */
export function isTold(step) {
    const some = (one) => Boolean(one && (one.ms || one.count || one.pieces || one.money));
    return step.name === "value_adding" || some(step) || some(step.was);
}

// ---- the Pareto ----

/**
 * @param {ParetoRow[]} rows
 * @param {string} measure one of MEASURES
 * @param {number} [most]
 * @returns {Object[]} the greatest first, each with `value`, `wasValue`, `width` and `ghost` in percent of the greatest,
 *      `sum`: its share with all before; after `most` of them the rest as one row with `isRest` and `rows`
 */
export function paretoRows(rows, measure, most = MOST_BARS) {
    const valued = rows
        .map((row) => ({ ...row, value: row[measure], wasValue: row.was ? row.was[measure] : null }))
        .filter((row) => row.value || row.wasValue)
        .sort((one, other) => other.value - one.value || (other.wasValue || 0) - (one.wasValue || 0) || other.ms - one.ms);
    // One bar more than fits is no reason for a rest.
    const cut = valued.length > most + 1 ? most : valued.length;
    const shown = valued.slice(0, cut);
    if (cut < valued.length) {
        shown.push(restOf(valued.slice(cut)));
    }
    const whole = valued.reduce((sum, row) => sum + Math.max(0, row.value), 0);
    const greatest = Math.max(...shown.flatMap((row) => [row.value, row.wasValue || 0]), 0);
    const percent = (amount) => (greatest > 0 ? (100 * Math.max(0, amount)) / greatest : 0);
    let sum = 0;
    return shown.map((row) => {
        sum += Math.max(0, row.value);
        return {
            ...row,
            width: percent(row.value),
            ghost: row.wasValue === null ? null : percent(row.wasValue),
            sum: whole > 0 ? sum / whole : null,
        };
    });
}

function restOf(rows) {
    const add = (name) => rows.reduce((sum, row) => sum + row[name], 0);
    const hasWas = rows.some((row) => row.wasValue !== null);
    return {
        key: "rest",
        label: "",
        isRest: true,
        rows: rows.length,
        ...Object.fromEntries(MEASURES.map((name) => [name, add(name)])),
        value: add("value"),
        wasValue: hasWas ? add("wasValue") : null,
        was: null,
    };
}

/** @returns {string} points of the cumulative line in a box of 100 × the number of rows, each row's in its middle */
export function cumulativePoints(rows) {
    return rows
        .filter((row) => row.sum !== null)
        .map((row, place) => `${(100 * row.sum).toFixed(2)},${place + 0.5}`)
        .join(" ");
}

// ---- two periods ----

/** @returns {{diff: number, ratio: number|null}|null} how much more than before; null without a before */
export function delta(now, was) {
    if (now === null || now === undefined || was === null || was === undefined) {
        return null;
    }
    return { diff: now - was, ratio: was ? (now - was) / Math.abs(was) : null };
}

/** What the earlier points are over: one period after the other, point by point. */
export function alignedBefore(now, was, name) {
    return was ? now.map((_point, place) => was[place]?.[name] ?? null) : null;
}
