"""RTU, serial and carried by TCP: an old answer is never taken for a new one.

``BRIDGE_READS=100000`` for the full length of property 6.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from modbus_rig import CLOCK, Device, closed_frame, measurement, rtu_tcp, run
from nasty_rtu import WAYS, NastyLine
from pydantic import ValidationError

from iot_bridge.drivers import Surroundings
from iot_bridge.drivers.modbus import rtu
from iot_bridge.drivers.modbus.driver import Modbus
from iot_bridge.drivers.modbus.settings import ModbusRtuConfig, check_serial_tag
from iot_bridge.errors import LinkLost
from iot_bridge.tags import Tag

READS = int(os.environ.get("BRIDGE_READS", "5000"))
TIMEOUT_S = 0.02
# Several blocks of one size, so that an answer to the one before would fit each.
PLACES = (0, 1, 2, 100, 101, 102, 200, 201, 202)
BLOCK = 3


@pytest.mark.parametrize("units", [(1,), (1, 2)])
@pytest.mark.parametrize("mute_at_echo", [False, True])
def test_no_wrong_value_from_a_nasty_line(units: tuple[int, ...], mute_at_echo: bool) -> None:
    """Property 6: late, torn, doubled, garbled, to the next connection: a value is the one asked for, or none."""

    reads = READS if (units, mute_at_echo) == ((1,), False) else READS // 4
    tags = [measurement(at, unit_id=unit) for unit in units for at in PLACES]

    async def scene() -> tuple[int, int, dict[str, int]]:
        right = wrong = 0
        async with NastyLine(0.03, TIMEOUT_S, 6, mute_at_echo) as line:
            link = rtu_tcp(line.port, tags, timeout_s=TIMEOUT_S, max_gap=4, unit_retry_max_s=0.01)
            group = link.groups()[0]
            opened = False
            while right + wrong < reads * BLOCK:
                try:
                    if not opened:
                        await link.open()
                        opened = True
                    line.truth.clear()
                    samples = await link.read(group)
                except LinkLost:
                    opened = False
                    continue
                for sample in samples:
                    unit, register = int(sample.tag[3]), int(sample.tag.rsplit("r", 1)[1])
                    if sample.value is None:
                        continue
                    if sample.value in line.truth[unit, register]:
                        right += 1
                    else:
                        wrong += 1
            await link.close()
            return right, wrong, line.spoilt

    right, wrong, spoilt = run(scene)
    assert wrong == 0 and right >= reads * BLOCK
    if reads >= 5000:  # else it is a matter of luck
        assert set(spoilt) == set(WAYS)


# -- a serial line


class SerialDevices:
    """Devices at the far end of a serial line; what they say can be held back."""

    def __init__(self, units: dict[int, Device], far_end: int) -> None:
        self.units = units
        self.hold_s = 0.0
        self._free_at = 0.0
        self._far_end = far_end
        self._buffer = bytearray()

    def serve(self) -> None:
        asyncio.get_running_loop().add_reader(self._far_end, self._read)

    def stop(self) -> None:
        asyncio.get_running_loop().remove_reader(self._far_end)

    def _read(self) -> None:
        self._buffer += os.read(self._far_end, 1024)
        while (size := self._whole()) and len(self._buffer) >= size:
            frame, self._buffer = bytes(self._buffer[:size]), self._buffer[size:]
            assert closed_frame(frame[:-2]) == frame
            device = self.units.get(frame[0])
            answer = device.answer(frame[1:-2]) if device is not None else None
            if answer is not None:
                loop = asyncio.get_running_loop()
                # One after the other, as on every serial line.
                self._free_at = max(self._free_at, loop.time()) + self.hold_s
                loop.call_at(self._free_at, os.write, self._far_end, closed_frame(frame[:1] + answer))

    def _whole(self) -> int:
        if len(self._buffer) < 7:
            return 0
        function = self._buffer[1]
        return 9 + self._buffer[6] if function in (15, 16) else 10 if function == 22 else 8


@contextmanager
def serial_line() -> Iterator[tuple[int, str]]:
    """(Our end as a file descriptor, the device node of the other end)."""
    far_end, near_end = os.openpty()
    tty.setraw(near_end)
    os.set_blocking(far_end, False)
    try:
        yield far_end, os.ttyname(near_end)
    finally:
        os.close(far_end)
        os.close(near_end)


def serial_driver(device: str, tags: list[Tag], **more: Any) -> Modbus:
    config = ModbusRtuConfig(name="line", device=device, baudrate=115200, parity="N", **more)
    return Modbus(config, tags, CLOCK, Surroundings(Path()))


def test_reads_and_writes_over_a_serial_line() -> None:
    async def scene() -> tuple[list[Any], list[int]]:
        units = {1: Device(), 5: Device()}
        with serial_line() as (far_end, node):
            devices = SerialDevices(units, far_end)
            devices.serve()
            link = serial_driver(node, [measurement(at, unit_id=unit) for unit in (1, 5) for at in range(100)])
            await link.open()
            await link.write(measurement(7, "float32", unit_id=5), 1.5)
            samples = await link.read(link.groups()[0])
            await link.close()
            await link.open()
            again = await link.read(link.groups()[0])
            devices.stop()
            await link.close()
            assert [sample.value for sample in samples] == [sample.value for sample in again]
            return [sample.value for sample in samples], units[5].registers

    got, memory = run(scene)
    assert got == [at * 7 for at in range(100)] + memory[:100] and memory[7:9] == [0x3FC0, 0]


def test_a_late_answer_on_a_serial_line_is_thrown_away() -> None:
    async def scene() -> list[Any]:
        device = Device()
        with serial_line() as (far_end, node):
            devices = SerialDevices({1: device}, far_end)
            devices.serve()
            link = serial_driver(node, [measurement(3)], timeout_s=0.08)
            group = link.groups()[0]
            await link.open()
            got = [(await link.read(group))[0].value]
            devices.hold_s = 0.12
            with pytest.raises(LinkLost, match="timeout"):
                await link.read(group)
            devices.hold_s = 0.01
            device.registers[3] = 999
            await link.open()
            got.append((await link.read(group))[0].value)
            await asyncio.sleep(0.1)
            got.append((await link.read(group))[0].value)
            devices.stop()
            await link.close()
            return got

    assert run(scene) == [21, 999, 999]


def test_a_serial_port_that_is_not_there() -> None:
    async def scene() -> None:
        with pytest.raises(LinkLost, match=r"/dev/no-such-port can't be opened: there is no such device"):
            await serial_driver("/dev/no-such-port", []).open()

    run(scene)


def test_a_serial_port_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("")

    async def scene() -> None:
        with pytest.raises(LinkLost, match="it is no serial port, or another program uses it"):
            await serial_driver(str(tmp_path / "port"), []).open()

    run(scene)


def test_an_adapter_that_is_pulled_out_is_a_lost_link() -> None:
    async def scene() -> None:
        with serial_line() as (far_end, node):
            devices = SerialDevices({1: Device()}, far_end)
            devices.serve()
            link = serial_driver(node, [measurement(3)], timeout_s=0.2)
            await link.open()
            await link.read(link.groups()[0])
            devices.stop()
        with pytest.raises(LinkLost):
            await link.read(link.groups()[0])
        await link.close()

    run(scene)


def test_serial_settings() -> None:
    slow = {"name": "line", "device": "/dev/ttyS0", "baudrate": 9600}
    with pytest.raises(ValidationError, match="max_registers: 120 registers take"):
        ModbusRtuConfig(**slow, timeout_s=0.2)
    assert ModbusRtuConfig(**slow).pause_s == pytest.approx(3.5 * 11 / 9600)
    assert ModbusRtuConfig(**{**slow, "baudrate": 115200}).pause_s == 0.00175
    assert ModbusRtuConfig(**slow, pause_ms=20).pause_s == 0.02
    with pytest.raises(ValueError, match="units are numbered 1 to 247"):
        check_serial_tag(measurement(0, unit_id=0))
    check_serial_tag(measurement(0, unit_id=247))


def test_a_unit_that_was_away_for_long_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers no echo, so each try asks for another size; when every size is still owed, time settles it."""
    monkeypatch.setattr(rtu, "LATE_S", 1.0)
    away = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                frame = await reader.readexactly(8)
                if not away and frame[1] == 3:
                    count = int.from_bytes(frame[4:6], "big")
                    writer.write(closed_frame(bytes([frame[0], 3, 2 * count]) + b"\x00\x07" * count))

    async def scene() -> tuple[set[str], Any]:
        nonlocal away
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        link = rtu_tcp(server.sockets[0].getsockname()[1], [measurement(0)], timeout_s=0.01, unit_retry_max_s=0.01)
        said = set()
        for tries in range(120):
            away = tries < 60
            try:
                await link.open()
                samples = await link.read(link.groups()[0])
                if samples[0].value is not None:
                    return said, samples[0].value
            except LinkLost as error:
                said.add(str(error))
                await link.close()
            await asyncio.sleep(0.02)
        return said, None

    said, value = run(scene)
    assert value == 7
    assert any("answers of any size may still come" in sentence for sentence in said), said


def test_a_value_is_stamped_when_its_request_left_not_when_the_line_was_settled() -> None:
    """Else a counter would seem to have run faster than it can, by as long as settling took."""

    async def scene() -> tuple[int, int]:
        with serial_line() as (far_end, node):
            devices = SerialDevices({1: Device()}, far_end)
            devices.serve()
            # The echo and the read each take so long.
            devices.hold_s = 0.1
            link = serial_driver(node, [measurement(3)], timeout_s=0.5)
            await link.open()
            began = CLOCK.now_ms()
            (sample,) = await link.read(link.groups()[0])
            devices.stop()
            await link.close()
            return sample.at - began, sample.recv - sample.at

    settling, reading = run(scene)
    assert settling >= 100 and 100 <= reading < 190
