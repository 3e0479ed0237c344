import { browser } from "@web/core/browser/browser";

/**
 * Plant time as the server tells it. The screen's own clock may be wrong and plant time may run
 * faster than real time (MES_CLOCK), so only the monotonic distance to the last anchor is used.
 */
export class ServerClock {
    constructor() {
        this.anchorMs = 0;
        this.anchorMono = 0;
        this.speed = 1;
    }

    /**
     * @param {number} plantMs plant time of the server just now, milliseconds since 1970
     * @param {number} [speed] plant seconds a real second
     */
    anchor(plantMs, speed = this.speed) {
        this.anchorMs = plantMs;
        this.anchorMono = browser.performance.now();
        this.speed = speed;
    }

    /** @returns {number} plant time now, whole milliseconds since 1970 */
    now() {
        const elapsed = browser.performance.now() - this.anchorMono;
        return Math.round(this.anchorMs + elapsed * this.speed);
    }
}
