import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { UNDO_MS } from "@mes_oee/screen/hooks";

const CHOICES = [30, 60, 120];

/** Overtime in two taps: the button, then for how long. It says what was ordered, and takes it back. */
export class Overtime extends Component {
    static template = "mes_oee.ShiftBoard.Overtime";
    static props = { placeId: Number, onChanged: Function };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.state = useState({ isOpen: false, busy: false });
        this.choices = CHOICES;
    }

    words(minutes) {
        return _t("+ %s min", minutes);
    }

    async order(minutes) {
        const { placeId, onChanged } = this.props;
        this.state.busy = true;
        try {
            const made = await this.orm.call("mes.shift.exception", "overtime", [placeId, minutes]);
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
            this.state.isOpen = false;
            onChanged();
        } finally {
            this.state.busy = false;
        }
    }
}
