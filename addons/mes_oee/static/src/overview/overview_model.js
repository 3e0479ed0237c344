/**
 * What the plant overview knows: the places of one snapshot, which of them are open, and in what order.
 *
 * Pure functions without DOM and without services. A place is
 * {key, kind: "site"|"area"|"line"|"machine", id, name, depth, parent, figures, before, targets, limit, curve,
 * machines, from, until, unexplained, calls, silent, unheard}: `figures` {oee, availability, performance, quality,
 * coverage, reason, lost_ms, lost_pieces, good, target}; ratios plain fractions, null where there is no figure.
 */

export const SORTS = ["lost", "oee", "name", "plant"];
const NOTHING_OPEN = "none";

const ORDERS = {
    lost: (place) => -(place.figures.lost_ms ?? -Infinity),
    oee: (place) => place.figures.oee ?? Infinity,
};

/** The worst first; what has no figure comes last, and equals stay in the plant's order. */
function sorted(places, sort) {
    if (sort === "name") {
        const collator = new Intl.Collator(undefined, { numeric: true });
        return [...places].sort((one, other) => collator.compare(one.name, other.name));
    }
    const rank = ORDERS[sort];
    return rank ? [...places].sort((one, other) => compare(rank(one), rank(other))) : places;
}

function compare(one, other) {
    return one === other ? 0 : one < other ? -1 : 1;
}

/** @returns {Map<string|null, Object[]>} the places under each place's key, in the plant's order */
export function childrenOf(places) {
    const found = new Map();
    for (const place of places) {
        const key = place.parent ?? null;
        found.set(key, [...(found.get(key) || []), place]);
    }
    return found;
}

/**
 * @param {Object[]} places
 * @param {{sort: string, open: Set<string>}} chosen
 * @returns {Object[]} rows of the tree: {place, level, position, size, hasChildren, isOpen}; position and
 *      size among its siblings from 1
 */
export function treeRows(places, { sort, open }) {
    const children = childrenOf(places);
    const rows = [];
    const walk = (parent, level) => {
        const siblings = sorted(children.get(parent) || [], sort);
        siblings.forEach((place, index) => {
            const hasChildren = children.has(place.key);
            const isOpen = hasChildren && open.has(place.key);
            rows.push({ place, level, position: index + 1, size: siblings.length, hasChildren, isOpen });
            if (isOpen) {
                walk(place.key, level + 1);
            }
        });
    };
    walk(null, 1);
    return rows;
}

/**
 * What a key does to the tree, as treegrids do it.
 *
 * @param {Object[]} rows
 * @param {string} current key of the row that has the focus
 * @param {string} key "ArrowDown", …
 * @returns {{focus?: string, toggle?: string}|null} null: the key means nothing here
 */
export function pressed(rows, current, key) {
    const at = Math.max(0, rows.findIndex((row) => row.place.key === current));
    const row = rows[at];
    const to = (index) => ({ focus: rows[Math.min(rows.length - 1, Math.max(0, index))].place.key });
    switch (key) {
        case "ArrowDown":
            return to(at + 1);
        case "ArrowUp":
            return to(at - 1);
        case "Home":
            return to(0);
        case "End":
            return to(rows.length - 1);
        case "ArrowRight":
            if (!row.hasChildren) {
                return null;
            }
            return row.isOpen ? to(at + 1) : { toggle: row.place.key };
        case "ArrowLeft":
            if (row.isOpen) {
                return { toggle: row.place.key };
            }
            return row.place.parent ? { focus: row.place.parent } : null;
        case "Enter":
        case " ":
            return row.hasChildren ? { toggle: row.place.key } : null;
    }
    return null;
}

/** @returns {Set<string>} what is open: as the address says, or as the server proposes */
export function openSet(address, proposed = []) {
    if (!address) {
        return new Set(proposed);
    }
    return new Set(address === NOTHING_OPEN ? [] : address.split("."));
}

/** @returns {string} for the address */
export function openText(open) {
    return open.size ? [...open].join(".") : NOTHING_OPEN;
}

/** @returns {Set<string>} with the key turned */
export function toggled(open, key) {
    const found = new Set(open);
    if (!found.delete(key)) {
        found.add(key);
    }
    return found;
}

/**
 * How a place stands against the span before.
 *
 * @returns {{points: number, word: "better"|"worse"|"same"}|null} percentage points of OEE
 */
export function delta(place) {
    const { oee } = place.figures;
    if (typeof oee !== "number" || typeof place.before.oee !== "number") {
        return null;
    }
    const points = Math.round(1000 * (oee - place.before.oee)) / 10;
    return { points, word: points > 0 ? "better" : points < 0 ? "worse" : "same" };
}

/**
 * @param {(number|null)[]} points plain fractions, from left to right
 * @returns {string[]} SVG polylines in a box of 100 by 100; a gap begins a new one
 */
export function curveLines(points) {
    const step = points.length > 1 ? 100 / (points.length - 1) : 0;
    const lines = [[]];
    points.forEach((point, index) => {
        if (typeof point === "number") {
            const height = 100 * (1 - Math.min(1, Math.max(0, point)));
            lines.at(-1).push(`${round(index * step)},${round(height)}`);
        } else if (lines.at(-1).length) {
            lines.push([]);
        }
    });
    return lines.filter((line) => line.length).map((line) => line.join(" "));
}

function round(value) {
    return Math.round(value * 10) / 10;
}

/**
 * Which line or machine stands for a place on a screen that shows only one: itself, or the one below
 * it that has lost the most.
 */
export function worstBelow(places, place, kinds) {
    if (kinds.includes(place.kind)) {
        return place;
    }
    const children = childrenOf(places);
    const all = [];
    const walk = (key) => {
        for (const child of children.get(key) || []) {
            if (kinds.includes(child.kind)) {
                all.push(child);
            } else {
                walk(child.key);
            }
        }
    };
    walk(place.key);
    return sorted(all, "lost")[0] || null;
}

/** @returns {number[]} ids of the machines at a place */
export function machinesAt(places, place) {
    if (place.kind === "machine") {
        return [place.id];
    }
    return places.filter((one) => one.parent === place.key).flatMap((one) => machinesAt(places, one));
}
