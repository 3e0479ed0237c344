"""A running bridge: commands of Odoo, status page, metrics, status file."""

from __future__ import annotations

import asyncio
import json
import socket
import urllib.request
from pathlib import Path

from app_bench import Devices, running, tags_of, until, up, write_config

from iot_bridge.clock import SystemClock, to_rfc3339
from iot_bridge.testing import FakeOdoo

# -- commands


def test_a_command_of_odoo_reaches_the_device_and_its_result_odoo(
    odoo: FakeOdoo, tmp_path: Path, devices: Devices
) -> None:
    """Through both lanes, the allow-list of the file and the tag map; the metrics count it."""
    point = {"tag": "T/one/set", "connection": "one", "equipment": "T/one", "signal": "measurement", "poll_ms": 20,
             "table": "holding", "register": 9, "type": "uint16", "writable": True}  # fmt: skip
    clock = SystemClock.from_env({})
    deadline = to_rfc3339(clock.now_ms() + 60_000)

    async def scene() -> None:
        async with running(write_config(tmp_path, odoo, tags=[*tags_of("one"), point, *tags_of("two")])) as app:
            await until(lambda: up(app))
            odoo.commands = [
                {"id": 7, "kind": "write", "tag": "T/one/set", "value": 42, "reason": "order", "deadline": deadline},
                {"id": 8, "kind": "write", "tag": "T/one/total", "value": 0, "reason": "no", "deadline": deadline},
            ]
            await asyncio.to_thread(odoo.wait, lambda: len(odoo.events("command_result")) == 2)
            shot = await app.look()
            assert shot.commands == {"done": 1, "refused": 1}

    asyncio.run(asyncio.wait_for(scene(), 60))
    results = {event["command"]: event for event in odoo.events("command_result")}
    assert (results[7]["status"], results[7]["read_back"]) == ("done", 42) and devices["one"].values["T/one/set"] == 42
    assert results[8]["status"] == "refused" and len(results) == len(odoo.events("command_result"))


# -- looking


def test_status_page_metrics_and_file_of_a_running_bridge(odoo: FakeOdoo, tmp_path: Path, devices: Devices) -> None:
    devices["two"].down = True

    def fetch(port: int, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return answer.read().decode()

    async def scene() -> None:
        path = write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"), status={"port": 0})
        async with running(path) as app:
            await until(lambda: app.page is not None and app.durable.status.connected)
            await until(lambda: len(app.connections) == 2 and app.connections["one"].proven)
            await until(lambda: "away" in app.connections["two"].state)
            assert app.page is not None
            whole = json.loads(await asyncio.to_thread(fetch, app.page.port, "/status.json"))
            links = {link["name"]: link["state"] for link in whole["connections"]}
            assert links == {"one": "up", "two": "down: the device is away"}
            tags = {tag["tag"]: tag for tag in whole["tags"]}
            assert tags["T/one/total"]["quality"] == "good" and tags["T/one/total"]["age_s"] < 5
            assert tags["T/two/state"]["quality"] == "none"
            text = await asyncio.to_thread(fetch, app.page.port, "/metrics")
            assert 'iot_bridge_connection_up{connection="one",driver="bench"} 1.0' in text
            assert 'iot_bridge_machine_watched{equipment="T/two"} 0.0' in text
            assert "T/<wbr>one" in await asyncio.to_thread(fetch, app.page.port, "/")
            assert await asyncio.to_thread(fetch, app.page.port, "/healthz") == "ok\n"
            file = tmp_path / "data/status.json"
            await until(lambda: file.exists() and json.loads(file.read_text())["links"] != [])
            assert {link["name"] for link in json.loads(file.read_text())["links"]} == {"one", "two"}

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_taken_status_port_is_an_alarm_and_no_more(odoo: FakeOdoo, tmp_path: Path, devices: Devices) -> None:
    async def scene(port: int) -> None:
        path = write_config(tmp_path, odoo, tags=tags_of("one") + tags_of("two"), status={"port": port})
        async with running(path) as app:
            await until(lambda: up(app))
            assert "choose a free port" in app.alarms["status"]

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asyncio.run(asyncio.wait_for(scene(taken.getsockname()[1]), 60))
