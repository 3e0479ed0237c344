import { pieces } from "@mes_oee/board/board_model";
import { ServerClock } from "@mes_oee/board/server_clock";

const HOUR = 3600000;
/** Marks to tap keep so far from each other, percent of the hour: 48 px of a ribbon of 620. */
export const MARK_GAP = 8;

/**
 * What the shift board knows: one answer of mes.shift.board, moved on by live messages.
 *
 * Pure state without DOM and without services. Times are plant milliseconds. The answer:
 * `places`, `place`, `machine` (its states, stops, losses), `output` (its good pieces), `targets`, `tz`,
 * `shift` {start, end, breaks [[start, end, stops]], phase, previous, next, waits, crew, …},
 * `hours` [{start, end, from, until, label, phase, made, target, target_whole, sum_made, sum_target,
 * lost_ms, lost_pieces, losses [{kind, name, ms}], …}], `ribbon` [{start, end, kind, label}],
 * `stops` [{id, start, end, kind, name, needs, …}], `order`, `changeover`, `figures`, `live`, `may`.
 */
export class ShiftBoardModel {
    constructor() {
        this.clock = new ServerClock();
        this.data = null;
        this.counts = null;
        this.state = undefined;
    }

    apply(data) {
        this.clock.anchor(data.now, data.speed);
        this.data = data;
        this.counts = data.live?.live?.counts || null;
        this.since = known(this.counts, data.live?.counters);
        this.state = undefined;
    }

    /** @returns {number} plant time now; never beyond a shift that is over */
    get now() {
        return this.clock.now();
    }

    get isNow() {
        return this.data?.shift?.phase === "now";
    }

    /** Whether the shift that was the present one is over, or the awaited one has begun. */
    get isOver() {
        const shift = this.data?.shift;
        return Boolean(shift && ((this.isNow && this.now >= shift.end) || (shift.waits && this.now >= shift.waits)));
    }

    /**
     * @param {Object} message payload of a mes.live message
     * @returns {{concerns: boolean, stateChanged: boolean}} whether it is about this place, and what
     *      asks for a new answer
     */
    applyLive(message) {
        const result = { concerns: false, stateChanged: false };
        if (!this.isNow) {
            return result;
        }
        const { machine, output } = this.data;
        const [live, counting] = [message.machines[machine.code], message.machines[output.code]];
        result.concerns = Boolean(live || counting);
        if (!result.concerns) {
            return result;
        }
        this.clock.anchor(message.server);
        if (counting) {
            this.counts = { ...this.counts, ...counting.counts };
            this.since ??= this.counts;
        }
        if (live) {
            const known = this.state === undefined ? lastKind(this.data.ribbon) : this.state;
            result.stateChanged = !looksLike(known, live.state || "no_data");
            this.state = live.state || "no_data";
        }
        return result;
    }

    /** @returns {number} good pieces that live messages told of since the answer was made */
    get fresh() {
        if (!this.counts || !this.since) {
            return 0;
        }
        const counters = this.data.live.counters;
        const [now, then] = [this.counts, this.since].map((counts) => {
            const { good, total } = pieces({ live: { counts }, counters: zeroBased(counters) });
            return good ?? total ?? 0;
        });
        return Math.max(0, now - then);
    }

    /** @returns {Object[]} the rows with what was counted since the answer */
    get hours() {
        const fresh = this.fresh;
        return this.data.hours.map((hour) =>
            hour.phase === "now" ? { ...hour, made: hour.made + fresh, sum_made: hour.sum_made + fresh } : hour
        );
    }

    /** @returns {number} the greatest number of pieces of a row: the length of every row's bar */
    get scale() {
        const values = this.data.hours.flatMap((hour) => [hour.made || 0, hour.target_whole || 0]);
        return Math.max(1, ...values) * 1.05;
    }

    /** @returns {Object[]} stops to explain, the oldest first */
    get unexplained() {
        return this.data.stops.filter((stop) => stop.needs);
    }

    stop(start) {
        return this.data.stops.find((stop) => stop.start === start);
    }
}

/**
 * What the answer has counted in: facts are stored before live values tell of them, and must not count twice.
 *
 * @returns {Object|null} running totals by name
 */
function known(counts, counters) {
    const told = Object.entries(counters || {}).filter(([, counter]) => Number.isFinite(counter.told));
    const stored = told.map(([name, { told }]) => [name, Math.max(told, counts?.[name] ?? told)]);
    return counts || stored.length ? { ...counts, ...Object.fromEntries(stored) } : null;
}

function zeroBased(counters) {
    return Object.fromEntries(
        Object.entries(counters).map(([name, counter]) => [name, { ...counter, base: 0 }])
    );
}

function lastKind(ribbon) {
    return ribbon.at(-1)?.kind || "no_data";
}

/** The live lane knows neither thresholds nor calendars: a stop may be minor or planned for the engine. */
function looksLike(kind, state) {
    return kind === state || (["minor", "planned"].includes(kind) && ["down", "idle"].includes(state));
}

/** @returns {number} where on the hour's axis an instant is, percent */
function percent(hour, at) {
    return (100 * (at - hour.start)) / HOUR;
}

/**
 * @param {Object[]} spans of the ribbon, in order
 * @param {{start, from, until}} hour
 * @param {number} now end of what is still so
 * @returns {Object[]} the parts of the spans in the hour, as CSS percent
 */
export function ribbonOf(spans, hour, now) {
    return spans
        .map((span) => ({
            ...span,
            low: Math.max(span.start, hour.from),
            high: Math.min(span.end ?? now, hour.until),
        }))
        .filter((span) => span.low < span.high)
        .map((span) => ({
            ...span,
            key: span.low,
            left: percent(hour, span.low),
            width: percent(hour, span.high) - percent(hour, span.low),
        }));
}

/** @returns {{left: number, width: number, key: number}[]} breaks of the shift in an hour, percent */
export function breaksOf(breaks, hour) {
    return ribbonOf(
        breaks.map(([start, end]) => ({ start, end })),
        hour,
        hour.until
    );
}

/** @returns {{left: number, width: number}[]} what of the hour's axis is not the shift's */
export function outsideOf(hour) {
    const parts = [
        [hour.start, hour.from],
        [hour.until, hour.start + HOUR],
    ];
    return parts
        .filter(([start, end]) => start < end)
        .map(([start, end]) => ({
            key: start,
            left: percent(hour, start),
            width: percent(hour, end) - percent(hour, start),
        }));
}

/** @returns {Object[]} the stops that touch an hour, in order */
export function stopsOf(stops, hour, now) {
    return stops.filter((stop) => stop.start < hour.until && (stop.end ?? now) > hour.from);
}

/**
 * The marks to tap: a stop is asked for once, in the hour where it began (or the first of the shift).
 *
 * @returns {{stop: Object, left: number}[]} so far apart that a thumb finds each
 */
export function marksOf(stops, hour, now) {
    const most = Math.floor(100 / MARK_GAP);
    const own = stops
        .filter((stop) => stop.needs && Math.max(stop.start, hour.shiftStart) >= hour.from && stop.start < hour.until)
        .map((stop) => ({ stop, length: (stop.end ?? now) - stop.start }))
        .sort((one, other) => other.length - one.length)
        .slice(0, most)
        .map(({ stop }) => {
            const high = Math.min(stop.end ?? now, hour.until);
            return { stop, left: percent(hour, (Math.max(stop.start, hour.from) + high) / 2) };
        })
        .sort((one, other) => one.left - other.left);
    return spread(own);
}

/** Pushes marks that are too close to each other apart, within the axis. */
function spread(marks) {
    const half = MARK_GAP / 2;
    let least = half;
    for (const mark of marks) {
        mark.left = Math.max(mark.left, least);
        least = mark.left + MARK_GAP;
    }
    let most = 100 - half;
    for (const mark of [...marks].reverse()) {
        mark.left = Math.min(mark.left, most);
        most = mark.left - MARK_GAP;
    }
    return marks;
}
