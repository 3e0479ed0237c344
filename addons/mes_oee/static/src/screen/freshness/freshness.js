import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { _t } from "@web/core/l10n/translation";
import { formatDuration } from "@mes_oee/board/format";

const TICK_MS = 1000;

/** "Updated 2 s ago", which turns into a warning when it is not: counted on the page's own clock. */
export class Freshness extends Component {
    static template = "mes_oee.Freshness";
    static props = {
        /** performance.now() of the last answer; null: none yet. */
        readAt: { type: [Number, { value: null }] },
        /** "disconnected", "silent", or null. */
        stale: { type: [String, { value: null }], optional: true },
        failed: { type: Boolean, optional: true },
        /** What is older than twice this is a warning; a screen reads at least this often. */
        ageMs: Number,
    };

    setup() {
        this.state = useState({ now: browser.performance.now() });
        onMounted(() => {
            this.timer = browser.setInterval(() => {
                this.state.now = browser.performance.now();
            }, TICK_MS);
        });
        onWillUnmount(() => browser.clearInterval(this.timer));
    }

    get age() {
        return Math.max(0, this.state.now - this.props.readAt);
    }

    get isStale() {
        const { readAt, stale, failed, ageMs } = this.props;
        return Boolean(stale || failed || (readAt !== null && this.age > 2 * ageMs));
    }

    get text() {
        return this.props.readAt === null
            ? _t("Nothing read yet")
            : _t("Updated %s ago", formatDuration(this.age));
    }

    get warning() {
        return {
            disconnected: _t("No connection to the server: reconnecting"),
            silent: _t("The plant is silent: no gateway has reported"),
        }[this.props.stale] || _t("Not up to date"); // prettier-ignore
    }
}
