import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { pieces } from "../board_model";
import { formatCount, formatDuration } from "../format";
import { KpiTile } from "../kpi_tile/kpi_tile";

/** The line in one glance: pieces out of its end against target, what was lost, and its figures. */
export class LineSummary extends Component {
    static template = "mes_oee.LineSummary";
    static components = { KpiTile };
    static props = { line: Object, output: Object, targets: Object, now: Number };

    get made() {
        const { good, total } = pieces(this.props.output);
        return good ?? total;
    }

    get good() {
        return formatCount(this.made);
    }

    get target() {
        return this.props.output.target;
    }

    get targetText() {
        return this.target === null ? "" : _t("of %s", formatCount(this.target));
    }

    get leadText() {
        if (this.target === null || this.made === null) {
            return _t("no target yet");
        }
        const lead = Math.round(this.made - this.target);
        const text = formatCount(Math.abs(lead));
        return lead < 0 ? _t("%s behind", text) : _t("%s ahead", text);
    }

    get lostTime() {
        const { lost_ms } = this.props.line.figures;
        return lost_ms === null ? "–" : formatDuration(lost_ms);
    }

    get lostNote() {
        const { lost_pieces } = this.props.line.figures;
        return lost_pieces === null ? "" : _t("%s pieces", formatCount(lost_pieces));
    }

    /** Line figures name their method. */
    get oeeLabel() {
        const { bottleneck } = this.props.line;
        return bottleneck ? _t("OEE, bottleneck %s", bottleneck) : _t("OEE, all machines");
    }
}
