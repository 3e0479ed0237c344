import { onWillStart, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";
import { isConflict, problemOf } from "@mes_base/problem/problem";
import { splitOffset } from "./timeline_model";

/** The tasks at whose end something is said. */
const SAYS = new Set(["explain", "split"]);

/**
 * What a person does with the chosen stops: read about them, explain, split, join, take back.
 *
 * Whatever is said carries the version that was read: if somebody else has said something meanwhile, it is
 * refused, told, and the stop read again, and the person decides anew.
 *
 * @param {MesTimeline} screen
 */
export function useStopWork(screen) {
    const orm = useService("orm").silent;
    const action = useService("action");
    const state = useState({
        isOpen: false, isReading: false, stops: [], task: "", offset: 0, problem: "", undo: null, span: null,
    }); // prettier-ignore
    let newest = 0;
    /** A quick hand asks for the reasons before the stop is read. */
    let wanted = "";
    let isSaying = false;

    /** Read about the chosen stops again; an answer about others than are chosen by now is dropped. */
    async function refresh() {
        const ids = [...screen.store.chosen];
        const mine = ++newest;
        if (!ids.length) {
            return;
        }
        const stops = await orm.call("mes.timeline.screen", "about", [ids]);
        if (mine === newest) {
            const live = (id) => Boolean(screen.store.stop(id)?.live);
            // Whoever is about to say something answers to what was there when they began: a live reading
            // meanwhile must not make their word overrule one that they have not seen.
            const begun = new Map(SAYS.has(state.task) ? state.stops.map(({ id, version }) => [id, version]) : []);
            state.stops = stops.map((stop) => ({
                ...stop,
                version: begun.get(stop.id) ?? stop.version,
                isLive: live(stop.id),
            }));
            Object.assign(state, { isOpen: true, isReading: false });
            if (wanted && stops.length && stops.every((stop) => stop.may.explain)) {
                setTask(wanted);
            }
            wanted = "";
        }
    }

    async function chosen(task, span = null) {
        Object.assign(state, { task: "", problem: "", undo: null, stops: [], isReading: true, span });
        wanted = task;
        screen.address.set({ stop: [...screen.store.chosen].join(",") }, { replace: true });
        screen.state.beat++;
        if (!screen.store.chosen.size) {
            newest++;
            Object.assign(state, { isOpen: false, isReading: false });
            return;
        }
        state.isOpen = true;
        await attempt(refresh);
    }

    /** Do something; what goes wrong is told in the panel, in the words of the server. */
    async function attempt(work) {
        try {
            await work();
            return true;
        } catch (error) {
            state.isReading = false;
            state.problem = problemOf(error);
            if (isConflict(error)) {
                state.task = "";
                await refresh();
            }
            return false;
        }
    }

    /** Say something about the stops; afterwards it can be taken back. A second tap meanwhile is the same one. */
    async function say(text, work) {
        if (isSaying) {
            return;
        }
        isSaying = true;
        try {
            await sayOnce(text, work);
        } finally {
            isSaying = false;
        }
    }

    async function sayOnce(text, work) {
        state.problem = "";
        const isDone = await attempt(async () => {
            const said = await work();
            Object.assign(state, { task: "", undo: { text, said } });
            await refresh();
        });
        if (isDone) {
            await screen.reading.reload();
            focusRow();
        }
    }

    /** Back to where the next key makes sense. */
    function focusRow() {
        const machine = state.stops[0]?.machine.id;
        document.querySelector(`.o_mes_timeline [data-machine="${machine}"] .mes-tl-plot`)?.focus({ preventScroll: true });
    }

    function setTask(task) {
        state.task = task;
        state.problem = "";
        if (task === "split") {
            const [stop] = state.stops;
            state.offset = Math.round(((stop.until_ms ?? stop.seen_ms) - stop.from_ms) / 2);
        }
        screen.state.beat++;
    }

    const work = {
        state,
        refresh: () => attempt(refresh),
        setTask,
        choose(ids, task = "", span = null) {
            screen.store.choose(ids);
            return chosen(task, span);
        },
        toggle(id) {
            screen.store.toggle(id);
            return chosen("");
        },
        close: () => (state.task ? setTask("") : work.choose([])),
        explainChosen() {
            if (!screen.store.chosen.size) {
                return false;
            }
            if (state.isReading) {
                wanted = "explain";
            } else {
                setTask("explain");
            }
        },
        explain: (reason, comment) =>
            say(_t("Explained as %s", reason.name), () => {
                const stops = state.stops.map(({ id, version }) => ({ id, version }));
                return orm.call("mes.timeline.screen", "explain", [stops, reason.id, comment]);
            }),
        /** @param {number} offset ms from the beginning of the record */
        setOffset(offset) {
            state.offset = offset;
            screen.state.beat++;
        },
        /** @param {number} at ms where the handle is */
        splitAt(at) {
            const [stop] = state.stops;
            const end = stop.until_ms ?? Math.max(stop.seen_ms, stop.isLive ? screen.store.now : stop.seen_ms);
            work.setOffset(splitOffset({ start: stop.from_ms, end }, at));
        },
        split: (offset, first, second) =>
            say(_t("Split"), async () => {
                const [{ id, version }] = state.stops;
                const args = [[id], offset, first, second, version];
                return [{ id, ...(await orm.call("mes.stop", "split", args)) }];
            }),
        merge: (other) =>
            say(_t("Joined"), async () => {
                const [{ id, version, loss }] = state.stops;
                const args = [[id], [other.id], loss?.id || false, false, version];
                return [{ id, ...(await orm.call("mes.stop", "merge", args)) }];
            }),
        async undo() {
            const { said } = state.undo;
            const isDone = await attempt(() => orm.call("mes.timeline.screen", "undo", [said]));
            if (isDone) {
                state.undo = null;
                await attempt(refresh);
                await screen.reading.reload();
                focusRow();
            }
        },
        async takeBack(word) {
            const [{ id }] = state.stops;
            if (await attempt(() => orm.call("mes.stop", "undo", [[id], [word.id]]))) {
                await attempt(refresh);
                await screen.reading.reload();
            }
        },
        /** Take back a word that made a stretch what it is, a planned stop for example. */
        async takeBackWord(word) {
            if (await attempt(() => orm.call("mes.state.override", "withdraw", [[word.id]]))) {
                state.span = null;
                await screen.reading.reload();
            }
        },
        /** Where the cut is on the plot; null: no stop is being split. */
        get cut() {
            const [stop] = state.stops;
            const isSplitting = state.task === "split" && stop;
            return isSplitting ? { stopId: stop.id, machineId: stop.machine.id, at: stop.from_ms + state.offset } : null;
        },
        /** The stops of the same machine right before and after the chosen one. */
        get neighbours() {
            const [stop] = state.stops;
            if (state.stops.length !== 1) {
                return [];
            }
            const own = screen.store.rows.get(stop.machine.id)?.stops || [];
            const at = own.findIndex((one) => one.id === stop.id);
            return at < 0 ? [] : [own[at - 1], own[at + 1]].filter(Boolean);
        },
        /** Call maintenance, once; whoever has called can look at the request. */
        async maintenance() {
            const [{ id, maintenance }] = state.stops;
            if (maintenance) {
                return open("maintenance.request", maintenance.id);
            }
            await attempt(async () => {
                await orm.call("mes.stop", "raise_maintenance", [[id]]);
                await refresh();
            });
        },
        openRecord: () => open("mes.stop", state.stops[0].id),
    };

    function open(model, id) {
        return action.doAction({
            type: "ir.actions.act_window", res_model: model, res_id: id, views: [[false, "form"]],
        }); // prettier-ignore
    }

    onWillStart(() => {
        state.isOpen = state.isReading = screen.store.chosen.size > 0;
    });
    return work;
}
