import { Component, onMounted, onWillUnmount, useExternalListener, useRef, useState } from "@odoo/owl";

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
        this.panel = useRef("panel");
        onMounted(() => this.panel.el.focus());
        onWillUnmount(() => this.giveFocusBack());
        // A key that was pressed is dead until the call is made, and takes the focus with it: Escape closes all the same.
        useExternalListener(window, "keydown", (ev) => this.onKeydown(ev));
    }

    /** To the machine's tile, unless a person has gone elsewhere meanwhile. */
    giveFocusBack() {
        const { el } = this.panel;
        const at = document.activeElement;
        if (!at || at === document.body || el.contains(at)) {
            const wall = el.closest(".o_mes_andon") || document;
            wall.querySelector(`.mes-tile[data-machine="${CSS.escape(this.props.machine.code)}"]`)?.focus();
        }
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
        if (ev.key === "Escape" && !ev.defaultPrevented) {
            this.props.onClose();
        }
    }
}
