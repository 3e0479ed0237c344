import { Component, onWillStart, onWillUnmount, onWillUpdateProps, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { problemOf } from "@mes_base/problem/problem";
import { formatClock, formatCount, formatDay, formatDuration, formatMoney, formatNumber, formatRatio } from "@mes_oee/screen/format";

const SHOW_COVERAGE_BELOW = 0.95;

/** Seconds of a cycle: short ones are fractions of a second. */
function formatShort(seconds) {
    return formatNumber(seconds, Number.isInteger(seconds) ? 0 : seconds < 10 ? 3 : 1);
}

/** What is asked of which model: a figure, the money of a loss, or the value of better OEE. */
function question({ scope, start, end, figure, dates, money }) {
    if (!money) {
        return ["mes.oee", "provenance", [scope, start, end, figure, dates || null]];
    }
    if (money.stop) {
        return ["mes.oee.money", "stop", [money.stop, start, end]];
    }
    if (money.drill) {
        return ["mes.oee.money", "provenance", [scope, start, end, money.drill, Boolean(money.withoutStops)]];
    }
    return ["mes.oee.money", "points", [scope, money.points, money.investment ?? null]];
}

/**
 * What a figure was made of: value, formula with its version, inputs with their units, calendars, coverage, notes,
 * and the hours and stops behind it. So an auditor can redo it with a calculator.
 */
export class Provenance extends Component {
    static template = "mes_oee.Provenance";
    static props = {
        /** [model, ids] of sites, areas, a line or work centers. */
        scope: Array,
        /** The span [start, end), ms. */
        start: Number,
        end: Number,
        /** Of an indicator: "oee", "mtbf", … */
        figure: String,
        label: String,
        tz: String,
        /** Of money instead: {drill, withoutStops} the way down of the losses, {stop} an id, or {points, investment}. */
        money: { type: [Object, { value: null }], optional: true },
        /** Business dates from, to (ISO): only the shifts of these days. */
        dates: { type: [Array, { value: null }], optional: true },
        onClose: Function,
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ phase: "loading", told: null, error: "" });
        this.newest = 0;
        onWillStart(() => {
            this.read(this.props); // not awaited: the panel stands meanwhile
        });
        onWillUpdateProps((next) => {
            const isOther = ["figure", "start", "end"].some((name) => next[name] !== this.props[name]);
            const what = ({ scope, money }) => JSON.stringify([scope, money]);
            if (isOther || what(next) !== what(this.props)) {
                this.read(next);
            }
        });
        onWillUnmount(() => (this.newest = Infinity));
    }

    async read(props = this.props) {
        const mine = ++this.newest;
        let found;
        try {
            found = { phase: "ready", told: await this.orm.silent.call(...question(props)), error: "" };
        } catch (error) {
            found = { phase: "error", error: problemOf(error) };
        }
        if (mine === this.newest) {
            Object.assign(this.state, found);
        }
    }

    get told() {
        return this.state.told;
    }

    get value() {
        const { value, unit } = this.told;
        return this.amount(value, unit === "ratio" ? "ratio" : unit);
    }

    get coverage() {
        return this.told.coverage === null ? "" : formatRatio(this.told.coverage);
    }

    get isThin() {
        return this.told.coverage !== null && this.told.coverage < SHOW_COVERAGE_BELOW;
    }

    get asOf() {
        const { as_of } = this.told;
        return `${formatDay(as_of, this.props.tz)} ${formatClock(as_of, this.props.tz)}`;
    }

    /** Of a single stop the time that counts, to the second; "" of anything else. */
    get interval() {
        const { tz } = this.props;
        const [from, until] = (this.told.interval || []).map((ms) => [formatDay(ms, tz), formatClock(ms, tz, true)]);
        if (!from) {
            return "";
        }
        return `${from.join(" ")} – ${from[0] === until[0] ? until[1] : until.join(" ")}`;
    }

    get intervals() {
        return Object.entries(this.told.intervals);
    }

    amount(value, unit) {
        if (value === null || value === undefined) {
            return "–";
        }
        return {
            ratio: () => formatRatio(value),
            ms: () => formatDuration(value),
            cycle_ms: () => _t("%s s", formatShort(value / 1000)),
            pieces: () => formatCount(value),
            number: () => formatNumber(value, Number.isInteger(value) ? 0 : 1),
            money: () => formatMoney(value, this.told.currency_id),
            pieces_per_ms: () => _t("%s pieces an hour", formatNumber(value * 3600000, 1)),
        }[unit]?.() ?? formatNumber(value, 2);
    }

    /** The exact amount as the formula got it. */
    exact({ exact, unit }) {
        return ["ms", "cycle_ms"].includes(unit) ? _t("%s ms", exact) : exact;
    }

    /** Of money: what each machine, product and step came to. */
    get parts() {
        return this.told.parts || [];
    }

    get othersText() {
        const { number, money } = this.told.others;
        return _t("%(number)s others: %(money)s", { number, money: this.amount(money, "money") });
    }

    open(action) {
        return this.action.doAction(action);
    }
}
