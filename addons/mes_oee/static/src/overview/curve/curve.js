import { Component } from "@odoo/owl";
import { formatPercent } from "@mes_oee/board/format";
import { curveLines } from "../overview_model";

/** The OEE of the last hours or days as a small line, with its target; a gap where nothing is known. */
export class Curve extends Component {
    static template = "mes_oee.OverviewCurve";
    static props = {
        /** Plain fractions, null where there is none; null: not read yet. */
        points: { type: [Array, { value: null }] },
        target: Number,
        label: String,
    };

    get lines() {
        return curveLines(this.props.points);
    }

    get targetHeight() {
        return 100 * (1 - this.props.target);
    }

    get told() {
        return `${this.props.label}: ${this.props.points.map((point) => formatPercent(point)).join(", ")}`;
    }
}
