import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { waitForChannels, waitNotifications } from "@bus/../tests/bus_test_helpers";
import { beforeEach, describe, expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame } from "@odoo/hoot-dom";
import { Deferred } from "@odoo/hoot-mock";
import { Component, xml } from "@odoo/owl";
import { MockServer, contains, makeServerError, mountWithCleanup, patchWithCleanup } from "@web/../tests/web_test_helpers";
import { browser } from "@web/core/browser/browser";
import { READ_AGE_MS, READ_GAP_MS, useReading, useScreenState } from "@mes_oee/screen/hooks";
import { PlacePicker } from "@mes_oee/screen/place_picker/place_picker";
import { Screen } from "@mes_oee/screen/screen";

describe.current.tags("desktop");
defineMailModels();

let answer;
let calls;

class Probe extends Component {
    static components = { Screen };
    static props = ["*"];
    static template = xml`
        <Screen name="'probe'" title="'Probe'" path="'Plant'" reading="reading" emptyTitle="'No stops'">
            <t t-set-slot="toolbar"><button class="again" t-on-click="() => reading.restart()">Again</button></t>
            <t t-set-slot="empty"><button class="first">Do this first</button></t>
            <p class="value" t-esc="reading.data.value"/>
        </Screen>`;

    setup() {
        this.reading = useReading(
            () => {
                calls++;
                return answer();
            },
            {
                isEmpty: (data) => data.value === 0,
                kinds: ["stop"],
                concerns: (event) => event.machines.includes(7),
            }
        );
    }
}

beforeEach(() => {
    calls = 0;
    answer = async () => ({ value: 1 });
    // The page's monotonic clock goes with the test's.
    patchWithCleanup(browser, { performance: { now: () => Date.now() } });
});

async function mountProbe() {
    await mountWithCleanup(Probe);
    await animationFrame();
}

async function happen(kind, machines = [7]) {
    MockServer.env["bus.bus"]._sendone("mes_floor", "mes.floor", { kind, machines, at: 0 });
    await waitNotifications(["mes.floor"]);
}

test("a skeleton stands until the first answer", async () => {
    const first = new Deferred();
    answer = () => first;
    await mountProbe();
    expect(".o_mes_probe").toHaveAttribute("data-phase", "loading");
    expect(".mes-skeleton").toHaveAttribute("aria-busy", "true");
    expect("h1").toHaveText("Probe");
    first.resolve({ value: 5 });
    await animationFrame();
    expect(".value").toHaveText("5");
    expect(".mes-header-asof").toHaveText("Updated 0 s ago");
});

test("with nothing to show it says what to do first; the toolbar stays", async () => {
    answer = async () => ({ value: 0 });
    await mountProbe();
    expect(".mes-message h1").toHaveText("No stops");
    expect(".mes-message .first").toHaveCount(1);
    expect(".mes-screen-toolbar .again").toHaveCount(1);
});

test("a first failure is the page, with what still works and a retry", async () => {
    answer = async () => {
        throw new Error("database is away");
    };
    await mountProbe();
    expect(".o_mes_probe").toHaveAttribute("data-phase", "error");
    expect(".mes-message").toHaveText(/database is away/);
    expect(".mes-message").toHaveText(/Machines go on reporting/);
    answer = async () => ({ value: 2 });
    await contains(".mes-message button").click();
    expect(".value").toHaveText("2");
});

test("who was logged out is told so, logs in in another tab and goes on here", async () => {
    await mountProbe();
    answer = async () => {
        throw makeServerError({ errorName: "odoo.http.SessionExpiredException", message: "Session expired" });
    };
    await contains(".again").click();
    expect(".mes-message").toHaveText(/no longer logged in/);
    expect(".mes-message a").toHaveAttribute("href", /^\/web\/login\?redirect=/);
    expect(".mes-message a").toHaveAttribute("target", "_blank");
    answer = async () => ({ value: 5 });
    await contains(".mes-message button").click();
    expect(".value").toHaveText("5");
    expect(".mes-message").toHaveCount(0);
});

test("a later failure keeps what is shown, and the freshness warns", async () => {
    await mountProbe();
    answer = async () => {
        throw new Error("gone for lunch");
    };
    await advanceTime(READ_AGE_MS);
    await animationFrame();
    expect(".value").toHaveText("1");
    expect(".mes-notice").toHaveText(/gone for lunch/);
    expect(".mes-header-fresh").toHaveClass("mes-stale");
    answer = async () => ({ value: 3 });
    await contains(".mes-notice button").click();
    expect(".mes-notice").toHaveCount(0);
    expect(".value").toHaveText("3");
    expect(".mes-header-fresh").not.toHaveClass("mes-stale");
});

test("the age is counted, and becomes a warning when nobody answers", async () => {
    await mountProbe();
    await advanceTime(12000);
    await animationFrame();
    expect(".mes-header-asof").toHaveText("Updated 12 s ago");
    answer = () => new Deferred();
    await advanceTime(2 * READ_AGE_MS);
    await animationFrame();
    expect(".mes-header-fresh").toHaveAttribute("data-stale", "old");
});

test("an answer to an older question never covers that to a newer one", async () => {
    await mountProbe();
    const slow = new Deferred();
    answer = () => slow;
    await contains(".again").click();
    answer = async () => ({ value: 8 });
    await contains(".again").click();
    expect(".value").toHaveText("8");
    slow.resolve({ value: 7 });
    await animationFrame();
    expect(".value").toHaveText("8");
});

test("a reading is over when the newest question is answered, not its own", async () => {
    const probe = await mountWithCleanup(Probe);
    await animationFrame();
    const [older, newer] = [new Deferred(), new Deferred()];
    answer = () => older;
    probe.reading.reload().then(() => expect.step(probe.reading.data.value));
    answer = () => newer;
    probe.reading.reload();
    older.resolve({ value: 7 });
    await animationFrame();
    expect.verifySteps([]);
    newer.resolve({ value: 8 });
    await animationFrame();
    expect.verifySteps([8]);
});

test("the floor has it read at once, then once for all that came meanwhile", async () => {
    await mountProbe();
    await waitForChannels(["mes_floor"]);
    await advanceTime(READ_GAP_MS);
    calls = 0;
    await happen("stop");
    await happen("stop");
    await happen("stop");
    expect(calls).toBe(1);
    await advanceTime(READ_GAP_MS);
    expect(calls).toBe(2);
    await advanceTime(READ_GAP_MS);
    expect(calls).toBe(2);
});

test("events of other kinds or machines are not its business", async () => {
    await mountProbe();
    await waitForChannels(["mes_floor"]);
    await advanceTime(READ_GAP_MS);
    calls = 0;
    await happen("call");
    await happen("stop", [8]);
    expect(calls).toBe(0);
});

test("light and dark are remembered for all screens", async () => {
    await mountProbe();
    const before = document.querySelector(".o_mes_probe").dataset.theme;
    await contains("[aria-label='Light or dark']").click();
    const after = document.querySelector(".o_mes_probe").dataset.theme;
    expect(after).not.toBe(before);
    expect(localStorage.getItem("mes_board_theme")).toBe(after);
});

test("choices come from the address and go back to it, defaults left out", async () => {
    const patches = [];
    let screen;
    class Choice extends Component {
        static template = xml`<i t-esc="screen.values.by"/>`;
        static props = ["*"];
        setup() {
            screen = this.screen = useScreenState(this.props, { by: "reason", days: 7, all: false });
        }
    }
    const props = {
        action: { params: { by: "product", days: "14", all: 1 } },
        updateActionState: (patch) => patches.push(patch),
    };
    await mountWithCleanup(Choice, { props });
    expect({ ...screen.values }).toEqual({ by: "product", days: 14, all: true });
    screen.set({ by: "reason", all: false });
    await animationFrame();
    expect("i").toHaveText("reason");
    expect(patches).toEqual([
        { by: "product", days: 14, all: 1 },
        { by: undefined, days: 14, all: undefined },
    ]);
});

test("a value that is none of its kind is the default", async () => {
    let screen;
    class Choice extends Component {
        static template = xml`<i/>`;
        static props = ["*"];
        setup() {
            screen = useScreenState(this.props, { days: 7 });
        }
    }
    await mountWithCleanup(Choice, { props: { action: { params: { days: "many" } } } });
    expect(screen.values.days).toBe(7);
});

test("places are listed in the plant's order, indented below each other", async () => {
    const places = [
        { key: "site-1", kind: "site", id: 1, name: "Plant", depth: 0, parent: null },
        { key: "area-2", kind: "area", id: 2, name: "Hall", depth: 1, parent: "site-1" },
        { key: "line-3", kind: "line", id: 3, name: "Line 1", depth: 2, parent: "area-2" },
        { key: "machine-4", kind: "machine", id: 4, name: "Filler", depth: 3, parent: "line-3" },
    ];
    const picked = [];
    await mountWithCleanup(PlacePicker, {
        props: { places, value: "line-3", onPick: (key) => picked.push(key), kinds: ["line", "machine"] },
    });
    expect("select").toHaveValue("line-3");
    expect("option").toHaveCount(2);
    expect(document.querySelectorAll("option")[1].textContent).toBe("\u2003Filler");
    await contains("select").select("machine-4");
    expect(picked).toEqual(["machine-4"]);
});
