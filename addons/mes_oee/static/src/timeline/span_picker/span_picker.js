import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatSpan } from "@mes_oee/screen/format";

const { DateTime } = luxon;
const FORMAT = "yyyy-MM-dd'T'HH:mm";

/** Which time: a shift, a day, the last 24 hours, a week or any span; earlier and later; nearer and farther. */
export class SpanPicker extends Component {
    static template = "mes_oee.SpanPicker";
    static props = {
        view: Object,
        tz: String,
        isFollowing: Boolean,
        /** The shift that the view is in; null: none. */
        shift: { type: [Object, { value: null }] },
        onShow: Function,
        onFollow: Function,
        onZoom: Function,
        onStep: Function,
    };

    setup() {
        this.state = useState({ isOpen: false, from: "", until: "", problem: "" });
    }

    get spanText() {
        return formatSpan(this.props.view.start, this.props.view.end, this.props.tz);
    }

    /** A day or a week of the site's clock around the middle of the view. */
    calendarSpan(unit) {
        const { view, tz } = this.props;
        const start = DateTime.fromMillis((view.start + view.end) / 2, { zone: tz }).startOf(unit);
        return [start.toMillis(), start.plus({ [unit]: 1 }).toMillis()];
    }

    show(unit) {
        const { shift } = this.props;
        this.state.isOpen = false;
        this.props.onShow(...(unit === "shift" ? [shift.start, shift.end] : this.calendarSpan(unit)));
    }

    last24() {
        this.state.isOpen = false;
        this.props.onFollow(24 * 3600000);
    }

    toggle() {
        const { view, tz } = this.props;
        const text = (ms) => DateTime.fromMillis(ms, { zone: tz }).toFormat(FORMAT);
        Object.assign(this.state, { isOpen: !this.state.isOpen, from: text(view.start), until: text(view.end), problem: "" });
    }

    /** What was typed is the site's clock, not that of this screen. */
    apply() {
        const [from, until] = [this.state.from, this.state.until].map((text) =>
            DateTime.fromISO(text, { zone: this.props.tz }).toMillis()
        );
        if (!(until > from)) {
            this.state.problem = _t("The end must be later than the beginning.");
            return;
        }
        this.state.isOpen = false;
        this.props.onShow(from, until);
    }
}
