import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { formatClock, formatDay, formatRatio } from "@mes_oee/screen/format";
import { Chart } from "@mes_oee/screen/chart/chart";
import { alignedBefore } from "../loss_model";
import { UNITS, formatAmount } from "../loss_words";

const { DateTime } = luxon;
const HOUR = 3600000;

/** OEE or the chosen loss hour by hour, day by day, week by week or month by month; the time before dashed. */
export class LossTrend extends Component {
    static template = "mes_oee.LossTrend";
    static components = { Chart };
    static props = {
        trend: Object,
        /** "oee" or "loss". */
        shown: String,
        grain: String,
        unit: String,
        currency: Number,
        tz: String,
        /** What the loss is called. */
        lossWord: String,
        onShow: Function,
    };

    get isOee() {
        return this.props.shown === "oee";
    }

    get points() {
        return this.props.trend[this.props.shown];
    }

    get title() {
        return this.isOee ? _t("OEE over time") : _t("%(loss)s over time", { loss: this.props.lossWord });
    }

    labelOf(at) {
        const { grain, tz } = this.props;
        const day = DateTime.fromMillis(at, { zone: tz }).setLocale(user.lang || undefined);
        if (grain === "hour") {
            return formatClock(at, tz);
        }
        if (grain === "week") {
            return _t("week %s", day.weekNumber);
        }
        return grain === "month" ? day.toLocaleString({ month: "short", year: "numeric" }) : formatDay(at, tz);
    }

    format(value) {
        return this.isOee ? formatRatio(value) : formatAmount(value, this.props.unit, this.props.currency);
    }

    /** Time is drawn in hours: its axis then has round numbers. */
    scaled(values) {
        return this.isOee || this.props.unit !== "ms" ? values : values.map((value) => value && value / HOUR);
    }

    get label() {
        const said = this.points.now.map((point) => `${this.labelOf(point.at)}: ${this.format(this.valueOf(point))}`);
        return `${this.title}. ${said.join(", ")}`;
    }

    valueOf(point) {
        return this.isOee ? point.value : point[this.props.unit];
    }

    get config() {
        const { now, was } = this.points;
        const name = this.isOee ? "value" : this.props.unit;
        const values = now.map((point) => this.valueOf(point));
        const before = alignedBefore(now, was, name);
        const labels = now.map((point) => this.labelOf(point.at));
        const axis = this.isOee ? _t("OEE") : this.props.unit === "ms" ? _t("Hours") : UNITS[this.props.unit];
        const format = (value) => this.format(value);
        const raw = [values, before];
        const isOee = this.isOee;
        return (colors) => ({
            type: isOee ? "line" : "bar",
            data: {
                labels,
                datasets: [
                    {
                        label: _t("Now"), data: this.scaled(values), borderColor: colors.ink, pointRadius: 3,
                        backgroundColor: isOee ? colors.ink : colors.quiet, tension: 0, spanGaps: false,
                    },
                    before && {
                        type: "line", label: _t("Before"), data: this.scaled(before), borderColor: colors.quiet,
                        borderDash: [6, 4], pointRadius: 0, backgroundColor: "transparent",
                    },
                ].filter(Boolean),
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: { mode: "index", intersect: false },
                scales: {
                    x: { ticks: { color: colors.quiet }, grid: { display: false } },
                    y: {
                        beginAtZero: true, title: { display: true, text: axis, color: colors.quiet },
                        ticks: { color: colors.quiet, callback: (value) => (isOee ? formatRatio(value) : value) },
                        grid: { color: colors.line },
                    },
                },
                plugins: {
                    legend: { display: Boolean(before), labels: { color: colors.ink } },
                    tooltip: {
                        callbacks: {
                            label: (item) =>
                                `${item.dataset.label}: ${format(raw[item.datasetIndex][item.dataIndex])}`,
                        },
                    },
                },
            },
        }); // prettier-ignore
    }
}
