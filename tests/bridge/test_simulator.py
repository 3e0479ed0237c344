"""The simulated line: seeded, true to its truth file, and no state too short to be seen."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from own_ports import row

from iot_bridge.clock import SystemClock
from iot_bridge.drivers import Surroundings
from iot_bridge.drivers.modbus.driver import Modbus
from iot_bridge.drivers.modbus.settings import ModbusTcpConfig
from iot_bridge.errors import Misconfigured, Rejected
from iot_bridge.simulator.layout import MACHINES, MIN_DWELL_MS, PORTS, machine_tags
from iot_bridge.simulator.line import Line, load_memory, save_memory
from iot_bridge.simulator.profiles import PROFILES
from iot_bridge.simulator.server import Plant, SimOptions
from iot_bridge.simulator.truth import Truth
from iot_bridge.tags import Tag
from iot_bridge.testing import START_MS


def run(path: Path, seed: int, steps: list[int], profile: str = "demo") -> list[dict[str, Any]]:
    """Truth of a line that was looked at after each of ``steps`` ms, then stopped."""
    line = Line(seed, PROFILES[profile], Truth(path), boot=1)
    line.start(START_MS)
    line.release()
    now = START_MS
    for step in steps:
        now += step
        line.advance(now)
    line.stop(now)
    line.advance(now + 2 * MIN_DWELL_MS)
    line.truth.close()
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_same_seed_same_truth_however_often_it_is_read(tmp_path: Path) -> None:
    coarse = run(tmp_path / "a", 5, [120_000])
    fine = run(tmp_path / "b", 5, [37] * (120_000 // 37) + [120_000 % 37])
    assert coarse == fine
    assert run(tmp_path / "c", 6, [120_000]) != coarse


@pytest.mark.parametrize("seed", range(5))
def test_no_state_is_shorter_than_the_dwell(seed: int, tmp_path: Path) -> None:
    last: dict[str, int] = {}
    for record in run(tmp_path / "t", seed, [600_000]):
        if record["t"] == "state":
            code = record["equipment"]
            assert record["at"] - last.get(code, -MIN_DWELL_MS) >= MIN_DWELL_MS
            last[code] = record["at"]


@pytest.mark.parametrize("seed", range(5))
def test_truth_adds_up(seed: int, tmp_path: Path) -> None:
    """Counts rise by one, registers wrap, parts are made only while running, none goes missing on the line."""
    truth = run(tmp_path / "t", seed, [300_000])
    state: dict[str, str] = {}
    made: dict[str, int] = defaultdict(int)
    start = truth[0]
    moduli = {m.code_path: {c.name: c.modulus for c in m.counters} for m in MACHINES}
    for record in truth:
        if record["t"] == "state":
            state[record["equipment"]] = record["state"]
        if record["t"] == "count":
            code, name = record["equipment"], record["counter"]
            made[f"{code}/{name}"] += 1
            assert record["total"] == made[f"{code}/{name}"] and state[code] == "running"
            assert record["raw"] == (start["baseline"][code][name] + record["total"]) % moduli[code][name]
    end = truth[-1]
    assert end["t"] == "end" and set(state.values()) == {"idle"}
    assert {f"{code}/{name}": n for code, names in end["totals"].items() for name, n in names.items() if n} == made
    totals = [end["totals"][m.code_path] for m in MACHINES]
    size = PROFILES["demo"].buffer_size
    for before, after in pairwise(totals):
        assert abs(before["total"] - before["reject"] - after["total"]) <= size


def test_demo_is_lively_and_the_filler_wraps_in_the_first_minute(tmp_path: Path) -> None:
    truth = run(tmp_path / "t", 1, [60_000])
    filler = [r for r in truth if r["t"] == "count" and r["equipment"].endswith("FILLER") and r["counter"] == "total"]
    assert len(filler) >= 36 and min(record["raw"] for record in filler) == 0
    assert sum(record["t"] == "state" for record in truth) >= 15


def test_nothing_is_made_before_release_and_after_stop(tmp_path: Path) -> None:
    line = Line(1, PROFILES["demo"], Truth(tmp_path / "t"), boot=1)
    line.start(START_MS)
    line.advance(START_MS + 60_000)
    assert all(machine.made["total"] == 0 for machine in line.machines)
    line.release()
    line.advance(START_MS + 90_000)
    line.stop(START_MS + 90_000)
    made = line.counters()
    line.advance(START_MS + 200_000)
    assert line.counters() == made and line.halted and line.machines[0].made["total"] > 0


def test_retentive_memory(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    assert load_memory(path) is None
    line = Line(1, PROFILES["demo"], Truth(None), boot=1)
    line.start(START_MS)
    line.release()
    line.advance(START_MS + 30_000)
    save_memory(path, line.counters())
    again = Line(1, PROFILES["demo"], Truth(None), boot=1)
    again.start(START_MS, load_memory(path))
    assert again.counters() == line.counters()


def test_taken_port_is_said_with_the_mend() -> None:
    base = row(2 * PORTS)

    async def scene() -> None:
        clock = SystemClock.from_env({})
        first = Plant(SimOptions("127.0.0.1", base + 3, 1, "demo", protocol="modbus_tcp"), clock)
        await first.open()
        second = Plant(SimOptions("127.0.0.1", base, 1, "demo", protocol="modbus_tcp"), clock)
        try:
            with pytest.raises(Misconfigured, match=rf"port {base + 3} .* choose another --base-port"):
                await second.open()
        finally:
            await first.close()

    asyncio.run(scene())


def test_a_setpoint_is_taken_within_its_limits_and_nothing_else_is_written() -> None:
    """As a command does it: written through the bridge's driver, read back; a counter can't be set."""
    filler = next(machine for machine in MACHINES if machine.setpoints)
    (volume,) = filler.setpoints
    tags = {tag["tag"].rsplit("/", 1)[1]: Tag.model_validate(tag) for tag in machine_tags(filler)}
    base = row(PORTS)

    async def scene() -> None:
        clock = SystemClock.from_env({})
        plant = Plant(SimOptions("127.0.0.1", base, 1, "demo", protocol="modbus_tcp"), clock)
        await plant.open()
        config = ModbusTcpConfig(name="plc", host="127.0.0.1", port=base + MACHINES.index(filler))
        link = Modbus(config, list(tags.values()), clock, Surroundings(Path()))
        await link.open()
        await link.write(tags["volume"], volume.low)
        for name, value in (("volume", volume.high + 1), ("total", 5)):
            with pytest.raises(Rejected):
                await link.write(tags[name], value)
        (sample,) = await link.read_tags([tags["volume"]])
        assert sample.value == volume.low
        await link.close()
        await plant.close()

    asyncio.run(asyncio.wait_for(scene(), 60))
