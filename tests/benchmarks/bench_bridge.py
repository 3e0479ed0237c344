"""What the whole bridge costs: reading 1 000 tags a second, and 10 000.

    ./mes bench bridge [--seconds N]    # this and every bench_bridge_*.py

Ten Modbus servers in another process, states, counters and measurements, all polled at 1 s; a tenth of the values
changing at each poll, then all of them. Processor time (percent of one core) and memory of the whole bridge, which
stores on the disk and delivers to a fake Odoo in another process. Goals: 3 % and 60 MB at 1 000 tags with a tenth
changing; 10 000 tags on one core.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from bridge_rig import helper, odoo_config, rss_mb

from iot_bridge.app import App
from iot_bridge.clock import SystemClock
from iot_bridge.config import BridgeConfig
from iot_bridge.testing import FakeOdoo

PORT = int(os.environ.get("MES_BENCH_PORT", "18225"))
SERVERS = 10
# Of each hundred tags.
STATES, COUNTERS = 10, 40
MACHINES = 10
MOST_TAGS = 1000  # a server
# Servers at PORT change every tenth second, those behind them every second.
CALM, BUSY = PORT, PORT + SERVERS


def play_odoo() -> None:
    with FakeOdoo() as odoo:
        print(odoo.url, flush=True)
        time.sleep(3600)


async def play_plcs() -> None:
    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    began = time.monotonic()
    for index in range(2 * SERVERS):

        async def action(
            _f: int, _s: int, first: int, count: int, registers: list[int], _w: object, calm: bool = index < SERVERS
        ) -> None:
            second = int(time.monotonic() - began)
            step = 10 if calm else 1
            # Not all at once: a tenth of the registers in each second.
            for place in range(first, first + count):
                is_state = place % 100 < STATES
                registers[place] = (second + place) // 10 % 2 + 1 if is_state else (second + place) // step

        data = [SimData(0, count=MOST_TAGS, values=0, datatype=DataType.REGISTERS)]
        server = ModbusTcpServer(SimDevice(1, simdata=data, action=action), address=("127.0.0.1", PORT + index))
        await server.serve_forever(background=True)
    print("serving", flush=True)
    await asyncio.sleep(3600)


def tags(area: str, a_server: int) -> list[dict[str, Any]]:
    """``a_server`` tags of each server; every hundred are ten machines. The fake Odoo remembers them by ``area``."""
    out: list[dict[str, Any]] = []
    for server in range(SERVERS):
        for register in range(a_server):
            machine = f"B/{area}/L{server}/M{register // 100 * MACHINES + register % MACHINES}"
            tag: dict[str, Any] = {
                "tag": f"{machine}/r{register}", "connection": f"plc{server}", "equipment": machine, "table": "holding",
                "register": register, "type": "uint16", "poll_ms": 1000, "signal": "measurement",
            }  # fmt: skip
            if register % 100 < STATES:
                tag |= {"signal": "state", "map": {"1": "running", "2": "down"}, "map_revision": 1}
            elif register % 100 < STATES + COUNTERS:
                tag |= {"signal": "counter", "counter": f"c{register}", "max_rate": 1000.0}
            out.append(tag)
    return out


async def read(folder: Path, url: str, seconds: float, port: int, a_server: int, suffix: str) -> dict[str, float]:
    """The whole bridge with ``a_server`` tags of each server, at 1 s, from the servers at ``port``."""
    config = BridgeConfig.model_validate(
        {
            "stream": f"B{suffix}", "data_dir": str(folder / f"data{suffix}"), "tags": tags(f"A{suffix}", a_server),
            "odoo": odoo_config(url, folder).model_dump() | {"key_file": str(folder / "key")},
            "connections": [{"name": f"plc{i}", "host": "127.0.0.1", "port": port + i} for i in range(SERVERS)],
        }
    )  # fmt: skip
    app = App(config, SystemClock.from_env({}))
    await app.start()
    while not app.connections or any(c.state != "up" for c in app.connections.values()):
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    began, cpu, first, samples = time.perf_counter(), time.process_time(), app.outbox.last, _samples(app)
    await asyncio.sleep(seconds)
    took, cpu, events = time.perf_counter() - began, time.process_time() - cpu, app.outbox.last - first
    read_ = _samples(app) - samples
    behind = app.outbox.last - app.outbox.applied
    overruns = sum(connection.overruns for connection in app.connections.values())
    await app.stop()
    return {
        f"cpu_percent{suffix}": round(cpu / took * 100, 1), f"rss_mb{suffix}": round(rss_mb(), 1),
        f"values_per_s{suffix}": round(read_ / took), f"events_per_s{suffix}": round(events / took),
        f"behind{suffix}": behind, f"overruns{suffix}": overruns,
    }  # fmt: skip


def _samples(app: App) -> int:
    return sum(connection.samples for connection in app.connections.values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each of the three runs")
    parser.add_argument("--role", choices=["odoo", "plcs"], help=argparse.SUPPRESS)
    args, _ = parser.parse_known_args()
    if args.role == "odoo":
        play_odoo()
    if args.role == "plcs":
        asyncio.run(play_plcs())
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name, helper(__file__, "odoo") as url, helper(__file__, "plcs"):
        folder = Path(name)
        # The small one first: its memory is not that of the others.
        figures |= asyncio.run(read(folder, url, args.seconds, CALM, 100, ""))
        figures |= asyncio.run(read(folder, url, args.seconds, BUSY, 100, "_all_changing"))
        figures |= asyncio.run(read(folder, url, args.seconds, CALM, 1000, "_10000_tags"))
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
