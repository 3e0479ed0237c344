import { Component, onMounted, onPatched, onWillUnmount, useRef, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { stateOf, STATES } from "@mes_base/palette/states";
import { formatClock, formatDate, formatDuration } from "@mes_oee/screen/format";
import { Gestures } from "../gestures";
import { MachineLanes } from "../machine_lanes/machine_lanes";
import { Surface } from "../surface";
import { REACH_PX, hitBar, hitStop } from "../timeline_model";
import { TimeRuler } from "../time_ruler/time_ruler";

/** Of a machine that shouts, so many alarms are named. */
const MOST_ALARMS = 3;

/** Ruler and rows: what can be looked at, moved, zoomed and chosen by hand. */
export class TimelinePlot extends Component {
    static template = "mes_oee.TimelinePlot";
    static components = { MachineLanes, TimeRuler };
    static props = {
        store: Object,
        /** Grows whenever the store has become another. */
        beat: Number,
        details: Boolean,
        onlyOpen: Boolean,
        /** {stopId, machineId, at: ms} while a stop is being split, else null. */
        split: { type: [Object, { value: null }] },
        onView: Function,
        onWidth: Function,
        onChoose: Function,
        onSplitAt: Function,
        onOpenMachine: Function,
    };

    setup() {
        this.root = useRef("root");
        this.swatches = useRef("swatches");
        this.kinds = Object.keys(STATES);
        this.state = useState({ tip: null });
        this.surface = new Surface(() => this.picture());
        onMounted(() => this.start());
        onPatched(() => this.surface.ask());
        onWillUnmount(() => {
            this.gestures.stop();
            this.surface.stop();
            this.sizes.disconnect();
        });
    }

    start() {
        this.surface.start(this.swatches.el, this.root.el);
        this.gestures = new Gestures(this.root.el, {
            onPan: (px) => this.props.onView((view) => view.panned(px)),
            onZoom: (factor, x) => this.props.onView(null, factor, x),
            onTap: (ev, x) => this.onTap(ev, x),
            onHover: (ev, x) => this.onHover(ev, x),
        });
        this.sizes = new ResizeObserver(() => this.measure());
        this.sizes.observe(this.root.el);
        this.measure();
    }

    measure() {
        const plot = this.root.el?.querySelector(".mes-tl-ruler");
        if (plot?.clientWidth) {
            this.props.onWidth(plot.clientWidth);
        }
    }

    picture() {
        const { store, details, onlyOpen } = this.props;
        return {
            view: store.view,
            rows: store.rows,
            look: { now: store.now, selected: store.chosen, details, onlyOpen, read: store.data },
        };
    }

    // ---- what the template reads ----

    get store() {
        this.props.beat; // the store is plain data: the beat says that it moved
        return this.props.store;
    }

    get rows() {
        const { store, onlyOpen, split } = this.props;
        const counts = new Map();
        for (const stop of this.store.stops()) {
            const count = counts.get(stop.machineId) || { stops: 0, open: 0 };
            count.stops += 1;
            count.open += stop.needs ? 1 : 0;
            counts.set(stop.machineId, count);
        }
        return store.data.rows
            .map((row) => ({
                id: row.id,
                name: row.name,
                place: row.place,
                stopCount: (counts.get(row.id)?.stops || 0) + row.unlisted,
                openCount: counts.get(row.id)?.open || 0,
                handleX: split?.machineId === row.id ? Math.round(store.view.x(split.at)) : null,
            }))
            .filter((row) => !onlyOpen || row.openCount);
    }

    get leftOutText() {
        return _t(
            "%s more machines have no room in so long a span: choose an area, a line or a shorter span.",
            this.props.store.data.left_out
        );
    }

    // ---- what hands do ----

    rowOf(ev) {
        const element = ev.target.closest("[data-machine]");
        return element && this.props.store.rows.get(Number(element.dataset.machine));
    }

    stopAt(row, x) {
        const { view, now } = this.props.store;
        const stops = this.props.onlyOpen ? row.stops.filter((stop) => stop.needs) : row.stops;
        return hitStop(stops, view.ms(x), REACH_PX * view.pixelMs, now);
    }

    onTap(ev, x) {
        const row = this.rowOf(ev);
        if (row) {
            ev.target.closest("[data-plot]").focus({ preventScroll: true });
            const stop = this.stopAt(row, x);
            this.props.onChoose(stop, ev.ctrlKey || ev.metaKey || ev.shiftKey, stop ? null : this.spanAt(row, x));
        }
    }

    onHandle(x, minutes) {
        const { store, split } = this.props;
        this.props.onSplitAt(minutes === null ? store.view.ms(x) : split.at + minutes * 60000);
    }

    onHover(ev, x) {
        const row = ev && this.rowOf(ev);
        const words = row && this.wordsAt(row, x);
        this.state.tip = words ? { words, x: ev.clientX, y: ev.clientY } : null;
    }

    /** A stretch that is no stop, as its panel shows it; null where there is nothing yet. */
    spanAt(row, x) {
        const { store } = this.props;
        const at = store.view.ms(x);
        const lines = this.wordsAt(row, x);
        const shift = row.shifts.find((one) => one.start <= at && at < one.end);
        return lines && {
            machine: row.name,
            kind: hitBar(row.state, at).kind,
            lines: [...lines, ...(shift ? [`${shift.name} · ${formatDate(shift.date)}`] : [])],
            word: hitBar(row.words, at),
        };
    }

    /** What is under the pointer, in words. */
    wordsAt(row, x) {
        const { store } = this.props;
        const at = store.view.ms(x);
        const bar = hitBar(row.state, at);
        if (!bar || at > store.now) {
            return null;
        }
        const end = bar.live ? store.now : bar.end;
        const times = `${formatClock(bar.start, store.tz, true)} – ${formatClock(end, store.tz, true)}`;
        const said = hitBar(row.words, at);
        const order = row.orders.length && hitBar(row.orders, at);
        const reach = 3 * store.view.pixelMs;
        const mark = row.marks.find((one) => at >= one.start - reach && at <= one.end + reach);
        return [
            [stateOf(bar.kind).word, bar.text].filter(Boolean).join(" · "),
            `${times} · ${formatDuration(end - bar.start)}`,
            mark && _t("%(count)s short stops, %(time)s together", { count: mark.count, time: formatDuration(mark.ms) }),
            order && [order.text, order.note].filter(Boolean).join(" · "),
            ...alarmsAt(row, at, reach),
            said && [said.text, said.note].filter(Boolean).join(" · "),
        ].filter(Boolean);
    }

    get tipStyle() {
        const { x, y } = this.state.tip;
        return `left: ${Math.min(x + 14, window.innerWidth - 330)}px; top: ${y + 18}px;`;
    }
}

/** The alarms of a row that were there around a time, in words. */
function alarmsAt(row, at, reach) {
    return row.alarms
        .filter((one) => at >= one.start - reach && at <= one.end + reach)
        .slice(0, MOST_ALARMS)
        .map((one) => _t("Alarm %s", [one.text, one.note].filter(Boolean).join(" · ")));
}
