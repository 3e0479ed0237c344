import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatClock } from "../format";

/** Where, which order, which shift, and how fresh: read once, then only its last word matters. */
export class BoardHeader extends Component {
    static template = "mes_oee.BoardHeader";
    static props = {
        snapshot: Object,
        now: Number,
        asOf: { type: [Number, { value: null }] },
        stale: { type: [String, { value: null }] },
        isDark: Boolean,
        onPickLine: Function,
        onToggleTheme: Function,
        onToggleWall: Function,
    };

    pick(ev) {
        this.props.onPickLine(Number(ev.target.value));
    }

    get shiftText() {
        const { shift, tz } = this.props.snapshot;
        if (!shift) {
            return _t("Between shifts");
        }
        return `${formatClock(shift.start, tz)} – ${formatClock(shift.end, tz)}`;
    }

    get shiftProgress() {
        const { shift } = this.props.snapshot;
        const share = (this.props.now - shift.start) / (shift.end - shift.start);
        return Math.max(0, Math.min(100, 100 * share));
    }

    get orderText() {
        const { order } = this.props.snapshot;
        return order ? [order.name, order.product].filter(Boolean).join(" · ") : _t("No order");
    }

    get asOfText() {
        return this.props.asOf
            ? _t("as of %s", formatClock(this.props.asOf, this.props.snapshot.tz, true))
            : _t("nothing heard yet");
    }

    get staleText() {
        return {
            disconnected: _t("No connection to the server: reconnecting"),
            silent: _t("The plant is silent: no gateway has reported"),
        }[this.props.stale];
    }
}
