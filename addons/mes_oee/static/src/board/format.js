import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";

const { DateTime } = luxon;
const MINUTE = 60000;

const integers = () => new Intl.NumberFormat(user.lang || undefined, { maximumFractionDigits: 0 });

/** @param {number|null} value @returns {string} whole number with group separators, "–" for null */
export function formatCount(value) {
    return value === null || value === undefined ? "–" : integers().format(Math.round(value));
}

/** @param {number|null} ratio plain fraction @returns {string} percent with one decimal, no sign */
export function formatPercent(ratio) {
    if (ratio === null || ratio === undefined) {
        return "–";
    }
    const options = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    return new Intl.NumberFormat(user.lang || undefined, options).format(ratio * 100);
}

/** @param {number} ms plant time @param {string} tz of the site @param {boolean} [seconds] */
export function formatClock(ms, tz, seconds = false) {
    return DateTime.fromMillis(ms, { zone: tz }).toFormat(seconds ? "HH:mm:ss" : "HH:mm");
}

/** @returns {string} an instant as briefly as it is clear: "06:00", "Mon 06:00", "Mon, Mar 2 06:00" */
export function formatWhen(ms, tz, now) {
    const [at, today] = [ms, now].map((one) => DateTime.fromMillis(one, { zone: tz }));
    const days = at.startOf("day").diff(today.startOf("day"), "days").days;
    const day = Math.abs(days) < 7 ? { weekday: "short" } : { weekday: "short", month: "short", day: "numeric" };
    const written = days ? [at.setLocale(user.lang || undefined).toLocaleString(day)] : [];
    return [...written, formatClock(ms, tz)].join(" ");
}

/** @param {number|null} next when the next shift begins; null: none is planned far and wide */
export function nextShiftText(next, tz, now) {
    return next === null ? _t("no shift planned") : _t("next shift %s", formatWhen(next, tz, now));
}

/**
 * @param {number} ms duration
 * @returns {string} the two units a person needs: "45 s", "12 min", "3 h 05 min"
 */
export function formatDuration(ms) {
    if (ms < MINUTE) {
        return _t("%s s", Math.max(0, Math.floor(ms / 1000)));
    }
    const minutes = Math.floor(ms / MINUTE);
    if (minutes < 60) {
        return _t("%s min", minutes);
    }
    return _t("%(hours)s h %(minutes)s min", {
        hours: Math.floor(minutes / 60),
        minutes: String(minutes % 60).padStart(2, "0"),
    });
}
