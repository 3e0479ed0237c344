import { Component } from "@odoo/owl";
import { formatPercent } from "@mes_oee/board/format";

/** A ratio as a number over a bar, with a mark where it should be. */
export class Gauge extends Component {
    static template = "mes_oee.OverviewGauge";
    static props = {
        label: String,
        name: String,
        value: { type: [Number, { value: null }] },
        target: { type: [Number, { value: null }], optional: true },
        slots: { type: Object, optional: true },
    };

    get text() {
        return formatPercent(this.props.value);
    }

    /** Percent of the bar; performance may pass 100 and is shown in its number. */
    get bar() {
        return Math.max(0, Math.min(100, 100 * (this.props.value || 0)));
    }

    get mark() {
        return this.props.target ? Math.min(100, 100 * this.props.target) : null;
    }

    get title() {
        const { label, target } = this.props;
        return target ? `${label}: ${this.text} / ${formatPercent(target)} %` : label;
    }
}
