import {
    Component,
    onMounted,
    onWillDestroy,
    onWillStart,
    onWillUpdateProps,
    useExternalListener,
    useRef,
    useState,
} from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { problemOf } from "@mes_base/problem/problem";
import { DIGIT_WAIT_MS, TILES, Wedge, byCode, flatten, search } from "./picker_model";

/**
 * A panel in which a person chooses why a machine stood: the most probable reasons as tiles, all of them in a
 * tree, a search, a scanner, and the comment that a reason asks for. It is embedded, never a dialog.
 *
 * Keys: 1–8 the tiles, letters search, arrows move, Enter takes, Esc goes back a step and then closes.
 */
export class ReasonPicker extends Component {
    static template = "mes_base.ReasonPicker";
    static props = {
        workcenterId: Number,
        stopId: { type: [Number, { value: null }], optional: true },
        /** (reason, comment or null): takes the choice; the panel stays until its parent removes it. */
        onPick: Function,
        onClose: { type: Function, optional: true },
        /** Whether the panel takes the keyboard at once. */
        focus: { type: Boolean, optional: true },
    };
    static defaultProps = { stopId: null, focus: true };

    setup() {
        this.orm = useService("orm");
        this.root = useRef("root");
        this.input = useRef("search");
        this.comment = useRef("comment");
        this.wedge = new Wedge();
        this.state = useState({
            phase: "loading", error: "", top: [], tree: [], recent: [], open: [], text: "", active: 0,
            pressed: null, unknown: "", asked: null, note: "", withComment: false,
        }); // prettier-ignore
        onWillStart(() => void this.load());
        onWillUpdateProps((next) => {
            if (next.workcenterId !== this.props.workcenterId || next.stopId !== this.props.stopId) {
                Object.assign(this.state, { open: [], text: "", active: 0, pressed: null, asked: null, note: "" });
                void this.load(next);
            }
        });
        onMounted(() => this.props.focus && this.root.el.focus({ preventScroll: true }));
        onWillDestroy(() => browser.clearTimeout(this.waiting));
        useExternalListener(window, "keydown", this.onKeydown, { capture: true });
    }

    async load({ workcenterId, stopId } = this.props) {
        this.state.phase = "loading";
        this.askedFor = stopId;
        try {
            const found = await this.orm.silent.call("mes.reason.picker", "choices", [workcenterId, stopId]);
            if (this.askedFor !== stopId) {
                return; // another stop was chosen meanwhile
            }
            this.all = flatten(found.tree);
            Object.assign(this.state, { ...found, phase: found.tree.length ? "ready" : "empty" });
        } catch (error) {
            this.state.error = problemOf(error);
            this.state.phase = "error";
        }
    }

    /** The reasons below the headings that were opened. */
    get level() {
        return this.state.open.length ? this.state.open.at(-1).children : this.state.tree;
    }

    get found() {
        return search(this.all, this.state.text);
    }

    /** What the arrows move through: what is shown as tiles or rows. */
    get shown() {
        if (this.state.text) {
            return this.found;
        }
        return this.state.open.length ? this.level : this.state.top;
    }

    limit(reason) {
        return reason.max_minutes ? _t("up to %s min", reason.max_minutes) : "";
    }

    get unknown() {
        return _t("No reason here has the code %s: choose one below.", this.state.unknown);
    }

    /** The heading itself as the answer. */
    get general() {
        return _t("%s, without detail", this.state.open.at(-1).name);
    }

    get failed() {
        return _t("The reasons could not be read: %s", this.state.error);
    }

    /** A reason, or a heading to look under. */
    choose(reason) {
        this.state.unknown = "";
        if (reason.choosable === false || (reason.children?.length && this.state.open.at(-1) !== reason)) {
            this.enter(reason);
            return;
        }
        Object.assign(this.state, { pressed: reason.id, text: "", active: 0 });
        if (reason.needs_comment || this.state.withComment) {
            this.state.asked = reason;
            browser.setTimeout(() => this.comment.el?.focus());
        } else {
            this.props.onPick(reason, null);
        }
    }

    enter(reason) {
        Object.assign(this.state, { open: [...this.state.open, reason], text: "", active: 0 });
    }

    confirm() {
        const note = this.state.note.trim();
        if (note || !this.state.asked.needs_comment) {
            this.props.onPick(this.state.asked, note || null);
        } else {
            this.comment.el.focus();
        }
    }

    /** One step back; true if there was one. */
    back() {
        if (this.state.asked) {
            Object.assign(this.state, { asked: null, note: "", pressed: null });
        } else if (this.state.text) {
            this.type("");
        } else if (this.state.open.length) {
            Object.assign(this.state, { open: this.state.open.slice(0, -1), active: 0 });
        } else {
            return false;
        }
        this.root.el.focus({ preventScroll: true });
        return true;
    }

    close() {
        this.props.onClose?.();
    }

    type(text) {
        Object.assign(this.state, { text, active: 0, unknown: "" });
    }

    onKeydown(ev) {
        if (!this.root.el?.isConnected) {
            return;
        }
        const inside = this.root.el.contains(ev.target);
        const elsewhere = !inside && ev.target.closest?.("input, textarea, select, [contenteditable], .modal");
        if (this.state.phase !== "ready" || elsewhere || ev.ctrlKey || ev.metaKey || ev.altKey) {
            return;
        }
        // A busy page handles keys late: what counts is when they were pressed, which only the browser's own say.
        const at = ev.isTrusted ? ev.timeStamp : Date.now();
        const scanned = ev.key.length === 1 || ev.key === "Enter" ? this.wedge.key(ev.key, at) : null;
        if (scanned !== null ? this.scan(scanned) : this.press(ev)) {
            ev.preventDefault();
            ev.stopPropagation();
        }
    }

    /** A scanner said a code: the reason that carries it. */
    scan(code) {
        browser.clearTimeout(this.waiting);
        // A scanner that hesitated on its way has left the first part of its code in the search.
        const reason = byCode(this.all, code) || byCode(this.all, this.state.text);
        Object.assign(this.state, { text: "", asked: null, note: "", unknown: reason ? "" : code });
        if (reason) {
            this.choose({ ...reason, children: [] });
        }
        return true;
    }

    /** What a key does; true if it was for us. */
    press(ev) {
        if (ev.key === "Escape") {
            this.back() || this.close();
            return true;
        }
        if (this.state.asked) {
            const send = ev.key === "Enter" && !ev.shiftKey && !ev.target.closest("button");
            return send && (this.confirm(), true);
        }
        const step = { ArrowDown: this.columns, ArrowUp: -this.columns, ArrowRight: 1, ArrowLeft: -1 }[ev.key];
        const typing = ev.target === this.input.el;
        if (step && !(typing && Math.abs(step) === 1 && this.state.text)) {
            this.move(step);
            return true;
        }
        if (ev.key === "Enter" && !ev.target.closest("button")) {
            return this.take();
        }
        if (/^[1-8]$/.test(ev.key) && !typing && !this.state.text && !this.wedge.running) {
            return this.digit(Number(ev.key) - 1);
        }
        if (ev.key === "Backspace" && !typing && this.state.text) {
            this.type(this.state.text.slice(0, -1));
            return true;
        }
        return this.letter(ev, typing);
    }

    /** Letters search wherever the focus stands; a button keeps its space bar. */
    letter(ev, typing) {
        browser.clearTimeout(this.waiting);
        if (typing || ev.key.length !== 1 || (ev.key === " " && ev.target.closest("button"))) {
            return false;
        }
        this.type((this.wedge.running && !this.state.text ? this.wedge.text.slice(0, -1) : this.state.text) + ev.key);
        return true;
    }

    /** A digit is a tile, unless more keys follow at once: then a scanner speaks. */
    digit(index) {
        const reason = this.shown[index];
        browser.clearTimeout(this.waiting);
        if (reason) {
            this.state.pressed = reason.id;
            this.waiting = browser.setTimeout(() => {
                this.state.pressed = null;
                if (!this.wedge.running) {
                    this.choose(reason);
                }
            }, DIGIT_WAIT_MS);
        }
        return true;
    }

    take() {
        // A code that was typed in full is meant, unless the arrows have chosen another.
        const coded = this.state.active ? undefined : byCode(this.all, this.state.text);
        const reason = coded || this.shown[this.state.active];
        if (reason) {
            this.choose(reason);
        }
        return true;
    }

    move(step) {
        const count = this.shown.length;
        if (count) {
            this.state.active = Math.max(0, Math.min(count - 1, this.state.active + step));
            const marked = () => this.root.el?.querySelector(".mes-picker-active");
            browser.requestAnimationFrame(() => marked()?.scrollIntoView({ block: "nearest" }));
        }
    }

    /** How many tiles stand in a row, as laid out. */
    get columns() {
        const grid = this.state.text || this.state.open.length ? null : this.root.el?.querySelector(".mes-picker-tiles");
        return grid ? getComputedStyle(grid).gridTemplateColumns.split(" ").length : 1;
    }

    hint(index) {
        return index < TILES ? String(index + 1) : "";
    }
}
