import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { KpiTile } from "@mes_oee/board/kpi_tile/kpi_tile";
import { formatClock, formatCount, formatDay, formatDuration } from "@mes_oee/screen/format";

/** The shift in one glance: made against target, lost, its figures, the order, and what is unexplained. */
export class ShiftSummary extends Component {
    static template = "mes_oee.ShiftBoard.ShiftSummary";
    static components = { KpiTile };
    static props = {
        data: Object,
        /** The last row that has begun, with what was counted since: null before the shift. */
        row: { type: [Object, { value: null }] },
        fresh: Number,
        now: Number,
        unexplained: Array,
        onExplain: Function,
        onElsewhere: Function,
    };

    get made() {
        return formatCount(this.props.row ? this.props.row.sum_made : 0);
    }

    get target() {
        return this.props.row ? this.props.row.sum_target : 0;
    }

    get targetText() {
        return this.target === null ? _t("no ideal cycle") : _t("of %s", formatCount(this.target));
    }

    get leadText() {
        if (!this.props.row || this.target === null) {
            return "";
        }
        const lead = Math.round(this.props.row.sum_made - this.target);
        const text = formatCount(Math.abs(lead));
        return lead < 0 ? _t("%s behind", text) : _t("%s ahead", text);
    }

    get lostTime() {
        const { lost_ms } = this.props.data.figures;
        return lost_ms === null ? "–" : formatDuration(lost_ms);
    }

    get lostNote() {
        const { lost_pieces } = this.props.data.figures;
        return lost_pieces === null ? "" : _t("%s pieces", formatCount(lost_pieces));
    }

    /** How many stops of the line's other machines want a reason. */
    get elsewhere() {
        return this.props.data.elsewhere?.count || 0;
    }

    /** Figures name their method. */
    get oeeLabel() {
        const { method, machine } = this.props.data;
        return {
            bottleneck: _t("OEE, bottleneck %s", machine.name),
            sums: _t("OEE, all machines"),
        }[method] || _t("OEE"); // prettier-ignore
    }

    get order() {
        return this.props.data.order;
    }

    get orderMade() {
        return this.order.made + this.props.fresh;
    }

    get orderText() {
        const { wanted } = this.order;
        const made = formatCount(this.orderMade);
        return wanted === null ? made : _t("%(made)s of %(wanted)s", { made, wanted: formatCount(wanted) });
    }

    get orderProgress() {
        const { wanted } = this.order;
        return wanted ? Math.max(0, Math.min(100, (100 * this.orderMade) / wanted)) : 0;
    }

    /** When it will be done; with the day if that is another one. */
    get orderEnd() {
        const { ends } = this.order;
        const { tz } = this.props.data;
        if (ends === null) {
            return "";
        }
        if (ends <= this.props.now) {
            return _t("done");
        }
        const day = formatDay(ends, tz) === formatDay(this.props.now, tz) ? [] : [formatDay(ends, tz)];
        return _t("done about %s", [...day, formatClock(ends, tz)].join(" "));
    }
}
