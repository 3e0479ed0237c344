import { expect, test } from "@odoo/hoot";
import { advanceTime } from "@odoo/hoot-mock";
import { EventBus } from "@odoo/owl";
import { CHANNEL, LiveFeed, MESSAGE, RECONNECT_MS, SILENCE_LIMIT_MS } from "@mes_oee/board/live_feed";

function makeFeed() {
    const events = new EventBus();
    const callbacks = {};
    const bus = {
        subscribe: (type, callback) => (callbacks[type] = callback),
        unsubscribe: (type) => delete callbacks[type],
        addEventListener: events.addEventListener.bind(events),
        removeEventListener: events.removeEventListener.bind(events),
        addChannel: (channel) => expect.step(`add ${channel}`),
        deleteChannel: (channel) => expect.step(`delete ${channel}`),
    };
    const worker = { send: (action) => expect.step(action) };
    const feed = new LiveFeed(bus, worker, {
        onMessage: (payload) => payload.concerns,
        onStale: (reason) => expect.step(`stale ${reason}`),
        onReconnect: () => expect.step("reconnected"),
    });
    return { feed, events, say: (payload) => callbacks[MESSAGE](payload) };
}

test("silence is noticed within five seconds and messages push it ahead", async () => {
    const { feed, say } = makeFeed();
    await feed.start();
    expect(SILENCE_LIMIT_MS).toBeLessThan(5000);
    await advanceTime(SILENCE_LIMIT_MS - 100);
    say({ concerns: true });
    await advanceTime(SILENCE_LIMIT_MS - 100);
    expect.verifySteps([`add ${CHANNEL}`]);
    await advanceTime(200);
    expect.verifySteps(["stale silent"]);
    feed.stop();
    expect.verifySteps([`delete ${CHANNEL}`]);
});

test("messages about other lines do not hide that this one is silent", async () => {
    const { feed, say } = makeFeed();
    await feed.start();
    await advanceTime(SILENCE_LIMIT_MS - 100);
    say({ concerns: false });
    await advanceTime(200);
    expect.verifySteps([`add ${CHANNEL}`, "stale silent"]);
    feed.stop();
    expect.verifySteps([`delete ${CHANNEL}`]);
});

test("a closed socket is stale at once and dialled again until it opens", async () => {
    const { feed, events } = makeFeed();
    await feed.start();
    events.trigger("BUS:DISCONNECT", { code: 1006 });
    expect.verifySteps([`add ${CHANNEL}`, "stale disconnected"]);
    await advanceTime(2 * RECONNECT_MS + 100);
    expect.verifySteps(["BUS:STOP", "BUS:START", "BUS:STOP", "BUS:START"]);
    events.trigger("BUS:CONNECT");
    expect.verifySteps(["reconnected"]);
    await advanceTime(RECONNECT_MS);
    expect.verifySteps(["stale silent"]);
    feed.stop();
    expect.verifySteps([`delete ${CHANNEL}`]);
});
