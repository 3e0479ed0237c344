import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatRatio } from "@mes_oee/screen/format";
import { FIGURES } from "../loss_words";

/** Below this coverage it is printed beside a figure. */
const SHOW_COVERAGE_BELOW = 0.95;

/** OEE and its factors: value, target, before, coverage; a tap opens what each is made of. */
export class LossFigures extends Component {
    static template = "mes_oee.LossFigures";
    static props = {
        figures: Array,
        /** Key of the figure whose inputs are open; "": none. */
        open: String,
        onOpen: Function,
    };

    get tiles() {
        return this.props.figures.map((figure) => ({
            ...figure,
            word: FIGURES[figure.key],
            text: formatRatio(figure.value),
            beside: this.beside(figure),
        }));
    }

    /** What stands under the number: why there is none, or target, before and how much was watched. */
    beside({ value, target, was, coverage, refusal, notes }) {
        const isThin = coverage !== null && coverage < SHOW_COVERAGE_BELOW;
        const known = isThin && _t("%s known", formatRatio(coverage));
        if (value === null) {
            return [refusal, known].filter(Boolean);
        }
        return [
            _t("target %s", formatRatio(target)),
            was !== null && _t("before %s", formatRatio(was)),
            known,
            ...notes,
        ].filter(Boolean);
    }
}
