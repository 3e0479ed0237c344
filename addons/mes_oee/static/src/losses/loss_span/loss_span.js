import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { COMPARES, SPANS } from "../loss_words";

const { DateTime } = luxon;
const FORMAT = "yyyy-MM-dd'T'HH:mm";

/** Which time, and what it is compared with: native lists; any span by two fields on the site's clock. */
export class LossSpan extends Component {
    static template = "mes_oee.LossSpan";
    static props = {
        /** What the address says: span, from, to, compare, cfrom, cto. */
        values: Object,
        /** The span that is shown; null: not known yet. */
        data: { type: [Object, { value: null }] },
        onPick: Function,
    };

    setup() {
        this.spans = Object.entries(SPANS);
        this.compares = Object.entries(COMPARES);
        /** Which pair of fields is open: "", "span" or "compare". */
        this.state = useState({ open: "", from: "", until: "", problem: "" });
    }

    pick(name, value) {
        if (value === "any") {
            return this.open(name);
        }
        this.state.open = "";
        this.props.onPick({ [name]: value });
    }

    /** The fields begin with what is shown now. */
    open(name) {
        const { data } = this.props;
        const [from, until] = name === "span" ? [data?.start, data?.end] : [data?.was_start, data?.was_end];
        const text = (ms) => (ms ? DateTime.fromMillis(ms, { zone: data.tz }).toFormat(FORMAT) : "");
        Object.assign(this.state, { open: name, from: text(from), until: text(until), problem: "" });
    }

    /** What was typed is the site's clock, not that of this screen. */
    apply() {
        const zone = this.props.data?.tz;
        const [from, until] = [this.state.from, this.state.until].map((text) =>
            DateTime.fromISO(text, { zone }).toMillis()
        );
        if (!(until > from)) {
            this.state.problem = _t("The end must be later than the beginning.");
            return;
        }
        const isSpan = this.state.open === "span";
        this.state.open = "";
        this.props.onPick(
            isSpan ? { span: "any", from, to: until } : { compare: "any", cfrom: from, cto: until }
        );
    }
}
