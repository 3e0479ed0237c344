import { _t } from "@web/core/l10n/translation";
import { BoardModel, kindOf } from "@mes_oee/board/board_model";
import { nextShiftText } from "@mes_oee/board/format";

/** So many parts of a call's target time may pass before its card says hurry. */
const HURRY = 0.5;
/** Nobody has to go there. */
const QUIET = ["running", "off"];
const DAY = 24 * 3600000;
const STAGES = ["open", "acknowledged", "arrived"];

/**
 * What the wall knows: one snapshot of the server, its machines' states moved on by live messages.
 *
 * Pure state without DOM and without services; times are plant milliseconds.
 */
export class WallModel extends BoardModel {
    /** @param {Object} snapshot answer of mes.andon.wall.snapshot */
    applySnapshot(snapshot) {
        const machines = snapshot.machines.map((machine) => ({ ...machine, ribbon: [], counters: {} }));
        super.applySnapshot({ ...snapshot, machines });
    }

    /** @returns {Object[]} all open calls with their machines, who waits longest for anybody first */
    get calls() {
        return this.machines
            .flatMap((machine) => machine.calls.map((call) => ({ ...call, machine })))
            .sort((one, other) => urgency(one) - urgency(other) || one.raised - other.raised);
    }

    /** @returns {Object[]} groups of machines under the name of their line or area, in the plant's order */
    get groups() {
        const groups = [];
        for (const machine of this.machines) {
            const last = groups.at(-1);
            if (last?.name === machine.line) {
                last.machines.push(machine);
            } else {
                groups.push({ name: machine.line, key: machine.id, machines: [machine] });
            }
        }
        return groups;
    }

    /** @returns {string} key of the palette: what a machine's tile is filled with */
    kind(machine) {
        return kindOf(machine, this.now);
    }

    /** @returns {number|null} since when the machine stands or is silent; null while it runs or rests */
    since(machine) {
        return QUIET.includes(this.kind(machine)) ? null : machine.live?.since ?? machine.live?.at ?? null;
    }

    /** @returns {string} why the machine stands, as far as somebody or its code says, or until when it rests */
    why(machine) {
        const { stop, live } = machine;
        const kind = this.kind(machine);
        if (kind === "running") {
            return "";
        }
        if (kind === "off") {
            const rests = nextShiftText(machine.schedule.next, this.snapshot.tz, this.now);
            return live?.state === "running" ? `${rests} · ${_t("runs all the same")}` : rests;
        }
        const code = live?.code || null;
        return stop?.reason || this.snapshot.reasons[code] || code || "";
    }

    /** How long the call waits for its next stage, and whether it is late. */
    timer(call) {
        const from = call.state === "open" ? call.raised : call[`${call.state}`] ?? call.raised;
        const waited = Math.max(0, this.now - call.raised);
        const allowed = call.target - call.raised;
        const isComing = call.state === "arrived";
        return {
            waited,
            inStage: Math.max(0, this.now - from),
            isLate: !isComing && waited > allowed,
            isHurry: !isComing && waited > HURRY * allowed,
            nextIn: call.next ? Math.max(0, call.next.at - this.now) : null,
        };
    }
}

/** Nobody has seen it, somebody comes, somebody is there. */
function urgency(call) {
    return STAGES.indexOf(call.state);
}

/** @returns {string} what a timer on a wall shows: "4:05", "1:04:05" from an hour on, "2 d" from two days on */
export function formatTimer(ms) {
    if (ms >= 2 * DAY) {
        return _t("%s d", Math.floor(ms / DAY));
    }
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0"));
    const hours = Math.floor(seconds / 3600);
    return hours ? `${hours}:${parts.join(":")}` : `${Math.floor(seconds / 60)}:${parts[1]}`;
}
