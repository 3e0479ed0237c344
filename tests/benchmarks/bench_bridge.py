"""What the bridge costs: storing, draining, and reading 1 000 tags a second.

    ./mes bench bridge [--events N] [--seconds N]

- store: count events with their memory, ten machines a transaction, each commit on the disk.
- drain: the same events to a fake Odoo in another process, batches of 500 over XML-RPC.
- read: ten Modbus servers in another process, 1 000 tags at 1 s, a tenth of the values changing at each
  poll, then all of them; processor time and memory of the whole bridge process.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from iot_bridge.app import App
from iot_bridge.clock import SystemClock
from iot_bridge.config import BridgeConfig, OdooConfig
from iot_bridge.events import Event
from iot_bridge.outbox import Outbox
from iot_bridge.signals.counter import CounterMemory
from iot_bridge.testing import START_MS, FakeOdoo
from iot_bridge.uplink.caller import Caller
from iot_bridge.uplink.durable import DurableLane
from iot_bridge.uplink.transport import make_transport

PORT = int(os.environ.get("MES_BENCH_PORT", "18225"))
SERVERS = 10
STATES, COUNTERS, MEASUREMENTS = 10, 40, 50  # a server
MACHINES = 10


@contextmanager
def helper(role: str) -> Iterator[str]:
    """Another process of this script in ``role``; yields the first line it prints."""
    command = [sys.executable, __file__, "--role", role]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def play_odoo() -> None:
    with FakeOdoo() as odoo:
        print(odoo.url, flush=True)
        time.sleep(3600)


async def play_plcs() -> None:
    """From port PORT servers whose values change every tenth second, from PORT + SERVERS every second."""
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    size = STATES + COUNTERS + MEASUREMENTS
    began = time.monotonic()
    for index in range(2 * SERVERS):

        async def action(
            _f: int, _s: int, _a: int, _c: int, registers: list[int], _w: object, calm: bool = index < SERVERS
        ) -> None:
            second = int(time.monotonic() - began)
            step = 10 if calm else 1
            # Not all at once: a tenth of the registers in each second.
            registers[:size] = [(second + place) // step for place in range(size)]
            registers[:STATES] = [(second + place) // 10 % 2 + 1 for place in range(STATES)]

        data = [SimData(0, count=size, values=0, datatype=DataType.REGISTERS)]
        server = ModbusTcpServer(SimDevice(1, simdata=data, action=action), address=("127.0.0.1", PORT + index))
        await server.serve_forever(background=True)
    print("serving", flush=True)
    await asyncio.sleep(3600)


def tags() -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for server in range(SERVERS):
        for register in range(STATES + COUNTERS + MEASUREMENTS):
            machine = f"B/A/L{server}/M{register % MACHINES}"
            tag: dict[str, Any] = {
                "tag": f"{machine}/r{register}", "connection": f"plc{server}", "equipment": machine, "table": "holding",
                "register": register, "type": "uint16", "poll_ms": 1000, "signal": "measurement",
            }  # fmt: skip
            if register < STATES:
                tag |= {"signal": "state", "map": {"1": "running", "2": "down"}, "map_revision": 1}
            elif register < STATES + COUNTERS:
                tag |= {"signal": "counter", "counter": f"c{register}", "max_rate": 1000.0}
            out.append(tag)
    return out


def odoo_config(url: str, folder: Path) -> OdooConfig:
    (folder / "key").write_text(FakeOdoo.key)
    return OdooConfig(url=url, database=FakeOdoo.database, login=FakeOdoo.login, key_file=folder / "key")


def store(folder: Path, count: int) -> dict[str, float]:
    """Append ``count`` events, MACHINES a transaction."""
    outbox = Outbox.open(folder / "store.db")
    began, cpu = time.perf_counter(), time.process_time()
    for i in range(count // MACHINES):
        events, memories = [], {}
        for machine in range(MACHINES):
            fields = {"counter": "total", "counter_epoch": 0, "raw": i, "total": i, "delta": 1, "decision": "step"}
            at = START_MS + i
            events.append(Event("count", f"M{machine}", at, fields, tag=f"M{machine}/total", recv=at))
            memories[f"M{machine}/total"] = CounterMemory(i, at, i, "b", 0, i)
        outbox.append(events, memories)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    outbox.close()
    return {"store_events_per_s": round(count / took), "store_us_per_event": round(cpu / count * 1e6, 1)}


async def drain(folder: Path, url: str, count: int) -> dict[str, float]:
    """Send what :func:`store` left."""
    outbox = Outbox.open(folder / "store.db")

    async def nothing(_points: object, _fresh: bool) -> None:
        return None

    lane = DurableLane(outbox, Caller(make_transport(odoo_config(url, folder), 10), "bench"), "B", 500, 2.0, nothing)
    began = time.perf_counter()
    task = asyncio.create_task(lane.run())
    await lane.drained()
    took = time.perf_counter() - began
    task.cancel()
    outbox.close()
    return {"drain_events_per_s": round(count / took)}


async def read(folder: Path, url: str, seconds: float, port: int, suffix: str) -> dict[str, float]:
    """The whole bridge at 1 000 tags a second, from the servers at ``port``."""
    config = BridgeConfig.model_validate(
        {
            "stream": f"B{port}", "data_dir": str(folder / str(port)), "tags": tags(),
            "odoo": odoo_config(url, folder).model_dump() | {"key_file": str(folder / "key")},
            "connections": [{"name": f"plc{i}", "host": "127.0.0.1", "port": port + i} for i in range(SERVERS)],
        }
    )  # fmt: skip
    app = App(config, SystemClock.from_env({}))
    await app.start()
    while not app.connections or any(c.state != "up" for c in app.connections.values()):
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)
    began, cpu, first = time.perf_counter(), time.process_time(), app.outbox.last
    await asyncio.sleep(seconds)
    took, cpu, events = time.perf_counter() - began, time.process_time() - cpu, app.outbox.last - first
    behind = app.outbox.last - app.outbox.applied
    overruns = sum(connection.overruns for connection in app.connections.values())
    await app.stop()
    return {
        f"cpu_percent{suffix}": round(cpu / took * 100, 1), f"rss_mb{suffix}": round(rss_mb(), 1),
        f"events_per_s{suffix}": round(events / took), f"behind{suffix}": behind, f"overruns{suffix}": overruns,
    }  # fmt: skip


def rss_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--role", choices=["odoo", "plcs"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.role == "odoo":
        play_odoo()
    if args.role == "plcs":
        asyncio.run(play_plcs())
    figures: dict[str, float] = {"tags": SERVERS * (STATES + COUNTERS + MEASUREMENTS)}
    with tempfile.TemporaryDirectory() as name, helper("odoo") as url, helper("plcs"):
        folder = Path(name)
        # Reading first: its memory is the bridge's, not that of the other parts.
        figures |= asyncio.run(read(folder, url, args.seconds, PORT, ""))
        figures |= asyncio.run(read(folder, url, args.seconds, PORT + SERVERS, "_all_changing"))
        figures |= store(folder, args.events)
        figures |= asyncio.run(drain(folder, url, args.events))
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
