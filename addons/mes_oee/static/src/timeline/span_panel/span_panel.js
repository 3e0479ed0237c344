import { Component } from "@odoo/owl";
import { stateOf } from "@mes_base/palette/states";

/** What a stretch is that is no stop: running, set-up, planned, without data. */
export class SpanPanel extends Component {
    static template = "mes_oee.SpanPanel";
    static props = {
        /** {machine, kind, lines: string[], word: {id, text, note} or null} */
        span: Object,
        problem: String,
        onTakeBack: Function,
        onClose: Function,
    };

    get state() {
        return stateOf(this.props.span.kind);
    }
}
