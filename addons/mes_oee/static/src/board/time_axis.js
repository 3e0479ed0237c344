import { formatClock } from "./format";

const HOUR = 3600000;

/** @returns {{at: number, left: number, text: string}[]} hour marks on the site's clock */
export function hourMarks(shift, tz) {
    const marks = [];
    const length = shift.end - shift.start;
    const step = length > 14 * HOUR ? 2 * HOUR : HOUR;
    for (let at = firstHour(shift.start, tz); at <= shift.end; at += step) {
        marks.push({ at, left: (100 * (at - shift.start)) / length, text: formatClock(at, tz) });
    }
    return marks;
}

function firstHour(start, tz) {
    const local = luxon.DateTime.fromMillis(start, { zone: tz });
    const hour = local.startOf("hour");
    return hour.toMillis() < start ? hour.plus({ hours: 1 }).toMillis() : start;
}
