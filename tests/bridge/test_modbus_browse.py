"""Browsing a Modbus device: what answers is listed, what does not is skipped."""

from __future__ import annotations

from typing import Any

import pytest
from modbus_rig import Bus, Device, run, tcp

from iot_bridge.errors import Misconfigured

# -- browsing


def browse(device: Device, start: str | None, limit: int, unit: int = 1) -> list[Any]:
    async def scene() -> list[Any]:
        async with Bus({unit: device}) as bus:
            link = tcp(bus.port)
            await link.open()
            found = await link.browse(start, limit)
            await link.close()
            return found

    result: list[Any] = run(scene)
    return result


def test_browse_lists_what_answers_and_skips_what_does_not() -> None:
    device = Device(100)
    device.hole = set(range(10, 30))
    found = browse(device, "holding", 1000)
    assert [entry.address for entry in found] == [f"holding:{at}" for at in range(100) if not 10 <= at < 30]
    assert found[5].value == 35 and found[5].type == "uint16" and found[5].writable
    assert len(device.asked) < 200


def test_browse_from_a_place_with_a_limit_on_another_unit() -> None:
    device = Device(200)
    found = browse(device, "7/coil:150", 4, unit=7)
    assert [(entry.address, entry.value) for entry in found] == [
        ("7/coil:150", True), ("7/coil:151", False), ("7/coil:152", False), ("7/coil:153", True),
    ]  # fmt: skip
    assert found[0].type == "bool" and found[0].name == "unit 7 coil 150"


def test_browse_of_everything_gives_each_table_its_share() -> None:
    device = Device(100)
    device.unknown = {4}
    tables = [entry.address.partition(":")[0] for entry in browse(device, None, 90)]
    assert {table: tables.count(table) for table in tables} == {"holding": 22, "coil": 34, "discrete": 34}


@pytest.mark.parametrize("start", ["file:3", "holding:x", "x/holding", "300/holding", "holding:70000", ":3"])
def test_browse_says_how_to_write_a_start(start: str) -> None:
    with pytest.raises(Misconfigured, match="browse from"):
        browse(Device(), start, 10)
