"""Registers a second: our Modbus driver against a bare pymodbus client loop, on the same simulated server.

    ./mes bench bridge_modbus [--rounds N] [--seconds S]

The server is a process of its own. The bare loop asks for the same blocks of the same registers and throws the
answers away; ours makes a stamped sample of every value: of each register (uint16), and of each pair of
registers (float32). The loops take turns, round by round; a ratio is the median of the rounds, ours to bare
(goal: 0.9 or more). RTU framing is measured over TCP.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bridge_rig import helper
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from iot_bridge.clock import SystemClock
from iot_bridge.drivers import DRIVERS, Surroundings
from iot_bridge.testing import make_tag

PORT = int(os.environ.get("MES_BENCH_PORT", "18225"))
FRAMERS = {"modbus_tcp": FramerType.SOCKET, "modbus_rtu_tcp": FramerType.RTU}
BLOCKS, REGISTERS = 10, 120

Cycle = Callable[[], Awaitable[object]]


async def play_plc() -> None:
    """The same registers in both framings."""
    for place, framer in enumerate(FRAMERS.values()):
        data = [SimData(0, count=BLOCKS * REGISTERS, values=17, datatype=DataType.REGISTERS)]
        server = ModbusTcpServer(SimDevice(1, simdata=data), framer=framer, address=("127.0.0.1", PORT + place))
        await server.serve_forever(background=True)
    print("serving", flush=True)
    await asyncio.sleep(3600)


async def bare(driver: str, port: int) -> tuple[Cycle, Callable[[], object]]:
    """One round of reads with the library alone, and its end."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port, framer=FRAMERS[driver], timeout=1, retries=0)
    await client.connect()

    async def cycle() -> None:
        for block in range(BLOCKS):
            answer = await client.read_holding_registers(block * REGISTERS, count=REGISTERS, device_id=1)
            assert len(answer.registers) == REGISTERS

    return cycle, client.close


async def ours(driver: str, port: int, kind: str) -> tuple[Cycle, Callable[[], object]]:
    """One poll cycle of our driver, and its end."""
    width = 2 if kind == "float32" else 1
    tags = [
        make_tag("B/M", f"r{at}", signal="measurement", register=at, type=kind)
        for at in range(0, BLOCKS * REGISTERS, width)
    ]
    found = DRIVERS[driver]
    config = found.settings.model_validate({"name": "plc", "driver": driver, "host": "127.0.0.1", "port": port})
    link: Any = found.load()(config, tags, SystemClock.from_env({}), Surroundings(Path()))
    await link.open()
    (group,) = link.groups()

    async def cycle() -> None:
        samples = await link.read(group)
        assert len(samples) == len(tags) and samples[0].value is not None

    return cycle, link._link.close


async def rate(cycle: Cycle, seconds: float) -> float:
    """Registers a second."""
    began, cycles = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        await cycle()
        cycles += 1
    return cycles * BLOCKS * REGISTERS / (time.perf_counter() - began)


async def measure(rounds: int, seconds: float) -> dict[str, float]:
    figures: dict[str, float] = {}
    for place, driver in enumerate(FRAMERS):
        port = PORT + place
        contestants = {
            "bare": await bare(driver, port), "uint16": await ours(driver, port, "uint16"),
            "float32": await ours(driver, port, "float32"),
        }  # fmt: skip
        rates: dict[str, list[float]] = {name: [] for name in contestants}
        for turn in range(rounds + 1):
            # There and back, so that what else goes on in the machine favours nobody; the first round only warms up.
            for name in list(contestants)[:: 1 if turn % 2 else -1]:
                rates[name] += [await rate(contestants[name][0], seconds)][: turn > 0]
        for _, end in contestants.values():
            end()
        short = driver.removeprefix("modbus_")
        figures[f"{short}_bare_registers_per_s"] = round(statistics.median(rates["bare"]))
        for name in ("uint16", "float32"):
            ratios = [own / other for own, other in zip(rates[name], rates["bare"], strict=True)]
            figures[f"{short}_{name}_registers_per_s"] = round(statistics.median(rates[name]))
            figures[f"{short}_{name}_ratio"] = round(statistics.median(ratios), 2)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=0.15, help="of one turn")
    parser.add_argument("--role", choices=["plc"], help=argparse.SUPPRESS)
    args, _ = parser.parse_known_args()
    if args.role:
        asyncio.run(play_plc())
    with helper(__file__, "plc"):
        figures = asyncio.run(measure(args.rounds, args.seconds))
    print(json.dumps({"goal_ratio": 0.9, **figures}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
