import { browser } from "@web/core/browser/browser";
import { BusFeed, RECONNECT_MS } from "@mes_oee/screen/bus_feed";

/** Silence after which the page says that it is stale (real milliseconds; heartbeats come every 2 s). */
export const SILENCE_LIMIT_MS = 4000;
export { RECONNECT_MS };
/** The word the server replaces by the channels this user may hear. */
export const CHANNEL = "mes_live";
export const MESSAGE = "mes.live";

/**
 * Hears the live lane and guards it: a closed socket is noticed by its event, a silent one by a
 * deadline that every message pushes ahead. Nothing is polled.
 */
export class LiveFeed extends BusFeed {
    /**
     * @param {Object} bus Odoo's bus_service
     * @param {Object} worker Odoo's worker_service
     * @param {{onMessage: Function, onStale: Function, onReconnect: Function}} handlers
     *      onMessage says whether the message was of use; others do not push the deadline.
     *      onStale gets the reason: "disconnected" or "silent"
     */
    constructor(bus, worker, handlers) {
        super(bus, worker, CHANNEL, MESSAGE, {
            ...handlers,
            onDisconnect: () => handlers.onStale("disconnected"),
        });
        this.deadline = null;
    }

    async start() {
        this.pushDeadline();
        await super.start();
    }

    stop() {
        super.stop();
        browser.clearTimeout(this.deadline);
    }

    onNotification(payload) {
        if (this.handlers.onMessage(payload)) {
            this.pushDeadline();
        }
    }

    onDisconnect() {
        browser.clearTimeout(this.deadline);
        super.onDisconnect();
    }

    onConnect() {
        this.pushDeadline();
        super.onConnect();
    }

    pushDeadline() {
        browser.clearTimeout(this.deadline);
        this.deadline = browser.setTimeout(() => this.handlers.onStale("silent"), SILENCE_LIMIT_MS);
    }
}
