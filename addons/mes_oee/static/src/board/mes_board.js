import { Component, onMounted, onWillStart, onWillUnmount, useRef, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { isLoggedOut, problemOf } from "@mes_base/problem/problem";
import { toUrl, useLooks } from "@mes_oee/screen/hooks";
import { LogIn } from "@mes_oee/screen/log_in/log_in";
import { BoardHeader } from "./board_header/board_header";
import { BoardModel } from "./board_model";
import { KpiTile } from "./kpi_tile/kpi_tile";
import { Legend } from "./legend/legend";
import { LineSummary } from "./line_summary/line_summary";
import { LiveFeed } from "./live_feed";
import { MachineRow } from "./machine_row/machine_row";
import { Pace } from "./pace";
import { hourMarks } from "./time_axis";

/** Figures are read again at most this often (real ms), and only because something was heard. */
export const REFRESH_GAP_MS = 5000;
/** With nothing but counts arriving, figures older than this are read again. */
export const REFRESH_AGE_MS = 30000;
/** So long after silence was noticed the server calls the states unknown (real ms). */
const SECOND_LOOK_MS = 5000;
/** A heartbeat may be on its way for so long (real ms). */
const UNHEARD_MS = 1500;

/** The live board of one line: are we winning this shift, and where must somebody go now? */
export class MesBoard extends Component {
    static template = "mes_oee.Board";
    static components = { BoardHeader, KpiTile, Legend, LineSummary, LogIn, MachineRow };
    static props = { ...standardActionServiceProps };
    static path = "mes-board";
    static displayName = _t("Live board");

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.root = useRef("root");
        this.looks = useLooks(this.root);
        this.state = useState({
            phase: "loading",
            stale: null,
            error: "",
            loggedOut: false,
            openCode: null,
            beat: 0,
        });
        this.model = new BoardModel();
        this.lineId = Number(this.props.resId) || false;
        this.asked = 0;
        this.secondLook = null;
        this.pace = new Pace(() => this.refresh(), REFRESH_GAP_MS, REFRESH_AGE_MS);
        this.feed = new LiveFeed(useService("bus_service"), useService("worker_service"), {
            onMessage: (message) => this.onMessage(message),
            onStale: (reason) => this.onStale(reason),
            onReconnect: () => this.pace.ask(),
        });
        onWillStart(() => {
            this.pace.ask(); // not awaited: the skeleton is shown meanwhile
        });
        onMounted(() => this.feed.start());
        onWillUnmount(() => {
            this.isGone = true;
            this.feed.stop();
            this.pace.stop();
            browser.clearTimeout(this.secondLook);
        });
    }

    // ---- data ----

    /** Read the whole board again. A failure keeps what is shown; what an older question is answered is dropped. */
    async refresh() {
        const mine = ++this.asked;
        const isWanted = () => !this.isGone && mine === this.asked;
        try {
            const snapshot = await this.orm.silent.call("mes.board", "snapshot", [this.lineId]);
            if (isWanted()) {
                this.onSnapshot(snapshot);
            }
        } catch (error) {
            if (isWanted()) {
                this.onFailure(error);
            }
        }
    }

    onSnapshot(snapshot) {
        this.state.error = "";
        this.state.loggedOut = false;
        if (!snapshot.machines.length) {
            this.state.phase = "empty";
            return;
        }
        const unheard = this.model.asOf ? snapshot.as_of - this.model.asOf : 0;
        this.model.applySnapshot(snapshot);
        this.lineId = snapshot.line.id;
        toUrl(this.props, { resId: this.lineId }, true);
        this.state.phase = "ready";
        // The server has heard of the plant what we have not: our socket only seems open.
        if (this.state.stale === "silent" && unheard > UNHEARD_MS * snapshot.speed) {
            this.feed.redial();
        }
        this.show();
    }

    onFailure(error) {
        this.state.error = problemOf(error);
        this.state.loggedOut = isLoggedOut(error);
        if (this.state.phase !== "ready") {
            this.state.phase = "error";
        }
    }

    /** @returns {boolean} whether the message is about this line */
    onMessage(message) {
        const { concerns, stateChanged, shiftOver } = this.model.applyLive(message);
        if (!concerns) {
            return false;
        }
        this.state.stale = null;
        browser.clearTimeout(this.secondLook);
        if (stateChanged || shiftOver || this.pace.isAged) {
            this.pace.ask();
        }
        this.show();
        return true;
    }

    onStale(reason) {
        this.state.stale = reason;
        if (reason === "silent") {
            // At once, to learn whether only our socket is dead; and when the server, too, has
            // waited long enough to call the machines' states unknown.
            this.pace.ask();
            browser.clearTimeout(this.secondLook);
            this.secondLook = browser.setTimeout(() => this.pace.ask(), SECOND_LOOK_MS);
        }
    }

    /** The model is plain data: one counter tells OWL that it moved. */
    show() {
        this.state.beat++;
    }

    retry() {
        this.state.phase = this.state.phase === "ready" ? "ready" : "loading";
        return this.refresh();
    }

    // ---- what the template reads ----

    get board() {
        this.state.beat; // read: render again with every beat
        return this.model;
    }

    get marks() {
        const { shift, tz } = this.model.snapshot;
        return shift ? hourMarks(shift, tz) : [];
    }

    /** Between shifts the ribbons show the hours the server chose. */
    get span() {
        return this.model.snapshot.shift || this.model.snapshot.span;
    }

    // ---- what people do ----

    pickLine(id) {
        this.lineId = id;
        this.state.openCode = null;
        this.model = new BoardModel();
        this.state.phase = "loading";
        return this.refresh();
    }

    toggleDetail(machine) {
        this.state.openCode = this.state.openCode === machine.code ? null : machine.code;
    }

    openWorkcenters() {
        return this.action.doAction("mrp.mrp_workcenter_action");
    }

    openMachine(machine) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "mrp.workcenter",
            res_id: machine.id,
            views: [[false, "form"]],
        });
    }

    openStates(machine) {
        return this.openFacts("mes.state.point", _t("States of %s", machine.name), machine);
    }

    openCounts(machine) {
        return this.openFacts("mes.count.point", _t("Counts of %s", machine.name), machine);
    }

    openFacts(model, name, machine) {
        const from = luxon.DateTime.fromMillis(this.span.start, { zone: "utc" });
        return this.action.doAction({
            type: "ir.actions.act_window",
            name,
            res_model: model,
            views: [[false, "list"]],
            domain: [
                ["workcenter_id", "=", machine.id],
                ["at", ">=", from.toFormat("yyyy-MM-dd HH:mm:ss")],
            ],
        });
    }
}

registry.category("actions").add("mes_oee.board", MesBoard);
