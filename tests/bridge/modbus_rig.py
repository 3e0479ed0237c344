"""What the Modbus tests share: drivers, tags, and a server in this process that does as it is told."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pymodbus.framer import FramerRTU
from stopwatch import Stopwatch

from iot_bridge.clock import SystemClock
from iot_bridge.drivers import Surroundings
from iot_bridge.drivers.modbus.driver import Modbus
from iot_bridge.drivers.modbus.settings import ModbusConfig, ModbusRtuTcpConfig, ModbusTcpConfig
from iot_bridge.tags import Tag
from iot_bridge.testing import make_tag

CLOCK = SystemClock.from_env({})
BITS = (1, 2)
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2


def measurement(register: int, kind: str = "uint16", order: str = "ABCD", **more: object) -> Tag:
    unit = more.get("unit_id", 1)
    return make_tag(
        f"T/U{unit}", f"r{register}", signal="measurement", register=register, type=kind, word_order=order, **more
    )


def flag(register: int, table: str = "coil", **more: object) -> Tag:
    return make_tag("T/M1", f"{table}{register}", signal="alarm", code="X", type="bool", register=register,
                    table=table, **more)  # fmt: skip


def tcp(port: int, tags: Sequence[Tag] = (), found: list[str] | None = None, **more: Any) -> Modbus:
    return _driver(ModbusTcpConfig(name="plc", **{"host": "127.0.0.1", "port": port, **more}), tags, found)


def rtu_tcp(port: int, tags: Sequence[Tag] = (), found: list[str] | None = None, **more: Any) -> Modbus:
    return _driver(ModbusRtuTcpConfig(name="bus", **{"host": "127.0.0.1", "port": port, **more}), tags, found)


def _driver(config: ModbusConfig, tags: Sequence[Tag], found: list[str] | None) -> Modbus:
    sink = found.append if found is not None else lambda sentence: None
    return Modbus(config, tags, CLOCK, Surroundings(Path(), found=sink))


def closed_frame(body: bytes) -> bytes:
    """An RTU frame: ``body`` with its checksum."""
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


class Device:
    """One unit's memory. ``hole``: addresses that do not exist; ``says``: an exception code instead of an answer;
    ``dead``: no answer at all; ``unknown``: functions it has not."""

    def __init__(self, registers: int = 200) -> None:
        self.registers = [number * 7 % 65536 for number in range(registers)]
        self.coils = [number % 3 == 0 for number in range(registers)]
        self.hole: set[int] = set()
        self.unknown: set[int] = set()
        self.says: int | None = None
        self.dead = False
        self.asked: list[bytes] = []

    def answer(self, pdu: bytes) -> bytes | None:
        """The answer to a request, both without unit and checksum."""
        self.asked.append(pdu)
        if self.dead:
            return None
        function = pdu[0]
        code = self.says or (ILLEGAL_FUNCTION if function in self.unknown else self._refusal(pdu))
        if code:
            return bytes([function | 0x80, code])
        address, value = struct.unpack(">HH", pdu[1:5])
        if function in BITS:
            return self._bits(function, address, value)
        if function in (3, 4):
            words = self.registers[address : address + value]
            return struct.pack(f">BB{value}H", function, 2 * value, *words)
        return self._write(function, address, value, pdu)

    def _refusal(self, pdu: bytes) -> int:
        function = pdu[0]
        if function == 8:
            return 0
        if function not in (1, 2, 3, 4, 5, 6, 15, 16, 22):
            return ILLEGAL_FUNCTION
        address, count = struct.unpack(">HH", pdu[1:5])
        span = range(address, address + (1 if function in (5, 6, 22) else count))
        outside = span.stop > len(self.registers) or any(place in self.hole for place in span)
        return ILLEGAL_ADDRESS if outside else 0

    def _bits(self, function: int, address: int, count: int) -> bytes:
        packed = bytearray((count + 7) // 8)
        for place, bit in enumerate(self.coils[address : address + count]):
            packed[place >> 3] |= bit << (place & 7)
        return bytes([function, len(packed)]) + packed

    def _write(self, function: int, address: int, value: int, pdu: bytes) -> bytes:
        if function == 5:
            self.coils[address] = value == 0xFF00
        elif function == 6:
            self.registers[address] = value
        elif function == 15:
            self.coils[address : address + value] = [bool(pdu[6 + (n >> 3)] >> (n & 7) & 1) for n in range(value)]
        elif function == 16:
            self.registers[address : address + value] = struct.unpack(f">{value}H", pdu[6:])
        elif function == 22:
            kept, given = struct.unpack(">HH", pdu[3:7])
            self.registers[address] = (self.registers[address] & kept) | (given & ~kept)
            return pdu
        return pdu if function == 8 else pdu[:5]


class Bus:
    """Several units behind one port, over TCP, in Modbus TCP or RTU frames. Serves one request after the other,
    as a gateway to a serial line does: a dead unit holds everybody up for ``patience_s``."""

    def __init__(self, units: dict[int, Device], rtu: bool = False, patience_s: float = 0.0) -> None:
        self.units = units
        self.rtu = rtu
        self.patience_s = patience_s
        self.port = 0
        self.opened = 0
        self._line = asyncio.Lock()
        self._ended = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Bus:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self._ended.set()
        self.hang_up()
        await until(lambda: not self._writers)

    def hang_up(self) -> None:
        """Close every connection, as a device that restarts does."""
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self._writers.add(writer)
        try:
            while True:
                head, unit, pdu = await (read_rtu(reader) if self.rtu else read_tcp(reader))
                answer = await self._answer(unit, pdu)
                if answer is not None:
                    body = bytes([unit]) + answer
                    writer.write(closed_frame(body) if self.rtu else head + struct.pack(">H", len(body)) + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, unit: int, pdu: bytes) -> bytes | None:
        async with self._line:
            device = self.units.get(unit)
            answer = device.answer(pdu) if device is not None else None
            if answer is None:
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._ended.wait(), self.patience_s)
            return answer


async def read_tcp(reader: asyncio.StreamReader) -> tuple[bytes, int, bytes]:
    """(Head up to the length, unit, PDU) of the next request."""
    head = await reader.readexactly(4)
    length = int.from_bytes(await reader.readexactly(2), "big")
    body = await reader.readexactly(length)
    return head, body[0], body[1:]


async def read_rtu(reader: asyncio.StreamReader) -> tuple[bytes, int, bytes]:
    """As :func:`read_tcp`, of RTU frames; the checksum must be right."""
    body = await reader.readexactly(6)
    if body[1] in (15, 16):
        more = await reader.readexactly(1)
        body += more + await reader.readexactly(more[0])
    elif body[1] == 22:
        body += await reader.readexactly(2)
    assert closed_frame(body)[-2:] == await reader.readexactly(2)
    return b"", body[0], body[1:]


async def until(true: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait until ``true()``; AssertionError after ``within_s``."""
    watch = Stopwatch()
    while not true():
        assert watch.seconds() < within_s, "waited in vain"
        await asyncio.sleep(0.005)


def run(scene: Callable[[], Awaitable[Any]]) -> Any:
    """Run an asynchronous scene to its end."""

    async def whole() -> Any:
        return await scene()

    return asyncio.run(whole())
