import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { ReasonPicker } from "@mes_base/reason_picker/reason_picker";
import { INTERLOCKS, stateOf } from "@mes_base/palette/states";
import { formatClock, formatDate, formatDay, formatDuration, formatPieces } from "@mes_oee/screen/format";
import { SplitEditor } from "../split_editor/split_editor";

/** Of a machine that shouts, so many alarms are named. */
const MOST_ALARMS = 4;

/** What is known of the chosen stops, what people said, and what can be done about it. */
export class StopPanel extends Component {
    static template = "mes_oee.StopPanel";
    static components = { ReasonPicker, SplitEditor };
    static props = {
        /** Answer of mes.timeline.screen.about. */
        stops: Array,
        /** The chosen ones are being read. */
        isReading: Boolean,
        now: Number,
        /** "": nothing; "explain": the reasons are shown; "split"; "lost": what it cost, and what that was made of. */
        task: String,
        /** Stops of the same machine right before and after: {id, start, end}. */
        neighbours: Array,
        offset: Number,
        problem: String,
        /** What was said last and can be taken back; null: nothing. */
        undo: { type: [Object, { value: null }] },
        onTask: Function,
        onExplain: Function,
        onOffset: Function,
        onSplit: Function,
        onMerge: Function,
        onUndo: Function,
        onTakeBack: Function,
        onMaintenance: Function,
        onOpen: Function,
        onClose: Function,
    };

    get stop() {
        return this.props.stops.length === 1 ? this.props.stops[0] : null;
    }

    get end() {
        const { until_ms, seen_ms } = this.stop;
        return until_ms ?? Math.max(seen_ms, this.stop.isLive ? this.props.now : seen_ms);
    }

    get state() {
        const { kind, state } = this.stop;
        return stateOf(kind === "minor" ? "minor" : state);
    }

    get times() {
        const { from_ms, until_ms, tz } = this.stop;
        const end = until_ms === null ? _t("still open") : formatClock(this.end, tz, true);
        return `${formatDay(from_ms, tz)} ${formatClock(from_ms, tz, true)} – ${end}`;
    }

    get facts() {
        const { stop } = this;
        const order = [stop.order, stop.product].filter(Boolean).join(" · ");
        const shift = [stop.shift, stop.business_date && formatDate(stop.business_date)].filter(Boolean).join(" · ");
        return [
            [_t("Duration"), formatDuration(this.end - stop.from_ms)],
            [_t("Lost"), stop.lost_pieces === null ? "" : formatPieces(stop.lost_pieces), "lost"],
            [_t("Machine's code"), stop.codes.join(", ")],
            [_t("Alarms"), stop.alarms.slice(0, MOST_ALARMS).join(", ")],
            [_t("Interlock"), stop.interlock && (INTERLOCKS[stop.interlock] || stop.interlock)],
            [_t("Reason"), stop.effective?.name || _t("nobody has explained it")],
            [_t("By the machine"), stop.machine_loss?.name],
            [_t("Shift"), shift],
            [_t("Order"), order],
        ]
            .filter(([, value]) => value)
            .map(([label, value, task]) => ({ label, value, task }));
    }

    get words() {
        const { tz, words } = this.stop;
        return words.map((word) => ({
            ...word,
            what: word.loss?.name || stateOf(word.state).word,
            when: `${formatDay(word.at_ms, tz)} ${formatClock(word.at_ms, tz)}`,
        }));
    }

    get splitStop() {
        const { id, machine, from_ms } = this.stop;
        return { id, machineId: machine.id, start: from_ms, end: this.end };
    }

    get together() {
        const { stops } = this.props;
        const ms = stops.reduce((sum, stop) => sum + (stop.until_ms ?? stop.seen_ms) - stop.from_ms, 0);
        return _t("%(count)s stops, %(time)s together", { count: stops.length, time: formatDuration(ms) });
    }

    get isMayExplain() {
        return this.props.stops.every((stop) => stop.may.explain);
    }

    neighbourText(other) {
        const time = formatClock(other.start, this.stop.tz, true);
        return other.start < this.stop.from_ms
            ? _t("Join with the stop before (%s)", time)
            : _t("Join with the stop after (%s)", time);
    }
}
