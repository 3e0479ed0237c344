"""The Modbus driver: right values or none, whatever the other side does."""

from __future__ import annotations

import asyncio
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nasty import WAYS, NastyServer

from iot_bridge.clock import SystemClock
from iot_bridge.drivers import Surroundings
from iot_bridge.drivers.modbus.blocks import MAX_REGISTERS, coalesce, plan
from iot_bridge.drivers.modbus.decode import buffers, decoder
from iot_bridge.drivers.modbus.driver import ModbusTcp
from iot_bridge.drivers.modbus.settings import ModbusTcpConfig
from iot_bridge.errors import LinkLost
from iot_bridge.simulator.layout import MACHINES, machine_tags
from iot_bridge.simulator.server import Plant, SimOptions, encode
from iot_bridge.tags import Tag
from iot_bridge.testing import make_tag

CLOCK = SystemClock.from_env({})


def measurement(register: int, kind: str = "uint16", order: str = "ABCD", **more: object) -> Tag:
    return make_tag(
        "T/M1", f"r{register}", signal="measurement", register=register, type=kind, word_order=order, **more
    )


def driver(port: int, tags: list[Tag], timeout_s: float = 1.0, max_gap: int = 16) -> ModbusTcp:
    config = ModbusTcpConfig(name="plc", host="127.0.0.1", port=port, timeout_s=timeout_s, max_gap=max_gap)
    return ModbusTcp(config, tags, CLOCK, Surroundings(Path()))


# -- decoding

ORDERS = {"ABCD": [0, 1, 2, 3], "CDAB": [2, 3, 0, 1], "BADC": [1, 0, 3, 2], "DCBA": [3, 2, 1, 0]}


@pytest.mark.parametrize("order", ORDERS)
@given(value=st.integers(0, 2**32 - 1))
def test_four_byte_orders(order: str, value: int) -> None:
    """The letters say where each byte of the value stands on the wire."""
    plain = struct.pack(">I", value)
    wire = bytes(plain[i] for i in ORDERS[order])
    words = struct.unpack(">2H", wire)
    tag = measurement(0, "uint32", order)
    assert decoder(tag, 1)(buffers([9, *words])) == value


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("int16", -2, [0xFFFE]),
        ("uint16", 65534, [0xFFFE]),
        ("int32", -2, [0xFFFF, 0xFFFE]),
        ("float32", 1.5, [0x3FC0, 0]),
        ("float64", -2.0, [0xC000, 0, 0, 0]),
        ("uint64", 2**63, [0x8000, 0, 0, 0]),
        ("float32", None, [0x7FC0, 0]),
        ("float32", None, [0x7F80, 0]),
    ],
)
def test_types(kind: str, value: float | None, words: list[int]) -> None:
    """NaN and infinity are no values."""
    assert decoder(measurement(0, kind), 0)(buffers(words)) == value


def test_single_register_with_swapped_bytes() -> None:
    assert decoder(measurement(0, "uint16", "BADC"), 0)(buffers([0x1234])) == 0x3412
    assert decoder(measurement(0, "uint16", "CDAB"), 0)(buffers([0x1234])) == 0x1234


def test_bit_of_a_register() -> None:
    tag = make_tag("T/M1", "x", signal="alarm", code="X", type="bool", bit=10)
    assert decoder(tag, 0)(buffers([0x0400])) is True
    assert decoder(tag, 0)(buffers([0xFBFF])) is False


# -- blocks


@given(st.sets(st.integers(0, 2000), min_size=1, max_size=40), st.integers(0, 30))
def test_blocks_cover_every_tag_within_the_limits(addresses: set[int], gap: int) -> None:
    tags = [measurement(address, "uint32") for address in addresses]
    blocks = coalesce(tags, gap)
    for block in blocks:
        assert block.count <= MAX_REGISTERS
        for tag in block.tags:
            assert block.start <= tag.register_ and tag.register_ + 2 <= block.start + block.count
    assert sorted(tag.register_ for block in blocks for tag in block.tags) == sorted(addresses)
    starts = [(block.start, block.start + block.count) for block in blocks]
    for (before, end), (start, next_end) in pairwise(starts):
        assert start - end > gap or next_end - before > MAX_REGISTERS


def test_machine_of_the_demo_line_is_one_request() -> None:
    tags = [Tag.model_validate(tag) for tag in machine_tags(MACHINES[1])]
    groups = plan(tags, max_gap=16)
    assert [(group.poll_ms, len(group.blocks)) for group in groups] == [(500, 1)]


def test_companion_is_read_in_the_cycle_of_its_owner() -> None:
    tags = [
        make_tag("T/M1", "state", poll_ms=200, code_tag="T/M1/code"),
        make_tag("T/M1", "code", signal="companion", register=1, poll_ms=5000),
        measurement(40, poll_ms=5000),
    ]
    fast, slow = plan(tags, max_gap=0)
    assert [tag.tag for tag in fast.tags] == ["T/M1/state", "T/M1/code"]
    assert [tag.tag for tag in slow.tags] == ["T/M1/r40"]


# -- against servers


def test_reads_the_simulator(tmp_path: Path) -> None:
    async def scene() -> dict[str, object]:
        plant = Plant(SimOptions("127.0.0.1", 18210, 1, "demo"), CLOCK)
        await plant.open()
        try:
            read: dict[str, object] = {}
            for index, machine in enumerate(MACHINES):
                link = driver(18210 + index, [Tag.model_validate(tag) for tag in machine_tags(machine)])
                await link.open()
                samples = await link.read(link.groups()[0])
                read |= {sample.tag: sample.value for sample in samples}
                await link.close()
            return read
        finally:
            await plant.close()

    read = asyncio.run(scene())
    for machine in MACHINES:
        assert read[f"{machine.code_path}/total"] == machine.counters[0].start
        assert read[f"{machine.code_path}/state"] == 2
        assert read[f"{machine.code_path}/speed"] == 0.0


def test_simulators_encoder_is_the_inverse_of_the_decoder() -> None:
    for machine in MACHINES:
        register = machine.counters[0].register
        tag = measurement(0, register.type, register.word_order)
        assert decoder(tag, 0)(buffers(encode(register, 51234))) == 51234


def test_no_wrong_value_from_a_nasty_server() -> None:
    """Late, torn, foreign and garbled answers: every value that comes out is the one asked for."""

    async def scene() -> tuple[int, int, dict[str, int]]:
        right = lost = 0
        async with NastyServer(share=0.08, late_s=0.04, seed=5) as server:
            tags = [measurement(address) for address in (0, 1, 5, 100, 101, 300, 301, 302)]
            link = driver(server.port, tags, timeout_s=0.03, max_gap=4)
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

    right, lost, spoilt = asyncio.run(scene())
    assert right > 90 and lost > 60
    assert set(spoilt) == set(WAYS)


def test_unreachable_device_is_found_out_in_time() -> None:
    """A port that accepts and never answers: LinkLost after the timeout, not after 12 s."""

    async def scene() -> float:
        async with NastyServer(share=1.0, late_s=60, seed=1) as server:
            server._chance.choice = lambda ways: "never"  # type: ignore
            link = driver(server.port, [measurement(0)], timeout_s=0.1)
            await link.open()
            began = asyncio.get_running_loop().time()
            with pytest.raises(LinkLost):
                await link.read(link.groups()[0])
            return asyncio.get_running_loop().time() - began

    assert asyncio.run(scene()) < 1.0

    async def refused() -> None:
        link = driver(1, [measurement(0)])
        with pytest.raises(LinkLost, match="can't be reached"):
            await link.open()

    asyncio.run(refused())


def test_refused_block_is_read_tag_by_tag() -> None:
    """The simulator has 16 registers: a tag beyond them spoils only itself."""

    async def scene() -> list[object]:
        plant = Plant(SimOptions("127.0.0.1", 18220, 1, "demo"), CLOCK)
        await plant.open()
        try:
            link = driver(18220, [measurement(0), measurement(16)])
            await link.open()
            group = link.groups()[0]
            assert len(group.blocks) == 1
            first = [sample.value for sample in await link.read(group)]
            second = [sample.value for sample in await link.read(group)]
            await link.close()
            return [first, second]
        finally:
            await plant.close()

    assert asyncio.run(scene()) == [[None, None], [2, None]]
