import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatClock, formatDay, formatDuration } from "@mes_oee/screen/format";
import { endOf } from "../timeline_model";

/** So many lines at a time: the page stays light, however much happened. */
const PAGE = 60;

/** The stops of the view as text: for those who do not see the picture, and for those who rather read. */
export class StopList extends Component {
    static template = "mes_oee.StopList";
    static props = {
        stops: Array,
        /** Minor stops that are too short to be listed at this zoom. */
        unlisted: Number,
        names: Object,
        tz: String,
        now: Number,
        chosen: Object,
        onChoose: Function,
    };

    setup() {
        this.state = useState({ shown: PAGE });
    }

    get lines() {
        const { stops, names, tz, now, chosen } = this.props;
        return stops.slice(0, this.state.shown).map((stop) => ({
            stop,
            machine: names.get(stop.machineId)?.name,
            day: formatDay(stop.start, tz),
            time: formatClock(stop.start, tz, true),
            lasted: formatDuration(endOf(stop, now) - stop.start),
            isChosen: chosen.has(stop.id),
        }));
    }

    get title() {
        return _t("%s stops", this.props.stops.length);
    }

    get unlistedText() {
        return _t("and %s minor stops, too short for this view: show less time to see each.", this.props.unlisted);
    }

    more() {
        this.state.shown += PAGE;
    }
}
