import { browser } from "@web/core/browser/browser";
import { Painter, rowLayout } from "./painter";

/**
 * The canvases of all rows: draws those that can be seen, at most once a frame, always all from one
 * state of affairs. So nothing flickers, and a hundred machines cost as much as fit on the screen.
 */
export class Surface {
    /** @param {() => {view: View, look: Object, rows: Map}} state what to draw, asked at each frame */
    constructor(state) {
        this.state = state;
        this.canvases = new Map();
        this.seen = new Set();
        this.painter = null;
        this.frame = null;
        this.drawn = { count: 0, ms: 0 };
    }

    /** @param {HTMLElement} swatches @param {HTMLElement} scroller the part that scrolls */
    start(swatches, scroller) {
        this.painter = new Painter(swatches);
        this.observer = new IntersectionObserver((entries) => this.onSeen(entries), { root: scroller });
        for (const canvas of this.canvases.values()) {
            this.observer.observe(canvas);
        }
        this.themes = new MutationObserver(() => {
            this.painter.readColors();
            this.ask();
        });
        this.themes.observe(swatches.closest("[data-theme]"), { attributeFilter: ["data-theme"] });
    }

    stop() {
        browser.cancelAnimationFrame(this.frame);
        this.observer?.disconnect();
        this.themes?.disconnect();
    }

    add(id, canvas) {
        this.canvases.set(id, canvas);
        this.observer?.observe(canvas);
    }

    remove(id) {
        const canvas = this.canvases.get(id);
        this.observer?.unobserve(canvas);
        this.canvases.delete(id);
        this.seen.delete(canvas);
    }

    onSeen(entries) {
        for (const { target, isIntersecting } of entries) {
            this.seen[isIntersecting ? "add" : "delete"](target);
        }
        this.ask();
    }

    /** Draw at the next frame, however often it is asked until then. */
    ask() {
        this.frame ??= browser.requestAnimationFrame(() => {
            this.frame = null;
            this.draw();
        });
    }

    draw() {
        const { view, look, rows } = this.state();
        if (!view || !this.painter) {
            return;
        }
        const began = browser.performance.now();
        for (const [id, canvas] of this.canvases) {
            if (this.seen.has(canvas) && rows.has(id)) {
                this.painter.paint(this.contextOf(canvas, view.width, look.details), rows.get(id), view, look);
            }
        }
        this.drawn = { count: this.drawn.count + 1, ms: browser.performance.now() - began };
    }

    /** The canvas in the size of its row, sharp on every screen. */
    contextOf(canvas, width, details) {
        const ratio = browser.devicePixelRatio || 1;
        const height = rowLayout(details).height;
        const [pixelWidth, pixelHeight] = [Math.round(width * ratio), Math.round(height * ratio)];
        if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
            canvas.width = pixelWidth;
            canvas.height = pixelHeight;
        }
        const context = canvas.getContext("2d");
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        return context;
    }
}
