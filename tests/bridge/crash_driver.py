"""A bridge that is killed again and again; started by test_crash.py in a process without threads.

    python crash_driver.py FOLDER ODOO_URL KILLS SEED

The PLC is a number in a mapped file: it survives the bridge and counts on while that is dead. Each
bridge is a forked child with the real pipeline, outbox and uplink. The last one runs until drained.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import random
import signal
import struct
import sys
import time
from pathlib import Path

from iot_bridge.clock import SystemClock
from iot_bridge.config import OdooConfig
from iot_bridge.events import Sample
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.testing import FakeOdoo, make_tag
from iot_bridge.uplink.caller import Caller
from iot_bridge.uplink.durable import DurableLane
from iot_bridge.uplink.transport import make_transport

TAG = make_tag("T/A/L1/M1", "total", signal="counter", type="uint32", max_rate=1e6)


class Plc:
    """The true count."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    @property
    def count(self) -> int:
        return int(struct.unpack("<q", self._map)[0])

    def make_one(self) -> None:
        self._map[:] = struct.pack("<q", self.count + 1)


async def bridge(folder: Path, url: str, plc: Plc, parts: int) -> None:
    """Count and deliver until ``parts`` more are made and all is acknowledged."""
    clock = SystemClock.from_env({})
    outbox = Outbox.open(folder / "outbox.db")
    config = OdooConfig(url=url, database=FakeOdoo.database, login=FakeOdoo.login, key_file=folder / "key")
    lane: list[DurableLane] = []
    pipeline = Pipeline(Stores(outbox), clock, lambda: lane[0].notify())
    await pipeline.set_tags([TAG])
    lane.append(DurableLane(outbox, Caller(make_transport(config, 5), "up"), "L1", 20, 0.2, pipeline.heal))
    uplink = asyncio.create_task(lane[0].run())
    for _ in range(parts):
        now = clock.now_ms()
        await pipeline.feed([Sample(TAG.tag, plc.count, now, clock.mono_ms(), now)])
        plc.make_one()
        await asyncio.sleep(0)
    now = clock.now_ms()
    await pipeline.feed([Sample(TAG.tag, plc.count, now, clock.mono_ms(), now)])
    await lane[0].drained()
    uplink.cancel()


def child(folder: Path, url: str, plc: Plc, parts: int) -> int:
    """Fork a bridge; returns its pid."""
    pid = os.fork()
    if pid == 0:
        asyncio.run(bridge(folder, url, plc, parts))
        os._exit(0)
    return pid


def main() -> int:
    folder, url, kills, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    chance = random.Random(seed)
    plc = Plc(folder / "plc")
    # The baseline first: what runs before it is no one's.
    os.waitpid(child(folder, url, plc, 0), 0)
    for _ in range(kills):
        pid = child(folder, url, plc, 1_000_000)
        time.sleep(chance.uniform(0.004, 0.06))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        for _ in range(chance.randrange(3)):
            plc.make_one()
    _, status = os.waitpid(child(folder, url, plc, 5), 0)
    print(plc.count)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
