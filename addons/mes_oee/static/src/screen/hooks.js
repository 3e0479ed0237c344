import { markRaw, onMounted, onWillStart, onWillUnmount, useExternalListener, useState } from "@odoo/owl";
import { browser } from "@web/core/browser/browser";
import { router } from "@web/core/browser/router";
import { useService } from "@web/core/utils/hooks";
import { isLoggedOut, problemOf } from "@mes_base/problem/problem";
import { Pace } from "@mes_oee/board/pace";
import { BusFeed } from "./bus_feed";

/** The word the server replaces by the channels of the floor that this user may hear. */
export const FLOOR_CHANNEL = "mes_floor";
export const FLOOR_MESSAGE = "mes.floor";
/** However much happens on the floor, a screen reads again at most this often (real ms). */
export const READ_GAP_MS = 2000;
/** What nothing was heard of is read again after so long while somebody can see it (real ms). */
export const READ_AGE_MS = 60000;
/** So long a word can be taken back (ms): who looks up from the machine needs more than Odoo's four seconds. */
export const UNDO_MS = 15000;
const THEME_KEY = "mes_board_theme";

/**
 * Calls back when something happened on the floor: at once, then at most every `gapMs`, what came
 * meanwhile once more at the end. Also after a lost connection is back.
 *
 * @param {(event: {kind: string, machines: number[], at: number}|null) => any} callback
 *      gets the first event since its last call, null after a reconnection
 * @param {string[]|null} [kinds] of events to hear ("stop", "call", "order", "setup"); null: all
 * @param {{gapMs?: number, onDisconnect?: Function, concerns?: (event: Object) => boolean}} [options]
 */
export function useFloor(callback, kinds = null, options = {}) {
    let first = null;
    const pace = new Pace(
        async () => {
            const event = first;
            first = null;
            await callback(event);
        },
        options.gapMs ?? READ_GAP_MS,
        READ_AGE_MS
    );
    const feed = new BusFeed(
        useService("bus_service"),
        useService("worker_service"),
        FLOOR_CHANNEL,
        FLOOR_MESSAGE,
        {
            onMessage: (event) => {
                if ((!kinds || kinds.includes(event.kind)) && (options.concerns?.(event) ?? true)) {
                    first ??= event;
                    pace.ask();
                }
            },
            onDisconnect: () => options.onDisconnect?.(),
            onReconnect: () => pace.ask(),
        }
    );
    onMounted(() => feed.start());
    onWillUnmount(() => {
        feed.stop();
        pace.stop();
    });
}

/**
 * The life of a screen's data: loading, then ready, empty or error; read again when the floor says
 * so, after a lost connection, and once a minute while the page is visible. A failure keeps what is
 * shown and says so.
 *
 * @param {() => Promise<any>} read
 * @param {Object} [options]
 * @param {(data: any) => boolean} [options.isEmpty]
 * @param {(data: any) => void} [options.onData] before it is shown
 * @param {string[]|null} [options.kinds] events of the floor after which to read; null: all
 * @param {(event: Object) => boolean} [options.concerns] which of them are about this screen
 * @param {number} [options.ageMs] and how old it may grow without any
 * @returns {{phase: string, data: any, error: string, loggedOut: boolean, readAt: number|null, stale: string|null,
 *      ageMs: number, reload: () => Promise, restart: () => Promise}} reactive; hand it to `<Screen>`.
 *      `reload` reads again behind what is shown, `restart` shows the skeleton (another question). Both are
 *      over when the answer to the newest question is shown, whoever has asked it.
 */
export function useReading(read, options = {}) {
    const ageMs = options.ageMs ?? READ_AGE_MS;
    const reading = useState({
        phase: "loading", data: null, error: "", loggedOut: false, readAt: null, stale: null, ageMs,
        reload: () => refresh(),
        restart: () => {
            reading.phase = "loading";
            reading.error = "";
            return refresh();
        },
    }); // prettier-ignore
    let newest = 0;
    let running = null;
    let timer = null;

    function refresh() {
        running = readOnce(++newest);
        return running;
    }

    async function readOnce(mine) {
        browser.clearTimeout(timer);
        timer = browser.setTimeout(lookAgain, ageMs);
        let outcome;
        try {
            outcome = { data: await read() };
        } catch (error) {
            outcome = { error: problemOf(error), loggedOut: isLoggedOut(error) };
        }
        // An answer to an older question must not overwrite that to a newer one.
        if (mine === newest) {
            show(outcome);
        } else if (newest !== Infinity) {
            await running;
        }
    }

    function show({ data, error, loggedOut = false }) {
        reading.loggedOut = loggedOut;
        if (error !== undefined) {
            reading.error = error;
            reading.phase = reading.phase === "loading" ? "error" : reading.phase;
            return;
        }
        options.onData?.(data);
        Object.assign(reading, {
            data: typeof data === "object" && data ? markRaw(data) : data,
            phase: options.isEmpty?.(data) ? "empty" : "ready",
            error: "",
            readAt: browser.performance.now(),
        });
    }

    /** Nobody sees a hidden page: it is read when it is looked at again. */
    function lookAgain() {
        if (document.visibilityState === "visible") {
            return refresh();
        }
    }

    onWillStart(() => {
        refresh(); // not awaited: the skeleton is shown meanwhile
    });
    useExternalListener(document, "visibilitychange", () => {
        if (browser.performance.now() - (reading.readAt ?? 0) > ageMs) {
            lookAgain();
        }
    });
    useFloor(
        (event) => {
            if (event === null) {
                reading.stale = null;
            }
            return refresh();
        },
        options.kinds ?? null,
        {
            concerns: options.concerns,
            onDisconnect: () => (reading.stale = "disconnected"),
        }
    );
    onWillUnmount(() => {
        newest = Infinity;
        browser.clearTimeout(timer);
    });
    return reading;
}

/**
 * What is chosen on a screen, kept in its address: `/odoo/mes-losses?span=week&by=reason`. So it can be
 * bookmarked and shared, and the browser's back button goes back to the last choice.
 *
 * @param {Object} props of the client action
 * @param {Record<string, string|number|boolean>} defaults of every choice; a value that is its default
 *      is left out of the address. Names must not be resId, action, active_id, model or debug.
 * @returns {{values: Object, set: (patch: Object, options?: {replace?: boolean}) => void}} `values` is
 *      reactive; `replace` changes the address without a step for the back button
 */
export function useScreenState(props, defaults) {
    const asked = { ...props.action?.context?.mes_screen, ...props.action?.params };
    const values = useState(
        Object.fromEntries(
            Object.entries(defaults).map(([name, fallback]) => [name, likeIt(asked[name], fallback)])
        )
    );
    function shown() {
        const entries = Object.entries(values).map(([name, value]) => [
            name,
            value === defaults[name] ? undefined : toAddress(value),
        ]);
        return Object.fromEntries(entries);
    }
    function set(patch, { replace = false } = {}) {
        Object.assign(values, patch);
        toUrl(props, shown(), replace);
    }
    // What the address asked for stays in it when the web client writes it anew.
    props.updateActionState?.(shown());
    return { values, set };
}

/**
 * Puts the record (or choices) of a screen into its address.
 *
 * @param {Object} props of the client action
 * @param {Object} patch for example { resId: 7 }
 * @param {boolean} [replace] no step for the back button: the server chose, not the person
 */
export function toUrl(props, patch, replace = false) {
    props.updateActionState?.(patch);
    if (replace) {
        router.replaceState({}); // takes over the step that is about to be pushed
    }
}

/** An address knows no types: the value as the default's type, or the default when it cannot be. */
function likeIt(value, fallback) {
    if (value === undefined || value === null || value === "") {
        return fallback;
    }
    if (typeof fallback === "boolean") {
        return value === true || Number(value) === 1;
    }
    if (typeof fallback === "number") {
        return Number.isFinite(Number(value)) ? Number(value) : fallback;
    }
    return String(value);
}

function toAddress(value) {
    return typeof value === "boolean" ? Number(value) : value;
}

/**
 * Light or dark, remembered on the device for all screens, and full screen for walls.
 *
 * @param {{el: HTMLElement}} root ref of what goes to full screen
 * @returns {{theme: string, toggleTheme: () => void, toggleWall: () => Promise}}
 */
export function useLooks(root) {
    const looks = useState({
        theme: preferredTheme(),
        toggleTheme() {
            looks.theme = looks.theme === "dark" ? "light" : "dark";
            browser.localStorage.setItem(THEME_KEY, looks.theme);
        },
        toggleWall: () => setWall(root, !document.fullscreenElement),
    });
    onWillUnmount(() => setWall(root, false));
    return looks;
}

async function setWall(root, on) {
    if (on) {
        await root.el.requestFullscreen?.();
    } else if (document.fullscreenElement) {
        await document.exitFullscreen();
    }
}

function preferredTheme() {
    const stored = browser.localStorage.getItem(THEME_KEY);
    const prefersDark = browser.matchMedia("(prefers-color-scheme: dark)").matches;
    return stored || (prefersDark ? "dark" : "light");
}
