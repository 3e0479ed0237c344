import { browser } from "@web/core/browser/browser";

/** Silence after which the page says that it is stale (real milliseconds; heartbeats come every 2 s). */
export const SILENCE_LIMIT_MS = 4000;
/** How long a lost connection is left to the bus before it is asked to try again. */
export const RECONNECT_MS = 5000;
/** The word the server replaces by the channels this user may hear. */
export const CHANNEL = "mes_live";
export const MESSAGE = "mes.live";

/**
 * Hears the live lane on Odoo's bus and guards it: a closed socket is noticed by its event, a
 * silent one by a deadline that every message pushes ahead. Nothing is polled.
 *
 * While the socket is closed the bus is asked again every few seconds, since its own back-off
 * grows to a minute; asking while it is open would only disturb the other tabs.
 */
export class LiveFeed {
    /**
     * @param {Object} bus Odoo's bus_service
     * @param {Object} worker Odoo's worker_service, which carries the reconnect request
     * @param {{onMessage: Function, onStale: Function, onReconnect: Function}} handlers
     *      onMessage says whether the message was of use; others do not push the deadline.
     *      onStale gets the reason: "disconnected" or "silent"
     */
    constructor(bus, worker, handlers) {
        this.bus = bus;
        this.worker = worker;
        this.handlers = handlers;
        this.connected = true;
        this.deadline = null;
        this.retry = null;
        this.listeners = {
            "BUS:DISCONNECT": () => this.onDisconnect(),
            "BUS:CONNECT": () => this.onConnect(),
            "BUS:RECONNECT": () => this.onConnect(),
        };
        this.onNotification = this.onNotification.bind(this);
    }

    async start() {
        this.bus.subscribe(MESSAGE, this.onNotification);
        for (const [name, listener] of Object.entries(this.listeners)) {
            this.bus.addEventListener(name, listener);
        }
        this.pushDeadline();
        await this.bus.addChannel(CHANNEL);
    }

    stop() {
        this.bus.deleteChannel(CHANNEL);
        this.bus.unsubscribe(MESSAGE, this.onNotification);
        for (const [name, listener] of Object.entries(this.listeners)) {
            this.bus.removeEventListener(name, listener);
        }
        browser.clearTimeout(this.deadline);
        browser.clearTimeout(this.retry);
    }

    onNotification(payload) {
        if (this.handlers.onMessage(payload)) {
            this.pushDeadline();
        }
    }

    onDisconnect() {
        this.connected = false;
        browser.clearTimeout(this.deadline);
        this.handlers.onStale("disconnected");
        this.scheduleReconnect();
    }

    onConnect() {
        const wasLost = !this.connected;
        this.connected = true;
        browser.clearTimeout(this.retry);
        this.pushDeadline();
        if (wasLost) {
            this.handlers.onReconnect();
        }
    }

    /** Drop a socket that says it is open but carries nothing (half-open link) and dial again. */
    redial() {
        this.worker.send("BUS:STOP");
        this.worker.send("BUS:START");
    }

    pushDeadline() {
        browser.clearTimeout(this.deadline);
        this.deadline = browser.setTimeout(() => this.handlers.onStale("silent"), SILENCE_LIMIT_MS);
    }

    scheduleReconnect() {
        browser.clearTimeout(this.retry);
        this.retry = browser.setTimeout(() => {
            if (!this.connected) {
                this.redial();
                this.scheduleReconnect();
            }
        }, RECONNECT_MS);
    }
}
