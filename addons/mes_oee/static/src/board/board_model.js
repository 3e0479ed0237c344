import { ServerClock } from "./server_clock";

/** A live value this much older than its heartbeat counts as no data, unless the machine says else. */
const DEFAULT_STALE_MS = 5000;
/** Real time between two heartbeats and on the way: fast plant time alone is no reason for doubt. */
const SLACK_MS = 3000;

/**
 * What the board knows: one snapshot of the server, moved on by live messages.
 *
 * Pure state without DOM and without services. Times are plant milliseconds, counts are pieces.
 * States and counts follow the messages at once; figures wait for the next snapshot.
 */
export class BoardModel {
    constructor() {
        this.clock = new ServerClock();
        this.snapshot = null;
        this.machines = [];
        this.byCode = {};
        this.asOf = null;
        this.now = 0;
    }

    /** @param {Object} snapshot answer of mes.board.snapshot */
    applySnapshot(snapshot) {
        this.clock.anchor(snapshot.now, snapshot.speed);
        this.snapshot = snapshot;
        const previous = this.byCode;
        this.machines = snapshot.machines.map((machine) => newest(machine, previous[machine.code], snapshot.now));
        this.byCode = Object.fromEntries(this.machines.map((m) => [m.code, m]));
        this.asOf = Math.max(this.asOf || 0, snapshot.as_of || 0) || null;
        this.now = snapshot.now;
    }

    /**
     * @param {Object} message payload of a mes.live message
     * @returns {{concerns: boolean, stateChanged: boolean, shiftOver: boolean}} whether it is about
     *      this line, and what asks for a new snapshot
     */
    applyLive(message) {
        const result = { concerns: false, stateChanged: false, shiftOver: false };
        if (!this.snapshot) {
            return result;
        }
        const heard = Object.entries(message.machines).filter(([code]) => this.byCode[code]);
        result.concerns = heard.length > 0;
        if (!result.concerns) {
            return result;
        }
        this.clock.anchor(message.server);
        this.now = this.clock.now();
        this.asOf = Math.max(this.asOf || 0, message.at);
        const before = this.machines.map((machine) => kindOf(machine, this.now));
        for (const [code, live] of heard) {
            if (!(live.at < this.byCode[code].live?.at)) {
                this.byCode[code] = movedOn(this.byCode[code], live, this.now);
            }
        }
        this.doubtTheSilent();
        this.machines = this.machines.map((machine) => this.byCode[machine.code]);
        result.stateChanged = this.machines.some((m, index) => kindOf(m, this.now) !== before[index]);
        const { shift, next_shift: next } = this.snapshot;
        result.shiftOver = this.now >= (shift ? shift.end : next || Infinity);
        return result;
    }

    /** Machines without a fresh read have no state any more. */
    doubtTheSilent() {
        for (const [code, machine] of Object.entries(this.byCode)) {
            const limit = (machine.stale_ms || DEFAULT_STALE_MS) + SLACK_MS * this.clock.speed;
            if (machine.live?.state && this.now - machine.live.at > limit) {
                this.byCode[code] = movedOn(machine, { state: null, since: machine.live.at }, this.now);
            }
        }
    }
}

/** Keep the live value already on the screen when the snapshot was read a moment before it. */
function newest(machine, shown, now) {
    const isLater = shown?.live && shown.live.at > (machine.live?.at || 0);
    return isLater ? movedOn(machine, shown.live, now) : machine;
}

/** @returns {Object} the machine with a later live value; a change of state extends its ribbon */
function movedOn(machine, live, now) {
    const counts = { ...machine.live?.counts, ...live.counts };
    const moved = { ...machine, live: { ...machine.live, ...live, counts } };
    const kind = kindOf(moved, now);
    if (kind !== kindOf(machine, now)) {
        moved.ribbon = extended(machine.ribbon, kind, live.since || live.at, live.code || "");
    }
    return moved;
}

/** @returns {Object[]} the ribbon with a new open span; what it said of later times is forgotten */
function extended(ribbon, kind, since, label) {
    const told = ribbon
        .filter((span) => span.start < since)
        .map((span) => (span.end === null || span.end > since ? { ...span, end: since } : span));
    return [...told, { start: since, end: null, kind, label }];
}

/**
 * Outside its shifts a machine is not scheduled, whatever it tells: as the engine books its time.
 *
 * @param {{live: Object|null, schedule?: {until: number|null, next: number|null}}} machine
 * @param {number} now plant time
 * @returns {string} key of the state table
 */
export function kindOf(machine, now) {
    return isScheduled(machine.schedule, now) ? machine.live?.state || "no_data" : "off";
}

function isScheduled(schedule, now) {
    if (!schedule) {
        return true;
    }
    const { until, next } = schedule;
    return (until !== null && now < until) || (next !== null && now >= next);
}

/**
 * Pieces since the shift began, from the live running totals and the totals at its begin.
 *
 * @returns {{total: number|null, good: number|null, reject: number|null}} null: not counted
 */
export function pieces(machine) {
    const byRole = { total: null, good: null, reject: null };
    for (const [name, counter] of Object.entries(machine.counters)) {
        const running = machine.live?.counts?.[name];
        if (counter.role in byRole && running !== undefined) {
            byRole[counter.role] = Math.max(0, running - counter.base) * counter.pieces_per_unit;
        }
    }
    const { total, good, reject } = byRole;
    return {
        total: total ?? (good !== null && reject !== null ? good + reject : null),
        good: good ?? (total !== null && reject !== null ? total - reject : null),
        reject: reject ?? (total !== null && good !== null ? total - good : null),
    };
}
