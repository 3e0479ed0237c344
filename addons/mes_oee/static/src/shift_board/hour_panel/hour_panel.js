import { Component, onMounted, useExternalListener, useRef } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { stateOf } from "@mes_base/palette/states";
import { formatClock, formatDuration, formatMinutes } from "@mes_oee/screen/format";
import { stopsOf } from "../shift_board_model";

/** What is behind an hour: its losses, which add up to what it lost, and each of its stops to explain. */
export class HourPanel extends Component {
    static template = "mes_oee.ShiftBoard.HourPanel";
    static props = {
        hour: Object,
        stops: Array,
        tz: String,
        now: Number,
        onOpenStop: Function,
        onClose: Function,
    };

    setup() {
        this.close = useRef("close");
        onMounted(() => this.close.el.focus({ preventScroll: true }));
        useExternalListener(window, "keydown", (event) => {
            if (event.key === "Escape") {
                this.props.onClose();
            }
        });
    }

    get stops() {
        const { stops, hour, now, tz } = this.props;
        return stopsOf(stops, hour, now).map((stop) => ({
            ...stop,
            icon: stateOf(stop.kind === "minor" ? "minor" : "down").icon,
            time: formatClock(stop.start, tz, true),
            length: formatDuration((stop.end ?? now) - stop.start),
            words: stop.name || _t("Not explained"),
        }));
    }

    get losses() {
        return this.props.hour.losses.map((loss) => ({ ...loss, text: formatMinutes(loss.ms) }));
    }

    get lost() {
        return formatMinutes(this.props.hour.lost_ms);
    }
}
