/** What a trend's chart shows of the server's answer: pure. Times are milliseconds, UTC. */

const { DateTime } = luxon;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Name of a span, as `read_trend` knows it, with the distance of its marks on the time axis. */
export const SPANS = [
    { name: "1h", mark: 10 * MINUTE, format: "HH:mm" },
    { name: "8h", mark: HOUR, format: "HH:mm" },
    { name: "1d", mark: 3 * HOUR, format: "HH:mm" },
    { name: "7d", mark: DAY, format: "ccc d" },
    { name: "30d", mark: 5 * DAY, format: "d LLL" },
    { name: "1y", mark: 61 * DAY, format: "LLL yy" },
];

/** @param {Array} points of `read_trend` @returns {boolean} whether there is any value */
export function hasValues(points) {
    return points.some((point) => point[3] !== null);
}

/** The lower and upper edge of the band and the line of means, as the chart takes them. */
export function lines(points) {
    const line = (column) => points.map((point) => ({ x: point[0], y: point[column] }));
    return { low: line(1), high: line(2), mean: line(3) };
}

/** Least, greatest and last value of what is shown; null without any. */
export function figures(points) {
    const known = points.filter((point) => point[3] !== null);
    if (!known.length) {
        return null;
    }
    return {
        low: Math.min(...known.map((point) => point[1])),
        high: Math.max(...known.map((point) => point[2])),
        last: known.at(-1)[3],
        lastAt: known.at(-1)[0],
    };
}

/** Times of the marks between two instants, at round local times. */
export function marks(from, until, step) {
    const first = DateTime.fromMillis(from).startOf(step >= DAY ? "day" : "hour").toMillis();
    const found = [];
    for (let at = first; at <= until; at += step) {
        // Days of a change of the clock have 23 or 25 hours: back to the local midnight.
        const mark = step >= DAY ? DateTime.fromMillis(at + 2 * HOUR).startOf("day").toMillis() : at;
        if (mark >= from) {
            found.push({ value: mark });
        }
    }
    return found;
}

/** The index of the point next to an instant that has a value; -1 without any. */
export function nearest(points, at) {
    let best = -1;
    points.forEach((point, index) => {
        if (point[3] !== null && (best < 0 || Math.abs(point[0] - at) < Math.abs(points[best][0] - at))) {
            best = index;
        }
    });
    return best;
}

/** The next point with a value in a direction (-1, 1) from an index; the same without one. */
export function neighbour(points, index, direction) {
    for (let i = index + direction; i >= 0 && i < points.length; i += direction) {
        if (points[i][3] !== null) {
            return i;
        }
    }
    return index;
}
