/** The keys of the timeline; none of them is taken from who types or from the reasons while they are shown. */
const PAN = 0.1;
const PAN_FAR = 0.5;
const ZOOM = 1.6;

const TASKS = {
    "+": (screen) => screen.zoom(ZOOM),
    "=": (screen) => screen.zoom(ZOOM),
    "-": (screen) => screen.zoom(1 / ZOOM),
    ArrowLeft: (screen, ev) => screen.step(ev.shiftKey ? -PAN_FAR : -PAN),
    ArrowRight: (screen, ev) => screen.step(ev.shiftKey ? PAN_FAR : PAN),
    ArrowUp: (screen, ev) => toRow(ev, -1),
    ArrowDown: (screen, ev) => toRow(ev, 1),
    n: (screen) => screen.go(true),
    p: (screen) => screen.go(false),
    N: (screen, ev) => screen.go(true, false, machineOf(ev)),
    P: (screen, ev) => screen.go(false, false, machineOf(ev)),
    f: (screen) => screen.follow(null),
    Enter: (screen) => screen.work.explainChosen(),
    Escape: (screen) => screen.work.close(),
};
/** Where these keys have a meaning of their own. */
const TYPING = "input, select, textarea, [contenteditable=true], .modal, .o_dropdown, .dropdown-menu, .o_main_navbar";
const PRESSING = "button, a";

/** @param {MesTimeline} screen @param {KeyboardEvent} ev */
export function keyTask(screen, ev) {
    const task = TASKS[ev.key];
    const isBusy = screen.work.state.task && ev.key !== "Escape";
    const isOurs = !ev.ctrlKey && !ev.metaKey && !ev.altKey && !ev.defaultPrevented && !isBusy;
    if (!task || !isOurs || screen.reading.phase !== "ready" || ev.target.closest?.(TYPING)) {
        return;
    }
    if (ev.key === "Enter" && ev.target.closest?.(PRESSING)) {
        return;
    }
    if (task(screen, ev) !== false) {
        ev.preventDefault();
    }
}

function machineOf(ev) {
    const row = ev.target.closest?.("[data-machine]");
    return row ? Number(row.dataset.machine) : null;
}

/** The row above or below the one that has the focus; the page scrolls when none has it. */
function toRow(ev, step) {
    const rows = [...document.querySelectorAll(".o_mes_timeline .mes-tl-plot")];
    const at = rows.indexOf(ev.target.closest?.(".mes-tl-plot"));
    if (at < 0 || !rows[at + step]) {
        return false;
    }
    rows[at + step].focus();
}
