/**
 * The answer of `mes.timeline.screen.draw` as objects.
 *
 * {
 *   now, speed, start, end, pixel, tz, live, left_out, scope: {key, name},
 *   kinds: ["off", ...]            // names of the numbers in `state` and `machine`
 *   texts: ["", ...]               // every text once, lanes carry its place
 *   calendars: [[[from, until, name, business date, [[from, until], ...]], ...], ...]
 *   machines: [{id, name, code, place, calendar, unlisted,
 *     state: [offset, length, kind, text, ...],            // offsets from `start`, ms; lanes are flat
 *     marks: [offset, length, kind, count, ms, ...],       // stops for which the bars have no room
 *     machine: [offset, length, kind, text, ...],
 *     mode, orders, alarms: [offset, length, text, note, ...],
 *     words: [offset, length, text, note, id of the word, ...],
 *     stops: [id, offset, length, open, needs, text, ...]}]
 * }
 */
export function readAnswer(answer) {
    const { start, texts, kinds } = answer;
    const calendars = answer.calendars.map((shifts) => shifts.map((shift) => readShift(shift, texts)));
    const toBar = ([offset, length, kind, text]) => ({
        start: start + offset,
        end: start + offset + length,
        kind: kinds[kind],
        text: texts[text],
    });
    const toMark = ([offset, length, kind, count, ms]) => ({
        start: start + offset,
        end: start + offset + length,
        kind: kinds[kind],
        count,
        ms,
    });
    const toSpan = ([offset, length, text, note, id]) => ({
        start: start + offset,
        end: start + offset + length,
        text: texts[text],
        note: texts[note],
        id,
    });
    const rows = answer.machines.map((machine) => ({
        id: machine.id,
        name: machine.name,
        code: machine.code,
        place: machine.place,
        unlisted: machine.unlisted,
        shifts: calendars[machine.calendar],
        state: inParts(machine.state, 4).map(toBar),
        marks: inParts(machine.marks, 5).map(toMark),
        machine: inParts(machine.machine, 4).map(toBar),
        mode: inParts(machine.mode, 4).map(toSpan),
        orders: inParts(machine.orders, 4).map(toSpan),
        words: inParts(machine.words, 5).map(toSpan),
        alarms: inParts(machine.alarms, 4).map(toSpan),
        stops: inParts(machine.stops, 6).map(([id, offset, length, open, needs, text]) => ({
            id,
            machineId: machine.id,
            start: start + offset,
            end: start + offset + length,
            open: Boolean(open),
            needs: Boolean(needs),
            text: texts[text],
        })),
    }));
    for (const row of rows) {
        markTheLive(row, answer);
    }
    return { ...answer, rows, byId: new Map(rows.map((row) => [row.id, row])) };
}

function readShift([start, end, name, date, breaks], texts) {
    return {
        start,
        end,
        name: texts[name],
        date,
        breaks: breaks.map(([from, until]) => ({ start: from, end: until })),
    };
}

/** The last state and an open stop in it go on while time does: the picture grows without reading again. */
function markTheLive(row, answer) {
    const last = row.state.at(-1);
    if (!answer.live || !last || last.end < answer.now) {
        return;
    }
    last.live = true;
    const stop = row.stops.at(-1);
    if (stop?.open && ["down", "idle", "minor"].includes(last.kind)) {
        stop.live = true;
        stop.end = Math.max(stop.end, last.end);
    }
}

/** A lane that was not asked for is empty. */
function inParts(flat = [], size) {
    const parts = [];
    for (let at = 0; at < flat.length; at += size) {
        parts.push(flat.slice(at, at + size));
    }
    return parts;
}
