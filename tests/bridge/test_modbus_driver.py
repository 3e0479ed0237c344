"""The Modbus driver: right values or none, whatever the other side does; and what an answer means."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from modbus_rig import CLOCK, Bus, Device, flag, measurement, rtu_tcp, run, tcp, until
from nasty import WAYS, NastyServer
from own_ports import row

from iot_bridge.check import Findings, check_online
from iot_bridge.config import BridgeConfig
from iot_bridge.drivers import DRIVERS, Surroundings
from iot_bridge.drivers.base import Browsable, Driver, Writable
from iot_bridge.drivers.modbus.driver import Modbus
from iot_bridge.errors import LinkLost, Rejected
from iot_bridge.events import Sample, Value
from iot_bridge.simulator.layout import MACHINES, PORTS, machine_tags, machines
from iot_bridge.simulator.server import Plant, SimOptions
from iot_bridge.tags import Tag

FRAMINGS = {"tcp": tcp, "rtu": rtu_tcp}
framings = pytest.mark.parametrize("framing", FRAMINGS)


def values(samples: list[Sample]) -> dict[str, Value | None]:
    return {sample.tag.rsplit("/", 1)[1]: sample.value for sample in samples}


async def read_all(link: Modbus) -> dict[str, Value | None]:
    return values([sample for group in link.groups() for sample in await link.read(group)])


def test_the_three_drivers_are_one_engine() -> None:
    settings = {"modbus_tcp": {"host": "h"}, "modbus_rtu_tcp": {"host": "h"}, "modbus_rtu": {"device": "/dev/ttyS0"}}
    for name, fields in settings.items():
        kind = DRIVERS[name]
        config = kind.settings.model_validate({"name": "plc", "driver": name, **fields})
        link = kind.load()(config, [measurement(0)], CLOCK, Surroundings(Path()))
        assert isinstance(link, Driver) and isinstance(link, Writable) and isinstance(link, Browsable)


def test_reads_the_simulator() -> None:
    base = row(PORTS)

    async def scene() -> dict[str, object]:
        plant = Plant(SimOptions("127.0.0.1", base, 1, "demo", protocol="modbus_tcp", wait_for_reader=True), CLOCK)
        await plant.open()
        try:
            read: dict[str, object] = {}
            for index, machine in enumerate(machines("modbus_tcp")):
                link = tcp(base + index, [Tag.model_validate(tag) for tag in machine_tags(machine)])
                await link.open()
                samples = await link.read(link.groups()[0])
                read |= {sample.tag: sample.value for sample in samples}
                await link.close()
            return read
        finally:
            await plant.close()

    read = run(scene)
    for machine in MACHINES:
        assert read[f"{machine.code_path}/total"] == machine.counters[0].start
        assert read[f"{machine.code_path}/state"] == 2
        assert read[f"{machine.code_path}/speed"] == 0.0


def test_no_wrong_value_from_a_nasty_server() -> None:
    """Late, torn, foreign and garbled answers: every value that comes out is the one asked for."""

    async def scene() -> tuple[int, int, dict[str, int]]:
        right = lost = 0
        async with NastyServer(share=0.08, late_s=0.04, seed=5) as server:
            tags = [measurement(address) for address in (0, 1, 5, 100, 101, 300, 301, 302)]
            link = tcp(server.port, tags, timeout_s=0.03, max_gap=4)
            group = link.groups()[0]
            opened = False
            while right + lost < 300:
                try:
                    if not opened:
                        await link.open()
                        opened = True
                    samples = await link.read(group)
                except LinkLost:
                    opened = False
                    lost += 1
                    continue
                right += 1
                for sample in samples:
                    if sample.value is not None:
                        assert sample.value == int(sample.tag.rsplit("r", 1)[1]) * 7
            await link.close()
            return right, lost, server.spoilt

    right, lost, spoilt = run(scene)
    assert right > 90 and lost > 40
    assert set(spoilt) == set(WAYS)


@framings
def test_unreachable_device_is_found_out_in_time(framing: str) -> None:
    """A port that accepts and never answers: LinkLost after the timeout, not after 12 s; a closed one at once."""
    make = FRAMINGS[framing]

    async def scene() -> float:
        dead = Device()
        dead.dead = True
        async with Bus({1: dead}, rtu=framing == "rtu", patience_s=60) as bus:
            link = make(bus.port, [measurement(0)], timeout_s=0.1)
            await link.open()
            began = asyncio.get_running_loop().time()
            with pytest.raises(LinkLost, match="timeout"):
                await link.read(link.groups()[0])
            await link.close()
            return asyncio.get_running_loop().time() - began

    assert run(scene) < 1.0

    async def refused() -> None:
        with pytest.raises(LinkLost, match=r"127\.0\.0\.1:1 can't be reached"):
            await make(1, [measurement(0)]).open()

    run(refused)


@framings
def test_a_device_that_hangs_up_is_a_lost_link_and_not_opened_behind_the_scenes(framing: str) -> None:
    """The connection must learn of it: what restarted may have lost its counters."""

    async def scene() -> None:
        async with Bus({1: Device(), 2: Device()}, rtu=framing == "rtu") as bus:
            link = FRAMINGS[framing](bus.port, [measurement(0), measurement(0, unit_id=2)], timeout_s=0.5)
            await link.open()
            assert await read_all(link) == {"r0": 0}
            bus.hang_up()
            await asyncio.sleep(0.05)
            with pytest.raises(LinkLost):
                await read_all(link)
            assert bus.opened == 1
            await link.open()
            assert await read_all(link) == {"r0": 0}
            await link.close()

    run(scene)


# -- what the device refuses


@framings
def test_only_the_tags_that_the_device_refuses_are_without_value(framing: str) -> None:
    """A block with a hole is halved until the hole is alone; what stays together is read together."""
    found: list[str] = []

    async def scene() -> tuple[Any, Any, int, int]:
        device = Device()
        device.hole = {17}
        async with Bus({1: device}, rtu=framing == "rtu") as bus:
            link = FRAMINGS[framing](bus.port, [measurement(at) for at in range(32)], found)
            await link.open()
            first = await read_all(link)
            asked = len(device.asked)
            second = await read_all(link)
            steady = len(device.asked) - asked
            device.hole = set()
            await link.open()
            device.asked.clear()
            await read_all(link)
            reads = [pdu for pdu in device.asked if pdu[0] == 3]
            await link.close()
            return first, second, steady, len(reads)

    first, second, steady, reads_when_mended = run(scene)
    assert first == second == {f"r{at}": None if at == 17 else at * 7 for at in range(32)}
    assert steady == 6
    assert reads_when_mended == 1
    (sentence,) = found
    assert "unit 1 holding 17 (T/U1/r17) refused: illegal data address" in sentence


def test_a_table_that_the_device_does_not_know() -> None:
    found: list[str] = []

    async def scene() -> dict[str, Any]:
        device = Device()
        device.unknown = {4}
        async with Bus({1: device}) as bus:
            link = tcp(bus.port, [measurement(0, table="input"), measurement(1)], found)
            await link.open()
            read = await read_all(link)
            await link.close()
            return read

    assert run(scene) == {"r0": None, "r1": 7}
    assert "illegal function" in found[0] and len(found) == 1


def test_a_device_in_trouble_is_not_asked_piece_by_piece() -> None:
    async def scene() -> tuple[dict[str, Any], int, dict[str, Any]]:
        device = Device()
        device.says = 4
        async with Bus({1: device}) as bus:
            link = tcp(bus.port, [measurement(at) for at in range(8)])
            await link.open()
            refused, asked = await read_all(link), len(device.asked)
            device.says = None
            well = await read_all(link)
            await link.close()
            return refused, asked, well

    refused, asked, well = run(scene)
    assert refused == dict.fromkeys(well) and asked == 1
    assert well["r7"] == 49


@pytest.mark.parametrize("code", [6, 10, 11])
def test_a_unit_out_of_reach_is_not_a_broken_link(code: int) -> None:
    """A busy device, or a gateway that can't reach it: no samples of that unit, the others go on, nothing is closed."""
    found: list[str] = []

    async def scene() -> tuple[list[Any], int]:
        away = Device()
        away.says = code
        async with Bus({1: Device(), 2: away}) as bus:
            link = tcp(bus.port, [measurement(1), measurement(2, unit_id=2)], found)
            await link.open()
            reads = [await read_all(link), await read_all(link)]
            away.says = None
            await until_back(link, reads)
            await link.close()
            return reads, bus.opened

    async def until_back(link: Modbus, reads: list[Any]) -> None:
        while "r2" not in reads[-1]:
            await asyncio.sleep(0.05)
            reads.append(await read_all(link))

    reads, opened = run(scene)
    assert reads[:2] == [{"r1": 7}, {"r1": 7}] and reads[-1] == {"r1": 7, "r2": 14}
    assert opened == 1
    assert "unit 2 gives no answer" in found[0] and "unit 2 answers again" in found[1] and len(found) == 2


# -- writing

WRITES: list[tuple[Tag, Value]] = [
    (measurement(3, "uint16"), 65535),
    (measurement(4, "int16", "BADC"), -2),
    (measurement(5, "uint32", "CDAB"), 4_000_000_000),
    (measurement(7, "int64", "DCBA"), -(2**60) - 1),
    (measurement(11, "float32", "BADC"), -1.5),
    (measurement(13, "float64"), 3.25),
    (measurement(17, "string", length=5), "Käse 7"),
    (flag(30, "holding", bit=9), True),
    (flag(4), True),
    (flag(5), False),
]


@framings
@pytest.mark.parametrize("write_function", ["single", "multiple"])
@pytest.mark.parametrize("bit_write", ["mask", "read_modify_write"])
def test_written_is_what_is_read_and_nothing_beside(framing: str, write_function: str, bit_write: str) -> None:
    device = Device()
    before = list(device.registers)

    async def scene() -> list[Sample]:
        async with Bus({1: device}, rtu=framing == "rtu") as bus:
            link = FRAMINGS[framing](bus.port, write_function=write_function, bit_write=bit_write)
            await link.open()
            for tag, value in WRITES:
                await link.write(tag, value)
            read = await link.read_tags([tag for tag, _ in WRITES])
            await link.close()
            return read

    read = run(scene)
    assert [(sample.tag, sample.value) for sample in read] == [(tag.tag, value) for tag, value in WRITES]
    assert device.registers[30] == before[30] | 1 << 9
    assert device.registers[22:30] == before[22:30] and device.registers[:3] == before[:3]
    assert device.coils[3] is True and device.coils[6] is True
    functions = {pdu[0] for pdu in device.asked if pdu[0] > 4} - {8}
    assert functions == {
        ("single", "mask"): {5, 6, 16, 22}, ("single", "read_modify_write"): {5, 6, 16},
        ("multiple", "mask"): {15, 16, 22}, ("multiple", "read_modify_write"): {15, 16},
    }[write_function, bit_write]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "value", "says"),
    [
        (measurement(0, table="input"), 1, "can only be read"),
        (flag(0, "discrete"), True, "can only be read"),
        (measurement(0), 70000, "takes 0 to 65535"),
        (measurement(0, "string", length=124), "x", "at most 123 registers"),
        (measurement(500), 1, "refuses the write: illegal data address"),
        (flag(500, "holding"), True, "refuses the write: illegal data address"),
        (flag(7), 3, "takes true or false"),
    ],
)
def test_writes_that_can_not_be_are_rejected_with_the_reason(tag: Tag, value: Value, says: str) -> None:
    device = Device()
    before = (list(device.registers), list(device.coils))

    async def scene() -> None:
        async with Bus({1: device}) as bus:
            link = tcp(bus.port)
            await link.open()
            with pytest.raises(Rejected, match=says):
                await link.write(tag, value)
            await link.close()

    run(scene)
    assert (device.registers, device.coils) == before


def test_write_and_read_on_demand_without_an_answer_are_a_lost_link_and_polling_goes_on() -> None:
    async def scene() -> dict[str, Any]:
        away = Device()
        away.dead = True
        async with Bus({1: Device(), 2: away}) as bus:
            link = tcp(bus.port, [measurement(1)], timeout_s=0.1)
            await link.open()
            with pytest.raises(LinkLost, match="unit 2"):
                await link.write(measurement(0, unit_id=2), 1)
            with pytest.raises(LinkLost, match="unit 2"):
                await link.read_tags([measurement(0, unit_id=2)])
            read = await read_all(link)
            await link.close()
            return read

    assert run(scene) == {"r1": 7}


def test_a_cancelled_read_leaves_nothing_behind() -> None:
    """A reload in the middle of a request: the answer that still comes is never the next one's."""

    async def scene() -> dict[str, Any]:
        slow = Device()
        async with Bus({1: slow}, rtu=True, patience_s=0.05) as bus:
            link = rtu_tcp(bus.port, [measurement(1)], timeout_s=1)
            await link.open()
            await read_all(link)
            slow.dead = True
            task = asyncio.create_task(read_all(link))
            await until(lambda: len(slow.asked) > 2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            slow.dead = False
            slow.registers[1] = 99
            await link.open()
            read = await read_all(link)
            assert [pdu[0] for pdu in slow.asked[-2:]] == [8, 3]
            await link.close()
            return read

    assert run(scene) == {"r1": 99}


def test_check_names_the_tags_of_a_unit_that_is_silent(tmp_path: Path) -> None:
    """``iot-bridge check --online``: the unit, not only the line, must answer."""
    tags = [measurement(1), measurement(2, unit_id=2)]
    (tmp_path / "key").write_text("k")

    async def scene() -> Findings:
        away = Device()
        away.dead = True
        async with Bus({1: Device(), 2: away}) as bus:
            plc = {"name": "plc", "driver": "modbus_tcp", "host": "127.0.0.1", "port": bus.port, "timeout_s": 0.1}
            config = BridgeConfig.model_validate({
                "stream": "L", "data_dir": str(tmp_path), "tags": [tag.model_dump(by_alias=True) for tag in tags],
                "odoo": {"url": "http://127.0.0.1:1", "database": "d", "login": "l", "key_file": str(tmp_path / "key")},
                "connections": [plc],
            })  # fmt: skip
            return await check_online(config, CLOCK)

    found = run(scene)
    assert found.failed and "FAILED plc: T/U2/r2: no answer from unit 2: check unit_id and cable" in found.lines
    assert not any(line.startswith("ok plc") or "r1" in line for line in found.lines)
