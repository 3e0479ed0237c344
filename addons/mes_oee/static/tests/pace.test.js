import { expect, test } from "@odoo/hoot";
import { Deferred, advanceTime, tick } from "@odoo/hoot-mock";
import { Pace } from "@mes_oee/board/pace";

function makePace() {
    const readings = [];
    const pace = new Pace(
        () => {
            const reading = new Deferred();
            readings.push(reading);
            return reading;
        },
        5000,
        30000
    );
    return { pace, readings };
}

test("what is asked within the gap happens once, after it", async () => {
    const { pace, readings } = makePace();
    pace.ask();
    readings[0].resolve();
    await tick();
    pace.ask();
    pace.ask();
    expect(readings).toHaveLength(1);
    await advanceTime(5000);
    expect(readings).toHaveLength(2);
    pace.stop();
});

test("a slow reading is not overtaken by the next", async () => {
    const { pace, readings } = makePace();
    pace.ask();
    pace.ask();
    await advanceTime(20000);
    expect(readings).toHaveLength(1);
    readings[0].resolve();
    await tick();
    expect(readings).toHaveLength(2);
    pace.stop();
});

test("nothing is read that was not asked for, age is only told", async () => {
    const { pace, readings } = makePace();
    pace.ask();
    readings[0].resolve();
    await advanceTime(29000);
    expect(pace.isAged).toBe(false);
    await advanceTime(2000);
    expect(pace.isAged).toBe(true);
    expect(readings).toHaveLength(1);
    pace.stop();
});
