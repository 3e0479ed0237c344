"""Several streams, a live lane beside a backlog, an Odoo that freezes, poison anywhere: nothing waits without need."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lane import config, running
from stopwatch import Stopwatch

from iot_bridge import supervisor
from iot_bridge.clock import SystemClock
from iot_bridge.config import BridgeConfig, OdooConfig
from iot_bridge.errors import Refused, Rejected
from iot_bridge.events import Event, Sample
from iot_bridge.lanes import open_lanes
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.testing import START_MS, FakeOdoo, make_tag
from iot_bridge.uplink import durable as durable_module
from iot_bridge.uplink.caller import Caller
from iot_bridge.uplink.durable import DurableLane
from iot_bridge.uplink.live import LiveLane
from iot_bridge.uplink.transport import make_transport

ROOT = Path(__file__).resolve().parents[2]
# BRIDGE_BACKLOG=1000000 and BRIDGE_POISON=1 for the acceptance run.
BACKLOG = int(os.environ.get("BRIDGE_BACKLOG", "120000"))
POISON_STEP = int(os.environ.get("BRIDGE_POISON", "38"))
BATCH = 500


def state(number: int) -> Event:
    return Event("state", "M1", START_MS + number, {"raw": 1, "state": "running", "map": 1})


def measurement(number: int) -> Event:
    return Event("measurement", "M1", START_MS + number, {"name": "p", "value": number}, tag="M1/p")


async def nothing(points: Mapping[str, Any], fresh: bool) -> None:
    """There are no counters to heal."""


@asynccontextmanager
async def lanes(link: OdooConfig, main: Outbox, telemetry: Outbox) -> AsyncIterator[tuple[DurableLane, DurableLane]]:
    """A main lane and a telemetry lane behind it."""
    first = DurableLane(main, Caller(make_transport(link, 5), "m"), "L1", BATCH, 0.2, nothing)
    second = DurableLane(telemetry, Caller(make_transport(link, 5), "t"), "T1", BATCH, 0.2, nothing, ahead=first)
    tasks = [asyncio.create_task(lane.run()) for lane in (second, first)]
    try:
        yield first, second
    finally:
        for task in tasks:
            await supervisor.end(task)


@pytest.fixture
def odoo() -> Iterator[FakeOdoo]:
    """Without the schema: what is sent is checked elsewhere, here it is much."""
    with FakeOdoo() as fake:
        yield fake


@pytest.fixture
def boxes(tmp_path: Path) -> Iterator[tuple[Outbox, Outbox]]:
    """Main and telemetry, 5 000 events each from a long outage."""
    made = Outbox.open(tmp_path / "main.db"), Outbox.open(tmp_path / "t.db", durability="second")
    made[0].append([state(i) for i in range(5000)], {})
    made[1].append([measurement(i) for i in range(5000)], {})
    yield made
    for box in made:
        box.close()


def test_states_overtake_measurements_after_an_outage(
    boxes: tuple[Outbox, Outbox], odoo: FakeOdoo, tmp_path: Path
) -> None:
    async def scene() -> None:
        async with lanes(config(odoo, tmp_path), *boxes) as (main, telemetry):
            await asyncio.wait_for(asyncio.gather(main.drained(), telemetry.drained()), 60)

    asyncio.run(scene())
    assert odoo.order.count("state") == odoo.order.count("measurement") == 5000
    last_but_a_batch = len(odoo.order) - 1 - odoo.order[::-1].index("state") - BATCH
    assert odoo.order[:last_but_a_batch].count("measurement") == 0


def test_lane_behind_does_not_starve(
    boxes: tuple[Outbox, Outbox], odoo: FakeOdoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main lane never gets through: now and then a batch of measurements goes all the same."""
    monkeypatch.setattr(durable_module, "GIVE_WAY_S", 0.05)
    odoo.faults.reject = lambda event: "no" if event["kind"] == "state" else None

    async def scene() -> None:
        async with lanes(config(odoo, tmp_path), *boxes) as (_, telemetry):
            await asyncio.wait_for(telemetry.drained(), 60)

    asyncio.run(scene())
    assert odoo.order.count("measurement") == 5000 and boxes[0].applied < 4000


def test_missing_stream_is_told_and_the_other_goes_on(
    boxes: tuple[Outbox, Outbox], odoo: FakeOdoo, tmp_path: Path
) -> None:
    odoo.known = {"L1"}

    async def scene() -> None:
        async with lanes(config(odoo, tmp_path), *boxes) as (main, telemetry):
            await asyncio.wait_for(main.drained(), 60)
            await asyncio.to_thread(odoo.wait, lambda: "stream_unknown" in telemetry.status.alarms)
            assert "no stream T1" in telemetry.status.alarms["stream_unknown"]
            assert main.status.connected and main.status.alarms == {}

    asyncio.run(scene())
    assert boxes[1].applied == 0 and boxes[1].last == 5000


@pytest.mark.parametrize("known", [{"T1"}, {"L1", "T1"}])
def test_refused_main_stream_holds_no_measurement_back(
    known: set[str], boxes: tuple[Outbox, Outbox], odoo: FakeOdoo, tmp_path: Path
) -> None:
    odoo.known = known

    async def scene() -> None:
        async with lanes(config(odoo, tmp_path), *boxes) as (_, telemetry):
            await asyncio.wait_for(telemetry.drained(), 60)

    asyncio.run(scene())
    assert odoo.order.count("measurement") == 5000


@pytest.mark.parametrize("transport", ["xmlrpc", "json2"])
def test_four_replays_at_once_with_cut_replies_leave_one_ledger(
    transport: str, odoo: FakeOdoo, outbox: Outbox, tmp_path: Path
) -> None:
    """Four lanes send one queue, 30 % of the replies are cut: Odoo has each event once, in order."""
    chance = random.Random(5)
    odoo.faults.cut = lambda: chance.random() < 0.3
    link = config(odoo, tmp_path, transport=transport)
    for total in range(1, 1501):
        fields = {"counter": "total", "counter_epoch": 0, "raw": total, "total": total, "delta": 1, "decision": "step"}
        outbox.append([Event("count", "M1", START_MS + total, fields)], {})

    async def scene() -> None:
        made = [DurableLane(outbox, Caller(make_transport(link, 5), f"r{i}"), "L1", 40, 0.1, nothing) for i in range(4)]
        tasks = [asyncio.create_task(lane.run()) for lane in made]
        while odoo.streams.get("L1") is None or odoo.streams["L1"].applied < 1500 or outbox.applied < 1500:
            await asyncio.sleep(0.05)
        for task in tasks:
            await supervisor.end(task)

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert [event["total"] for event in odoo.events("count")] == list(range(1, 1501))
    assert odoo.conservation == [] and odoo.streams["L1"].dropped == [] and outbox.verdicts() == []
    assert odoo.calls.count("ingest") > 1500 / 40 * 1.2, "there were no replays"


def test_large_calls_that_nothing_lets_through_become_small_and_stay_so(
    odoo: FakeOdoo, outbox: Outbox, tmp_path: Path
) -> None:
    """A web server before Odoo that takes 20 kB a call: nothing goes to quarantine."""
    refused: list[int] = []

    def small(size: int) -> tuple[int, Mapping[str, str], bytes] | None:
        refused.extend([size] if size > 20_000 else [])
        return (413, {}, b"") if size > 20_000 else None

    odoo.faults.by_size = small

    async def scene() -> None:
        async with running(outbox, config(odoo, tmp_path), 5000) as lane:
            lane.states(2000)
            await lane.drained()

    asyncio.run(scene())
    assert len(odoo.events()) == 2000 and outbox.verdicts() == [] and len(refused) <= 4


def test_bridge_with_a_telemetry_stream_flushes_facts_at_once_and_measurements_together(
    odoo: FakeOdoo, tmp_path: Path
) -> None:
    link = config(odoo, tmp_path).model_dump(mode="json")
    plc = {"name": "plc", "host": "127.0.0.1"}
    whole = BridgeConfig.model_validate(
        {"stream": "L1", "telemetry_stream": "T/1", "data_dir": str(tmp_path / "d"), "odoo": link, "connections": [plc]}
    )
    (tmp_path / "d").mkdir()
    opened = open_lanes(whole, SystemClock.from_env({}))
    found = {
        name: lane.outbox._db.execute("PRAGMA synchronous").fetchone()[0] for name, lane in opened.all.items()
    }
    assert found == {"L1": 2, "T/1": 1}
    assert sorted(path.name for path in (tmp_path / "d").glob("*.db")) == ["outbox.T%2f1.db", "outbox.db"]
    opened.close()


# -- poison


class Direct:
    """A transport without a network."""

    def __init__(self, odoo: FakeOdoo) -> None:
        self._odoo = odoo

    def call(self, method: str, payload: str) -> str:
        try:
            return json.dumps(self._odoo.answer(method, json.loads(payload)))
        except ValueError as error:
            code = str(error).split(":")[0]
            raise (Rejected(str(error)) if code == "batch_invalid" else Refused(code, str(error))) from None

    def close(self) -> None:
        """There is nothing to close."""


@pytest.mark.parametrize("alone", [False, True], ids=["batch refused", "event refused"])
def test_poison_at_every_position_of_a_batch(alone: bool, tmp_path: Path) -> None:
    """499 are applied in order, one lies in quarantine with its reason."""
    for bad in sorted({*range(1, BATCH + 1, POISON_STEP), BATCH // 2, BATCH}):
        box = Outbox.open(tmp_path / f"{bad}.db")
        box.append([state(i) for i in range(BATCH)], {})
        odoo = FakeOdoo()
        poison = lambda event, bad=bad: "no such thing" if event["seq"] == bad else None  # noqa: E731
        if alone:
            odoo.faults.verdict = poison
        else:
            odoo.faults.reject = poison
        lane = DurableLane(box, Caller(Direct(odoo), "p"), "L1", BATCH, 0.2, nothing)

        async def scene(lane: DurableLane = lane) -> None:
            task = asyncio.create_task(lane.run())
            await asyncio.wait_for(lane.drained(), 60)
            await supervisor.end(task)

        asyncio.run(scene())
        found = [event["seq"] for event in odoo.events()]
        assert found == [seq for seq in range(1, BATCH + 1) if seq != bad]
        assert [(seq, reason.split(": ")[-1]) for seq, _, reason in box.verdicts()] == [(bad, "no such thing")]
        odoo._server.server_close()
        box.close()
        (tmp_path / f"{bad}.db").unlink()


# -- beside a backlog, and an Odoo that freezes


class Far:
    """The fake Odoo in another process."""

    def __init__(self, machine: str) -> None:
        command = [sys.executable, str(Path(__file__).with_name("odoo_process.py")), machine]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()

    def told(self) -> dict[str, Any]:
        """What it has."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer


@pytest.fixture
def far() -> Iterator[Far]:
    made = Far(TAG.equipment)
    yield made
    made.process.send_signal(signal.SIGCONT)
    made.process.kill()
    made.process.communicate()


TAG = make_tag()


class Bridge:
    """Pipeline and both lanes to a far Odoo; a machine whose state is read five times a second."""

    def __init__(self, far: Far, box: Outbox, folder: Path) -> None:
        (folder / "key").write_text(FakeOdoo.key)
        link = OdooConfig(url=far.url, database=FakeOdoo.database, login=FakeOdoo.login, key_file=folder / "key")
        self.clock = SystemClock.from_env({})
        self.box = box
        self.durable = DurableLane(box, Caller(make_transport(link, 10), "d"), "L1", 5000, 0.5, nothing)
        self.pipeline = Pipeline(Stores(box), self.clock, self.durable.notify)
        self.live = LiveLane(
            Caller(make_transport(link, link.live_timeout_s), "l"), "L1", self.clock, self.pipeline.live,
            lambda: self.pipeline.changes, dict, lambda: box.epoch, self.durable.greeted,
        )  # fmt: skip

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.pipeline.set_tags([TAG])
        tasks = [asyncio.create_task(work()) for work in (self.durable.run, self.live.run, self._poll)]
        try:
            yield
        finally:
            for task in tasks:
                await supervisor.end(task)

    async def _poll(self) -> None:
        while True:
            now = self.clock.now_ms()
            await self.pipeline.feed([Sample(TAG.tag, 1, now, self.clock.mono_ms(), now)])
            await asyncio.sleep(0.2)


def test_live_state_is_fresh_beside_a_large_backlog(far: Far, outbox: Outbox, tmp_path: Path) -> None:
    for start in range(0, BACKLOG, 10_000):
        outbox.append([measurement(i) for i in range(start, start + 10_000)], {})
    bridge = Bridge(far, outbox, tmp_path)

    async def scene() -> dict[str, Any]:
        async with bridge.running():
            while outbox.applied < BACKLOG:
                await asyncio.sleep(0.05)
            return await asyncio.to_thread(far.told)

    found = asyncio.run(asyncio.wait_for(scene(), 60 + BACKLOG / 1000))
    assert found["events"] >= BACKLOG and found["looks"] > 50
    assert found["p99"] <= 2.0


def test_frozen_odoo_is_noticed_within_three_seconds_and_nothing_is_lost(
    far: Far, outbox: Outbox, tmp_path: Path
) -> None:
    """The process is stopped: its sockets still take everything and never answer."""
    bridge = Bridge(far, outbox, tmp_path)

    async def scene() -> None:
        async with bridge.running():
            await asyncio.wait_for(bridge.durable.greeted.wait(), 60)
            while not (await asyncio.to_thread(far.told))["live"]:
                await asyncio.sleep(0.05)
            assert bridge.live.alarms == {}
            far.process.send_signal(signal.SIGSTOP)
            watch = Stopwatch()
            while "odoo_silent" not in bridge.live.alarms:
                await asyncio.sleep(0.02)
                outbox.append([measurement(0)], {})
            assert watch.seconds() <= 3.2
            assert "gave no answer within" in bridge.live.alarms["odoo_silent"]
            far.process.send_signal(signal.SIGCONT)
            while bridge.live.alarms or outbox.applied < outbox.last:
                await asyncio.sleep(0.05)

    asyncio.run(asyncio.wait_for(scene(), 60))
    found = far.told()
    assert found["applied"]["L1"] == found["events"] == outbox.last
