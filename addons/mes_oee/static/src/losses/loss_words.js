import { _t } from "@web/core/l10n/translation";
import { formatCount, formatDuration, formatMoney } from "@mes_oee/screen/format";

/** The steps of the waterfall: their words, and the state of the palette that they are time of ("": none). */
export const STEPS = {
    not_scheduled: { word: _t("Outside the shifts"), state: "off" },
    no_data: { word: _t("No data"), state: "no_data" },
    planned: { word: _t("Planned stops"), state: "planned" },
    setup: { word: _t("Set-up"), state: "setup" },
    no_order: { word: _t("No order"), state: "idle" },
    unplanned: { word: _t("Unplanned stops"), state: "down" },
    minor: { word: _t("Minor stops"), state: "minor" },
    undetermined: { word: _t("Stops still open"), state: "minor" },
    speed: { word: _t("Reduced speed"), state: "" },
    unrated: { word: _t("No ideal cycle"), state: "" },
    startup_reject: { word: _t("Start-up rejects"), state: "" },
    production_reject: { word: _t("Production rejects"), state: "" },
    value_adding: { word: _t("Value-adding"), state: "running" },
};

/** Nakajima's six, and the factor that each takes from. */
export const SIX = {
    breakdowns: { word: _t("Breakdowns"), of: _t("Availability") },
    setup_adjustment: { word: _t("Set-up and adjustment"), of: _t("Availability") },
    minor_stops: { word: _t("Idling and minor stops"), of: _t("Performance") },
    reduced_speed: { word: _t("Reduced speed"), of: _t("Performance") },
    startup_rejects: { word: _t("Start-up rejects"), of: _t("Quality") },
    production_rejects: { word: _t("Production rejects"), of: _t("Quality") },
};

export const SPANS = {
    shift: _t("This shift"),
    today: _t("Today"),
    yesterday: _t("Yesterday"),
    week: _t("This week"),
    last7: _t("Last 7 days"),
    last30: _t("Last 30 days"),
    month: _t("This month"),
    any: _t("From … until …"),
};

export const COMPARES = { before: _t("the time before"), any: _t("another time"), none: _t("nothing") };

export const DIMENSIONS = {
    reason: _t("Reason"),
    machine: _t("Machine"),
    product: _t("Product"),
    shift: _t("Shift"),
    crew: _t("Crew"),
    code: _t("Code"),
};

export const FIGURES = {
    oee: _t("OEE"),
    availability: _t("Availability"),
    effectiveness: _t("Performance"),
    quality: _t("Quality"),
};

export const UNITS = { ms: _t("Time"), pieces: _t("Pieces"), money: _t("Money") };
export const MEASURE_WORDS = { ms: _t("Time"), count: _t("Stops"), pieces: _t("Pieces"), money: _t("Money") };

/** @returns {string} what one step of the way down is called */
export function wordOf({ kind, value, label }) {
    return kind === "step" ? String((STEPS[value] || SIX[value])?.word || value) : label;
}

/** @returns {string} an amount with its unit: "3 h 05 min", "1,250", "$ 312"; "–" for null */
export function formatAmount(value, unit, currency) {
    if (value === null || value === undefined) {
        return "–";
    }
    if (value < 0) {
        const size = formatAmount(-value, unit, currency);
        return size === formatAmount(0, unit, currency) ? size : `−${size}`; // one minus for all units
    }
    if (unit === "money") {
        return formatMoney(value, currency);
    }
    return unit === "ms" ? formatDuration(value) : formatCount(value);
}

/** @returns {string} "▲ 12 min", "▼ 3", "=": more or less than before; "" without a before */
export function formatDelta(change, unit, currency) {
    if (!change) {
        return "";
    }
    const size = formatAmount(Math.abs(change.diff), unit, currency);
    if (!change.diff || size === formatAmount(0, unit, currency)) {
        return "=";
    }
    return `${change.diff > 0 ? "▲" : "▼"}\u00a0${size}`;
}
