import { ServerClock } from "@mes_oee/board/server_clock";
import { readAnswer } from "./timeline_data";
import { View, endOf, neighbour } from "./timeline_model";

const DAY = 24 * 3600 * 1000;
/** Palette kinds for a live state that the effective lane may call otherwise: no news in that. */
const SAME = { down: ["down", "minor", "planned"], idle: ["idle", "minor", "planned"] };

/**
 * What the timeline knows and shows: the view, the last answer of the server, the present, what is chosen.
 * Plain state without DOM and services; what is on the screen is drawn from it.
 */
export class TimelineStore {
    /**
     * @param {{from: number, to: number, last: number, chosen: number[]}} asked a fixed span, or the last
     *      so many ms up to the present
     */
    constructor({ from, to, last, chosen }) {
        this.clock = new ServerClock();
        this.clock.anchor(Date.now(), 1);
        this.isFollowing = !(from && to > from);
        const span = last || DAY;
        this.view = this.isFollowing ? new View(0, span, 1000) : new View(from, to, 1000);
        this.data = null;
        this.now = this.clock.now();
        if (this.isFollowing) {
            this.view = this.view.following(this.now);
        }
        this.chosen = new Set(chosen);
        this.place = null;
    }

    /** @param {Object} answer of mes.timeline.screen.draw */
    apply(answer) {
        this.clock.anchor(answer.now, answer.speed);
        this.data = readAnswer(answer);
        this.tick();
    }

    /** @returns {boolean} whether the picture has moved by as much as half a pixel since `this.now` last did */
    tick() {
        const now = this.clock.now();
        if (Math.abs(now - this.now) < this.view.pixelMs / 2) {
            return false;
        }
        const wasSeen = this.now >= this.view.start && this.now <= this.view.end;
        this.now = now;
        if (this.isFollowing) {
            this.view = this.view.following(now);
        }
        return wasSeen || this.isFollowing;
    }

    /** Another view chosen by a person: it stays where it is, unless it is to follow the present. */
    look(view, isFollowing = false) {
        this.isFollowing = isFollowing;
        this.view = isFollowing ? view.following(this.now) : view;
    }

    /** Zooming while following keeps the present in its place. */
    zoom(factor, x) {
        this.look(this.view.zoomed(factor, this.isFollowing ? this.view.x(this.now) : x), this.isFollowing);
    }

    get tz() {
        return this.data?.tz || "UTC";
    }

    get rows() {
        return this.data?.byId || new Map();
    }

    get isServed() {
        return Boolean(this.data) && this.view.isServedBy(this.data);
    }

    /** Stops within the view, those of all rows, in order of time. */
    stops({ onlyOpen = false, machineId = null } = {}) {
        const found = [];
        for (const row of this.data?.rows || []) {
            if (machineId !== null && row.id !== machineId) {
                continue;
            }
            for (const stop of row.stops) {
                const isSeen = endOf(stop, this.now) > this.view.start && stop.start < this.view.end;
                if (isSeen && (!onlyOpen || stop.needs)) {
                    found.push(stop);
                }
            }
        }
        return found.sort((a, b) => a.start - b.start || a.id - b.id);
    }

    /** @returns {Object|undefined} a stop that was read */
    stop(id) {
        for (const row of this.data?.rows || []) {
            const found = row.stops.find((stop) => stop.id === id);
            if (found) {
                return found;
            }
        }
    }

    /**
     * The stop to go to from the one chosen last; null: none within what was read. A stop that a reason has
     * made a planned one is a stop no more, but still the place to go on from.
     */
    next(forward, options) {
        return neighbour(this.stops(options), this.place, forward);
    }

    choose(ids) {
        this.chosen = new Set(ids);
        this.remember(ids.at(-1));
    }

    toggle(id) {
        this.chosen = new Set(this.chosen);
        this.chosen[this.chosen.has(id) ? "delete" : "add"](id);
        this.remember(id);
    }

    remember(id) {
        const stop = this.stop(id);
        this.place = stop ? { id: stop.id, start: stop.start } : this.place;
    }

    /** @returns {Object|undefined} the shift around the middle of the view, or around the present */
    get shift() {
        const at = this.isFollowing ? this.now : (this.view.start + this.view.end) / 2;
        return this.data?.rows[0]?.shifts.find((shift) => shift.start <= at && at < shift.end);
    }

    /** @returns {boolean} whether a live message tells another state of a machine than is drawn */
    isNews(message) {
        if (!this.data?.live) {
            return false;
        }
        return this.data.rows.some((row) => {
            const live = message.machines[row.code];
            const drawn = row.state.at(-1)?.kind;
            return live?.state && drawn !== "off" && drawn !== live.state && !SAME[live.state]?.includes(drawn);
        });
    }

    /** What keys of the address stand for the view. */
    get address() {
        const { start, end, span } = this.view;
        return this.isFollowing ? { from: 0, to: 0, last: span } : { from: start, to: end, last: DAY };
    }
}
