import { formatCurrency } from "@web/core/currency";
import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { formatClock, formatCount, formatDuration, formatPercent } from "@mes_oee/board/format";

const { DateTime } = luxon;
const MINUTE = 60000;

export { formatClock, formatCount, formatDuration };

const isKnown = (value) => value !== null && value !== undefined;

/** @returns {string} the number with exactly so many decimals, "–" for null */
export function formatNumber(value, decimals = 0) {
    const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    return isKnown(value) ? new Intl.NumberFormat(user.lang || undefined, options).format(value) : "–";
}

/**
 * @param {number|null} ms
 * @returns {string} minutes, with one decimal below ten: "12 min", "3.4 min", "–" for null
 */
export function formatMinutes(ms) {
    if (!isKnown(ms)) {
        return "–";
    }
    const minutes = ms / MINUTE;
    return _t("%s min", formatNumber(minutes, Math.abs(minutes) < 9.95 && ms % MINUTE ? 1 : 0));
}

/** @param {number|null} pieces @returns {string} "340 pieces", "–" for null */
export function formatPieces(pieces) {
    return isKnown(pieces) ? _t("%s pieces", formatCount(pieces)) : "–";
}

/**
 * @param {number|null} amount
 * @param {number} currencyId
 * @returns {string} money; cents only where the whole amount is small enough for them to tell
 */
export function formatMoney(amount, currencyId) {
    if (!isKnown(amount)) {
        return "–";
    }
    const digits = Math.abs(amount) < 100 ? undefined : [16, 0];
    return formatCurrency(amount, currencyId, { digits });
}

/** @param {number|null} ratio plain fraction @returns {string} "87.4 %", "–" for null */
export function formatRatio(ratio) {
    return isKnown(ratio) ? `${formatPercent(ratio)}\u00a0%` : "–";
}

/** @returns {string} "06:00 – 14:00", with the days where they are not the same one */
export function formatSpan(startMs, endMs, tz) {
    const [start, end] = [startMs, endMs].map((ms) => DateTime.fromMillis(ms, { zone: tz }));
    const isOneDay = start.hasSame(end.minus({ milliseconds: 1 }), "day");
    const written = [startMs, endMs].map((ms) => {
        const day = isOneDay ? [] : [formatDay(ms, tz)];
        return [...day, formatClock(ms, tz)].join(" ");
    });
    return written.join(" – ");
}

/** @returns {string} the day as people here write it: "Mon, Mar 2" */
export function formatDay(ms, tz) {
    return DateTime.fromMillis(ms, { zone: tz })
        .setLocale(user.lang || undefined)
        .toLocaleString({ weekday: "short", month: "short", day: "numeric" });
}

/** @param {string} isoDate business date "2026-03-02" @returns {string} "Mon, Mar 2" */
export function formatDate(isoDate) {
    return formatDay(DateTime.fromISO(isoDate, { zone: "utc" }).toMillis(), "utc");
}
