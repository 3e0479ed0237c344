import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatRatio } from "@mes_oee/screen/format";
import { MEASURES, cumulativePoints, delta, paretoRows } from "../loss_model";
import { DIMENSIONS, MEASURE_WORDS, formatAmount, formatDelta } from "../loss_words";

/** The greatest first, with how much they are together: bars, the time before as ghosts, the cumulative line. */
export class LossPareto extends Component {
    static template = "mes_oee.LossPareto";
    static props = {
        rows: Array,
        by: String,
        dimensions: Array,
        /** One of MEASURES: what bars and order go by. */
        measure: String,
        currency: Number,
        onTap: Function,
        onBy: Function,
        onMeasure: Function,
        /** Opens what the money of a row was made of. */
        onMoney: { type: Function, optional: true },
    };

    setup() {
        this.measures = MEASURES.map((name) => [name, MEASURE_WORDS[name]]);
    }

    get choices() {
        return this.props.dimensions.map((name) => [name, DIMENSIONS[name]]);
    }

    get shown() {
        const { rows, measure, currency } = this.props;
        return paretoRows(rows, measure).map((row) => ({
            ...row,
            word: row.isRest ? _t("%s others", row.rows) : row.label,
            texts: MEASURES.map((name) => ({ name, text: formatAmount(row[name], name, currency) })),
            sumText: formatRatio(row.sum),
            change: formatDelta(delta(row.value, row.wasValue), measure, currency),
        }));
    }

    line(rows) {
        return cumulativePoints(rows);
    }
}
