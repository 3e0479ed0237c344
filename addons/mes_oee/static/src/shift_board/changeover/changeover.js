import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatDuration } from "@mes_oee/screen/format";

/** The countdown of a changeover that is going on: how long it may still take, from what to what. */
export class Changeover extends Component {
    static template = "mes_oee.ShiftBoard.Changeover";
    static props = {
        /** As mes.changeover.running tells it. */
        changeover: Object,
        /** Plant time at which that was told, and plant time now. */
        told: Number,
        now: Number,
    };

    get elapsed() {
        return this.props.changeover.elapsed_ms + Math.max(0, this.props.now - this.props.told);
    }

    get left() {
        const { target_ms } = this.props.changeover;
        return target_ms === null ? null : target_ms - this.elapsed;
    }

    get isOver() {
        return this.left !== null && this.left < 0;
    }

    /** Minutes and seconds, as a stopwatch. */
    get clock() {
        const seconds = Math.floor(Math.abs(this.left ?? this.elapsed) / 1000);
        const minutes = String(Math.floor(seconds / 60));
        return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
    }

    get note() {
        const { target_ms } = this.props.changeover;
        if (target_ms === null) {
            return _t("so far; no target for this changeover");
        }
        const target = formatDuration(target_ms);
        return this.isOver ? _t("over the target of %s", target) : _t("left of %s", target);
    }

    get products() {
        const { from, to } = this.props.changeover;
        return [from?.name, to?.name].filter(Boolean).join(" → ");
    }

    get progress() {
        const { target_ms } = this.props.changeover;
        return target_ms ? Math.min(100, (100 * this.elapsed) / target_ms) : 0;
    }
}
