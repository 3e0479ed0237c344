"""The whole bridge: real processes, real Modbus, a fake Odoo."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from own_ports import row
from stopwatch import kept_back_s

from iot_bridge import watchdog
from iot_bridge.app import App
from iot_bridge.check import check_online
from iot_bridge.clock import SystemClock, from_rfc3339
from iot_bridge.config import load_config
from iot_bridge.errors import Misconfigured
from iot_bridge.events import Event
from iot_bridge.outbox import Outbox
from iot_bridge.simulator.layout import MACHINES, POLL_MS, PORTS, STALE_MS, connections, line_tags
from iot_bridge.simulator.server import Plant, SimOptions
from iot_bridge.testing import START_MS, FakeOdoo

ROOT = Path(__file__).resolve().parents[2]
PORT = row(24)
# No broker here: every machine speaks Modbus.
PLAIN = "modbus_tcp"
SPEED = 2.5
# How late a machine may look, plant ms: 0.8 s of real time, and what the kernel kept plant and bridge from running.
JITTER_MS = int(800 * SPEED)
# A read is stamped when it is asked for, and takes so long at most: what changes meanwhile is seen before it happened.
READ_MS = int(200 * SPEED)
FILLER = "DEMO/PACK/L1/FILLER"


def configure(folder: Path, odoo: FakeOdoo, port: int, **more: Any) -> Path:
    """A configuration for the fake Odoo and a simulator at ``port``; tags from Odoo."""
    odoo.tags_answer = {"revision": 1, "tags": line_tags(PLAIN)}
    (folder / "key").write_text(odoo.key)
    path = folder / "bridge.yaml"
    link = {"url": odoo.url, "database": odoo.database, "login": odoo.login, "key_file": "key"}
    links = connections("127.0.0.1", port, protocol=PLAIN)
    whole = {"stream": "L1", "data_dir": "data", "odoo": link, "connections": links, **more}
    path.write_text(yaml.safe_dump(whole))
    return path


@contextmanager
def process(*arguments: str, clock: str) -> Iterator[subprocess.Popen[bytes]]:
    """``iot-bridge`` as a process of its own, killed at the end."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MES_CLOCK": clock}
    running = subprocess.Popen([sys.executable, "-m", "iot_bridge", "--log-level", "error", *arguments], env=env)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def wait_for(done: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def truth_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_truth_equals_odoo_through_a_sigkill(odoo: FakeOdoo, tmp_path: Path) -> None:
    """Counts equal to the last part, states equal within a poll while it ran, no evidence while it was dead."""
    replies = iter(range(10**9))
    odoo.faults.cut = lambda: next(replies) % 5 == 4
    config, truth = configure(tmp_path, odoo, PORT), tmp_path / "truth"
    now = time.time()
    clock = f"{now},{now},{SPEED}"
    simulate = ["simulate", "--port", str(PORT), "--protocol", PLAIN, "--seed", "4", "--truth", str(truth), "--linger"]
    simulate += ["--wait-for-reader"]
    bridge = ["run", "-c", str(config)]
    with process(*simulate, clock=clock) as plant:
        with process(*bridge, clock=clock) as first:
            odoo.wait(lambda: odoo.total(f"{FILLER}/total") > 10)
            killed_at = SystemClock.from_env({"MES_CLOCK": clock}).now_ms()
            first.send_signal(signal.SIGKILL)
            first.wait()
        before = len([r for r in truth_of(truth) if r["t"] == "count"])
        wait_for(lambda: len([r for r in truth_of(truth) if r["t"] == "count"]) > before + 25)
        back_at = SystemClock.from_env({"MES_CLOCK": clock}).now_ms()
        with process(*bridge, clock=clock) as second:
            odoo.wait(lambda: odoo.total(f"{FILLER}/total") > 38)
            plant.send_signal(signal.SIGTERM)
            wait_for(lambda: any(r["t"] == "end" for r in truth_of(truth)))
            end = truth_of(truth)[-1]
            odoo.wait(lambda: last_states(odoo) == {m.code_path: "idle" for m in MACHINES} and
                      all(e["at"] > end["at"] for e in latest_evidence(odoo)))  # fmt: skip
            kept_back = sum(kept_back_s(one.pid) for one in (plant, second))
            second.send_signal(signal.SIGTERM)
            assert second.wait(timeout=10) == 0
    for code, totals in end["totals"].items():
        assert {name: odoo.total(f"{code}/{name}") for name in totals} == totals
    assert odoo.conservation == []
    assert min(event["raw"] for event in odoo.events("count") if event["equipment"] == FILLER) < 1000
    late = JITTER_MS + int(kept_back * 1000 * SPEED)
    assert_states_match(truth_of(truth), odoo, killed_at, back_at, end["at"], late)
    assert_no_evidence_while_dead(odoo, killed_at, back_at)


def last_states(odoo: FakeOdoo) -> dict[str, str]:
    return {event["equipment"]: event["state"] for event in odoo.events("state")}


def latest_evidence(odoo: FakeOdoo) -> list[dict[str, int]]:
    last = {event["equipment"]: from_rfc3339(event["at"]) for event in odoo.events("evidence")}
    return [{"at": at} for at in last.values()] if len(last) == len(MACHINES) else [{"at": 0}]


def assert_states_match(
    truth: list[dict[str, Any]], odoo: FakeOdoo, killed: int, back: int, end: int, late: int
) -> None:
    """Every true change while the bridge watched has its point within a poll, and so much as the machine was late."""
    slack, early = POLL_MS + late, READ_MS + late - JITTER_MS
    for machine in MACHINES:
        code = machine.code_path
        points = [(from_rfc3339(e["at"]), e["state"], e["code"], e["interlock"]) for e in odoo.events("state")
                  if e["equipment"] == code]  # fmt: skip
        changes = [(r["at"], r["state"], r["code"], r["interlock"]) for r in truth
                   if r["t"] == "state" and r["equipment"] == code]  # fmt: skip
        again = min(from_rfc3339(e["from"]) for e in odoo.events("evidence")
                    if e["equipment"] == code and from_rfc3339(e["from"]) >= back)  # fmt: skip
        watched = [c for c in changes if points[0][0] < c[0] < killed - slack or again < c[0] <= end]
        for at, *what in watched:
            near = [point for point in points if at - early <= point[0] <= at + slack]
            assert any(list(rest) == what for _at, *rest in near), (code, at, what, near, points[-8:])


def assert_no_evidence_while_dead(odoo: FakeOdoo, killed: int, back: int) -> None:
    for event in odoo.events("evidence"):
        start, until = from_rfc3339(event["from"]), from_rfc3339(event["until"])
        assert until <= killed + STALE_MS + 500 or start >= back


@asynccontextmanager
async def running_app(path: Path) -> AsyncIterator[App]:
    app = App(load_config(path), SystemClock.from_env({}))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def until(done: Callable[[], bool], timeout_s: float = 30) -> None:
    async def poll() -> None:
        while not done():
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), timeout_s)


def test_tags_are_downloaded_changed_and_kept(odoo: FakeOdoo, tmp_path: Path) -> None:
    """A new map is used and sent again; a broken set leaves the last good one in use; the next start is offline."""
    path = configure(tmp_path, odoo, PORT + 6)

    def states(code: str = FILLER) -> list[tuple[str, int]]:
        return [(e["state"], e["map"]) for e in odoo.events("state") if e["equipment"] == code]

    async def scene() -> None:
        options = SimOptions("127.0.0.1", PORT + 6, 1, "demo", protocol=PLAIN, wait_for_reader=True)
        plant = Plant(options, SystemClock.from_env({}))
        plant._unread.add("a reader that never comes")  # the line stands still
        await plant.open()
        async with running_app(path) as app:
            await until(lambda: states() == [("idle", 1)])
            packer = app.connections["plc_packer"]
            tags = line_tags(PLAIN)
            filler = next(tag for tag in tags if tag["tag"] == f"{FILLER}/state")
            filler.update(map={"2": "setup"}, map_revision=2)
            odoo.tags_answer, odoo.config_revision = {"revision": 2, "tags": tags}, 2
            await until(lambda: states() == [("idle", 1), ("setup", 2)])
            assert app.connections["plc_packer"] is packer and app.tagkeeper.revision == 2
            odoo.tags_answer = {"revision": 3, "tags": [{**tags[0], "register": "zero"}]}
            odoo.config_revision = 3
            await until(lambda: "tags" in app.alarms)
            assert "last good ones stay" in app.alarms["tags"] and len(app.connections) == PORTS
            await until(lambda: bool(odoo.live_calls and odoo.live_calls[-1]["health"]["alarms"]))
        odoo.faults.unavailable = lambda: True
        async with running_app(path) as app:
            await until(lambda: app.tagkeeper.revision == 2)
            await until(lambda: app.pipeline.live().get(FILLER, {}).get("state") == "setup")
        await plant.close()

    asyncio.run(scene())


def test_live_is_never_behind_the_backlog(odoo: FakeOdoo, tmp_path: Path) -> None:
    """4 000 events wait and each batch takes 0.2 s: the live lane is on time all the while."""
    path = configure(tmp_path, odoo, PORT + 12, batch_max=100)
    box = Outbox.open(tmp_path / "data" / "outbox.db")
    box.append([Event("measurement", FILLER, START_MS + i, {"name": "x", "value": i}) for i in range(4000)], {})
    box.close()
    odoo.faults.slow_s = lambda: 0.1
    ages: list[int] = []

    async def scene() -> None:
        clock = SystemClock.from_env({})
        plant = Plant(SimOptions("127.0.0.1", PORT + 12, 1, "demo", protocol=PLAIN), clock)
        await plant.open()
        async with running_app(path) as app:
            await until(lambda: bool(app.connections))
            seen = 0
            while app.outbox.applied < 4000:
                calls = odoo.live_calls[seen:]
                seen += len(calls)
                for call in calls:
                    if call["machines"] and call["machines"][FILLER]["state"]:
                        ages.append(clock.now_ms() - from_rfc3339(call["machines"][FILLER]["at"]))
                await asyncio.sleep(0.02)
        await plant.close()

    asyncio.run(asyncio.wait_for(scene(), 180))
    assert len(ages) >= 2 and max(ages) <= 2000
    assert odoo.calls.index("hello") < odoo.calls.index("live"), "Odoo must know the epoch first"


def test_second_bridge_on_one_folder_is_refused(odoo: FakeOdoo, tmp_path: Path) -> None:
    config = load_config(configure(tmp_path, odoo, PORT))
    app = App(config, SystemClock.from_env({}))
    with pytest.raises(Misconfigured, match="another bridge"):
        App(config, SystemClock.from_env({}))
    asyncio.run(app.stop())


def test_sigterm_ends_in_time_although_odoo_hangs(odoo: FakeOdoo, tmp_path: Path) -> None:
    odoo.faults.slow_s = lambda: 30.0
    path = configure(tmp_path, odoo, PORT)
    with process("run", "-c", str(path), clock="0,0,1") as bridge:
        wait_for(lambda: (tmp_path / "data" / "status.json").exists())
        bridge.send_signal(signal.SIGTERM)
        assert bridge.wait(timeout=8) == 0


def test_watchdog_speaks_to_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert watchdog.notify("READY=1") is False
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        assert watchdog.notify("READY=1") is True
        assert sock.recv(100) == b"READY=1"


def test_check_online_reads_devices_and_asks_odoo(odoo: FakeOdoo, tmp_path: Path) -> None:
    """All well, then a tag the device does not have, a dead device and a wrong key: a sentence with the mend each."""
    port = PORT + 18
    beyond = {"tag": "X/temp", "connection": "plc_depal", "equipment": "X", "signal": "measurement", "table": "holding",
              "register": 200, "type": "uint16"}  # fmt: skip

    async def scene() -> None:
        clock = SystemClock.from_env({})
        plant = Plant(SimOptions("127.0.0.1", port, 1, "demo", protocol=PLAIN), clock)
        await plant.open()
        found = await check_online(load_config(configure(tmp_path, odoo, port, tags=line_tags(PLAIN))), clock)
        assert not found.failed and sum(line.startswith("ok plc_") for line in found.lines) == PORTS
        path = configure(tmp_path, odoo, port, tags=[*line_tags(PLAIN), beyond])
        found = await check_online(load_config(path), clock)
        assert found.failed and any("X/temp" in line and "check table and register" in line for line in found.lines)
        await plant.close()
        path = configure(tmp_path, odoo, port, tags=line_tags(PLAIN))
        (tmp_path / "key").write_text("wrong")
        found = await check_online(load_config(path), clock)
        assert found.failed and sum("check host, port and cable" in line for line in found.lines) == PORTS
        assert any("make a new key" in line for line in found.lines)

    asyncio.run(asyncio.wait_for(scene(), 60))
