"""Half-open links (property 7) and fair polling (property 13), through the connection as the bridge runs it.

``BRIDGE_LINKS=all`` for every fault with every framing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from fault_links import DOWN, UP, Links
from modbus_rig import CLOCK, Bus, Device, measurement, run, until
from own_ports import row
from stopwatch import Stopwatch

from iot_bridge.connection import Connection
from iot_bridge.drivers import ConnectionConfig, Surroundings
from iot_bridge.drivers.modbus.settings import ModbusRtuTcpConfig, ModbusTcpConfig
from iot_bridge.events import Sample
from iot_bridge.outbox import Outbox, Stores
from iot_bridge.pipeline import Pipeline
from iot_bridge.tags import Tag
from iot_bridge.testing import make_tag

DETECTED_S = 3.0
CABLE_PORT = row(1)


# -- property 7


@contextmanager
def plc(framing: str) -> Iterator[tuple[int, int]]:
    """(Port, process id) of a PLC in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("modbus_plc.py")), framing]
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline()), process.pid
        finally:
            process.kill()


def machine_tags(unit: int) -> list[Tag]:
    code = f"T/U{unit}"
    count = make_tag(code, "total", signal="counter", type="uint32", max_rate=60.0, unit_id=unit, poll_ms=500)
    return [make_tag(code, unit_id=unit, poll_ms=500), count]


SCENES = [
    ("frozen", "tcp", (1, 2)), ("both ways", "rtu", (1,)), ("one way", "tcp", (1,)), ("both ways", "rtu", (1, 2)),
]  # fmt: skip
if os.environ.get("BRIDGE_LINKS") == "all":
    SCENES = list(product(("frozen", "both ways", "one way"), ("tcp", "rtu"), ((1,), (1, 2))))


@pytest.mark.parametrize(("fault", "framing", "units"), SCENES)
def test_a_half_open_link_is_found_out_and_nothing_is_lost(
    fault: str, framing: str, units: Sequence[int], tmp_path: Path
) -> None:
    """The device is stopped, or the cable swallows everything: known within 3 s; every part is booked afterwards."""
    links = Links()
    with plc(framing) as (port, pid):
        cable = links.link(CABLE_PORT, port)
        settings = ModbusTcpConfig if framing == "tcp" else ModbusRtuTcpConfig
        config = settings(name="plc", host="127.0.0.1", port=CABLE_PORT)
        tags = [tag for unit in units for tag in machine_tags(unit)]

        async def scene() -> tuple[float, list[int], list[int]]:
            box = Outbox.open(tmp_path / "o.db")
            pipeline = Pipeline(Stores(box), CLOCK, lambda: None)
            await pipeline.set_tags(tags)
            connection = Connection(config, tags, CLOCK, pipeline, Surroundings(tmp_path))
            task = asyncio.create_task(connection.run())
            await until(lambda: connection.proven and len(connection.latest) == len(tags))
            first = {name: sample.value for name, sample in connection.latest.items()}
            if fault == "frozen":
                os.kill(pid, signal.SIGSTOP)
            else:
                cable.drop(*((UP, DOWN) if fault == "both ways" else (DOWN,)))
            watch = Stopwatch()
            await until(lambda: connection.state != "up", 2 * DETECTED_S)
            found_after = watch.seconds()
            os.kill(pid, signal.SIGCONT)
            cable.mend()
            # A second read may be needed to believe the first.
            until_ms = CLOCK.now_ms() + 1200
            await until(lambda: all(sample.at > until_ms for sample in connection.latest.values()))
            task.cancel()
            await asyncio.wait([task])
            await pipeline.lost_all()
            memories = [box.memories()[f"T/U{unit}/total"] for unit in units]
            box.close()
            made = [memory.raw - first[f"T/U{unit}/total"] for unit, memory in zip(units, memories, strict=True)]
            return found_after, made, [memory.total for memory in memories]

        try:
            found_after, made, booked = run(scene)
        finally:
            cable.shut()
            links.close()
    assert found_after <= DETECTED_S
    # The first reading is the baseline; whatever was made since is booked, once.
    assert booked == made
    assert all(count > 100 for count in made)


# -- property 13

UNITS, DEAD = range(1, 21), (3, 4, 5, 11, 20)
POLL_MS = 200
WINDOW_S = 5.0


class Polls:
    """A pipeline that counts the samples of each unit."""

    def __init__(self) -> None:
        self.by_unit: Counter[int] = Counter()

    async def feed(self, samples: Sequence[Sample], *_: object) -> bool:
        self.by_unit.update(int(sample.tag.split("/")[1][1:]) for sample in samples)
        return True

    async def lost(self, _tags: object) -> None:
        return None

    def writes_for(self, _tags: object) -> dict[str, Any]:
        return {}


def unit_tags() -> list[Tag]:
    return [measurement(0, unit_id=unit, poll_ms=POLL_MS, connection="bus") for unit in UNITS]


class Running:
    """Connections as the fleet runs them, each in a task of its own."""

    def __init__(self, config: ConnectionConfig) -> None:
        self.polls = Polls()
        self.connections = [
            Connection(part, own, CLOCK, self.polls, Surroundings(Path()))  # type: ignore[arg-type]
            for part, own in config.parts(unit_tags())
        ]

    async def __aenter__(self) -> Running:
        self._tasks = [asyncio.create_task(connection.run()) for connection in self.connections]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def window(self) -> Counter[int]:
        """Samples of each unit in a window of time."""
        self.polls.by_unit.clear()
        await asyncio.sleep(WINDOW_S)
        return Counter(self.polls.by_unit)


def config_of(way: str, port: int) -> ConnectionConfig:
    common: dict[str, Any] = {"name": "bus", "host": "127.0.0.1", "port": port, "timeout_s": 0.1, "unit_retry_max_s": 2}
    if way == "rtu":
        return ModbusRtuTcpConfig(**common)
    return ModbusTcpConfig(**common, per_unit_connections=way == "each its own")


@pytest.mark.parametrize("way", ["gateway", "rtu", "each its own"])
def test_five_dead_units_of_twenty_do_not_hold_up_the_others(way: str) -> None:
    """Property 13, behind a gateway that serves one request after the other and waits for dead units in vain."""

    async def scene() -> tuple[Counter[int], Counter[int], int, Running]:
        devices = {unit: Device() for unit in UNITS}
        # With connections of their own nothing is shared: each waits only for itself.
        patience_s = 0.0 if way == "each its own" else 0.08
        gateway = Bus(devices, rtu=way == "rtu", patience_s=patience_s)
        async with gateway as bus, Running(config_of(way, bus.port)) as running:
            await until(lambda: len(running.polls.by_unit) == len(UNITS))
            asked = {unit: len(devices[unit].asked) for unit in DEAD}
            for unit in DEAD:
                devices[unit].dead = True
            # Once more soon, in case that it was but one lost answer; from then on seldom.
            await until(lambda: all(len(devices[unit].asked) > asked[unit] + 1 for unit in DEAD))
            counted = await running.window()
            overruns = sum(connection.overruns for connection in running.connections)
            for unit in DEAD:
                devices[unit].dead = False
            running.polls.by_unit.clear()
            await until(lambda: len(running.polls.by_unit) == len(UNITS))
            return counted, Counter(running.polls.by_unit), overruns, running

    counted, back, overruns, running = run(scene)
    due = WINDOW_S * 1000 / POLL_MS
    for unit in UNITS:
        if unit in DEAD:
            assert counted[unit] == 0 and back[unit] > 0
        else:
            # Never more than are due either: what was late is left out, not caught up with.
            assert 0.9 * due <= counted[unit] <= due + 1, (unit, counted[unit])
    assert len(running.connections) == (len(UNITS) if way == "each its own" else 1)
    if way != "each its own":
        assert overruns > 0
        assert running.connections[0].opens <= 3


def test_parts_of_a_connection_have_names_of_their_own() -> None:
    config = ModbusTcpConfig(name="bus", host="h", per_unit_connections=True)
    parts = config.parts([*unit_tags(), measurement(0, connection="other")])
    assert [part.name for part, _ in parts] == [f"bus:{unit}" for unit in UNITS]
    assert [[tag.unit_id for tag in own] for _, own in parts] == [[unit] for unit in UNITS]
    (alone,) = ModbusTcpConfig(name="bus", host="h").parts(unit_tags())
    assert alone[0].name == "bus" and len(alone[1]) == len(UNITS)
