import { Component, onMounted, onWillUnmount, useRef } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { rowLayout } from "../painter";

/** One machine: its name and the canvas on which its lanes are drawn. */
export class MachineLanes extends Component {
    static template = "mes_oee.MachineLanes";
    static props = {
        id: Number,
        name: String,
        place: String,
        details: Boolean,
        /** How many stops are in the view, and how many of them to explain. */
        stopCount: Number,
        openCount: Number,
        surface: Object,
        /** Where a stop is to be split, px from the left of the plot; null: nowhere. */
        handleX: { type: [Number, { value: null }] },
        onHandle: Function,
        onOpenMachine: Function,
    };

    setup() {
        this.canvas = useRef("canvas");
        onMounted(() => this.props.surface.add(this.props.id, this.canvas.el));
        onWillUnmount(() => this.props.surface.remove(this.props.id));
    }

    get height() {
        return rowLayout(this.props.details).height;
    }

    get summary() {
        const { name, stopCount, openCount } = this.props;
        return _t("%(machine)s: %(stops)s stops, %(open)s to explain", { machine: name, stops: stopCount, open: openCount });
    }

    onHandleDown(ev) {
        ev.preventDefault();
        ev.currentTarget.setPointerCapture(ev.pointerId);
        this.left = this.canvas.el.getBoundingClientRect().left;
    }

    onHandleMove(ev) {
        if (ev.currentTarget.hasPointerCapture(ev.pointerId)) {
            this.props.onHandle(ev.clientX - this.left, null);
        }
    }

    onHandleKey(ev) {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[ev.key];
        if (step) {
            ev.preventDefault();
            ev.stopPropagation();
            this.props.onHandle(null, step * (ev.shiftKey ? 10 : 1));
        }
    }
}
