import { Component, useRef, useState } from "@odoo/owl";
import { useAutofocus } from "@web/core/utils/hooks";

/** Beside the wall: call somebody to a machine, and go to what is behind its stop. */
export class MachinePanel extends Component {
    static template = "mes_oee.AndonMachinePanel";
    static props = {
        machine: Object,
        kinds: Array,
        isBusy: Boolean,
        onCall: Function,
        onTimeline: Function,
        onClose: Function,
    };

    setup() {
        this.state = useState({ comment: "" });
        this.closer = useRef("closer");
        useAutofocus({ refName: "closer" });
    }

    /** A kind that is called already is answered on its card, not called again. */
    isCalled(kind) {
        return this.props.machine.calls.some((call) => call.kind === kind.id);
    }

    call(kind) {
        const comment = this.state.comment.trim();
        this.state.comment = "";
        this.props.onCall(this.props.machine, kind, comment);
    }

    onKeydown(ev) {
        if (ev.key === "Escape") {
            this.props.onClose();
        }
    }
}
