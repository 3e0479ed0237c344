"""A bridge's OPC UA driver against a server, as the tests of the driver run them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from opcua_scene import LABELLER, Scene, scene

from iot_bridge.simulator.layout import node_id

NAMES = ["state", "code", "interlock", "mode", "boot", "speed", "total", "reject"]
MOVING = [name for name in NAMES if name != "speed"]
Act = Callable[[Scene], Awaitable[None]]


def run(tmp_path: Path, act: Act, tags: Any = None, **settings: Any) -> None:
    async def whole() -> None:
        async with scene(tmp_path, tags, **settings) as s:
            await act(s)

    asyncio.run(whole())


async def show(s: Scene, **values: Any) -> None:
    for name, value in values.items():
        await s.server.show(node_id(LABELLER, name), value)
