import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { openBacklog } from "@mes_oee/screen/backlog";
import { formatClock, formatCount, formatDay } from "@mes_oee/screen/format";
import { useReading, useScreenState } from "@mes_oee/screen/hooks";
import { Screen } from "@mes_oee/screen/screen";
import { machinesAt, openSet, openText, pressed, toggled, treeRows, worstBelow } from "./overview_model";
import { PlaceRow } from "./place_row/place_row";

/** Read again at least so often (real ms). */
const AGE_MS = 60000;
const LOSS_SPANS = { shift: "shift", today: "today", yesterday: "yesterday", week: "last7", month: "last30" };

/** The whole plant: how is it doing, and can I trust what I see? */
export class MesOverview extends Component {
    static template = "mes_oee.Overview";
    static components = { PlaceRow, Screen };
    static props = { ...standardActionServiceProps };
    static path = "mes-overview";
    static displayName = _t("Plant overview");

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.chosen = useScreenState(this.props, { span: "shift", sort: "lost", open: "" });
        this.state = useState({ current: "", focus: "", money: null });
        this.newestMoney = 0;
        this.reading = useReading(() => this.read(), {
            isEmpty: (data) => !data.places.length,
            kinds: ["stop", "call", "calendar"],
            ageMs: AGE_MS,
            // Complete hours stay what they are; of calls everybody wants to know at once.
            concerns: (event) => event.kind === "call" || (this.data?.is_live ?? true),
        });
    }

    async read() {
        const { span, open } = this.chosen.values;
        const asked = [span, open ? [...openSet(open)] : false];
        const answer = await this.orm.silent.call("mes.overview", "snapshot", asked);
        if (answer.prices) {
            this.readMoney(asked); // not awaited: nobody waits for money to see the plant
        }
        return answer;
    }

    /** What the places lost in money; `places` null: it could not be read. The newest answer counts. */
    async readMoney(asked) {
        const mine = ++this.newestMoney;
        let places = null;
        try {
            places = await this.orm.silent.call("mes.overview", "money", asked);
        } catch {
            // said on the page: all else stays
        }
        if (mine === this.newestMoney) {
            this.state.money = { span: asked[0], places };
        }
    }

    // ---- what the template reads ----

    get data() {
        return this.reading.data;
    }

    get open() {
        return openSet(this.chosen.values.open, this.data.open);
    }

    get rows() {
        return treeRows(this.data.places, { sort: this.chosen.values.sort, open: this.open });
    }

    /** The one row that the Tab key reaches. */
    currentOf(rows) {
        const keys = rows.map((row) => row.place.key);
        return keys.includes(this.state.current) ? this.state.current : keys[0];
    }

    get spans() {
        return [
            ["shift", _t("Shift")],
            ["today", _t("Today")],
            ["yesterday", _t("Yesterday")],
            ["week", _t("7 days")],
            ["month", _t("30 days")],
        ];
    }

    get sorts() {
        return [
            ["lost", _t("Most lost first")],
            ["oee", _t("Lowest OEE first")],
            ["name", _t("By name")],
            ["plant", _t("In the plant's order")],
        ];
    }

    get curveWord() {
        return this.data.curve === "hour" ? _t("OEE of the last 14 hours") : _t("OEE of the last 14 days");
    }

    /** What a place lost in money, of the span that is shown; null: not known, or not for this person. */
    moneyOf(place) {
        const { money } = this.state;
        return (money?.span === this.data.span && money.places?.[place.key]) || null;
    }

    /** What the figures may still lack, in words; "" if nothing. */
    get lacks() {
        const { is_live, as_of, tz, pending_hours } = this.data;
        const said = [];
        if (!is_live && this.chosen.values.span !== "yesterday") {
            const at = `${formatDay(as_of, tz)} ${formatClock(as_of, tz)}`;
            said.push(_t("Complete hours only, up to %s.", at));
        }
        if (pending_hours) {
            said.push(_t("%s machine hours have newer facts than these figures: they follow in a moment.", formatCount(pending_hours)));
        }
        if (this.state.money && !this.state.money.places) {
            said.push(_t("What was lost in money could not be read: it is asked for again in a minute."));
        }
        return said.join(" ");
    }

    // ---- what people do ----

    pickSpan(span) {
        this.chosen.set({ span });
        return this.reading.restart();
    }

    pickSort(sort) {
        this.chosen.set({ sort });
    }

    /** Opens at once with what is known; the curves of what comes to sight follow. */
    toggle(key) {
        const open = toggled(this.open, key);
        this.chosen.set({ open: openText(open) }, { replace: true });
        if (open.has(key)) {
            return this.reading.reload();
        }
    }

    onFocus(key) {
        this.state.current = this.state.focus = key;
    }

    /** A row takes the focus when a key moved there, never because it is drawn again. */
    onBlur() {
        this.state.focus = "";
    }

    onKey(ev) {
        if (ev.target.closest("button") && ["Enter", " "].includes(ev.key)) {
            return;
        }
        const rows = this.rows;
        const meant = ev.altKey || ev.ctrlKey || ev.metaKey ? null : pressed(rows, this.currentOf(rows), ev.key);
        if (!meant) {
            return;
        }
        ev.preventDefault();
        if (meant.toggle) {
            this.toggle(meant.toggle);
        } else {
            this.state.current = this.state.focus = meant.focus;
        }
    }

    openScreen(place, to) {
        return {
            board: () => this.openLive(place),
            shift_board: () => this.openShiftBoard(place),
            timeline: () => this.go("mes_oee.action_timeline", { scope: place.key }),
            losses: () => this.go("mes_oee.action_losses", { place: place.key, span: LOSS_SPANS[this.chosen.values.span] }),
        }[to]();
    }

    /** The live board is that of a line; of more, or of a machine without one, the andon wall. */
    openLive(place) {
        const line = place.kind === "machine" ? this.parentOf(place) : place;
        if (line.kind === "line") {
            return this.action.doAction("mes_oee.action_board", { props: { resId: line.id } });
        }
        return this.openWall(place);
    }

    openWall(place) {
        const wide = place.kind === "machine" ? this.parentOf(place) : place;
        return this.go("mes_oee.action_andon", { place: wide.key });
    }

    /** Of an area or a site: of what has lost the most there. */
    openShiftBoard(place) {
        const one =
            worstBelow(this.data.places, place, ["line", "machine"]) ||
            worstBelow(this.data.places, place, ["machine"]);
        return this.action.doAction("mes_oee.action_shift_board", { props: { resId: one?.id || false } });
    }

    openBacklog(place) {
        const machines = machinesAt(this.data.places, place);
        return openBacklog(this.action, { machines, from: place.from, until: place.until, name: place.name });
    }

    parentOf(place) {
        return this.data.places.find((one) => one.key === place.parent);
    }

    go(action, screen) {
        return this.action.doAction(action, { additionalContext: { mes_screen: screen } });
    }

    openWorkcenters() {
        return this.action.doAction("mrp.mrp_workcenter_action");
    }
}

registry.category("actions").add("mes_oee.overview", MesOverview);
