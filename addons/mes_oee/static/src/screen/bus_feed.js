import { browser } from "@web/core/browser/browser";

/** How long a lost connection is left to the bus before it is asked to try again (real ms). */
export const RECONNECT_MS = 5000;

/**
 * Hears one kind of message on one channel of Odoo's bus and guards the connection.
 *
 * While the socket is closed the bus is asked again every few seconds, since its own back-off
 * grows to a minute; asking while it is open would only disturb the other tabs.
 */
export class BusFeed {
    /**
     * @param {Object} bus Odoo's bus_service
     * @param {Object} worker Odoo's worker_service, which carries the reconnect request
     * @param {string} channel the word that the server replaces by what this user may hear
     * @param {string} message the type of the messages
     * @param {{onMessage: Function, onDisconnect: Function, onReconnect: Function}} handlers
     */
    constructor(bus, worker, channel, message, handlers) {
        Object.assign(this, { bus, worker, channel, message, handlers });
        this.connected = true;
        this.retry = null;
        this.listeners = {
            "BUS:DISCONNECT": () => this.onDisconnect(),
            "BUS:CONNECT": () => this.onConnect(),
            "BUS:RECONNECT": () => this.onConnect(),
        };
        this.onNotification = this.onNotification.bind(this);
    }

    async start() {
        this.bus.subscribe(this.message, this.onNotification);
        for (const [name, listener] of Object.entries(this.listeners)) {
            this.bus.addEventListener(name, listener);
        }
        await this.bus.addChannel(this.channel);
    }

    stop() {
        this.bus.deleteChannel(this.channel);
        this.bus.unsubscribe(this.message, this.onNotification);
        for (const [name, listener] of Object.entries(this.listeners)) {
            this.bus.removeEventListener(name, listener);
        }
        browser.clearTimeout(this.retry);
    }

    onNotification(payload) {
        this.handlers.onMessage(payload);
    }

    onDisconnect() {
        this.connected = false;
        this.handlers.onDisconnect();
        this.scheduleReconnect();
    }

    onConnect() {
        const wasLost = !this.connected;
        this.connected = true;
        browser.clearTimeout(this.retry);
        if (wasLost) {
            this.handlers.onReconnect();
        }
    }

    /** Drop a socket that says it is open but carries nothing (half-open link) and dial again. */
    redial() {
        this.worker.send("BUS:STOP");
        this.worker.send("BUS:START");
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
