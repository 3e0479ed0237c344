import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { stateOf } from "@mes_base/palette/states";
import { formatClock, formatCount, formatDuration, formatMinutes } from "@mes_oee/screen/format";
import { breaksOf, marksOf, outsideOf, ribbonOf, stopsOf } from "../shift_board_model";

/** A span narrower than this share of the hour has no room for its icon, percent. */
const ICON_SHARE = 3;

/** One hour of the shift: its ribbon, what it made against its target, what it lost and why. */
export class HourRow extends Component {
    static template = "mes_oee.ShiftBoard.HourRow";
    static props = {
        hour: Object,
        shift: Object,
        ribbon: Array,
        stops: Array,
        now: Number,
        tz: String,
        scale: Number,
        isOpen: Boolean,
        onOpenHour: Function,
        onOpenStop: Function,
    };

    get hour() {
        return { ...this.props.hour, shiftStart: this.props.shift.start };
    }

    get spans() {
        return ribbonOf(this.props.ribbon, this.hour, this.props.now).map((span) => ({
            ...span,
            icon: span.width > ICON_SHARE ? stateOf(span.kind).icon : "",
            title: [stateOf(span.kind).word, span.label, this.times(span.low, span.high)]
                .filter(Boolean)
                .join(" · "),
        }));
    }

    times(start, end) {
        const { tz } = this.props;
        return `${formatClock(start, tz, true)} – ${formatClock(end, tz, true)}, ${formatDuration(end - start)}`;
    }

    get breaks() {
        return breaksOf(this.props.shift.breaks, this.hour);
    }

    get outside() {
        return outsideOf(this.hour);
    }

    get marks() {
        return marksOf(this.props.stops, this.hour, this.props.now).map((mark) => ({
            ...mark,
            label: _t(
                "Explain the stop at %(time)s, %(length)s",
                {
                    time: formatClock(mark.stop.start, this.props.tz),
                    length: formatDuration((mark.stop.end ?? this.props.now) - mark.stop.start),
                }
            ),
        })); // prettier-ignore
    }

    get nowLeft() {
        const { hour, now } = this.props;
        return now >= hour.from && now < hour.until ? (100 * (now - hour.start)) / 3600000 : null;
    }

    /** Read aloud instead of the picture. */
    get summary() {
        const count = stopsOf(this.props.stops, this.hour, this.props.now).length;
        return _t("%(hour)s: %(count)s stops. Open the hour", { hour: this.hour.label, count });
    }

    get isFuture() {
        return this.hour.phase === "future";
    }

    get madeText() {
        return this.isFuture ? "" : formatCount(this.hour.made);
    }

    get targetText() {
        const { target, target_whole, phase } = this.hour;
        return formatCount(phase === "past" ? target : target_whole);
    }

    get bars() {
        const { scale } = this.props;
        const share = (value) => Math.min(100, (100 * (value || 0)) / scale);
        return {
            made: share(this.hour.made),
            mark: this.hour.target_whole === null ? null : share(this.hour.target_whole),
        };
    }

    /** Pieces ahead of (+) or behind (−) what was meant so far in the shift. */
    get lead() {
        const { sum_made, sum_target } = this.hour;
        if (sum_target === null || this.isFuture) {
            return null;
        }
        return Math.round(sum_made - sum_target);
    }

    get leadText() {
        const text = formatCount(Math.abs(this.lead));
        return this.lead < 0 ? _t("%s behind", text) : _t("%s ahead", text);
    }

    get sumText() {
        return formatCount(this.hour.sum_made);
    }

    get lostTime() {
        return formatMinutes(this.hour.lost_ms);
    }

    get lostPieces() {
        const { lost_pieces } = this.hour;
        return lost_pieces === null ? "" : _t("%s pieces", formatCount(lost_pieces));
    }

    get topLoss() {
        const [loss] = this.hour.losses;
        return loss ? { ...loss, text: formatMinutes(loss.ms) } : null;
    }
}
