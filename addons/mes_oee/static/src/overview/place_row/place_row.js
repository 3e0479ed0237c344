import { Component, useEffect, useRef } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatCount, formatDuration, formatMoney, formatNumber, formatPieces } from "@mes_oee/screen/format";
import { Curve } from "../curve/curve";
import { Gauge } from "../gauge/gauge";
import { delta } from "../overview_model";
import { PlaceTrust } from "../place_trust/place_trust";

const ICONS = { site: "fa-globe", area: "fa-building-o", line: "fa-random", machine: "fa-cog" };

/** A site, area, line or machine: what it lost, what it made, how well, and whether that is to be trusted. */
export class PlaceRow extends Component {
    static template = "mes_oee.OverviewRow";
    static components = { Curve, Gauge, PlaceTrust };
    static props = {
        /** A row of treeRows(). */
        row: Object,
        /** What the place lost: {money, currency_id}; null: not known, or not for this person. */
        money: { type: [Object, { value: null }], optional: true },
        /** Whether the Tab key comes here; the arrow keys move on. */
        isCurrent: Boolean,
        /** Whether it takes the focus now. */
        hasFocus: Boolean,
        curveWord: String,
        onToggle: Function,
        onFocus: Function,
        /** (place, "board"|"shift_board"|"timeline"|"losses") */
        onOpen: Function,
        onBacklog: Function,
        onCalls: Function,
        onSilent: Function,
    };

    setup() {
        this.root = useRef("root");
        useEffect(
            (hasFocus) => {
                if (hasFocus && !this.root.el.contains(document.activeElement)) {
                    this.root.el.focus();
                    this.root.el.scrollIntoView({ block: "nearest" });
                }
            },
            () => [this.props.hasFocus]
        );
    }

    get place() {
        return this.props.row.place;
    }

    get icon() {
        return ICONS[this.place.kind];
    }

    get tab() {
        return this.props.isCurrent ? 0 : -1;
    }

    get lostTime() {
        const { lost_ms } = this.place.figures;
        return lost_ms === null ? "–" : formatDuration(Math.max(0, lost_ms));
    }

    get lostPieces() {
        const { lost_pieces } = this.place.figures;
        return lost_pieces === null ? "" : formatPieces(Math.max(0, lost_pieces));
    }

    /** "" also where nothing is priced: lost time without prices and costs is not lost for nothing. */
    get lostMoney() {
        const { money } = this.props;
        return money?.money && this.place.figures.lost_ms !== null ? formatMoney(money.money, money.currency_id) : "";
    }

    get good() {
        return formatCount(this.place.figures.good);
    }

    get goal() {
        const { target } = this.place.figures;
        return target === null ? "" : _t("of %s", formatCount(target));
    }

    /** Percent of the target's pieces that are made. */
    get goodBar() {
        const { good, target } = this.place.figures;
        return target ? Math.min(100, (100 * good) / target) : 0;
    }

    get delta() {
        const found = delta(this.place);
        if (!found) {
            return null;
        }
        const arrow = { better: "▲", worse: "▼", same: "=" }[found.word];
        const said = { better: _t("better than before"), worse: _t("worse than before"), same: _t("as before") };
        return {
            ...found,
            text: `${arrow} ${formatNumber(Math.abs(found.points), 1)}`,
            title: _t("%(points)s points %(word)s", {
                points: formatNumber(Math.abs(found.points), 1),
                word: said[found.word],
            }),
        };
    }

    get links() {
        return [
            { to: "board", icon: "fa-television", word: _t("Live") },
            { to: "shift_board", icon: "fa-th-list", word: _t("Shift board") },
            { to: "timeline", icon: "fa-tasks", word: _t("Timeline") },
            { to: "losses", icon: "fa-bar-chart", word: _t("Losses") },
        ];
    }

    linkLabel(link) {
        return `${link.word}: ${this.place.name}`;
    }
}
