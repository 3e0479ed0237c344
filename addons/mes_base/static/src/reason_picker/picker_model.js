/** What the reason picker knows, without a screen: searching, scanning, keys. */

/** Keys that follow each other faster come from a scanner: a hand is slower, the fastest typist too. */
export const SCAN_GAP_MS = 45;
/** So long a digit waits for more: then a hand pressed it. */
export const DIGIT_WAIT_MS = 60;
/** A scan is at least so long. */
export const SCAN_LENGTH = 3;
export const TILES = 8;

/**
 * @typedef {Object} Reason
 * @property {number} id
 * @property {string} name
 * @property {string|null} code
 * @property {string} icon
 * @property {boolean} needs_comment
 * @property {number|null} max_minutes
 * @property {boolean} [choosable]
 * @property {Reason[]} [children]
 */

/**
 * Every reason of a forest that can be chosen, with the names above it.
 *
 * @param {Reason[]} tree
 * @param {string[]} [above]
 * @returns {(Reason & {path: string})[]}
 */
export function flatten(tree, above = []) {
    return tree.flatMap((reason) => [
        ...(reason.choosable ? [{ ...reason, path: above.join(" › ") }] : []),
        ...flatten(reason.children, [...above, reason.name]),
    ]);
}

/**
 * The reasons whose name, path or code has every word; those whose code or name begins with the text first.
 *
 * @param {(Reason & {path: string})[]} reasons
 * @param {string} text
 */
export function search(reasons, text) {
    const wanted = plain(text).trim();
    const words = wanted.split(/\s+/);
    const found = reasons.filter((reason) => {
        const told = plain(`${reason.name} ${reason.path} ${reason.code || ""}`);
        return words.every((word) => told.includes(word));
    });
    const begins = (reason) =>
        plain(reason.code || "").startsWith(wanted) || plain(reason.name).startsWith(wanted);
    return [...found.filter(begins), ...found.filter((reason) => !begins(reason))];
}

/**
 * The reason that carries a code, as scanned: upper and lower case alike.
 *
 * @param {Reason[]} reasons
 * @param {string} code
 */
export function byCode(reasons, code) {
    const wanted = code.trim().toUpperCase();
    return wanted ? reasons.find((reason) => (reason.code || "").toUpperCase() === wanted) : undefined;
}

/** Lower case, without accents: "Rüsten" is found by "rusten". */
function plain(text) {
    return text
        .normalize("NFD")
        .replace(/[\u0300-\u036f]/g, "")
        .toLowerCase();
}

/**
 * Tells a scanner from a hand by the pace of its keys.
 *
 * `key` takes each printable key and "Enter" with its time in ms; it answers with the scanned text when an
 * Enter ends a run that was too fast for a hand, else with null.
 */
export class Wedge {
    constructor() {
        this.reset();
    }

    reset() {
        this.text = "";
        this.at = -Infinity;
    }

    /** Whether the keys so far could be the beginning of a scan. */
    get running() {
        return this.text.length > 1;
    }

    key(key, at) {
        const quick = at - this.at <= SCAN_GAP_MS;
        this.at = at;
        if (key === "Enter") {
            const scanned = quick && this.text.length >= SCAN_LENGTH ? this.text : null;
            this.reset();
            return scanned;
        }
        this.text = quick ? this.text + key : key;
        return null;
    }
}
