import { Component } from "@odoo/owl";
import { formatRatio } from "@mes_oee/screen/format";
import { delta, isTold, waterfallRows } from "../loss_model";
import { STEPS, UNITS, formatAmount, formatDelta } from "../loss_words";

/** From calendar time down to value-adding time: what each step takes away, in time, pieces and money. */
export class LossWaterfall extends Component {
    static template = "mes_oee.LossWaterfall";
    static props = {
        steps: Array,
        sums: Object,
        unit: String,
        currency: Number,
        /** The step that was tapped; "": none. */
        chosen: String,
        onTap: Function,
        /** Opens what the money of a step was made of. */
        onMoney: { type: Function, optional: true },
    };

    get unitWord() {
        return UNITS[this.props.unit];
    }

    get rows() {
        const { steps, unit, currency } = this.props;
        return waterfallRows(steps.filter(isTold), unit).map((row) => {
            const { word, state } = STEPS[row.name];
            const hasLoss = row.pieces || row.money;
            return {
                ...row,
                word,
                state,
                time: formatAmount(row.ms, "ms"),
                piecesText: hasLoss ? formatAmount(row.pieces, "pieces") : "–",
                hasMoney: Boolean(row.money),
                moneyText: hasLoss ? formatAmount(row.money, "money", currency) : "–",
                shareText: formatRatio(row.share),
                change: formatDelta(delta(row.value, row.wasValue), unit, currency),
            };
        });
    }

    get whole() {
        return formatAmount(this.props.sums.calendar_ms, "ms");
    }
}
