import { Component } from "@odoo/owl";
import { delta } from "../loss_model";
import { SIX, formatAmount, formatDelta } from "../loss_words";

/** The six big losses in minutes, parts and money, with the change to the time before. */
export class LossSix extends Component {
    static template = "mes_oee.LossSix";
    static props = {
        six: Array,
        unit: String,
        currency: Number,
        chosen: String,
        onTap: Function,
        /** Opens what the money of a loss was made of. */
        onMoney: { type: Function, optional: true },
    };

    get rows() {
        const { six, unit, currency } = this.props;
        return six.map((loss) => ({
            ...loss,
            ...SIX[loss.name],
            time: formatAmount(loss.ms, "ms"),
            piecesText: formatAmount(loss.pieces, "pieces"),
            moneyText: formatAmount(loss.money, "money", currency),
            change: formatDelta(delta(loss[unit], loss.was?.[unit]), unit, currency),
        }));
    }
}
