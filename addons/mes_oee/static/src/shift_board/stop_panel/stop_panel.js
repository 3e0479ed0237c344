import { Component, onWillDestroy, onWillStart, useExternalListener, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { isConflict, problemOf } from "@mes_base/problem/problem";
import { ReasonPicker } from "@mes_base/reason_picker/reason_picker";
import { formatClock, formatDuration } from "@mes_oee/screen/format";

/**
 * Why did it stand? The reason of one stop, given in the panel beside the board: no dialog, one tap on
 * a tile. Whoever was faster is told about; nothing is overwritten without having been read.
 */
export class StopPanel extends Component {
    static template = "mes_oee.ShiftStopPanel";
    static components = { ReasonPicker };
    static props = {
        stop: Object,
        machine: Object,
        tz: String,
        now: Number,
        /** ({stopId, reason, overrideIds}): a reason was given. */
        onExplained: Function,
        onClose: Function,
    };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ words: null, problem: "", conflict: false, busy: false });
        onWillStart(() => {
            this.reading = this.read(); // not awaited: the reasons are shown meanwhile
        });
        // The picker takes its Escape first; while it still loads there is none to take.
        useExternalListener(window, "keydown", (event) => {
            if (event.key === "Escape" && !event.defaultPrevented) {
                this.props.onClose();
            }
        });
        onWillDestroy(() => (this.isGone = true));
    }

    /** What people have said about the stop so far: what one answers to. */
    async read() {
        try {
            const [words] = await this.orm.silent.call("mes.stop", "words", [[this.props.stop.id]]);
            Object.assign(this.state, { words, problem: "", conflict: false });
        } catch (error) {
            this.tell(error);
        }
    }

    async pick(reason, comment) {
        if (this.state.busy) {
            return; // a double tap: the second one would be a conflict with oneself
        }
        this.state.busy = true;
        await this.reading;
        const { stop, onExplained } = this.props;
        try {
            const version = this.state.words?.version ?? null;
            const answer = await this.orm.silent.call("mes.stop", "explain", [[stop.id], reason.id], {
                comment: comment || null,
                version,
            });
            onExplained({ stop, reason, overrideIds: answer.override_ids });
        } catch (error) {
            this.tell(error);
        } finally {
            this.state.busy = false;
        }
    }

    tell(error) {
        if (this.isGone) {
            return;
        }
        this.state.conflict = isConflict(error);
        this.state.problem = problemOf(error);
    }

    /** After a conflict: read what the other said, then the choice is one's own again. */
    readAgain() {
        this.reading = this.read();
        return this.reading;
    }

    get title() {
        const { stop, tz, now } = this.props;
        const until = stop.end === null ? _t("now") : formatClock(stop.end, tz);
        return `${formatClock(stop.start, tz)} – ${until} · ${formatDuration((stop.end ?? now) - stop.start)}`;
    }

    get codes() {
        return this.props.stop.codes.length ? _t("Code %s", this.props.stop.codes.join(", ")) : "";
    }

    /** What holds now: a person's word with the name, or the machine's. */
    get said() {
        const { words } = this.state;
        if (!words?.effective) {
            return "";
        }
        const reason = words.effective.name;
        return words.by ? _t("%(who)s said: %(reason)s", { who: words.by, reason }) : _t("The machine says: %s", reason);
    }
}
