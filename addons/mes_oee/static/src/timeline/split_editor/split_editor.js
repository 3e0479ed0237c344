import { Component, useState } from "@odoo/owl";
import { ReasonPicker } from "@mes_base/reason_picker/reason_picker";
import { formatClock, formatDuration } from "@mes_oee/screen/format";
import { minutesOffset } from "../timeline_model";

/** Cuts a stop in two, each part with its own reason: by minutes here, or by the handle on the plot. */
export class SplitEditor extends Component {
    static template = "mes_oee.SplitEditor";
    static components = { ReasonPicker };
    static props = {
        /** {id, start, end, machineId} of the record, ms. */
        stop: Object,
        tz: String,
        /** Offset of the cut from the record's beginning, ms. */
        offset: Number,
        onOffset: Function,
        onDone: Function,
        onCancel: Function,
    };

    setup() {
        this.state = useState({ picking: null, first: null, second: null });
    }

    get minutes() {
        return Math.round(this.props.offset / 600) / 100;
    }

    get parts() {
        const { stop, tz, offset } = this.props;
        const cut = stop.start + offset;
        return [
            ["first", stop.start, cut],
            ["second", cut, stop.end],
        ].map(([name, start, end]) => ({
            name,
            times: `${formatClock(start, tz, true)} – ${formatClock(end, tz, true)}`,
            lasted: formatDuration(end - start),
            said: this.state[name],
        }));
    }

    onMinutes(ev) {
        const minutes = Number(ev.target.value);
        if (Number.isFinite(minutes)) {
            this.props.onOffset(minutesOffset(this.props.stop, minutes));
        }
    }

    pick(name) {
        this.state.picking = name;
    }

    stopPicking() {
        this.state.picking = null;
    }

    onPick(reason, comment) {
        this.state[this.state.picking] = { loss_id: reason.id, comment, name: reason.name };
        this.state.picking = null;
    }

    get isReady() {
        return Boolean(this.state.first || this.state.second);
    }

    done() {
        const said = ({ loss_id, comment } = {}) => (loss_id ? { loss_id, comment } : {});
        this.props.onDone(this.props.offset, said(this.state.first || {}), said(this.state.second || {}));
    }
}
