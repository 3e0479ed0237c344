/** So far a finger may slip and still has tapped (px). */
const SLIP_PX = 7;
const WHEEL_STEP = 0.0016;

/**
 * Mouse, pen and fingers on the plot, as what they mean:
 * drag → pan, wheel → zoom where the pointer is (sideways: pan), two fingers → zoom and pan, tap → choose.
 * Up and down stays with the page, so that a finger scrolls through the machines.
 */
export class Gestures {
    /**
     * @param {HTMLElement} plot
     * @param {{onPan: (px: number) => void, onZoom: (factor: number, x: number) => void,
     *      onTap: (event: PointerEvent, x: number) => void, onHover: (event: PointerEvent|null, x: number) => void}} handlers
     *      x from the left edge of the plot
     */
    constructor(plot, handlers) {
        Object.assign(this, { plot, handlers });
        this.pointers = new Map();
        this.moved = false;
        this.listeners = {
            pointerdown: (event) => this.onDown(event),
            pointermove: (event) => this.onMove(event),
            pointerup: (event) => this.onUp(event),
            pointercancel: (event) => this.onCancel(event),
            pointerleave: () => this.handlers.onHover(null, 0),
            wheel: (event) => this.onWheel(event),
        };
        for (const [name, listener] of Object.entries(this.listeners)) {
            plot.addEventListener(name, listener, { passive: false });
        }
    }

    stop() {
        for (const [name, listener] of Object.entries(this.listeners)) {
            this.plot.removeEventListener(name, listener);
        }
    }

    x(event) {
        const row = event.target.closest?.("[data-plot]") || this.plot.querySelector("[data-plot]") || this.plot;
        return event.clientX - row.getBoundingClientRect().left;
    }

    isOurs(event) {
        return event.target.closest("[data-plot]") && !event.target.closest("[data-handle]");
    }

    onDown(event) {
        if (!this.isOurs(event) || (event.pointerType === "mouse" && event.button !== 0)) {
            return;
        }
        this.pointers.set(event.pointerId, { x: this.x(event), from: this.x(event) });
        this.moved = this.pointers.size > 1;
    }

    onMove(event) {
        const pointer = this.pointers.get(event.pointerId);
        if (!pointer) {
            this.handlers.onHover(this.isOurs(event) && event.pointerType === "mouse" ? event : null, this.x(event));
            return;
        }
        const before = this.pinch();
        const x = this.x(event);
        if (!this.moved && Math.abs(x - pointer.from) <= SLIP_PX) {
            return;
        }
        if (!this.moved) {
            this.moved = true;
            this.plot.setPointerCapture?.(event.pointerId);
            this.handlers.onHover(null, 0);
        }
        const step = x - pointer.x;
        pointer.x = x;
        if (this.pointers.size === 1) {
            this.handlers.onPan(step);
            return;
        }
        const after = this.pinch();
        this.handlers.onZoom(after.apart / before.apart, before.middle);
        this.handlers.onPan(after.middle - before.middle);
    }

    /** How far two fingers are from each other, and what is between them. */
    pinch() {
        const [first, second] = [...this.pointers.values()];
        return second
            ? { apart: Math.max(24, Math.abs(first.x - second.x)), middle: (first.x + second.x) / 2 }
            : null;
    }

    onUp(event) {
        const wasOurs = this.pointers.delete(event.pointerId);
        if (wasOurs && !this.moved) {
            this.handlers.onTap(event, this.x(event));
        }
    }

    onCancel(event) {
        this.pointers.delete(event.pointerId);
    }

    onWheel(event) {
        if (!this.isOurs(event)) {
            return;
        }
        event.preventDefault();
        const unit = event.deltaMode === 1 ? 32 : 1;
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
            this.handlers.onPan(-event.deltaX * unit);
        } else {
            this.handlers.onZoom(Math.exp(-event.deltaY * unit * WHEEL_STEP), this.x(event));
        }
    }
}
