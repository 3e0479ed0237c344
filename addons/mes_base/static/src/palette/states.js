import { _t } from "@web/core/l10n/translation";

/**
 * Icon and word of every state: colour is never the only carrier.
 * The colours are in palette.scss, under the same keys.
 *
 * @type {Record<string, {icon: string, word: string}>}
 */
export const STATES = {
    running: { icon: "fa-play", word: _t("Running") },
    idle: { icon: "fa-pause", word: _t("Idle") },
    down: { icon: "fa-stop", word: _t("Down") },
    minor: { icon: "fa-bolt", word: _t("Minor stop") },
    setup: { icon: "fa-exchange", word: _t("Set-up") },
    maintenance: { icon: "fa-wrench", word: _t("Maintenance") },
    planned: { icon: "fa-coffee", word: _t("Planned stop") },
    no_data: { icon: "fa-question", word: _t("No data") },
    off: { icon: "fa-moon-o", word: _t("Not scheduled") },
};

/** Why a machine is idle, as its interlock says. */
export const INTERLOCKS = {
    starved: _t("Starved"),
    blocked: _t("Blocked"),
};

/**
 * @param {string|null|undefined} kind
 * @returns {{icon: string, word: string}} entry of `kind`; unknown kinds read as no data
 */
export function stateOf(kind) {
    return STATES[kind] || STATES.no_data;
}
