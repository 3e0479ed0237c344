import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { problemOf } from "@mes_base/problem/problem";
import { Legend } from "@mes_oee/board/legend/legend";
import { BusFeed } from "@mes_oee/screen/bus_feed";
import { PlacePicker } from "@mes_oee/screen/place_picker/place_picker";
import { Screen } from "@mes_oee/screen/screen";
import { useReading, useScreenState } from "@mes_oee/screen/hooks";
import { CallCard } from "./call_card/call_card";
import { MachinePanel } from "./machine_panel/machine_panel";
import { MachineTile } from "./machine_tile/machine_tile";
import { WallModel } from "./wall_model";

const LIVE_CHANNEL = "mes_live";
const LIVE_MESSAGE = "mes.live";
const TICK_MS = 1000;

/** The andon wall of a site, an area or a line: where must somebody go now? */
export class MesAndon extends Component {
    static template = "mes_oee.Andon";
    static components = { CallCard, Legend, MachinePanel, MachineTile, PlacePicker, Screen };
    static props = { ...standardActionServiceProps };
    static path = "mes-andon";
    static displayName = _t("Andon wall");

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.chosen = useScreenState(this.props, { place: "" });
        this.state = useState({ beat: 0, openId: null, isBusy: false });
        this.model = new WallModel();
        this.reading = useReading(() => this.read(), {
            isEmpty: (snapshot) => !snapshot.machines.length,
            onData: (snapshot) => this.model.applySnapshot(snapshot),
        });
        this.live = new BusFeed(useService("bus_service"), useService("worker_service"), LIVE_CHANNEL, LIVE_MESSAGE, {
            onMessage: (message) => this.onLive(message),
            onDisconnect: () => {},
            onReconnect: () => this.reading.reload(),
        }); // prettier-ignore
        onMounted(() => {
            this.live.start();
            this.timer = browser.setInterval(() => this.tick(), TICK_MS);
        });
        onWillUnmount(() => {
            this.live.stop();
            browser.clearInterval(this.timer);
        });
    }

    async read() {
        const snapshot = await this.orm.silent.call("mes.andon.wall", "snapshot", [this.chosen.values.place]);
        this.places = snapshot.places;
        return snapshot;
    }

    onLive(message) {
        if (this.model.snapshot && this.model.applyLive(message).stateChanged) {
            this.state.beat++;
        }
    }

    /** Timers go on, and who was not heard of is doubted. */
    tick() {
        if (this.reading.phase === "ready") {
            this.model.now = this.model.clock.now();
            this.model.doubtTheSilent();
            this.state.beat++;
        }
    }

    // ---- what the template reads ----

    get wall() {
        this.state.beat; // read: render again with every beat
        this.reading.data;
        return this.model;
    }

    get opened() {
        return this.wall.machines.find((machine) => machine.id === this.state.openId);
    }

    forMs(machine) {
        const since = this.model.since(machine);
        return since === null ? null : Math.max(0, this.model.now - since);
    }

    /** The kinds that may be called at a machine: those of its area or of all. */
    kindsAt(machine) {
        const { kinds } = this.model.snapshot;
        return kinds.filter((kind) => !kind.areas.length || kind.areas.includes(machine.area));
    }

    // ---- what people do ----

    pickPlace(place) {
        this.chosen.set({ place });
        this.state.openId = null;
        return this.reading.restart();
    }

    open(machine) {
        this.state.openId = this.state.openId === machine.id ? null : machine.id;
    }

    close() {
        this.state.openId = null;
    }

    act(call, method) {
        return this.doIt(() => this.orm.call("mes.andon.call", method, [[call.id]]));
    }

    call(machine, kind, comment) {
        const stop = machine.stop?.id || false;
        return this.doIt(() =>
            this.orm.call("mes.andon.call", "call", [machine.id, kind.id], { comment: comment || null, stop_id: stop })
        );
    }

    /** One press at a time; what went wrong is said, and the wall is read again in either case. */
    async doIt(work) {
        this.state.isBusy = true;
        try {
            await work();
        } catch (error) {
            this.notification.add(problemOf(error), { type: "danger" });
        } finally {
            await this.reading.reload();
            this.state.isBusy = false;
        }
    }

    openTimeline(machine) {
        return this.action.doAction("mes_oee.action_timeline", {
            additionalContext: { mes_screen: { scope: `machine-${machine.id}` } },
        });
    }

    openWorkcenters() {
        return this.action.doAction("mrp.mrp_workcenter_action");
    }
}

registry.category("actions").add("mes_oee.andon", MesAndon);
