import { Component } from "@odoo/owl";
import { formatDate } from "@mes_oee/screen/format";
import { timeTicks } from "../time_ticks";

/** A shift narrower than this carries no name (px). */
const NAME_ROOM = 46;

/** The time axis on the site's clock, and the shifts with their business dates above it. */
export class TimeRuler extends Component {
    static template = "mes_oee.TimeRuler";
    static props = {
        view: Object,
        tz: String,
        shifts: Array,
        now: Number,
    };

    get ticks() {
        return timeTicks(this.props.view, this.props.tz);
    }

    get shifts() {
        const { view, shifts } = this.props;
        return shifts
            .filter((shift) => shift.end > view.start && shift.start < view.end)
            .map((shift) => {
                const left = Math.max(0, view.x(shift.start));
                const width = Math.min(view.width, view.x(shift.end)) - left;
                return { key: shift.start, left, width, name: shift.name, date: formatDate(shift.date) };
            })
            .filter((shift) => shift.width >= NAME_ROOM);
    }

    get nowX() {
        const x = this.props.view.x(this.props.now);
        return x >= 0 && x <= this.props.view.width ? x : null;
    }
}
