import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatCount, formatDuration, formatPercent } from "../format";

/** The buckets in the order of KPI.md's rules. */
const BUCKETS = {
    production: _t("Production"),
    setup: _t("Set-up"),
    unplanned: _t("Unplanned stops"),
    minor: _t("Minor stops"),
    undetermined: _t("Undetermined"),
    no_order: _t("No order"),
    planned: _t("Planned stops"),
    no_data: _t("No data"),
};

/** The inputs of a machine's figures, so that anybody can redo them with a calculator. */
export class FigureDetail extends Component {
    static template = "mes_oee.FigureDetail";
    static props = { figures: Object };

    get buckets() {
        const { ms } = this.props.figures;
        return Object.entries(BUCKETS).map(([key, label]) => ({
            key,
            label,
            time: formatDuration(ms[key] || 0),
        }));
    }

    get formulas() {
        const f = this.props.figures;
        const production = formatDuration(f.ms.production || 0);
        const percent = (ratio) => (ratio === null ? "–" : `${formatPercent(ratio)} %`);
        return [
            [_t("Availability"), `${production} ÷ ${formatDuration(f.planned_busy_ms)}`, percent(f.availability)],
            [_t("Performance"), `${formatDuration(f.ideal_ms)} ÷ ${production}`, percent(f.performance)],
            [_t("Quality"), `${formatCount(f.good)} ÷ ${formatCount(f.total)}`, percent(f.quality)],
            [_t("OEE"), `${formatDuration(f.ideal_good_ms)} ÷ ${formatDuration(f.planned_busy_ms)}`, percent(f.oee)],
        ].map(([label, inputs, result]) => ({ label, inputs, result }));
    }

    get coverage() {
        return formatPercent(this.props.figures.coverage);
    }
}
