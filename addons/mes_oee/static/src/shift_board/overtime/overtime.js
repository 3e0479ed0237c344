import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { UNDO_MS } from "@mes_oee/screen/hooks";

const CHOICES = [30, 60, 120];

/**
 * Overtime in two taps: the button, then for how long. It says what was ordered, and takes it back. Whoever orders what
 * somebody else has just ordered is told so instead.
 */
export class Overtime extends Component {
    static template = "mes_oee.ShiftBoard.Overtime";
    static props = { placeId: Number, onChanged: Function };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.state = useState({ isOpen: false, busy: false });
        this.choices = CHOICES;
        this.seen = null;
    }

    /** What is ordered from now on was not seen by whoever looks at the choice. */
    toggle() {
        this.state.isOpen = !this.state.isOpen;
        this.seen = this.state.isOpen ? this.orm.silent.call("mes.shift.exception", "overtime_seen", []) : null;
        this.seen?.catch(() => {}); // told when it is needed
    }

    words(minutes) {
        return _t("+ %s min", minutes);
    }

    async order(minutes) {
        const { placeId, onChanged } = this.props;
        this.state.busy = true;
        try {
            const seen = await this.seen;
            const made = await this.orm.call("mes.shift.exception", "overtime", [placeId, minutes, seen]);
            const takeBack = this.notification.add(made.text, {
                type: "success",
                autocloseDelay: UNDO_MS,
                buttons: [
                    {
                        name: _t("Undo"),
                        onClick: async () => {
                            takeBack();
                            await this.orm.call("mes.shift.exception", "action_undo", [[made.id]]);
                            onChanged();
                        },
                    },
                ],
            });
            onChanged();
        } finally {
            // Also after a refusal: opened again, it knows what was refused.
            this.state.isOpen = false;
            this.state.busy = false;
        }
    }
}
