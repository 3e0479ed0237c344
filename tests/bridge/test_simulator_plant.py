"""The whole simulated plant: cells that work for themselves, machines behind one device, the batch reactor."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from brokers import broker  # noqa: F401  (fixture)
from own_ports import row

from iot_bridge.clock import SystemClock
from iot_bridge.drivers import DRIVERS, Driver, Surroundings
from iot_bridge.errors import Misconfigured
from iot_bridge.simulator import reactor
from iot_bridge.simulator.cells import BATCH_LITRES, PLANTS, REACTOR_CELL, TOOL_CELL, ZONE
from iot_bridge.simulator.layout import connections, devices, line_tags, machines, ports
from iot_bridge.simulator.line import Line
from iot_bridge.simulator.profiles import PROFILES
from iot_bridge.simulator.server import Plant, SimOptions
from iot_bridge.simulator.truth import Truth
from iot_bridge.tags import Tag

PORT = row(2 * ports("all"))
MINUTE = 60_000
HOUR = 60 * MINUTE


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)).timestamp() * 1000)


MONDAY = at("2026-03-02 10:00")


def running(cell: Any, start: int, hours: float, path: Path | None = None, seed: int = 3) -> Line:
    """A cell alone, after some hours."""
    line = Line(seed, PROFILES["demo"], Truth(path), 1, (cell,))
    line.start(start)
    line.release()
    line.advance(start + round(hours * HOUR))
    return line


def test_the_plant_needs_few_ports_more_than_its_first_line() -> None:
    assert ports("all") == ports("line1") + 2
    assert {"L2", "CELLS"} < set(devices("all"))
    names = [made["name"] for made in connections("plc", 5000, plant="all")]
    assert len(names) == len(set(names)) == ports("all")
    assert {tag["connection"] for tag in line_tags(plant="all")} == set(names)


def test_with_one_protocol_for_all_each_machine_is_a_device() -> None:
    alone = devices("all", "modbus_tcp")
    assert {machine.name for machine in machines("modbus_tcp", "all")} < set(alone)


def test_tools_rest_at_night_and_on_weekends() -> None:
    line = running(TOOL_CELL, at("2026-03-06 21:30"), 1.0)  # a Friday evening
    assert {machine.state for machine in line.machines} == {2}
    made = [machine.made["total"] for machine in line.machines]
    assert all(made)
    line.advance(at("2026-03-07 01:00"))
    assert not line.cells[0].staffed(at("2026-03-07 12:00")) and line.cells[0].staffed(at("2026-03-09 12:00"))
    assert [machine.made["total"] for machine in line.machines] == made


def test_one_tool_is_faster_than_its_nameplate() -> None:
    line = running(TOOL_CELL, MONDAY, 0.01)
    for machine in line.machines:
        machine.cycle_ms = 0.0
        machine._enter(line.now, 1)
    faster = [m.spec.name for m in line.machines if m.cycle_ms < m.spec.ideal_cycle_s * 1000]
    assert faster == ["MILL2"]


def test_the_reactor_counts_whole_batches_and_is_cleaned_after_four(tmp_path: Path) -> None:
    line = running(REACTOR_CELL, MONDAY, 21, tmp_path / "truth")
    told = [json.loads(text) for text in (tmp_path / "truth").read_text().splitlines()]
    batches = [r["at"] for r in told if r["t"] == "count" and r["counter"] == "total"]
    modes = [(r["at"], r["mode"]) for r in told if r["t"] == "mode"]
    assert len(batches) == 4
    assert all(b - a >= sum(p.minutes for p in reactor.PHASES) * MINUTE for a, b in pairwise(batches))
    (begun, _), (over, _) = modes[1:3]
    assert [mode for _at, mode in modes] == ["production", "cleaning", "production"]
    assert begun == batches[3] and abs(over - begun - reactor.CLEANING_MS) <= 100
    refused = line.machines[0].made["reject"]
    assert abs(refused - len(batches) * BATCH_LITRES * 0.012) <= 24


def test_the_vessel_is_filled_heated_cooled_and_emptied() -> None:
    line = running(REACTOR_CELL, MONDAY, 0)
    (vessel,) = line.machines
    seen: dict[int, list[dict[str, float]]] = {}
    for minute in range(0, 330, 3):
        line.advance(MONDAY + minute * MINUTE)
        if vessel.made["total"]:
            break
        shown = vessel.measured()
        seen.setdefault(int(shown["phase"]), []).append(shown)
    assert sorted(seen) == [1, 2, 3, 4, 5]
    assert max(one["temperature"] for one in seen[3]) > 80 > 40 > seen[4][-1]["temperature"]
    assert seen[1][-1]["level"] > 1500 and seen[2][0]["level"] == BATCH_LITRES and seen[5][-1]["level"] < 500


def test_the_same_seed_gives_the_same_plant(tmp_path: Path) -> None:
    def told(name: str) -> str:
        line = Line(5, PROFILES["demo"], Truth(tmp_path / name), 1, PLANTS["all"])
        line.start(MONDAY)
        line.release()
        line.advance(MONDAY + 3 * MINUTE)
        return (tmp_path / name).read_text()

    assert told("a") == told("b")


def test_the_first_line_is_the_same_alone_and_in_the_plant(tmp_path: Path) -> None:
    def told(name: str, plant: str) -> list[dict[str, Any]]:
        line = Line(5, PROFILES["demo"], Truth(tmp_path / name), 1, PLANTS[plant])
        line.start(MONDAY)
        line.release()
        line.advance(MONDAY + 2 * MINUTE)
        records = [json.loads(text) for text in (tmp_path / name).read_text().splitlines()]
        return [record for record in records if "PACK/L1" in record.get("equipment", "")]

    assert told("a", "line1") == told("b", "all")


def test_an_unknown_plant_is_refused() -> None:
    with pytest.raises(Misconfigured, match="use one of line1, all"):
        Plant(SimOptions("127.0.0.1", PORT, 1, "demo", plant="moon"), SystemClock.from_env({}))


async def values(driver: Any, wanted: set[str]) -> dict[str, Any]:
    """The first good value of every wanted tag."""
    found: dict[str, Any] = {}
    await driver.open()
    while not wanted <= found.keys():
        if isinstance(driver, Driver):
            samples = [sample for group in driver.groups() for sample in await driver.read(group)]
        else:
            delivery = await driver.receive()
            await driver.stored(delivery)
            samples = delivery.samples
        found |= {sample.tag: sample.value for sample in samples if sample.value is not None}
    await driver.close()
    return found


@pytest.mark.parametrize("device", ["L2", "CELLS"])
def test_a_driver_finds_every_machine_behind_a_shared_device(device: str, tmp_path: Path) -> None:
    """Each machine's own counter, not its neighbour's."""
    parts = devices("all")
    behind = parts[device]
    assert isinstance(behind, tuple)
    port = PORT + list(parts).index(device)
    (link,) = [made for made in connections("127.0.0.1", PORT, plant="all") if made["name"] == behind[0].connection]
    tags = [Tag.model_validate(tag) for tag in line_tags(plant="all") if tag["connection"] == link["name"]]

    async def scene() -> None:
        clock = SystemClock.from_env({})
        plant = Plant(SimOptions("127.0.0.1", PORT, 1, "demo", plant="all"), clock)
        shared = plant._device(port - PORT, device, behind)
        await shared.open()

        async def tell() -> None:
            while True:
                await shared.tell()
                await asyncio.sleep(0.05)

        telling = asyncio.create_task(tell())
        kind = DRIVERS[link["driver"]]
        driver = kind.load()(kind.settings.model_validate(link), tags, clock, Surroundings(tmp_path))
        found = await asyncio.wait_for(values(driver, {tag.tag for tag in tags}), 40)
        telling.cancel()
        await shared.close()
        for machine in behind:
            start = next(counter.start for counter in machine.counters if counter.name == "total")
            assert found[f"{machine.code_path}/total"] - start in range(5), machine.name

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_fault_of_one_machine_behind_a_device_is_told_by_the_device() -> None:
    plant = Plant(SimOptions("127.0.0.1", PORT, 1, "demo", plant="all"), SystemClock.from_env({}))
    assert plant.behind("MILL2") == ("CELLS", ["MILL1", "MILL2", "LATHE1", "REACTOR1"])
    assert plant.behind("FILLER") == ("FILLER", ["FILLER"])
    assert plant.behind("METER") == ("METER", ["METER"])
    with pytest.raises(KeyError):
        plant.behind("MOON")
