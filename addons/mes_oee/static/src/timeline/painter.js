import { themeColors } from "@mes_oee/screen/chart/chart";
import { bricks, endOf } from "./timeline_model";

/** What is quiet is low, what stands rises above it, as on the board's ribbon (ISA-101). */
const LOW = 0.38;
const QUIET = ["running", "planned"];
const RANK = { off: 0, running: 1, planned: 2, no_data: 2, setup: 3, maintenance: 3, minor: 4, idle: 5, down: 6 };
const TEXT_ROOM = 40;
const KINDS = Object.keys(RANK);

/** Lanes of a row with their place (px); what is there without details comes first. */
const COMPACT = { height: 56, lanes: { state: [8, 34], words: [45, 6] } };
const DETAILED = {
    height: 140,
    lanes: { state: [8, 44], machine: [56, 10], mode: [70, 14], orders: [88, 16], words: [108, 16], alarms: [128, 8] },
};

/** @returns {{height: number, lanes: Record<string, [number, number]>}} top and height of each lane */
export function rowLayout(details) {
    return details ? DETAILED : COMPACT;
}

/** Draws rows of the timeline on canvases, in the colours of the palette and the theme around them. */
export class Painter {
    /** @param {HTMLElement} swatches one child a kind, with the palette's classes */
    constructor(swatches) {
        this.swatches = swatches;
        this.readColors();
    }

    /** The palette is a stylesheet: read again when the theme changes. */
    readColors() {
        this.theme = themeColors(this.swatches);
        this.fill = {};
        for (const kind of KINDS) {
            const style = getComputedStyle(this.swatches.querySelector(`[data-kind=${kind}]`));
            this.fill[kind] = style.backgroundColor;
            this.ink = style.color;
            this.hatchLine = kind === "no_data" ? style.borderTopColor : this.hatchLine;
        }
        this.font = getComputedStyle(this.swatches).fontFamily;
        this.fill.no_data = this.hatching(this.fill.no_data, this.hatchLine);
    }

    hatching(paper, line) {
        const tile = document.createElement("canvas");
        tile.width = tile.height = 7;
        const context = tile.getContext("2d");
        context.fillStyle = paper;
        context.fillRect(0, 0, 7, 7);
        context.strokeStyle = line;
        context.lineWidth = 1.5;
        for (const at of [-7, 0, 7]) {
            context.moveTo(at, 7);
            context.lineTo(at + 7, 0);
        }
        context.stroke();
        return context.createPattern(tile, "repeat");
    }

    /**
     * @param {CanvasRenderingContext2D} context scaled to CSS pixels
     * @param {Object} row of the answer
     * @param {View} view
     * @param {{now: number, selected: Set<number>, details: boolean, onlyOpen: boolean, read: Object}} look
     */
    paint(context, row, view, look) {
        const { height, lanes } = rowLayout(look.details);
        this.context = context;
        context.clearRect(0, 0, view.width, height);
        this.paintCalendar(row, view, height);
        const faded = look.onlyOpen ? 0.25 : 1;
        this.paintStates(row, view, look, lanes.state, faded);
        this.paintMarks(row, view, lanes.state, faded);
        this.paintStops(row, view, look, lanes.state);
        if (look.details) {
            this.paintBars(row.machine, view, lanes.machine);
            this.paintNotes(row.mode, view, lanes.mode, look);
            this.paintNotes(row.orders, view, lanes.orders, look);
            this.paintNotes(row.words, view, lanes.words, look);
            this.paintThin(row.alarms, view, lanes.alarms, this.theme.ink);
        } else {
            this.paintThin(row.words, view, lanes.words, this.theme.accent);
        }
        this.paintUnread(view, look, height);
        this.paintNow(view, look, height);
    }

    rect(color, x, y, width, height) {
        this.context.fillStyle = color;
        this.context.fillRect(x, y, width, height);
    }

    // ---- behind -----------------------------------------------------------------------------

    paintCalendar(row, view, height) {
        this.rect(this.theme.ground, 0, 0, view.width, height);
        for (const shift of row.shifts) {
            const [left, right] = [view.x(shift.start), view.x(shift.end)].map(Math.round);
            this.rect(this.theme.paper, left, 0, right - left, height);
            this.rect(this.theme.quiet, left, 0, 1, height);
            this.rect(this.theme.quiet, right - 1, 0, 1, height);
            for (const rest of shift.breaks) {
                const x = Math.round(view.x(rest.start));
                this.rect(this.theme.well, x, 0, Math.max(1, Math.round(view.x(rest.end)) - x), height);
            }
        }
    }

    /** What was not read yet is quiet, never "no data". */
    paintUnread(view, { read }, height) {
        this.context.globalAlpha = 0.6;
        const [left, right] = [view.x(read.start), view.x(read.end)].map(Math.round);
        if (left > 0) {
            this.rect(this.theme.well, 0, 0, Math.min(left, view.width), height);
        }
        if (right < view.width) {
            this.rect(this.theme.well, Math.max(0, right), 0, view.width - Math.max(0, right), height);
        }
        this.context.globalAlpha = 1;
    }

    paintNow(view, { now }, height) {
        const x = view.x(now);
        if (x >= 0 && x <= view.width) {
            this.rect(this.theme.ink, Math.round(x) - 1, 0, 2, height);
        }
    }

    // ---- states -----------------------------------------------------------------------------

    paintStates(row, view, look, [top, height], faded) {
        this.context.globalAlpha = faded;
        const last = row.state.at(-1);
        const bars = last?.live ? [...row.state.slice(0, -1), { ...last, end: Math.max(last.end, look.now) }] : row.state;
        for (const { x, width, bar } of bricks(bars, view, (one) => RANK[one.kind])) {
            if (bar.kind === "off") {
                continue;
            }
            const y = QUIET.includes(bar.kind) ? top + Math.round(height * LOW) : top;
            this.rect(this.fill[bar.kind], x, y, width, top + height - y);
            if (width > 6) {
                this.rect("rgba(0, 0, 0, .35)", x + width - 1, y, 1, top + height - y);
            }
            if (bar.text && width > TEXT_ROOM && !look.onlyOpen) {
                this.write(bar.text, x + 4, y, width - 8, top + height - y, this.ink, 12);
            }
        }
        this.context.globalAlpha = 1;
    }

    /** Stops without room are thin marks over what took most of the time around them. */
    paintMarks(row, view, [top, height], faded) {
        this.context.globalAlpha = faded;
        for (const mark of row.marks) {
            const x = Math.round(view.x(mark.start));
            if (x >= -2 && x <= view.width) {
                const share = mark.kind === "minor" ? LOW + 0.12 : 1;
                this.rect(this.fill[mark.kind], x, top, 2, Math.round(height * share));
            }
        }
        this.context.globalAlpha = 1;
    }

    /** What is to be explained carries a question mark, or a flag where there is no room; the chosen a frame. */
    paintStops(row, view, look, [top, height]) {
        const { context, theme } = this;
        for (const stop of row.stops) {
            const end = endOf(stop, look.now);
            const isChosen = look.selected.has(stop.id);
            if (end <= view.start || stop.start >= view.end || !(stop.needs || isChosen)) {
                continue;
            }
            const left = Math.max(-2, Math.round(view.x(stop.start)));
            const width = Math.max(3, Math.min(view.width + 2, Math.round(view.x(end))) - left);
            if (stop.needs) {
                if (look.onlyOpen) {
                    this.rect(this.fill.down, left, top, width, height);
                }
                this.rect(theme.ink, left, top - 7, Math.max(5, Math.min(width, 12)), 5);
                if (width >= 16) {
                    // At the end where there is room for the code before it.
                    const x = width > TEXT_ROOM ? left + width - 14 : left + width / 2 - 4;
                    this.write("?", x, top, width, height, this.ink, 18, true);
                }
            }
            if (isChosen) {
                context.strokeStyle = theme.accent;
                context.lineWidth = 3;
                context.strokeRect(left - 1.5, top - 1.5, width + 3, height + 3);
            }
        }
    }

    // ---- other lanes ------------------------------------------------------------------------

    paintBars(bars, view, [top, height]) {
        for (const { x, width, bar } of bricks(bars || [], view, (one) => RANK[one.kind] ?? 0)) {
            this.rect(this.fill[bar.kind] || this.theme.line, x, top, width, height);
        }
    }

    /** Spans with words: an outline that is quiet, colour means a state and nothing else. */
    paintNotes(spans, view, [top, height], look) {
        for (const span of spans || []) {
            if (span.end <= view.start || span.start >= view.end) {
                continue;
            }
            const left = Math.max(0, Math.round(view.x(span.start)));
            const end = span.end >= look.read.now ? Math.max(span.end, look.now) : span.end;
            const width = Math.max(2, Math.min(view.width, Math.round(view.x(end))) - left);
            this.rect(this.theme.well, left, top, width, height);
            this.rect(this.theme.quiet, left, top, 2, height);
            if (width > TEXT_ROOM) {
                const text = [span.text, span.note].filter(Boolean).join(" · ");
                this.write(text, left + 6, top, width - 10, height, this.theme.ink, 11);
            }
        }
    }

    paintThin(spans, view, [top, height], color) {
        for (const span of spans || []) {
            if (span.end > view.start && span.start < view.end) {
                const left = Math.max(0, Math.round(view.x(span.start)));
                this.rect(color, left, top, Math.max(3, Math.min(view.width, Math.round(view.x(span.end))) - left), height);
            }
        }
    }

    /** A line of text that is cut off at its room. */
    write(text, x, y, width, height, color, size, isBold = false) {
        const { context } = this;
        context.save();
        context.beginPath();
        context.rect(x, y, width, height);
        context.clip();
        context.fillStyle = color;
        context.font = `${isBold ? "700" : "500"} ${size}px ${this.font}`;
        context.textBaseline = "middle";
        context.fillText(text, x, y + height / 2 + 1);
        context.restore();
    }
}
