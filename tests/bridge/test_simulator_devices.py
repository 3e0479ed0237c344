"""What the simulated devices show, and the faults that can be injected by command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from brokers import broker, start_broker  # noqa: F401  (fixtures)
from own_ports import row
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from iot_bridge.cli.main import main
from iot_bridge.clock import SystemClock
from iot_bridge.drivers import DRIVERS, Driver, Surroundings
from iot_bridge.errors import LinkLost, Misconfigured
from iot_bridge.events import Sample
from iot_bridge.simulator.control import send
from iot_bridge.simulator.devices import Place, Reading, make_device
from iot_bridge.simulator.layout import BROKERED, MACHINES, METERS, connection, machine_tags, machines
from iot_bridge.simulator.line import Line
from iot_bridge.simulator.profiles import PROFILES
from iot_bridge.simulator.server import Plant, SimOptions
from iot_bridge.simulator.truth import Truth
from iot_bridge.tags import Tag
from iot_bridge.testing import START_MS
from mescli import mosquitto

PORT = row(24)
CONTROL = PORT + 10
STATE, CODE, BOOT, TOTAL = 0, 1, 4, 5


@asynccontextmanager
async def plant(**more: Any) -> AsyncIterator[Plant]:
    """A line of Modbus machines that takes orders, without its own loop: tests advance it by reading."""
    options = SimOptions("127.0.0.1", PORT, 1, "demo", protocol="modbus_tcp", control_port=CONTROL, **more)
    made = Plant(options, SystemClock.from_env({}))
    await made.open()
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def reader(
    port: int, framer: FramerType = FramerType.SOCKET, patience_s: float = 0.3
) -> AsyncIterator[AsyncModbusTcpClient]:
    """A connection; with little patience who expects no answer, with more who waits for one."""
    client = AsyncModbusTcpClient(
        "127.0.0.1", port=port, framer=framer, timeout=patience_s, retries=0, reconnect_delay=0
    )
    assert await client.connect()
    try:
        yield client
    finally:
        client.close()


async def words(client: AsyncModbusTcpClient, unit: int = 1) -> list[int]:
    answer = await client.read_holding_registers(0, count=12, device_id=unit)
    return list(answer.registers)


async def quickest(loop: asyncio.AbstractEventLoop, client: AsyncModbusTcpClient) -> float:
    """Seconds of the quickest of some answers: on a busy machine a single one may wait for its turn."""
    took = []
    for _ in range(5):
        began = loop.time()
        assert await words(client)
        took.append(loop.time() - began)
    return min(took)


async def order(**fields: Any) -> str:
    return await asyncio.to_thread(send, "127.0.0.1", CONTROL, fields)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    async def poll() -> None:
        while not await done():
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), 30)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        await asyncio.wait_for(scene(), 60)

    asyncio.run(limited())


def test_a_frozen_machine_keeps_its_connection_and_answers_nobody() -> None:
    async def scene() -> None:
        async with plant(), reader(PORT) as client:
            assert await words(client)
            assert await order(machine="DEPAL", fault="freeze", seconds=0.8) == "DEPAL: freeze for 0.8 s"
            with pytest.raises(ModbusException):
                await words(client)

            async def answers() -> bool:
                async with reader(PORT) as again:
                    try:
                        return bool(await words(again))
                    except ModbusException:
                        return False

            await until(answers)

    play(scene)


def test_a_disconnected_machine_cannot_be_reached_and_works_on(tmp_path: Path) -> None:
    async def scene() -> None:
        async with plant(truth=tmp_path / "truth") as made:
            await order(machine="FILLER", fault="disconnect", seconds=0.5)

            async def is_gone() -> bool:
                client = AsyncModbusTcpClient("127.0.0.1", port=PORT + 1, timeout=0.2, retries=0, reconnect_delay=0)
                gone = not await client.connect()
                client.close()
                return gone

            async def is_back() -> bool:
                return not await is_gone()

            await until(is_gone)
            made.line.advance(made.line.now + 10_000)
            assert made.line.machines[1].made["total"] > 3
            await until(is_back)
        told = [json.loads(line) for line in (tmp_path / "truth").read_text().splitlines()]
        assert {"machine": "FILLER", "fault": "disconnect", "seconds": 0.5}.items() <= next(
            record for record in told if record["t"] == "fault"
        ).items()

    play(scene)


def test_latency_restart_and_normal() -> None:
    async def scene() -> None:
        loop = asyncio.get_running_loop()
        async with plant():
            await order(machine="CAPPER", fault="latency", seconds=20, value=0.4)
            async with reader(PORT + 2, patience_s=10) as client:
                began = loop.time()
                assert await words(client)
                assert loop.time() - began >= 0.4
            await order(machine="CAPPER", fault="normal")
            async with reader(PORT + 2, patience_s=10) as client:
                assert await quickest(loop, client) < 0.4
                await order(machine="CAPPER", fault="restart", seconds=0.1)
                with pytest.raises(ModbusException):
                    await words(client)

    play(scene)


def test_counters_at_zero_and_a_stop_by_hand() -> None:
    async def scene() -> None:
        async with plant(), reader(PORT + 1, patience_s=10) as client:
            before = await words(client)
            await order(machine="FILLER", fault="reset-counters")
            await order(machine="FILLER", fault="stop", value=211)
            after = await words(client)
            assert before[TOTAL] >= 65_500 and after[TOTAL] < 5
            assert after[BOOT] == (before[BOOT] + 1) % 65536
            assert (after[STATE], after[CODE]) == (3, 211)

    play(scene)


def test_an_order_that_cannot_be_is_told_what_can(capsys: pytest.CaptureFixture[str]) -> None:
    async def scene() -> None:
        async with plant():
            with pytest.raises(Misconfigured, match="no machine TOASTER: use one of DEPAL, FILLER"):
                await order(machine="TOASTER", fault="freeze")
            with pytest.raises(Misconfigured, match="no fault burn: use one of freeze"):
                await order(machine="DEPAL", fault="burn")
            command = ["inject", "DEPAL", "normal", "--control", str(CONTROL)]
            assert await asyncio.to_thread(main, command) == 0

    play(scene)
    assert capsys.readouterr().out == "DEPAL: normal\n"
    assert main(["inject", "DEPAL", "normal", "--control", str(CONTROL)]) != 0
    assert f"simulate --control {CONTROL}" in capsys.readouterr().err


def test_the_meter_follows_its_machine_and_its_truth(tmp_path: Path) -> None:
    """Watt-hours in the register are those of the truth; what is drawn is between idle and running power."""
    line = Line(3, PROFILES["demo"], Truth(tmp_path / "truth"), boot=1)
    line.start(START_MS)
    line.release()
    line.advance(START_MS + 600_000)
    line.stop(START_MS + 600_000)
    line.advance(START_MS + 610_000)
    meter, spec = line.meters[0], METERS[0]
    told = [json.loads(text) for text in (tmp_path / "truth").read_text().splitlines()]
    records = [record for record in told if record["t"] == "energy"]
    assert records[-1]["total"] == meter.used == told[-1]["energy"][f"{spec.code_path}/main"]
    assert records[-1]["raw"] == meter.read().values["energy"] == spec.start_wh + meter.used
    assert spec.idle_kw * 1000 / 6 * 0.97 < meter.used < spec.running_kw * 1000 / 6 * 1.03
    assert meter.read().values["power"] == 0.0


def test_the_meter_speaks_rtu_over_tcp() -> None:
    async def scene() -> None:
        async with plant() as made, reader(PORT + len(MACHINES), FramerType.RTU, 10) as client:
            high, low = (await words(client, METERS[0].unit_id))[:2]
            assert high * 65536 + low == made.line.meters[0].raw >= METERS[0].start_wh

    play(scene)


async def first_samples(driver: Any, wanted: set[str]) -> dict[str, Sample]:
    """What a driver gives until every wanted tag has come."""
    found: dict[str, Sample] = {}
    while not wanted <= found.keys():
        try:
            await driver.open()
            while not wanted <= found.keys():
                found |= {sample.tag: sample for sample in await next_samples(driver) if sample.value is not None}
        except LinkLost:
            # On a busy machine an answer may come too late; a connection would open it anew too.
            await asyncio.sleep(0.1)
    await driver.close()
    return found


async def next_samples(driver: Any) -> list[Sample]:
    if isinstance(driver, Driver):
        return [sample for group in driver.groups() for sample in await driver.read(group)]
    delivery = await driver.receive()
    await driver.stored(delivery)
    samples: list[Sample] = delivery.samples
    return samples


@pytest.mark.parametrize("protocol", ["modbus_tcp", "modbus_rtu_tcp", "opcua", "mqtt", "sparkplug"])
def test_a_driver_finds_every_value_where_the_tags_say(
    protocol: Any, broker: mosquitto.Broker, tmp_path: Path  # noqa: F811
) -> None:
    """Layout, device and driver agree; what brings a stamp is stamped with the plant's time, not the machine's."""
    machine = machines(protocol)[3]
    clock = SystemClock.from_env({"MES_CLOCK": "0,1000000000,1"})
    values = {"state": 3, "code": 402, "interlock": 0, "mode": 1, "boot": 9, "speed": 0.0, "total": 70_123, "reject": 2}
    since = clock.now_ms() - 60_000
    port = broker.port if protocol in BROKERED else PORT + 20
    tags = [Tag.model_validate(tag) for tag in machine_tags(machine)]

    async def scene() -> None:
        device = make_device(machine, Place("127.0.0.1", port), clock, lambda: Reading(values, since), lambda: None)
        await device.open()

        async def tell() -> None:
            while True:
                await device.tell()
                await asyncio.sleep(0.05)

        telling = asyncio.create_task(tell())
        kind = DRIVERS[protocol]
        config = kind.settings.model_validate(connection(machine, "127.0.0.1", port))
        driver = kind.load()(config, tags, clock, Surroundings(tmp_path))
        found = await asyncio.wait_for(first_samples(driver, {tag.tag for tag in tags}), 40)
        telling.cancel()
        await device.close()
        assert {name.rsplit("/", 1)[-1]: sample.value for name, sample in found.items()} == values
        assert all(abs(sample.at - clock.now_ms()) < 120_000 for sample in found.values())

    play(scene)
