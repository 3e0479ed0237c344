import { browser } from "@web/core/browser/browser";

/**
 * Lets a reading happen when it is asked for, but never two within the gap and never two at once:
 * what is asked meanwhile happens once, as soon as it may.
 */
export class Pace {
    /**
     * @param {() => Promise} read
     * @param {number} gapMs least time from one reading to the next
     * @param {number} ageMs after so long `isAged` says that a reading would be good
     */
    constructor(read, gapMs, ageMs) {
        Object.assign(this, { read, gapMs, ageMs });
        this.isAged = false;
        this.isAsked = false;
        this.isReading = false;
        this.resting = null;
        this.aging = null;
    }

    ask() {
        this.isAsked = true;
        this.goOn();
    }

    stop() {
        browser.clearTimeout(this.resting);
        browser.clearTimeout(this.aging);
        this.read = () => {};
    }

    async goOn() {
        if (!this.isAsked || this.isReading || this.resting !== null) {
            return;
        }
        this.isAsked = this.isAged = false;
        this.isReading = true;
        this.resting = browser.setTimeout(() => {
            this.resting = null;
            this.goOn();
        }, this.gapMs);
        browser.clearTimeout(this.aging);
        this.aging = browser.setTimeout(() => (this.isAged = true), this.ageMs);
        await this.read();
        this.isReading = false;
        this.goOn();
    }
}
