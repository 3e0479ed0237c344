import { Component, onWillStart, onWillUnmount, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { browser } from "@web/core/browser/browser";
import { useService } from "@web/core/utils/hooks";
import { formatCurrency } from "@web/core/currency";
import { problemOf } from "@mes_base/problem/problem";
import { formatCount, formatMoney, formatNumber, formatRatio } from "@mes_oee/screen/format";

/** The figures are asked for when somebody has stopped typing for so long (ms). */
const REST_MS = 300;
const TEN_POINTS = 10;
const COLUMNS = ["low", "high"];

/** What points of OEE are worth at this place, and when an investment that brings them is earned back. */
export class LossPayback extends Component {
    static template = "mes_oee.LossPayback";
    static props = {
        scope: Object,
        /** Chosen so far, as the address says: points of OEE, an investment in the place's currency, an industry. */
        points: Number,
        investment: Number,
        industry: String,
        onChange: Function,
        onBack: Function,
        /** Opens what a value was made of: {points, investment}. */
        onMoney: { type: Function, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.state = useState({
            points: this.props.points,
            investment: this.props.investment,
            industry: this.props.industry,
            phase: "loading", answer: null, ten: null, error: "",
        }); // prettier-ignore
        this.newest = 0;
        onWillStart(() => {
            this.read(); // not awaited: the page stands meanwhile
        });
        onWillUnmount(() => {
            this.newest = Infinity;
            browser.clearTimeout(this.rest);
        });
    }

    get place() {
        return [this.props.scope.model, [...this.props.scope.ids]];
    }

    async read() {
        const mine = ++this.newest;
        const { points, investment } = this.state;
        let found;
        try {
            const ask = (method, args) => this.orm.silent.call("mes.oee.value", method, [this.place, ...args]);
            const [answer, ten] = await Promise.all([
                ask("payback", [investment, points / 100]),
                points === TEN_POINTS ? null : ask("ten_points", [TEN_POINTS / 100]),
            ]);
            found = { phase: "ready", answer, ten: ten || answer, error: "" };
        } catch (error) {
            found = { phase: "error", error: problemOf(error) };
        }
        if (mine === this.newest) {
            Object.assign(this.state, found);
        }
    }

    /** Nonsense stays in its field and is said there; nothing is asked for it. */
    type(name, text) {
        const value = Number(text);
        const isSense = text !== "" && value > 0 && (name !== "points" || value <= 100);
        this.state.problem = isSense ? "" : name;
        if (!isSense) {
            return;
        }
        this.state[name] = value;
        browser.clearTimeout(this.rest);
        this.rest = browser.setTimeout(() => {
            this.props.onChange({ points: this.state.points, invest: this.state.investment });
            this.read();
        }, REST_MS);
    }

    /** What is shown was made of; ten points beside others have no investment. */
    openMoney(label, points, investment) {
        this.props.onMoney?.({ points: points / 100, investment }, label);
    }

    get words() {
        return { saving: _t("Saving a year"), back: _t("Earned back after"), ten: _t("Ten points, a line a year") };
    }

    pickIndustry(key) {
        this.state.industry = key;
        this.props.onChange({ industry: key });
    }

    retry() {
        this.state.phase = "loading";
        return this.read();
    }

    print() {
        browser.print?.() ?? window.print();
    }

    // ---- what the template reads ----

    get answer() {
        return this.state.answer;
    }

    money(amount) {
        return formatMoney(amount, this.answer.currency_id);
    }

    count(value) {
        return formatCount(value);
    }

    ratio(value) {
        return formatRatio(value);
    }

    get days() {
        return formatNumber(this.answer.days, this.answer.days < 10 ? 1 : 0);
    }

    /** Months to pay back, or years where those are easier to grasp; null: never. */
    get months() {
        return this.answer.months === null ? null : formatNumber(this.answer.months, this.answer.months < 100 ? 1 : 0);
    }

    get reaches() {
        const { oee } = this.answer;
        return oee === null ? null : oee + this.state.points / 100;
    }

    get industries() {
        return this.answer.industries.map((one) => ({
            ...one,
            averageText: this.range(one.average),
            worldText: this.range(one.world_class),
            valueText: one.ten_points_usd.map((value) => formatUsd(value)).join(" – "),
            isMine: one.key === this.state.industry,
        }));
    }

    range(values) {
        return `${COLUMNS.map((_name, place) => values[place]).join(" – ")}\u00a0%`;
    }
}

/** The table of industries is in US dollars, whatever the company's currency. */
function formatUsd(value) {
    return `USD\u00a0${formatCurrency(value, undefined, { digits: [16, 0] })}`;
}
