import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { formatTimer } from "../wall_model";

const WORDS = {
    open: _t("Nobody has seen it yet"),
    acknowledged: _t("Somebody is coming"),
    arrived: _t("Somebody is there"),
};

/** One call: what for, where, for how long, who cares, and what happens if nobody does. */
export class CallCard extends Component {
    static template = "mes_oee.AndonCallCard";
    static props = {
        call: Object,
        timer: Object,
        mayCancel: Boolean,
        isBusy: Boolean,
        onAct: Function,
        onOpen: Function,
    };

    get waited() {
        return formatTimer(this.props.timer.waited);
    }

    get stage() {
        return WORDS[this.props.call.state];
    }

    /** The name of who brought the call to its stage. */
    get who() {
        const { call } = this.props;
        return call.arrived_by || call.acknowledged_by || call.raised_by || (call.by_itself ? _t("The machine itself") : "");
    }

    get next() {
        const { call, timer } = this.props;
        if (!call.next) {
            return "";
        }
        const who = call.next.who.slice(0, 2).join(", ") || _t("nobody");
        return timer.nextIn ? _t("%(who)s in %(time)s", { who, time: formatTimer(timer.nextIn) }) : _t("%s now", who);
    }

    /** What a step of the ladder could not do. */
    get problem() {
        return this.props.call.told.find((step) => step.problem)?.problem || "";
    }

    get mayTakeBack() {
        return this.props.call.mine || this.props.mayCancel;
    }
}
