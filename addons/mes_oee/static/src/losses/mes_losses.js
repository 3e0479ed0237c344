import { Component, onWillStart, useExternalListener, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { download } from "@web/core/network/download";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { problemOf } from "@mes_base/problem/problem";
import { Provenance } from "@mes_oee/provenance/provenance";
import { formatDay, formatRatio, formatSpan } from "@mes_oee/screen/format";
import { useReading, useScreenState } from "@mes_oee/screen/hooks";
import { PlacePicker } from "@mes_oee/screen/place_picker/place_picker";
import { Screen } from "@mes_oee/screen/screen";
import { LossFigures } from "./loss_figures/loss_figures";
import { choiceOf, drillInto, drillIntoRow, formatDrill, nextBy, parseDrill } from "./loss_model";
import { LossPareto } from "./loss_pareto/loss_pareto";
import { LossPayback } from "./loss_payback/loss_payback";
import { LossSingles } from "./loss_singles/loss_singles";
import { LossSix } from "./loss_six/loss_six";
import { LossSpan } from "./loss_span/loss_span";
import { LossTrend } from "./loss_trend/loss_trend";
import { LossWaterfall } from "./loss_waterfall/loss_waterfall";
import { FIGURES, UNITS, wordOf } from "./loss_words";

/** The timeline shows a stop with so much before and after it (ms). */
const AROUND_MS = 15 * 60000;
/** Below this coverage it is printed. */
const SHOW_COVERAGE_BELOW = 0.95;

/** Which loss is worth attacking first, in money? */
export class MesLosses extends Component {
    static template = "mes_oee.Losses";
    static components = {
        LossFigures, LossPareto, LossPayback, LossSingles, LossSix, LossSpan, LossTrend, LossWaterfall,
        PlacePicker, Provenance, Screen,
    }; // prettier-ignore
    static props = { ...standardActionServiceProps };
    static path = "mes-losses";
    static displayName = _t("Loss analysis");

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.units = Object.entries(UNITS);
        this.chosen = useScreenState(this.props, {
            place: "", span: "last7", from: 0, to: 0, compare: "before", cfrom: 0, cto: 0, unit: "ms", sort: "",
            by: "reason", drill: "", trend: "", view: "", points: 10, invest: 50000, industry: "",
        }); // prettier-ignore
        this.state = useState({ places: [], figure: "", money: null, isBusy: false, isLoading: false });
        this.reading = useReading(() => this.read(), {
            isEmpty: (answer) => !answer.place,
            ageMs: 5 * 60000,
            kinds: ["stop"],
            // Over days a stop more changes nothing that anybody decides upon: only short spans follow the floor.
            concerns: () => ["shift", "today"].includes(this.chosen.values.span),
        });
        useExternalListener(window, "keydown", (ev) => this.onKey(ev));
        onWillStart(() => {
            this.readPlaces();
        });
    }

    read() {
        return this.orm.silent.call("mes.loss.screen", "snapshot", [choiceOf(this.chosen.values)]);
    }

    /** The toolbar needs the places also where the losses cannot be read. */
    async readPlaces() {
        try {
            this.state.places = await this.orm.silent.call("mes.screen", "places", []);
        } catch {
            this.state.places = []; // what is wrong is told by the reading
        }
    }

    // ---- what the template reads ----

    get data() {
        return this.reading.data;
    }

    get values() {
        return this.chosen.values;
    }

    get measure() {
        return this.values.sort || this.values.unit;
    }

    /** The way down as words; the last one is where one is. */
    get crumbs() {
        return this.data.drill.map((one, place) => ({ ...one, place, word: wordOf(one) }));
    }

    get step() {
        return this.data.drill.find((one) => one.kind === "step")?.value || "";
    }

    get trendShown() {
        return this.data.trend.oee && this.values.trend !== "loss" ? "oee" : "loss";
    }

    get lossWord() {
        return this.crumbs.at(-1)?.word || _t("Lost time");
    }

    get spanText() {
        return this.spanOf(this.data.start, this.data.end);
    }

    /** The compared time; how much of it was watched, if that is little: what changed is then worth less. */
    get wasText() {
        const { was_start: start, was_end: end, figures } = this.data;
        if (start === null) {
            return "";
        }
        const coverage = figures[0]?.was_coverage ?? 1;
        const span = this.spanOf(start, end);
        return coverage < SHOW_COVERAGE_BELOW ? _t("%(span)s (%(share)s known)", { span, share: formatRatio(coverage) }) : span;
    }

    /** Begin and end with their days, also of a span within one. */
    spanOf(start, end) {
        const { tz } = this.data;
        const [span, day] = [formatSpan(start, end, tz), formatDay(start, tz)];
        return span.includes(day) ? span : `${day} ${span}`;
    }

    get figureWord() {
        return this.state.money?.label || FIGURES[this.state.figure];
    }

    get scope() {
        return [this.data.scope.model, [...this.data.scope.ids]];
    }

    /** Of what a figure is opened: the place and the span, or a single row's. */
    get opened() {
        const { start, end } = this.data;
        return { scope: this.scope, start, end, ...this.state.money?.of };
    }

    // ---- choices ----

    /** Another place or time is another question: what was tapped stays only while it may still be there. */
    pickPlace(place) {
        this.chosen.set({ place, drill: "" });
        this.closeFigure();
        return this.reading.restart();
    }

    pickTime(patch) {
        this.chosen.set(patch);
        return this.reading.restart();
    }

    async pickUnit(unit) {
        this.chosen.set({ unit, sort: "" });
        if (this.data?.singles) {
            await this.refresh();
        }
    }

    pickMeasure(sort) {
        this.chosen.set({ sort }, { replace: true });
    }

    pickBy(by) {
        this.chosen.set({ by });
        return this.refresh();
    }

    showTrend(trend) {
        this.chosen.set({ trend }, { replace: true });
    }

    tapStep(name) {
        return this.go(this.step === name ? [] : drillInto([], "step", name), "reason");
    }

    tapRow(row) {
        const { by, dimensions } = this.data;
        return this.go(drillIntoRow(parseDrill(this.values.drill), by, row), nextBy(by, by, dimensions));
    }

    /** Back to a step of the way down; -1: to the whole. */
    backTo(place) {
        const left = parseDrill(this.values.drill).slice(0, place + 1);
        return this.go(left, left.length > 1 ? this.values.by : "reason");
    }

    go(drill, by) {
        this.chosen.set({ drill: formatDrill(drill), by });
        return this.refresh();
    }

    /** What is shown stays until the answer is there; a choice that cannot be read is said as an error. */
    async refresh() {
        this.state.isBusy = true;
        await this.reading.reload();
        this.state.isBusy = false;
    }

    openFigure(key) {
        Object.assign(this.state, { figure: this.state.figure === key ? "" : key, money: null });
    }

    /** What the money of a step or a big loss was made of; label: what it is called. */
    openMoney(drill, label) {
        Object.assign(this.state, { figure: "money", money: { what: { drill }, label } });
    }

    /** The same of a row of the Pareto, on the way down so far. */
    openRowMoney(row) {
        const drill = drillIntoRow(parseDrill(this.values.drill), this.data.by, row);
        this.openMoney(drill, [...this.crumbs.map((one) => one.word), row.label].join(" · "));
    }

    /** The same of a single stop, or of an hour of what is no stop, as far as it lies in the span. */
    openSingleMoney(row) {
        const isStop = row.what === "stop";
        const { start, end } = this.data;
        const of = {
            scope: ["mrp.workcenter", [row.machine.id]],
            start: isStop ? start : Math.max(start, row.start),
            end: isStop ? end : Math.min(end, row.end),
        };
        const what = isStop ? { stop: row.id } : { drill: parseDrill(this.values.drill), withoutStops: true };
        const label = [row.machine.name, row.reason || this.lossWord].join(" · ");
        Object.assign(this.state, { figure: "money", money: { what, label, of } });
    }

    /** The same of the value of better OEE. */
    openPoints(what, label) {
        Object.assign(this.state, { figure: "money", money: { what, label } });
    }

    closeFigure() {
        Object.assign(this.state, { figure: "", money: null });
    }

    showPayback() {
        this.closeFigure();
        this.chosen.set({ view: "payback" });
    }

    showLosses() {
        this.closeFigure();
        this.chosen.set({ view: "" });
    }

    keepPayback(patch) {
        this.closeFigure(); // what it was made of would be of the choice before
        this.chosen.set(patch, { replace: true });
    }

    /** Escape goes one step back up, from anywhere but a field. */
    onKey(ev) {
        if (ev.key !== "Escape" || ev.target.closest?.("input, select, textarea, .modal")) {
            return;
        }
        if (this.state.figure) {
            return this.closeFigure();
        }
        const drill = parseDrill(this.values.drill);
        if (drill.length && this.reading.phase === "ready" && !this.values.view) {
            return this.backTo(drill.length - 2);
        }
    }

    // ---- ways out ----

    openTimeline(row) {
        const isStop = row.what === "stop";
        const around = isStop ? AROUND_MS : 0;
        return this.action.doAction("mes_oee.action_timeline", {
            additionalContext: {
                mes_screen: {
                    scope: `machine-${row.machine.id}`,
                    from: row.start - around,
                    to: row.end + around,
                    ...(isStop ? { stop: String(row.id) } : {}),
                },
            },
        });
    }

    openStop(row) {
        return this.action.doAction({
            type: "ir.actions.act_window", res_model: "mes.stop", res_id: row.id, views: [[false, "form"]],
        }); // prettier-ignore
    }

    openWorkcenters() {
        return this.action.doAction("mrp.mrp_workcenter_action");
    }

    async exportSheet() {
        this.state.isLoading = true;
        try {
            const data = { choice: JSON.stringify(choiceOf(this.values)) };
            await download({ url: "/mes_oee/losses.xlsx", data });
        } catch (error) {
            const said = problemOf(error);
            this.notification.add(_t("The spreadsheet could not be made. %s", said), { type: "danger" });
        } finally {
            this.state.isLoading = false;
        }
    }
}

registry.category("actions").add("mes_oee.losses", MesLosses);
