"""A whole bridge with two machines that a test controls."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench_driver import NAME, Device, kind

from iot_bridge import fleet, tagkeeper
from iot_bridge.app import App
from iot_bridge.clock import SystemClock
from iot_bridge.config import load_config
from iot_bridge.drivers import DRIVERS
from iot_bridge.testing import FakeOdoo

Devices = dict[str, Device]


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Devices:
    """Two machines, each on a link of its own: counter and state."""
    made = {"one": Device(), "two": Device()}
    monkeypatch.setitem(DRIVERS, NAME, kind(made))
    monkeypatch.setattr(tagkeeper, "LOOK_S", 0.02)
    monkeypatch.setattr(tagkeeper, "RETRY_S", 0.02)
    monkeypatch.setattr(fleet, "PROBE_LOOK_S", 0.005)
    return made


def tags_of(link: str, **more: Any) -> list[dict[str, Any]]:
    common = {"connection": link, "equipment": f"T/{link}", "poll_ms": 20, "table": "holding", "register": 0}
    return [
        {**common, "tag": f"T/{link}/state", "signal": "state", "type": "uint16", "map": {"1": "running"},
         "map_revision": 1},
        {**common, "tag": f"T/{link}/total", "signal": "counter", "counter": "total", "type": "uint32",
         "max_rate": 1e6, **more},
    ]  # fmt: skip


def write_config(folder: Path, odoo: FakeOdoo, **more: Any) -> Path:
    """A bridge with both links; tags from Odoo."""
    (folder / "key").write_text(odoo.key)
    link = {"url": odoo.url, "database": odoo.database, "login": odoo.login, "key_file": "key"}
    links = [{"name": name, "driver": NAME, "write": [{"tag": f"T/{name}/set"}]} for name in ("one", "two")]
    path = folder / "bridge.yaml"
    path.write_text(yaml.safe_dump({"stream": "L1", "data_dir": "data", "odoo": link, "connections": links, **more}))
    return path


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[App]:
    """A bridge, started as ``iot-bridge run`` does, signals included."""
    app = App(load_config(path), SystemClock.from_env({}), path)
    task = asyncio.create_task(app.run())
    # Its signal handlers stand before anything else runs.
    await asyncio.sleep(0)
    try:
        yield app
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(task, 20)


async def until(done: Callable[[], bool], timeout_s: float = 30) -> None:
    async def poll() -> None:
        while not done():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), timeout_s)


def up(app: App) -> bool:
    return len(app.connections) == 2 and all(connection.proven for connection in app.connections.values())
