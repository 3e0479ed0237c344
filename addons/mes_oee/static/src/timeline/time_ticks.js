import { user } from "@web/core/user";

const { DateTime } = luxon;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** The least room between two marks that carry text (px). */
const ROOM_PX = 84;
const SMALL = [SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE];
const HOURS = [1, 2, 3, 6, 12];
const DAYS = [1, 2, 7, 14, 28];

/**
 * Marks of the time axis, on the clock of the site. Where the clocks change, an hour that does not exist has
 * no mark, and an hour that comes twice has two, the second one with the clock's distance from UTC.
 *
 * @param {{start: number, end: number, x: Function, pixelMs: number}} view
 * @param {string} tz
 * @returns {{at: number, x: number, text: string, isDay: boolean}[]}
 */
export function timeTicks(view, tz) {
    const roomMs = ROOM_PX * view.pixelMs;
    const small = SMALL.find((step) => step >= roomMs);
    if (small) {
        return marks(view, tz, withinHours(view, tz, small), small < MINUTE ? "HH:mm:ss" : "HH:mm");
    }
    const hours = HOURS.find((step) => step * HOUR >= roomMs);
    if (hours) {
        return marks(view, tz, wholeHours(view, tz, hours), "HH:mm");
    }
    const days = DAYS.find((step) => step * 24 * HOUR >= roomMs) || DAYS.at(-1);
    return marks(view, tz, wholeDays(view, tz, days), "");
}

/** Every `step` ms from each hour on: no zone changes its clock within one but at its whole parts. */
function* withinHours(view, tz, step) {
    for (const hour of everyHour(view, tz)) {
        const next = hour.plus({ hours: 1 }).startOf("hour").toMillis();
        const end = next > hour.toMillis() ? next : hour.toMillis() + HOUR;
        for (let at = hour.toMillis(); at < end; at += step) {
            yield at;
        }
    }
}

function* wholeHours(view, tz, hours) {
    let shown = null;
    for (const local of everyHour(view, tz)) {
        // Of an hour that comes twice a coarse axis needs only the first.
        const isAgain = shown && hours > 1 && local.hour === shown.hour && local.hasSame(shown, "day");
        if (local.hour % hours === 0 && !isAgain) {
            shown = local;
            yield local.toMillis();
        }
    }
}

function* wholeDays(view, tz, days) {
    // Counted from a Monday, so that the marks stay where they are while the view moves.
    let local = DateTime.fromMillis(view.start, { zone: tz }).startOf("week").minus({ weeks: 4 });
    const origin = DateTime.fromISO("2024-01-01", { zone: tz });
    const behind = Math.round(local.diff(origin, "days").days) % days;
    local = local.minus({ days: behind });
    for (; local.toMillis() <= view.end; local = local.plus({ days })) {
        yield local.toMillis();
    }
}

/** The whole hours of the local clock around the view, each instant once. */
function* everyHour(view, tz) {
    let local = DateTime.fromMillis(view.start, { zone: tz }).startOf("hour");
    while (local.toMillis() <= view.end) {
        yield local;
        const next = DateTime.fromMillis(local.toMillis() + HOUR, { zone: tz }).startOf("hour");
        local = next.toMillis() > local.toMillis() ? next : DateTime.fromMillis(local.toMillis() + HOUR, { zone: tz });
    }
}

function marks(view, tz, times, format) {
    const found = [];
    let previous = DateTime.fromMillis(view.start, { zone: tz });
    for (const at of times) {
        const local = DateTime.fromMillis(at, { zone: tz });
        if (at >= view.start && at <= view.end) {
            const isDay = local.hour === 0 && local.minute === 0 && local.second === 0;
            found.push({ at, x: view.x(at), isDay, text: label(local, previous, isDay, format) });
        }
        previous = local;
    }
    return found;
}

function label(local, previous, isDay, format) {
    if (isDay || !format) {
        return local.setLocale(user.lang || undefined).toLocaleString({ weekday: "short", day: "numeric", month: "short" });
    }
    const isChanged = local.offset !== previous.offset;
    return local.toFormat(format) + (isChanged ? ` (${local.toFormat("'UTC'Z")})` : "");
}
