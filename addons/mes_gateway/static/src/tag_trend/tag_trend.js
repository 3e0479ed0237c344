import {
    Component,
    onMounted,
    onWillStart,
    onWillUnmount,
    onWillUpdateProps,
    useEffect,
    useRef,
    useState,
} from "@odoo/owl";
import { loadBundle } from "@web/core/assets";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { user } from "@web/core/user";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { KeepLast } from "@web/core/utils/concurrency";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { chartConfig } from "./trend_chart";
import { SPANS, figures, hasValues, nearest, neighbour } from "./trend_model";

const { DateTime } = luxon;
/** How often a trend that ends now is read again, while somebody looks at it. */
const AGAIN_MS = 10_000;
const LENGTHS = {
    "1h": () => _t("1 hour"),
    "8h": () => _t("8 hours"),
    "1d": () => _t("1 day"),
    "7d": () => _t("7 days"),
    "30d": () => _t("30 days"),
    "1y": () => _t("1 year"),
};

/** The trend of a tag's telemetry on its form. */
export class TagTrend extends Component {
    static template = "mes_gateway.TagTrend";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.canvas = useRef("canvas");
        this.latest = new KeepLast();
        this.spans = SPANS.map(({ name }) => ({ name, label: LENGTHS[name]() }));
        this.group = `mes_trend_${this.props.record.id}`;
        this.state = useState({
            span: "8h",
            until: null,
            phase: "loading",
            error: "",
            data: null,
            cursor: -1,
        });
        onWillStart(async () => {
            await loadBundle("web.chartjs_lib");
        });
        onMounted(() => {
            this.load();
            this.timer = browser.setInterval(() => this.loadAgain(), AGAIN_MS);
        });
        onWillUpdateProps((next) => {
            if (next.record.resId !== this.props.record.resId) {
                Object.assign(this.state, { phase: "loading", data: null, until: null, cursor: -1 });
                this.load(next.record.resId);
            }
        });
        useEffect(
            (canvas, data) => {
                if (!canvas || !data) {
                    return;
                }
                const config = chartConfig(data, this.state.span, canvas, (value) => this.shown(value));
                this.chart = new Chart(canvas, config);
                this.mark();
                return () => {
                    this.chart.destroy();
                    this.chart = null;
                };
            },
            () => [this.canvas.el, this.state.data]
        );
        useEffect(
            () => this.mark(),
            () => [this.state.cursor]
        );
        onWillUnmount(() => browser.clearInterval(this.timer));
    }

    // -- data ----------------------------------------------------------------------------------

    async load(tag = this.props.record.resId) {
        if (!tag) {
            return;
        }
        const { span, until } = this.state;
        try {
            const data = await this.latest.add(this.orm.call("mes.gateway.tag", "read_trend", [[tag], span, until]));
            const phase = hasValues(data.points) ? "ready" : "empty";
            Object.assign(this.state, { data, phase, error: "", cursor: -1 });
        } catch (error) {
            // Whatever it is: the form goes on, and the button asks again.
            const error_text = error.data?.message || _t("The server can't be reached.");
            Object.assign(this.state, { phase: "error", error: error_text });
        }
    }

    loadAgain() {
        if (this.state.until === null && this.state.cursor < 0 && !document.hidden) {
            this.load();
        }
    }

    setSpan(span) {
        Object.assign(this.state, { span, phase: this.state.data ? "reading" : "loading" });
        this.load();
    }

    /** Half a span back (-1) or on (1); the end of time is now. */
    move(direction) {
        const { from, until, now } = this.state.data;
        const end = until + (direction * (until - from)) / 2;
        Object.assign(this.state, { until: end >= now ? null : Math.round(end), phase: "reading" });
        this.load();
    }

    // -- what is said --------------------------------------------------------------------------

    shown(value) {
        const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 10 ? 1 : 3;
        const text = new Intl.NumberFormat(user.lang || undefined, { maximumFractionDigits: digits }).format(value);
        const unit = this.state.data?.unit;
        return unit ? `${text} ${unit}` : text;
    }

    clock(at) {
        return DateTime.fromMillis(at).toLocaleString(DateTime.DATETIME_SHORT_WITH_SECONDS);
    }

    get figures() {
        const found = this.state.data && figures(this.state.data.points);
        return (
            found && {
                low: this.shown(found.low),
                high: this.shown(found.high),
                last: this.shown(found.last),
                at: this.clock(found.lastAt),
            }
        );
    }

    get summary() {
        const said = this.figures;
        return said
            ? _t("Trend. Last %(last)s at %(at)s, least %(low)s, greatest %(high)s. Arrow keys read single points.", said)
            : _t("Trend without values.");
    }

    get spoken() {
        const point = this.state.cursor >= 0 && this.state.data?.points[this.state.cursor];
        if (!point) {
            return "";
        }
        return _t("%(at)s: %(mean)s (%(low)s to %(high)s)", {
            at: this.clock(point[0]),
            mean: this.shown(point[3]),
            low: this.shown(point[1]),
            high: this.shown(point[2]),
        });
    }

    // -- keyboard ------------------------------------------------------------------------------

    onKeydown(event) {
        const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const { points, until } = this.state.data;
        if (event.key === "Escape" && this.state.cursor >= 0) {
            this.state.cursor = -1;
        } else if (direction && hasValues(points)) {
            this.state.cursor =
                this.state.cursor < 0 ? nearest(points, until) : neighbour(points, this.state.cursor, direction);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }

    /** Show the point under the cursor as if the mouse were over it. */
    mark() {
        if (!this.chart) {
            return;
        }
        const index = this.state.cursor;
        const active = index < 0 ? [] : [{ datasetIndex: 2, index }];
        this.chart.setActiveElements(active);
        this.chart.tooltip.setActiveElements(active, { x: 0, y: 0 });
        this.chart.update("none");
    }
}

registry.category("view_widgets").add("mes_tag_trend", { component: TagTrend });
