"""Operation: a configuration can't brick the bridge, a connection restarts alone, the watchdog is fed by progress."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from app_bench import Devices, running, tags_of, until, up, write_config
from bench_driver import NAME, Device

from iot_bridge import fleet, watchdog
from iot_bridge.app import App
from iot_bridge.clock import SystemClock
from iot_bridge.config import load_config
from iot_bridge.errors import Misconfigured
from iot_bridge.tags import load_last_good
from iot_bridge.testing import FakeOdoo
from iot_bridge.watchdog import Loop, Progress

ROOT = Path(__file__).resolve().parents[2]


# -- tags


def test_a_hundred_revisions_lose_no_count_and_touch_only_what_changed(
    odoo: FakeOdoo, tmp_path: Path, devices: Devices
) -> None:
    """The counter runs on while its own tag changes; the other link is never opened again."""
    devices["one"].values["T/one/total"] = 1000
    odoo.tags_answer = {"revision": 1, "tags": tags_of("one") + tags_of("two")}

    async def scene() -> None:
        async with running(write_config(tmp_path, odoo)) as app:
            await until(lambda: up(app))
            other = app.connections["two"]
            for revision in range(2, 102):
                devices["one"].values["T/one/total"] += 3
                changed = tags_of("one", tolerance=10 + revision)
                odoo.tags_answer = {"revision": revision, "tags": changed + tags_of("two")}
                odoo.config_revision = revision
                app.live.config_revision = revision
                await until(lambda wanted=revision: app.tagkeeper.revision == wanted)
            await until(lambda: up(app))
            assert app.connections["two"] is other
            await asyncio.to_thread(odoo.wait, lambda: odoo.total("T/one/total") == 300)

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert devices["two"].opens == 1 and devices["one"].opens == 101
    assert odoo.conservation == [] and {e["decision"] for e in odoo.events("count")} == {"first", "step"}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ([{"tag": "T/one/x", "connection": "one", "equipment": "T/one", "signal": "measurement", "table": "holding",
           "register": 0, "type": "uint16", "poll_ms": "often"}], "poll_ms"),
        (tags_of("three"), "'three' is not configured"),
        ([{**tags_of("one")[0], "tag": "T/one/impossible"}], "can't be built with"),
        ([{**tags_of("one")[0], "tag": "T/one/offline"}], "one stood before and is down: the device is away"),
    ],
)  # fmt: skip
def test_tags_that_can_not_work_leave_the_last_good_ones(
    bad: list[dict[str, Any]], why: str, odoo: FakeOdoo, tmp_path: Path, devices: Devices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Checked offline, built, probed: the bridge reads on with what it had, says why, and starts with it again."""
    monkeypatch.setattr(fleet, "PROBE_S", 0.3)
    devices["one"].refuses = "offline"
    odoo.tags_answer = {"revision": 1, "tags": tags_of("one") + tags_of("two")}

    async def scene() -> None:
        path = write_config(tmp_path, odoo)
        async with running(path) as app:
            await until(lambda: up(app))
            await until(lambda: (tmp_path / "data/tags.json").exists())
            other = app.connections["two"]
            odoo.tags_answer = {"revision": 2, "tags": bad + tags_of("two")}
            odoo.config_revision = app.live.config_revision = 2
            await until(lambda: "tags" in app.alarms)
            assert why in app.alarms["tags"] and "last good ones stay" in app.alarms["tags"]
            await until(lambda: up(app))
            assert app.connections["two"] is other and app.tagkeeper.revision == 1
            assert [tag.tag for tag in app.connections["one"].tags] == ["T/one/state", "T/one/total"]
            odoo.tags_answer = {"revision": 3, "tags": tags_of("one", tolerance=9) + tags_of("two")}
            odoo.config_revision = app.live.config_revision = 3
            await until(lambda: app.tagkeeper.revision == 3 and "tags" not in app.alarms)
            await until(lambda: (load_last_good(tmp_path / "data/tags.json") or {}).get("revision") == 3)
        odoo.faults.unavailable = lambda: True
        async with running(path) as app:
            await until(lambda: up(app))
            assert app.tagkeeper.revision == 3

    asyncio.run(asyncio.wait_for(scene(), 60))


# -- reload


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


def test_sighup_takes_a_new_file_and_touches_only_what_changed(
    odoo: FakeOdoo, tmp_path: Path, devices: Devices
) -> None:
    devices["three"] = Device()
    tags = tags_of("one") + tags_of("two")

    async def scene() -> None:
        path = write_config(tmp_path, odoo, tags=tags)
        async with running(path) as app:
            await until(lambda: up(app))
            one, two = app.connections["one"], app.connections["two"]
            whole = yaml.safe_load(path.read_text())
            whole["connections"][1]["retry_max_s"] = 1.5
            whole["connections"].append({"name": "three", "driver": NAME})
            whole["tags"] = tags + tags_of("three")
            whole["status"] = {"port": 0}
            path.write_text(yaml.safe_dump(whole))
            hang_up()
            await until(lambda: len(app.connections) == 3 and all(c.proven for c in app.connections.values()))
            await until(lambda: app.page is not None)
            assert app.connections["one"] is one and app.connections["two"] is not two
            assert "config" not in app.alarms and app.config.connections[1].retry_max_s == 1.5
            del whole["connections"][2], whole["status"]
            whole["tags"] = tags
            path.write_text(yaml.safe_dump(whole))
            hang_up()
            await until(lambda: len(app.connections) == 2 and app.page is None)
            assert app.connections["one"] is one

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert devices["one"].opens == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("stream: L1", "stream: [L1"), "not YAML"),
        (lambda text: text.replace("stream: L1", "stream: L2"), "stream: a running bridge can't change this: restart"),
        (lambda text: text.replace("data_dir: data", "data_dir: elsewhere"), "data_dir: a running bridge"),
        (lambda text: text.replace("key_file: key", "key_file: nokey"), "button in Odoo"),
        (lambda text: text.replace("name: two", "name: one"), "two connections are named one"),
        (lambda text: text.replace("signal: counter", "signal: miracle"), "tags.1.signal"),
        (lambda text: text.replace("tag: T/one/total", "tag: T/one/impossible"), "can't be built with"),
    ],
)
def test_a_bad_file_keeps_the_running_configuration(
    change: Callable[[str], str], why: str, odoo: FakeOdoo, tmp_path: Path, devices: Devices
) -> None:
    async def scene() -> None:
        path = write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"))
        good = path.read_text()
        async with running(path) as app:
            await until(lambda: up(app))
            before = dict(app.connections)
            assert change(good) != good
            path.write_text(change(good))
            hang_up()
            await until(lambda: "config" in app.alarms)
            assert why in app.alarms["config"] and "the one in use stays" in app.alarms["config"]
            assert app.connections == before and up(app)
            path.write_text(good)
            hang_up()
            await until(lambda: "config" not in app.alarms)
            assert app.connections == before

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert devices["one"].opens == devices["two"].opens == 1


def test_systemd_is_told_when_a_reload_begins_and_ends(
    odoo: FakeOdoo, tmp_path: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(watchdog, "notify", said.append)

    async def scene() -> None:
        async with running(write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"))) as app:
            await until(lambda: up(app))
            hang_up()
            await until(lambda: said.count("READY=1") == 2)

    asyncio.run(asyncio.wait_for(scene(), 60))
    words = [line for line in said if not line.startswith("WATCHDOG")]
    assert [line.partition("=")[0] for line in words] == ["READY", "RELOADING", "READY", "STOPPING"]
    assert "MONOTONIC_USEC=" in words[1]


def test_a_new_key_is_taken_without_a_restart(odoo: FakeOdoo, tmp_path: Path, devices: Devices) -> None:
    async def scene() -> None:
        path = write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"))
        async with running(path) as app:
            await asyncio.to_thread(odoo.wait, lambda: bool(odoo.events("state")))
            odoo.key = "rotated"
            devices["one"].values["T/one/total"] = 50
            await until(lambda: "access_denied" in app.alarms_now())
            (tmp_path / "key").write_text("rotated")
            hang_up()
            await asyncio.to_thread(odoo.wait, lambda: odoo.total("T/one/total") == 49)
            await until(lambda: "access_denied" not in app.alarms_now())

    asyncio.run(asyncio.wait_for(scene(), 60))


# -- P15


def test_a_hung_driver_is_started_anew_alone(
    odoo: FakeOdoo, tmp_path: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link that hangs comes back by itself; the other one and the way to Odoo notice nothing."""
    monkeypatch.setattr(fleet, "PATIENCE_S", -6.5)  # 2 s of retries and 5 s of timeouts come on top
    monkeypatch.setattr(fleet, "TEND_EVERY_S", 0.05)

    async def scene() -> None:
        async with running(write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"))) as app:
            await until(lambda: up(app))
            one, two = app.connections["one"], app.connections["two"]
            devices["one"].hang = asyncio.Event()
            await until(lambda: app.fleet.restarts["one"] >= 1)
            assert "started anew" in app.alarms["stuck:one"] and app.progress.late == []
            devices["one"].hang = None
            devices["one"].values["T/one/total"] = 77
            await asyncio.to_thread(odoo.wait, lambda: odoo.total("T/one/total") == 76)
            assert app.connections["one"] is not one and app.connections["two"] is two

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert devices["two"].opens == 1


def test_a_hang_that_can_not_be_ended_starves_the_watchdog(
    odoo: FakeOdoo, tmp_path: Path, devices: Devices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "PATIENCE_S", -6.7)
    monkeypatch.setattr(fleet, "TEND_EVERY_S", 0.05)
    monkeypatch.setattr(fleet, "END_S", 0.1)
    monkeypatch.setattr(watchdog, "FEED_S", 0.05)
    said: list[str] = []
    monkeypatch.setattr(watchdog, "notify", said.append)

    async def scene() -> None:
        async with running(write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"))) as app:
            await until(lambda: up(app) and said.count("WATCHDOG=1") >= 2)
            release = devices["one"].hang = asyncio.Event()
            devices["one"].deaf = True
            try:
                await until(lambda: app.progress.late == ["plc:one"])
                fed = said.count("WATCHDOG=1")
                await asyncio.sleep(0.3)
                assert said.count("WATCHDOG=1") == fed
            finally:
                devices["one"].deaf = False
                release.set()

    asyncio.run(asyncio.wait_for(scene(), 60))
    assert said[0] == "READY=1" and "STOPPING=1" in said


def test_slow_polls_are_no_hang(odoo: FakeOdoo, tmp_path: Path, devices: Devices) -> None:
    """A connection that reads once an hour may stand still for two."""
    slow = [{**tag, "poll_ms": 3_600_000} for tag in tags_of("one", max_rate=10)]

    async def scene() -> None:
        async with running(write_config(tmp_path, odoo, tags=slow + tags_of("two"))) as app:
            await until(lambda: up(app))
            patience = {name: loop.patience_s for name, loop in app.fleet.loops().items()}
            assert patience["one"] > 7200 and patience["two"] < 60

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_watchdog_starves_when_one_loop_stands_still() -> None:
    loops = {"a": Loop(1, 60), "b": Loop(1, 10)}
    progress = Progress(lambda: loops)
    assert progress.stuck(0) == []
    assert progress.stuck(11) == ["b"] == progress.late
    loops["b"] = Loop(2, 10)
    assert progress.stuck(12) == []
    assert progress.stuck(61) == ["a", "b"]
    del loops["a"]
    assert progress.stuck(62) == ["b"]


BLOCKED = """
import asyncio, sys, time
sys.path[:0] = [{root!r}, {here!r}]
from bench_driver import BenchDriver, Device, NAME, kind
from iot_bridge.drivers import DRIVERS
from iot_bridge.cli import main
device = Device()
async def read(self, group):
    device.reads += 1
    if device.reads > 20:
        time.sleep(60)
    return []
BenchDriver.read = read
DRIVERS[NAME] = kind({{"one": device, "two": Device()}})
raise SystemExit(main(["--log-level", "error", "run", "-c", {path!r}]))
"""


@contextmanager
def systemd(folder: Path) -> Iterator[tuple[dict[str, str], socket.socket]]:
    """What systemd gives a service: a socket to be notified through, and a watchdog of 0.6 s."""
    address = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(address)
        sock.settimeout(15)
        yield {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "600000"}, sock


def test_a_driver_that_blocks_everything_starves_the_watchdog(odoo: FakeOdoo, tmp_path: Path, devices: Devices) -> None:
    """A real process: ready, fed, then nothing more: systemd would start it anew."""
    path = write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"))
    script = BLOCKED.format(root=str(ROOT), here=str(Path(__file__).parent), path=str(path))
    with systemd(tmp_path) as (env, sock):
        process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, **env})
        try:
            assert sock.recv(100) == b"READY=1"
            assert sock.recv(100) == b"WATCHDOG=1"
            sock.settimeout(1.5)
            with pytest.raises(TimeoutError):
                for _ in range(30):
                    assert sock.recv(100) == b"WATCHDOG=1"
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()


def test_two_bridges_on_one_folder(odoo: FakeOdoo, tmp_path: Path, devices: Devices) -> None:
    async def scene() -> None:
        path = write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"))
        async with running(path):
            with pytest.raises(Misconfigured, match="another bridge"):
                App(load_config(path), SystemClock.from_env({}))

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_damaged_tags_on_disk_are_told_and_downloaded_anew(odoo: FakeOdoo, tmp_path: Path, devices: Devices) -> None:
    odoo.tags_answer = {"revision": 1, "tags": tags_of("one") + tags_of("two")}
    path = write_config(tmp_path, odoo)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/tags.json").write_text('{"crc": 1, "answer": {}}')
    odoo.faults.unavailable = lambda: True

    async def scene() -> None:
        async with running(path) as app:
            await until(lambda: "damaged" in app.alarms.get("tags_damaged", ""))
            assert app.connections == {}
            odoo.faults.unavailable = lambda: False
            await until(lambda: up(app) and "tags_damaged" not in app.alarms)

    asyncio.run(asyncio.wait_for(scene(), 60))
