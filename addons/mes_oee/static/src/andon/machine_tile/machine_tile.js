import { Component } from "@odoo/owl";
import { stateOf } from "@mes_base/palette/states";
import { formatTimer } from "../wall_model";

/** A machine on the wall: quiet while it runs or rests, filled with its state's colour while it stands. */
export class MachineTile extends Component {
    static template = "mes_oee.AndonMachineTile";
    static props = {
        machine: Object,
        kind: String,
        why: String,
        forMs: { type: [Number, { value: null }] },
        isOpen: Boolean,
        onOpen: Function,
    };

    get state() {
        return stateOf(this.props.kind);
    }

    get timer() {
        return this.props.forMs === null ? "" : formatTimer(this.props.forMs);
    }

    get isQuiet() {
        return ["running", "off"].includes(this.props.kind);
    }

    /** A stop that nobody explained; outside the shifts it can wait. */
    get asksWhy() {
        return !this.isQuiet && Boolean(this.props.machine.stop?.needs_reason);
    }
}
