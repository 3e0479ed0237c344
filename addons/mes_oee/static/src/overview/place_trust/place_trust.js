import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatCount, formatPercent } from "@mes_oee/board/format";

/** Below this coverage it is printed beside the figures. */
const SHOW_BELOW = 0.95;

/** Can I trust what I see of a place? How much of its time was watched, and what is open there. */
export class PlaceTrust extends Component {
    static template = "mes_oee.OverviewTrust";
    static props = {
        place: Object,
        /** Whether its buttons are in the order of the Tab key. */
        isCurrent: Boolean,
        onBacklog: Function,
        onCalls: Function,
        onSilent: Function,
    };

    get coverage() {
        return this.props.place.figures.coverage;
    }

    get isLow() {
        return typeof this.coverage === "number" && this.coverage < SHOW_BELOW;
    }

    get known() {
        return 100 * (this.coverage || 0);
    }

    get text() {
        if (typeof this.coverage !== "number") {
            return _t("Nothing known");
        }
        return _t("%s %% known", formatPercent(this.coverage));
    }

    get tab() {
        return this.props.isCurrent ? 0 : -1;
    }

    /** What is open here: number, icon, words, and where a tap leads. */
    get marks() {
        const { place, onBacklog, onCalls, onSilent } = this.props;
        const all = [
            { name: "unexplained", icon: "fa-question-circle", word: _t("Stops to explain"), act: onBacklog },
            { name: "calls", icon: "fa-bell", word: _t("Open calls"), act: onCalls },
            { name: "silent", icon: "fa-unlink", word: _t("Machines without data now"), act: onSilent, isUnknown: true },
            { name: "unheard", icon: "fa-plug", word: _t("Machines of which no gateway speaks"), act: onSilent, isUnknown: true },
        ]; // prettier-ignore
        return all
            .filter((mark) => place[mark.name])
            .map((mark) => ({ ...mark, count: formatCount(place[mark.name]) }));
    }
}
