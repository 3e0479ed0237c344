import { Component, markRaw, onMounted, onWillStart, onWillUnmount, useExternalListener, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Legend } from "@mes_oee/board/legend/legend";
import { CHANNEL, MESSAGE } from "@mes_oee/board/live_feed";
import { Pace } from "@mes_oee/board/pace";
import { Provenance } from "@mes_oee/provenance/provenance";
import { READ_AGE_MS, READ_GAP_MS, useReading, useScreenState } from "@mes_oee/screen/hooks";
import { PlacePicker } from "@mes_oee/screen/place_picker/place_picker";
import { Screen } from "@mes_oee/screen/screen";
import { SpanPanel } from "./span_panel/span_panel";
import { SpanPicker } from "./span_picker/span_picker";
import { StopList } from "./stop_list/stop_list";
import { StopPanel } from "./stop_panel/stop_panel";
import { keyTask } from "./timeline_keys";
import { TimelinePlot } from "./timeline_plot/timeline_plot";
import { TimelineStore } from "./timeline_store";
import { useStopWork } from "./use_stop_work";

const DAY = 24 * 3600000;
/** A view that moves is read when it has rested so long (ms). */
const REST_MS = 140;
const TICK_MS = 1000;

/** What happened, and what is still unexplained? */
export class MesTimeline extends Component {
    static template = "mes_oee.Timeline";
    static components = { Legend, PlacePicker, Provenance, Screen, SpanPanel, SpanPicker, StopList, StopPanel, TimelinePlot };
    static props = { ...standardActionServiceProps };
    static path = "mes-timeline";
    static displayName = _t("Timeline");

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.address = useScreenState(this.props, {
            scope: "", from: 0, to: 0, last: DAY, stop: "", details: false, open: false,
        }); // prettier-ignore
        const { from, to, last, stop } = this.address.values;
        const chosen = stop.split(",").map(Number).filter(Boolean);
        this.store = markRaw(new TimelineStore({ from, to, last, chosen }));
        this.state = useState({ beat: 0, places: [], isSeveral: false, said: "" });
        this.isFirst = true;
        this.reading = useReading(() => this.read(), {
            isEmpty: (answer) => !answer.machines.length,
            onData: (answer) => this.onData(answer),
            concerns: (event) => event.machines.some((id) => this.store.rows.has(id)),
        });
        this.work = useStopWork(this);
        this.useLive();
        useExternalListener(window, "keydown", (ev) => this.onKey(ev));
        onWillStart(() => {
            this.readPlaces();
        });
        onWillUnmount(() => browser.clearTimeout(this.rest));
    }

    /** States come by the live lane before the facts do: a change asks for a reading; and time goes on. */
    useLive() {
        const bus = useService("bus_service");
        const pace = new Pace(() => this.reading.reload(), READ_GAP_MS, READ_AGE_MS);
        const onLive = (message) => {
            if (this.store.isNews(message)) {
                pace.ask();
            }
        };
        onMounted(() => {
            bus.subscribe(MESSAGE, onLive);
            bus.addChannel(CHANNEL);
            this.ticking = browser.setInterval(() => this.store.tick() && this.moved(), TICK_MS);
        });
        onWillUnmount(() => {
            bus.unsubscribe(MESSAGE, onLive);
            bus.deleteChannel(CHANNEL);
            pace.stop();
            browser.clearInterval(this.ticking);
        });
    }

    // ---- data ----

    read() {
        const { scope, details } = this.address.values;
        const { start, end, pixel } = this.store.view.wanted(this.isFirst ? 0 : undefined);
        return this.orm.silent.call("mes.timeline.screen", "draw", [scope, start, end, pixel, details]);
    }

    onData(answer) {
        this.store.apply(answer);
        this.isFirst = false;
        this.state.beat++;
        this.work.refresh();
        this.readIfNeeded();
    }

    async readPlaces() {
        try {
            this.state.places = await this.orm.silent.call("mes.screen", "places", []);
        } catch {
            this.state.places = []; // what is wrong is told by the reading of the lanes
        }
    }

    /** The view has become another: draw it from what is known, and read what is missing when it rests. */
    moved() {
        this.state.beat++;
        browser.clearTimeout(this.rest);
        this.rest = browser.setTimeout(() => this.settle(), REST_MS);
    }

    settle() {
        this.address.set(this.store.address, { replace: true });
        this.readIfNeeded();
    }

    readIfNeeded() {
        if (this.store.data && !this.store.isServed) {
            this.reading.reload();
        }
    }

    // ---- what the template reads ----

    get shown() {
        this.state.beat; // the store is plain data: the beat says that it moved
        return this.store;
    }

    get scopeName() {
        return this.shown.data?.scope.name || "";
    }

    get scopeKey() {
        return this.address.values.scope || this.shown.data?.scope.key || "";
    }

    get unlisted() {
        return this.shown.data.rows.reduce((sum, row) => sum + row.unlisted, 0);
    }

    get stops() {
        return this.shown.stops({ onlyOpen: this.address.values.open });
    }

    /** What the chosen stop cost, while that is open. */
    get lost() {
        const { task, stops } = this.work.state;
        const [stop] = stops;
        if (task !== "lost" || stops.length !== 1) {
            return null;
        }
        const { id, machine, from_ms: start, until_ms, seen_ms, tz } = stop;
        const label = [machine.name, stop.effective?.name || _t("Lost")].join(" · ");
        return { scope: ["mrp.workcenter", [machine.id]], start, end: until_ms ?? seen_ms, money: { stop: id }, label, tz };
    }

    // ---- time ----

    onView(change, factor, x) {
        if (change) {
            this.store.look(change(this.store.view));
        } else {
            this.store.zoom(factor, x);
        }
        this.moved();
    }

    onWidth(width) {
        this.store.view = this.store.view.sized(width);
        this.moved();
    }

    zoom(factor) {
        this.onView(null, factor, this.store.view.width / 2);
    }

    step(share) {
        this.onView((view) => view.panned(-share * view.width));
    }

    show(start, end) {
        this.store.look(this.store.view.showing(start, end));
        this.moved();
    }

    follow(span) {
        const { view, now } = this.store;
        this.store.look(span ? view.showing(now - span, now) : view, true);
        this.moved();
    }

    // ---- choices ----

    pickScope(key) {
        this.work.close();
        this.address.set({ scope: key });
        this.isFirst = true;
        this.store.data = null;
        return this.reading.restart();
    }

    toggle(name) {
        this.address.set({ [name]: !this.address.values[name] }, { replace: true });
        this.state.beat++;
        if (name === "details") {
            this.reading.reload();
        }
    }

    toggleSeveral() {
        this.state.isSeveral = !this.state.isSeveral;
    }

    /** The next stop, or the one before; beyond what was read the server is asked. */
    async go(forward, onlyOpen = true, machineId = null) {
        let stop = this.store.next(forward, { onlyOpen, machineId });
        if (!stop && onlyOpen) {
            const { place, view } = this.store;
            const at = place ? place.start : forward ? view.end : view.start;
            const found = await this.orm.silent.call("mes.timeline.screen", "seek", [this.scopeKey, at, forward]);
            stop = found && { id: found.id, machineId: found.machine, start: found.start, end: found.end };
        }
        if (!stop) {
            this.state.said = onlyOpen ? _t("Nothing more to explain") : _t("No more stops in this span");
            return;
        }
        this.work.choose([stop.id]);
        this.store.place = { id: stop.id, start: stop.start };
        this.store.look(this.store.view.revealing(stop.start, stop.end), this.store.isFollowing && stop.live);
        this.moved();
        document.querySelector(`.o_mes_timeline [data-machine="${stop.machineId}"] .mes-tl-plot`)?.focus();
    }

    onChoose(stop, isMore, span = null) {
        if (isMore || this.state.isSeveral) {
            return stop && this.work.toggle(stop.id);
        }
        return this.work.choose(stop ? [stop.id] : [], stop?.needs ? "explain" : "", span);
    }

    onKey(ev) {
        keyTask(this, ev);
    }

    openMachine(id) {
        return this.action.doAction({
            type: "ir.actions.act_window", res_model: "mrp.workcenter", res_id: id, views: [[false, "form"]],
        }); // prettier-ignore
    }

    openWorkcenters() {
        return this.action.doAction("mrp.mrp_workcenter_action");
    }
}

registry.category("actions").add("mes_oee.timeline", MesTimeline);
