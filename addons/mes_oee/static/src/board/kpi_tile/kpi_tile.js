import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatPercent } from "../format";

/** Below this coverage it is printed beside the figure. */
const SHOW_COVERAGE_BELOW = 0.95;

/** One ratio: big number, small unit, what it is compared with, and how much of the time it knows. */
export class KpiTile extends Component {
    static template = "mes_oee.KpiTile";
    static props = {
        label: String,
        name: String,
        value: { type: [Number, { value: null }], optional: true },
        target: { type: [Number, { value: null }], optional: true },
        coverage: { type: [Number, { value: null }], optional: true },
        reason: { type: [String, { value: null }, { value: false }], optional: true },
        major: { type: Boolean, optional: true },
        minor: { type: Boolean, optional: true },
    };

    get known() {
        return typeof this.props.value === "number";
    }

    get text() {
        return formatPercent(this.props.value);
    }

    get note() {
        const { coverage, reason, target } = this.props;
        if (!this.known) {
            return reason || _t("No figure yet");
        }
        if (typeof coverage === "number" && coverage < SHOW_COVERAGE_BELOW) {
            return _t("%s %% known", formatPercent(coverage));
        }
        return target ? _t("target %s", formatPercent(target)) : "";
    }

    /** Bar length and target mark, percent; performance may pass 100 and is shown in its number. */
    get bar() {
        return Math.max(0, Math.min(100, 100 * (this.props.value || 0)));
    }

    get mark() {
        return this.props.target ? 100 * this.props.target : null;
    }
}
