import { Component, useRef, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { Freshness } from "./freshness/freshness";
import { useLooks } from "./hooks";
import { LogIn } from "./log_in/log_in";

/**
 * The frame of a screen on the floor: title, toolbar, how fresh it is, theme and full screen; and
 * what stands in its place while it loads, when there is nothing to show, and when it cannot be read.
 *
 * Slots: `default` (only when ready), `toolbar` (always there: it must not need the data), `title`
 * (instead of the word), `empty` (what to do first, with a button), `skeleton`, `aside` (beside it,
 * only when ready).
 */
export class Screen extends Component {
    static template = "mes_oee.Screen";
    static components = { Freshness, LogIn };
    static props = {
        name: String,
        title: { type: String, optional: true },
        path: { type: String, optional: true },
        /** What `useReading` returns, or one reactive object of the same shape for the screen's life. */
        reading: Object,
        emptyTitle: { type: String, optional: true },
        emptyIcon: { type: String, optional: true },
        /** Said when it cannot be read: what still works. */
        stillWorks: { type: String, optional: true },
        slots: { type: Object, optional: true },
    };

    setup() {
        this.root = useRef("root");
        this.looks = useLooks(this.root);
        this.reading = useState(this.props.reading);
    }

    get stillWorks() {
        return (
            this.props.stillWorks ||
            _t("Machines go on reporting and nothing is lost; only this page is not up to date.")
        );
    }
}
