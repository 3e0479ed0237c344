/**
 * What the timeline shows and where, without DOM: times are plant milliseconds, x are CSS pixels from
 * the left edge of the plot.
 */

const SECOND = 1000;
const DAY = 24 * 3600 * SECOND;
/** Nobody needs less than ten seconds across the screen, and no answer holds more than a year. */
export const SHORTEST_MS = 10 * SECOND;
export const LONGEST_MS = 366 * DAY;
/** Following the present, so much of the view stays free to its right. */
export const AHEAD = 0.02;
/** A finger may miss what it means by so much (px). */
export const REACH_PX = 14;

/** Which time is on the screen: an immutable span over a plot of `width` pixels. */
export class View {
    constructor(start, end, width) {
        this.start = start;
        this.end = end;
        this.width = Math.max(1, width);
    }

    get span() {
        return this.end - this.start;
    }

    /** Milliseconds a pixel. */
    get pixelMs() {
        return this.span / this.width;
    }

    x(ms) {
        return (ms - this.start) / this.pixelMs;
    }

    ms(x) {
        return this.start + x * this.pixelMs;
    }

    /** @returns {View} the same time on a plot of another width */
    sized(width) {
        return new View(this.start, this.end, width);
    }

    /** @returns {View} `factor` > 1 shows less time; the time at `x` stays where it is */
    zoomed(factor, x = this.width / 2) {
        const span = clamp(this.span / factor, SHORTEST_MS, LONGEST_MS);
        const start = Math.round(this.ms(x) - (span * x) / this.width);
        return new View(start, start + Math.round(span), this.width);
    }

    /** @returns {View} the plot dragged by `px` to the right, so that earlier time comes in */
    panned(px) {
        const shift = Math.round(px * this.pixelMs);
        return new View(this.start - shift, this.end - shift, this.width);
    }

    /** @returns {View} the same length of time, ending just after the present */
    following(now) {
        const end = Math.round(now + this.span * AHEAD);
        return new View(end - this.span, end, this.width);
    }

    /**
     * @returns {View} the view moved, and zoomed out if it must be, so that a span can be seen whole:
     *      itself when it can already
     */
    revealing(start, end) {
        if (start >= this.start && end <= this.end) {
            return this;
        }
        const span = clamp(Math.max(this.span, 1.25 * (end - start)), SHORTEST_MS, LONGEST_MS);
        const first = Math.round((start + end) / 2 - span / 2);
        return new View(first, first + Math.round(span), this.width);
    }

    /** @returns {View} exactly this span, within what can be shown */
    showing(start, end) {
        const span = clamp(end - start, SHORTEST_MS, LONGEST_MS);
        return new View(start, start + span, this.width);
    }

    /**
     * Whether what was read will do: it covers the view, and is fine enough for it.
     *
     * @param {{start: number, end: number, pixel: number}} read
     */
    isServedBy(read) {
        const covers = read.start <= this.start && read.end >= this.end;
        return covers && read.pixel <= 1.5 * this.pixelMs;
    }

    /** @returns {{start: number, end: number, pixel: number}} what to read: with a margin for the next move */
    wanted(margin = 0.25) {
        const more = Math.round(margin * this.span);
        return { start: this.start - more, end: this.end + more, pixel: Math.floor(this.pixelMs) };
    }
}

function clamp(value, least, most) {
    return Math.min(most, Math.max(least, value));
}

/**
 * Bars as rectangles on whole pixels: what would fall onto a pixel that is painted already is left
 * out unless it is more important, so the number of rectangles is bounded by the plot's width.
 *
 * @param {{start, end, kind, text}[]} bars in order of time, not overlapping
 * @param {View} view
 * @param {(bar: Object) => number} rank greater is more important: such a bar is at least one pixel
 *      wide and is never swallowed by a lesser one
 * @returns {{x: number, width: number, bar: Object}[]}
 */
export function bricks(bars, view, rank = () => 0) {
    const found = [];
    for (const bar of bars) {
        if (bar.end <= view.start || bar.start >= view.end) {
            continue;
        }
        const x = Math.max(0, Math.floor(view.x(bar.start)));
        const right = Math.min(view.width, Math.max(x + 1, Math.floor(view.x(bar.end))));
        const last = found.at(-1);
        if (last && last.x + last.width > x) {
            // The pixel at x belongs to the bar before already.
            if (rank(bar) <= rank(last.bar)) {
                if (right > x + 1) {
                    found.push({ x: x + 1, width: right - x - 1, bar });
                }
                continue;
            }
            last.width = x - last.x;
            if (!last.width) {
                found.pop();
            }
        }
        found.push({ x, width: right - x, bar });
    }
    return found;
}

/** @returns {number} the end of a stop as the present knows it: an open one goes on */
export function endOf(stop, now) {
    return stop.open && stop.live ? Math.max(stop.end, now) : stop.end;
}

/**
 * The stop that a finger at a time means: the one it is on, the shortest if there are several; or else
 * the nearest within reach, those to explain first.
 *
 * @param {Object[]} stops of one machine
 * @param {number} at ms
 * @param {number} reachMs
 * @returns {Object|null}
 */
export function hitStop(stops, at, reachMs, now = at) {
    let best = null;
    let bestRank = Infinity;
    for (const stop of stops) {
        const end = endOf(stop, now);
        const gap = Math.max(stop.start - at, at - end, 0);
        if (gap > reachMs) {
            continue;
        }
        // Within reach the gap is less than reachMs: one unit each puts hits before misses.
        const rank = gap === 0 ? (end - stop.start) / LONGEST_MS - 2 : gap / (reachMs || 1) - (stop.needs ? 1 : 0);
        if (rank < bestRank) {
            best = stop;
            bestRank = rank;
        }
    }
    return best;
}

/** @returns {Object|null} the bar of a lane at a time */
export function hitBar(bars, at) {
    return bars.find((bar) => bar.start <= at && at < bar.end) || null;
}

/**
 * The stop before or after a time, over some machines; the machine's order decides between equals.
 *
 * @param {Object[]} stops in any order
 * @param {{start: number, id: number}|null} from the stop to go on from; null: from the first or last
 * @param {boolean} forward
 */
export function neighbour(stops, from, forward) {
    const order = (a, b) => a.start - b.start || a.id - b.id;
    const sorted = [...stops].sort(forward ? order : (a, b) => order(b, a));
    if (!from) {
        return sorted[0] || null;
    }
    return sorted.find((stop) => (forward ? order(stop, from) > 0 : order(stop, from) < 0)) || null;
}

/**
 * Where a stop is to be split, as the server wants it: whole milliseconds from the record's own
 * beginning, so that no displayed time, which has lost its milliseconds, ever becomes data.
 *
 * @param {{start: number, end: number}} stop
 * @param {number} at ms where the handle is
 * @returns {number} at least one ms from either end
 */
export function splitOffset(stop, at) {
    return clamp(Math.round(at - stop.start), 1, stop.end - stop.start - 1);
}

/** @param {number} minutes from the beginning of the stop, as typed */
export function minutesOffset(stop, minutes) {
    return splitOffset(stop, stop.start + minutes * 60 * SECOND);
}
