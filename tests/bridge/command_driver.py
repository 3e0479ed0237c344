"""A bridge that carries out one command and kills itself at a given point; started by test_commands.py.

    python command_driver.py FOLDER POINT

The PLC is a file that outlives it: a line a write. POINT is one of the test's phases, or "never".
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from iot_bridge.commands import Executor
from iot_bridge.drivers.modbus.settings import ModbusTcpConfig
from iot_bridge.events import Event, Sample, Value
from iot_bridge.outbox import Outbox
from iot_bridge.tags import Tag
from iot_bridge.testing import START_MS, ManualClock, make_tag

TAG = make_tag(name="set", signal="measurement", type="uint16", register=10, writable=True)
OFFER = {"id": 1, "kind": "write", "tag": TAG.tag, "value": 7, "reason": "r", "deadline": "2026-11-22T10:05:00.000Z"}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Link:
    """As a Connection looks to the executor."""

    name, state, tags = "plc", "up", (TAG,)
    config = ModbusTcpConfig.model_validate(
        {"name": "plc", "driver": "modbus_tcp", "host": "h", "write": [{"tag": TAG.tag}]}
    )

    def __init__(self, file: Path, point: str) -> None:
        self._file, self._point = file, point

    async def write(self, tag: Tag, value: Value) -> Sample | None:
        with self._file.open("a") as file:
            file.write(f"{value}\n")
        if self._point == "write left":
            die()
        return await self.read(tag)

    async def read(self, tag: Tag) -> Sample | None:
        lines = self._file.read_text().split() if self._file.exists() else []
        return Sample(tag.tag, int(lines[-1]) if lines else 0, START_MS, 0, START_MS)


async def main(folder: Path, point: str) -> None:
    outbox = Outbox.open(folder / "outbox.db")
    link = Link(folder / "plc", point)

    async def store(events: Sequence[Event], notes: Mapping[str, str | None]) -> None:
        if point == ("before the result" if events else "before the note"):
            die()
        outbox.append(events, {}, notes)
        if point == ("after the result" if events else "after the note"):
            die()

    executor = Executor(ManualClock(), store, outbox.notes(), lambda: {"plc": link}, lambda tag: True)  # type: ignore[dict-item]
    running = asyncio.create_task(executor.run())
    for _ in range(5):
        executor.offer([OFFER])
        await asyncio.sleep(0.05)
    running.cancel()
    batch = outbox.read(100)
    print(json.dumps([json.loads(body) for _, body in (batch.events if batch else [])]))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
