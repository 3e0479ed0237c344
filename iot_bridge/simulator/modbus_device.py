"""Modbus TCP and RTU-over-TCP servers of the simulator."""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Mapping, Sequence

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ..errors import Misconfigured
from ..events import Value
from .devices import Place, Unit
from .layout import Register

# The library logs every byte that a closed connection has not got.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

# At least so many registers, as a small PLC has; more when values lie beyond.
REGISTERS = 16
FRAMERS = {"modbus_tcp": FramerType.SOCKET, "modbus_rtu_tcp": FramerType.RTU}


def encode(register: Register, value: Value) -> list[int]:
    """Register words of a value; the inverse of the bridge's decoder, written apart from it."""
    codes = {"uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "float32": "f"}
    code = codes[register.type]
    packed = struct.pack(">" + code, float(value) if code == "f" else int(value))
    words = [packed[i : i + 2] for i in range(0, len(packed), 2)]
    if register.word_order in ("CDAB", "DCBA"):
        words.reverse()
    if register.word_order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


class ModbusDevice:
    """One server with its units, by unit id."""

    def __init__(self, protocol: str, place: Place, units: Mapping[int, Unit], seen: Callable[[], None]) -> None:
        self._framer = FRAMERS[protocol]
        self._place = place
        self._units = units
        self._seen = seen
        self._delay_s = 0.0
        self._moves = asyncio.Event()
        self._moves.set()
        self._server: ModbusTcpServer | None = None

    async def open(self) -> None:
        devices = [self._device(number, unit) for number, unit in self._units.items()]
        place = self._place
        server = ModbusTcpServer(devices, framer=self._framer, address=(place.host, place.port))
        try:
            await server.serve_forever(background=True)
        except (RuntimeError, OSError):
            raise Misconfigured(
                f"port {place.port} on {place.host} can't be opened: choose another --base-port"
            ) from None
        self._server = server

    async def tell(self) -> None:
        """Modbus is asked, it does not tell."""

    async def close(self) -> None:
        self.hang(False)
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()  # type: ignore[no-untyped-call]

    async def drop(self) -> None:
        await self.close()
        await self.open()

    def hang(self, hangs: bool) -> None:
        if hangs:
            self._moves.clear()
        else:
            self._moves.set()

    def delay(self, seconds: float) -> None:
        self._delay_s = seconds

    @staticmethod
    def _write(unit: Unit, address: int, words: Sequence[int]) -> ExcCodes | None:
        """One whole setpoint at once; all else can't be written."""
        for name, register in unit.registers.items():
            if register.address == address and register.type == "float32" and len(words) == 2:
                (value,) = struct.unpack(">f", struct.pack(">2H", *words))
                return None if unit.write(name, value) else ExcCodes.ILLEGAL_VALUE
        return ExcCodes.ILLEGAL_FUNCTION

    def _device(self, number: int, unit: Unit) -> SimDevice:
        async def action(
            _function: int, _start: int, address: int, _count: int, words: list[int],
            written: list[int] | list[bool] | None,
        ) -> ExcCodes | None:
            await self._moves.wait()
            await asyncio.sleep(self._delay_s)
            if written is not None:
                return self._write(unit, address, written)
            for name, value in unit.read().values.items():
                encoded = encode(unit.registers[name], value)
                at = unit.registers[name].address
                words[at : at + len(encoded)] = encoded
            self._seen()
            return None

        size = max(REGISTERS, *(register.address + 4 for register in unit.registers.values()))
        data = SimData(0, count=size, values=0, datatype=DataType.REGISTERS)
        return SimDevice(number, simdata=[data], action=action)
