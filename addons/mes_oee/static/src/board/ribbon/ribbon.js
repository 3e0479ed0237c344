import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { stateOf } from "@mes_base/palette/states";
import { formatClock, formatDuration } from "../format";

/** A span narrower than this share of the shift has no room for its icon. */
const ICON_SHARE = 0.022;

/** States of one machine over the shift: time runs to the right, the future stays empty. */
export class Ribbon extends Component {
    static template = "mes_oee.Ribbon";
    static props = {
        spans: Array,
        from: Number,
        until: Number,
        now: Number,
        breaks: { type: Array, optional: true },
        tz: String,
        label: String,
        onOpen: Function,
    };

    get length() {
        return Math.max(1, this.props.until - this.props.from);
    }

    /** Spans as CSS percent of the shift, each with its words for the tooltip. */
    get pieces() {
        return this.props.spans
            .map((span, index) => this.piece(span, index))
            .filter((piece) => piece.width > 0);
    }

    piece(span, index) {
        const start = Math.max(span.start, this.props.from);
        const end = Math.min(span.end ?? this.props.now, this.props.until);
        const state = stateOf(span.kind);
        return {
            key: `${index}:${span.start}`,
            kind: span.kind,
            icon: (end - start) / this.length > ICON_SHARE ? state.icon : "",
            left: this.percent(start),
            width: (100 * Math.max(0, end - start)) / this.length,
            title: this.title(span, state, start, end),
        };
    }

    title(span, state, start, end) {
        const { tz } = this.props;
        const times = `${formatClock(start, tz, true)} – ${formatClock(end, tz, true)}`;
        const words = [state.word, span.label, times, formatDuration(end - start)];
        return words.filter(Boolean).join(" · ");
    }

    get breakMarks() {
        return (this.props.breaks || []).map(([start, end]) => ({
            key: start,
            left: this.percent(start),
            width: (100 * (end - start)) / this.length,
        }));
    }

    /** Position of the present, percent; null outside the shift. */
    get nowLeft() {
        const left = this.percent(this.props.now);
        return left >= 0 && left <= 100 ? left : null;
    }

    /** Read aloud instead of the picture: how long each state lasted. */
    get summary() {
        const sums = {};
        for (const span of this.props.spans) {
            const end = Math.min(span.end ?? this.props.now, this.props.until);
            sums[span.kind] = (sums[span.kind] || 0) + Math.max(0, end - span.start);
        }
        const parts = Object.entries(sums).map(
            ([kind, ms]) => `${stateOf(kind).word} ${formatDuration(ms)}`
        );
        return _t("%(machine)s: %(times)s", { machine: this.props.label, times: parts.join(", ") });
    }

    percent(at) {
        return (100 * (at - this.props.from)) / this.length;
    }
}
