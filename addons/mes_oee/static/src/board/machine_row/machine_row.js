import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { INTERLOCKS, stateOf } from "@mes_base/palette/states";
import { kindOf, pieces } from "../board_model";
import { formatClock, formatCount, formatDuration, nextShiftText } from "../format";
import { FigureDetail } from "../figure_detail/figure_detail";
import { KpiTile } from "../kpi_tile/kpi_tile";
import { Ribbon } from "../ribbon/ribbon";

/** One machine: what it does now, its shift as a ribbon, its count against target, its figures. */
export class MachineRow extends Component {
    static template = "mes_oee.MachineRow";
    static components = { FigureDetail, KpiTile, Ribbon };
    static props = {
        machine: Object,
        shift: Object,
        tz: String,
        now: Number,
        targets: Object,
        reasons: Object,
        isOpen: Boolean,
        onToggle: Function,
        onOpenMachine: Function,
        onOpenStates: Function,
        onOpenCounts: Function,
    };

    get machine() {
        return this.props.machine;
    }

    get kind() {
        return kindOf(this.machine, this.props.now);
    }

    get state() {
        return stateOf(this.kind);
    }

    /** Why: the reason by name, else the interlock, else the machine's own code; outside the shifts nobody asks. */
    get cause() {
        const { live } = this.machine;
        if (this.isOff) {
            return live?.state === "running" ? _t("runs all the same") : "";
        }
        if (!live || this.kind === "running") {
            return "";
        }
        const code = live.code ? _t("code %s", live.code) : "";
        return this.props.reasons[live.code] || INTERLOCKS[live.interlock] || code;
    }

    get isOff() {
        return this.kind === "off";
    }

    get since() {
        if (this.isOff) {
            return nextShiftText(this.machine.schedule.next, this.props.tz, this.props.now);
        }
        const since = this.machine.live?.since;
        return since ? _t("since %s", formatClock(since, this.props.tz)) : _t("never heard");
    }

    get lasted() {
        const since = this.machine.live?.since;
        return since && !this.isOff ? formatDuration(this.props.now - since) : "";
    }

    get counted() {
        return pieces(this.machine);
    }

    get good() {
        return formatCount(this.counted.good ?? this.counted.total);
    }

    get target() {
        return this.machine.target;
    }

    get targetText() {
        const { target } = this;
        return target === null ? _t("no ideal cycle") : _t("of %s", formatCount(target));
    }

    /** Pieces ahead of (+) or behind (−) the target for this moment. */
    get lead() {
        const made = this.counted.good ?? this.counted.total;
        if (this.target === null || made === null) {
            return "";
        }
        const lead = Math.round(made - this.target);
        const text = formatCount(Math.abs(lead));
        return lead < 0 ? _t("%s behind", text) : _t("%s ahead", text);
    }

    get progress() {
        const made = this.counted.good ?? this.counted.total;
        return this.target ? Math.max(0, Math.min(100, (100 * made) / this.target)) : 0;
    }

    get rejectText() {
        const { reject } = this.counted;
        return reject === null ? "" : _t("%s rejected", formatCount(reject));
    }

    get lostTime() {
        const { lost_ms } = this.machine.figures;
        return lost_ms === null ? "–" : formatDuration(lost_ms);
    }

    get lostPieces() {
        const { lost_pieces } = this.machine.figures;
        return lost_pieces === null ? "" : _t("%s pieces", formatCount(lost_pieces));
    }
}
