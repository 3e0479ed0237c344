import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Legend } from "@mes_oee/board/legend/legend";
import { LiveFeed } from "@mes_oee/board/live_feed";
import { Pace } from "@mes_oee/board/pace";
import { openBacklog } from "@mes_oee/screen/backlog";
import { formatDate, formatSpan } from "@mes_oee/screen/format";
import { UNDO_MS, toUrl, useReading, useScreenState } from "@mes_oee/screen/hooks";
import { PlacePicker } from "@mes_oee/screen/place_picker/place_picker";
import { Screen } from "@mes_oee/screen/screen";
import { Changeover } from "./changeover/changeover";
import { HourPanel } from "./hour_panel/hour_panel";
import { HourRow } from "./hour_row/hour_row";
import { Overtime } from "./overtime/overtime";
import { ShiftBoardModel } from "./shift_board_model";
import { ShiftSummary } from "./shift_summary/shift_summary";
import { StopPanel } from "./stop_panel/stop_panel";

/** After a change of state figures are read again, at most this often (real ms). */
export const STATE_GAP_MS = 5000;
const TICK_MS = 1000;
const KINDS = ["stop", "word", "setup", "order", "calendar"];

/** One shift of a line, a row an hour: are we winning it, and which hour lost it? */
export class ShiftBoard extends Component {
    static template = "mes_oee.ShiftBoard";
    static components = { Changeover, HourPanel, HourRow, Legend, Overtime, PlacePicker, Screen, ShiftSummary, StopPanel };
    static props = { ...standardActionServiceProps };
    static path = "mes-shift-board";
    static displayName = _t("Shift board");

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.placeId = Number(this.props.resId) || false;
        this.screen = useScreenState(this.props, { at: 0 });
        this.day = "";
        this.model = new ShiftBoardModel();
        // `open` is the hour or the stop whose panel stands beside the board: {hour} or {stop}, ms.
        this.state = useState({ beat: 0, open: null });
        this.reading = useReading(() => this.read(), {
            isEmpty: (data) => !data.shift,
            onData: (data) => this.onData(data),
            kinds: KINDS,
            concerns: (event) => this.concerns(event),
        });
        this.pace = new Pace(() => this.reading.reload(), STATE_GAP_MS, STATE_GAP_MS);
        this.feed = new LiveFeed(useService("bus_service"), useService("worker_service"), {
            onMessage: (message) => this.onMessage(message),
            onStale: (reason) => this.onStale(reason),
            onReconnect: () => {}, // the floor's feed reads again
        });
        onMounted(() => {
            this.feed.start();
            this.ticking = browser.setInterval(() => this.tick(), TICK_MS);
        });
        onWillUnmount(() => {
            browser.clearInterval(this.ticking);
            this.feed.stop();
            this.pace.stop();
        });
    }

    // ---- data ----

    read() {
        const { at } = this.screen.values;
        return this.orm.silent.call("mes.shift.board", "snapshot", [this.placeId, at || false, this.day || false]);
    }

    onData(data) {
        if (data.place) {
            this.placeId = data.place.id;
            toUrl(this.props, { resId: data.place.id }, true);
        }
        if (this.day && data.shift) {
            this.day = "";
            this.screen.set({ at: data.shift.phase === "now" ? 0 : data.shift.start }, { replace: true });
        }
        if (data.shift) {
            this.model.apply(data);
        }
    }

    concerns(event) {
        const { machine, output, elsewhere } = this.reading.data || {};
        const shown = [machine?.id, output?.id, ...(elsewhere?.machines || [])];
        return !machine || shown.some((id) => event.machines.includes(id));
    }

    /** @returns {boolean} whether the message is about this place */
    onMessage(message) {
        if (this.reading.phase !== "ready") {
            return false;
        }
        const { concerns, stateChanged } = this.model.applyLive(message);
        if (concerns && this.reading.stale === "silent") {
            this.reading.stale = null;
        }
        if (stateChanged) {
            this.pace.ask();
        }
        return concerns;
    }

    /** Only a shift that is on can be silent; a lost connection is told by the floor's feed. */
    onStale(reason) {
        if (reason === "silent" && this.model.isNow) {
            this.reading.stale ??= "silent";
        }
    }

    /** Once a second the present moves on. */
    tick() {
        if (this.reading.phase !== "ready") {
            return;
        }
        if (this.model.isOver && !this.screen.values.at) {
            this.pace.ask();
        }
        if (this.model.isNow) {
            this.state.beat++;
        }
    }

    // ---- what the template reads ----

    get board() {
        this.state.beat; // read: render again with every beat
        return this.model;
    }

    get data() {
        return this.reading.data;
    }

    get shiftText() {
        const { shift, tz } = this.data;
        return [shift.name, formatSpan(shift.start, shift.end, tz), shift.crew].filter(Boolean).join(" · ");
    }

    get dateText() {
        return formatDate(this.data.shift.business_date);
    }

    get lastRow() {
        return this.model.hours.filter((hour) => hour.phase !== "future").at(-1) || null;
    }

    get openHour() {
        const { open } = this.state;
        return open?.hour ? this.model.hours.find((hour) => hour.start === open.hour) : null;
    }

    get openStop() {
        const { open } = this.state;
        return open?.stop ? this.model.stop(open.stop) : null;
    }

    get minutes() {
        return [0, 10, 20, 30, 40, 50, 60].map((minute) => ({ minute, left: (100 * minute) / 60 }));
    }

    // ---- what people do ----

    pickPlace(key) {
        this.placeId = Number(key.split("-")[1]);
        this.close();
        return this.reading.restart();
    }

    /** Another shift: by its beginning, or (0) the present one. */
    pickShift(at) {
        this.close();
        this.screen.set({ at: at || 0 });
        return this.reading.restart();
    }

    pickNext() {
        const { next } = this.data.shift;
        return this.pickShift(next <= this.data.now ? next : 0);
    }

    pickDay(day) {
        if (day) {
            this.close();
            this.day = day;
            return this.reading.restart();
        }
    }

    openHourPanel(hour) {
        this.remember();
        this.state.open = { hour };
    }

    openStopPanel(stop) {
        if (stop.id) {
            this.remember();
            this.state.open = { stop: stop.start };
        } else {
            this.notification.add(_t("This stop was just seen; it can be explained in a moment."), { type: "info" });
        }
    }

    explainNext() {
        const [stop] = this.model.unexplained;
        if (stop) {
            this.openStopPanel(stop);
        }
    }

    /** Where the keyboard was comes back when the panel closes. */
    remember() {
        if (!this.state.open) {
            this.returnTo = document.activeElement;
        }
    }

    close() {
        this.state.open = null;
        if (this.returnTo?.isConnected) {
            this.returnTo.focus({ preventScroll: true });
        }
    }

    /** What the line's other machines did not explain, in the list. */
    openElsewhere() {
        return openBacklog(this.action, { ...this.data.elsewhere, name: this.data.place.name });
    }

    onExplained({ stop, reason, overrideIds }) {
        const takeBack = this.notification.add(_t("Reason given: %s", reason.name), {
            type: "success",
            autocloseDelay: UNDO_MS,
            buttons: [
                {
                    name: _t("Undo"),
                    onClick: async () => {
                        takeBack();
                        await this.orm.call("mes.stop", "undo", [[stop.id], overrideIds]);
                        this.reading.reload();
                    },
                },
            ],
        });
        this.close();
        this.reading.reload();
    }

    get reportAddress() {
        return `/mes/shift-report/${this.data.place.id}/${this.data.shift.start}.pdf`;
    }

    openSetup() {
        const action = this.data?.place ? "mes_base.mes_shift_pattern_action" : "mrp.mrp_workcenter_action";
        return this.action.doAction(action);
    }
}

registry.category("actions").add("mes_oee.shift_board", ShiftBoard);
