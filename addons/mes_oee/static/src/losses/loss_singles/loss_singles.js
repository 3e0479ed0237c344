import { Component } from "@odoo/owl";
import { formatDay, formatSpan } from "@mes_oee/screen/format";
import { STEPS, formatAmount } from "../loss_words";

/** What the sums are made of: the single stops, and the hours of what is no stop; the greatest first. */
export class LossSingles extends Component {
    static template = "mes_oee.LossSingles";
    static props = {
        singles: Object,
        tz: String,
        /** The span is of several days: each row says its own. */
        isDays: Boolean,
        currency: Number,
        /** Opens the timeline at a row. */
        onTimeline: Function,
        /** Opens a stop's own form. */
        onStop: Function,
        /** Opens what the money of a row was made of. */
        onMoney: { type: Function, optional: true },
    };

    get rows() {
        const { singles, currency } = this.props;
        return singles.rows.map((row) => ({
            ...row,
            key: `${row.what}-${row.id || `${row.machine.id}-${row.start}`}`,
            when: this.when(row),
            why: [row.reason || (row.kind && STEPS[row.kind].word), row.codes, row.product].filter(Boolean).join(" · "),
            time: formatAmount(row.ms, "ms"),
            piecesText: formatAmount(row.pieces, "pieces"),
            moneyText: formatAmount(row.money, "money", currency),
            hasMoney: Boolean(row.money && this.props.onMoney),
        }));
    }

    /** Begin and end; with the day where the span has several, unless the two are of two days and say them. */
    when({ start, end }) {
        const { tz, isDays } = this.props;
        const span = formatSpan(start, end, tz);
        const day = formatDay(start, tz);
        return isDays && !span.includes(day) ? `${day} ${span}` : span;
    }
}
