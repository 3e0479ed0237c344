import { describe, expect, test } from "@odoo/hoot";
import { readAnswer } from "@mes_oee/timeline/timeline_data";
import {
    LONGEST_MS,
    SHORTEST_MS,
    View,
    bricks,
    hitStop,
    minutesOffset,
    neighbour,
    splitOffset,
} from "@mes_oee/timeline/timeline_model";
import { TimelineStore } from "@mes_oee/timeline/timeline_store";
import { timeTicks } from "@mes_oee/timeline/time_ticks";
import { HOUR, MINUTE, NOW, START, answer, machine } from "./timeline_test_helpers";

const RANK = { running: 1, minor: 4, down: 6 };
const rank = (bar) => RANK[bar.kind];

function bar(start, end, kind = "running") {
    return { start, end, kind, text: "" };
}

describe("view", () => {
    test("zooming keeps the time under the pointer in its place", () => {
        const view = new View(START, START + 8 * HOUR, 800);
        const under = view.ms(200);
        const near = view.zoomed(2, 200);
        expect(near.span).toBe(4 * HOUR);
        expect(near.ms(200)).toBe(under);
        expect(near.zoomed(0.5, 200).start).toBe(view.start);
    });

    test("zoom ends at ten seconds and at a year", () => {
        const view = new View(START, START + HOUR, 800);
        expect(view.zoomed(1e9, 400).span).toBe(SHORTEST_MS);
        expect(view.zoomed(1e-9, 400).span).toBe(LONGEST_MS);
    });

    test("dragging to the right brings in earlier time of the same length", () => {
        const view = new View(START, START + 8 * HOUR, 800).panned(100);
        expect(view.start).toBe(START - HOUR);
        expect(view.span).toBe(8 * HOUR);
    });

    test("following, the present stays just left of the edge", () => {
        const view = new View(0, 10 * HOUR, 1000).following(NOW);
        expect(view.span).toBe(10 * HOUR);
        expect(view.x(NOW)).toBe(980);
    });

    test("a span that cannot be seen is brought into the middle, one that can moves nothing", () => {
        const view = new View(START, START + HOUR, 800);
        expect(view.revealing(START + MINUTE, START + 2 * MINUTE)).toBe(view);
        const far = view.revealing(START + 10 * HOUR, START + 10 * HOUR + 2 * MINUTE);
        expect(far.x(START + 10 * HOUR + MINUTE)).toBe(400);
        expect(view.revealing(START - 4 * HOUR, START).span).toBe(5 * HOUR);
    });

    test("what was read serves a view that it covers finely enough", () => {
        const view = new View(START, START + HOUR, 600);
        expect(view.isServedBy({ start: START - MINUTE, end: START + 2 * HOUR, pixel: 6000 })).toBe(true);
        expect(view.isServedBy({ start: START - MINUTE, end: START + 2 * HOUR, pixel: 12000 })).toBe(false);
        expect(view.isServedBy({ start: START + 1, end: START + 2 * HOUR, pixel: 0 })).toBe(false);
        const wanted = view.wanted();
        expect(view.isServedBy(wanted)).toBe(true);
    });
});

describe("bricks", () => {
    const view = new View(0, 1000, 100); // a pixel is 10 ms

    test("bars tile whole pixels without a gap", () => {
        const made = bricks([bar(0, 255), bar(255, 600, "down"), bar(600, 1000)], view, rank);
        expect(made.map(({ x, width }) => [x, width])).toEqual([
            [0, 25],
            [25, 35],
            [60, 40],
        ]);
    });

    test("a stop within a pixel is at least that pixel, what is lesser gives way", () => {
        const made = bricks([bar(0, 502), bar(502, 503, "down"), bar(503, 1000)], view, rank);
        expect(made.map(({ x, width, bar: { kind } }) => [x, width, kind])).toEqual([
            [0, 50, "running"],
            [50, 1, "down"],
            [51, 49, "running"],
        ]);
    });

    test("a lesser bar within a pixel never hides a stop", () => {
        const made = bricks([bar(0, 500, "down"), bar(500, 501), bar(501, 1000, "down")], view, rank);
        expect(made.filter((one) => one.bar.kind === "down").map((one) => one.x)).toEqual([0, 50]);
    });

    test("however many bars there are, there is one brick a pixel at most", () => {
        const bars = Array.from({ length: 10000 }, (_, at) =>
            bar(at / 10, (at + 1) / 10, at % 2 ? "minor" : "running")
        );
        const made = bricks(bars, view, rank);
        expect(made.length).toBeLessThan(101);
        expect(made.at(-1).x + made.at(-1).width).toBe(100);
    });

    test("what lies outside is left out, what crosses an edge is cut", () => {
        const made = bricks([bar(-500, -100), bar(-100, 100), bar(900, 2000), bar(2000, 3000)], view, rank);
        expect(made.map(({ x, width }) => [x, width])).toEqual([
            [0, 10],
            [90, 10],
        ]);
    });
});

describe("hands", () => {
    const stop = (id, start, end, values = {}) => ({ id, start, end, ...values });

    test("a finger means the stop it is on, the shortest of several", () => {
        const stops = [stop(1, 0, 1000), stop(2, 400, 500)];
        expect(hitStop(stops, 450, 50).id).toBe(2);
        expect(hitStop(stops, 700, 50).id).toBe(1);
    });

    test("a finger that misses means the nearest within reach, one to explain before another", () => {
        const stops = [stop(1, 100, 110), stop(2, 160, 170, { needs: true })];
        expect(hitStop(stops, 130, 50).id).toBe(2);
        expect(hitStop(stops, 114, 5).id).toBe(1);
        expect(hitStop(stops, 300, 50)).toBe(null);
    });

    test("an open stop goes on to the present", () => {
        const stops = [stop(1, 100, 200, { open: true, live: true })];
        expect(hitStop(stops, 900, 10, 1000).id).toBe(1);
    });

    test("the next and the previous stop over all machines", () => {
        const stops = [stop(3, 50, 60), stop(1, 10, 20), stop(2, 10, 30)];
        expect(neighbour(stops, null, true).id).toBe(1);
        expect(neighbour(stops, stops[1], true).id).toBe(2);
        expect(neighbour(stops, stops[2], true).id).toBe(3);
        expect(neighbour(stops, stops[0], true)).toBe(null);
        expect(neighbour(stops, stops[0], false).id).toBe(2);
        expect(neighbour(stops, null, false).id).toBe(3);
    });

    test("a cut is told in whole ms from the record's beginning, within it", () => {
        const record = { start: START + 123, end: START + 123 + 10 * MINUTE };
        expect(splitOffset(record, START + 5 * MINUTE)).toBe(5 * MINUTE - 123);
        expect(splitOffset(record, START - HOUR)).toBe(1);
        expect(splitOffset(record, START + HOUR)).toBe(10 * MINUTE - 1);
        expect(minutesOffset(record, 2.5)).toBe(150000);
        expect(minutesOffset(record, 99)).toBe(10 * MINUTE - 1);
        expect(splitOffset(record, record.start + 1000.4)).toBe(1000);
    });
});

describe("answer", () => {
    test("flat lanes become spans with their words", () => {
        const { rows } = readAnswer(answer());
        expect(rows[0].state[1]).toMatchObject({
            start: START + HOUR, end: START + 90 * MINUTE, kind: "down", text: "17",
        }); // prettier-ignore
        expect(rows[0].stops[0]).toMatchObject({ id: 11, machineId: 7, needs: true, open: false });
        expect(rows[0].marks[0]).toMatchObject({ kind: "minor", count: 3, ms: 40000 });
        expect(rows[0].machine).toEqual([]);
        expect(rows[0].shifts[0]).toMatchObject({ name: "Film tore", date: "2026-01-01" });
    });

    test("the last state and its open stop go on, of a span in the past they do not", () => {
        const [live] = readAnswer(answer()).rows;
        expect([live.state.at(-1).live, live.stops.at(-1).live]).toEqual([true, true]);
        const [past] = readAnswer(answer({ live: false })).rows;
        expect([past.state.at(-1).live, past.stops.at(-1).live]).toEqual([undefined, undefined]);
    });
});

describe("store", () => {
    function makeStore(values = {}) {
        const store = new TimelineStore({ from: START, to: NOW, last: 0, chosen: [], ...values });
        store.apply(answer());
        return store;
    }

    test("a fixed span stays, one that follows ends with the plant's present", () => {
        expect(makeStore().view.start).toBe(START);
        const store = makeStore({ from: 0, to: 0, last: 2 * HOUR });
        expect(store.isFollowing).toBe(true);
        expect(store.view.span).toBe(2 * HOUR);
        expect(Math.abs(store.view.x(NOW) - 980)).toBeLessThan(1);
        store.look(store.view.panned(10));
        expect(store.isFollowing).toBe(false);
        expect(store.address.from).toBe(store.view.start);
    });

    test("zooming while following keeps following", () => {
        const store = makeStore({ from: 0, to: 0, last: 2 * HOUR });
        store.zoom(2, 10);
        expect([store.isFollowing, store.view.span]).toEqual([true, HOUR]);
        expect(store.address).toEqual({ from: 0, to: 0, last: HOUR });
    });

    test("stops of the view, all or only those to explain", () => {
        const store = makeStore();
        expect(store.stops().map((stop) => stop.id)).toEqual([11, 12]);
        expect(store.stops({ onlyOpen: true }).map((stop) => stop.id)).toEqual([11]);
        store.look(store.view.showing(START, START + MINUTE));
        expect(store.stops()).toEqual([]);
    });

    test("what is chosen survives another answer", () => {
        const store = makeStore();
        store.choose([11]);
        store.toggle(12);
        store.apply(answer({ machines: [machine({ stops: [] })] }));
        expect([...store.chosen]).toEqual([11, 12]);
        expect(store.stop(11)).toBe(undefined);
    });

    test("a live message is news when it tells another state than is drawn", () => {
        const store = makeStore();
        const say = (state) => store.isNews({ machines: { "S/A/FILLER": { state } } });
        expect([say("idle"), say("running"), say("down"), say(null)]).toEqual([false, true, true, false]);
        expect(store.isNews({ machines: { OTHER: { state: "down" } } })).toBe(false);
    });

    test("the shift around the middle of the view", () => {
        const store = makeStore();
        expect(store.shift.start).toBe(START - HOUR);
        store.look(store.view.showing(START + 20 * HOUR, START + 21 * HOUR));
        expect(store.shift).toBe(undefined);
    });
});

describe("time axis", () => {
    const BERLIN = "Europe/Berlin";
    const texts = (start, hours, width, tz = BERLIN) =>
        timeTicks(new View(start, start + hours * HOUR, width), tz).map((tick) => tick.text);

    test("marks are whole hours of the site's clock", () => {
        expect(texts(START, 4, 500)).toEqual(["08:00", "09:00", "10:00", "11:00", "12:00"]);
        expect(texts(START, 4, 500, "Asia/Kolkata")[0]).toBe("13:00");
    });

    test("an hour that comes twice has two marks, told apart", () => {
        const october = Date.UTC(2025, 9, 25, 23); // 01:00 in Berlin, clocks go back at 03:00
        expect(texts(october, 4, 500)).toEqual(["01:00", "02:00", "02:00 (UTC+1)", "03:00", "04:00"]);
    });

    test("an hour that does not exist has none", () => {
        const march = Date.UTC(2026, 2, 29, 0); // 01:00 in Berlin, 02:00 is left out
        expect(texts(march, 3, 400)).toEqual(["01:00", "03:00 (UTC+2)", "04:00", "05:00"]);
    });

    test("coarse marks keep to the clock beyond the change", () => {
        const october = Date.UTC(2025, 9, 25, 22); // 00:00 in Berlin
        const marks = timeTicks(new View(october, october + 25 * HOUR, 500), BERLIN);
        const hours = marks.map(({ at }) => luxon.DateTime.fromMillis(at, { zone: BERLIN }).hour);
        expect(hours).toEqual([0, 6, 12, 18, 0]);
    });

    test("seconds, days and months have marks with room for their words", () => {
        for (const span of [10000, HOUR, 24 * HOUR, 7 * 24 * HOUR, 90 * 24 * HOUR, LONGEST_MS]) {
            const marks = timeTicks(new View(START, START + span, 1000), BERLIN);
            expect(marks.length).toBeGreaterThan(1);
            expect(marks.length).toBeLessThan(14);
        }
    });
});
