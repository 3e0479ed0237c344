"""Modbus TCP and RTU-over-TCP servers of the simulator."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping

from pymodbus import FramerType
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from ..errors import Misconfigured
from .devices import Place, Values
from .layout import Register

REGISTERS = 16
FRAMERS = {"modbus_tcp": FramerType.SOCKET, "modbus_rtu_tcp": FramerType.RTU}


def encode(register: Register, value: float) -> list[int]:
    """Register words of a value; the inverse of the bridge's decoder, written apart from it."""
    codes = {"uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "float32": "f"}
    code = codes[register.type]
    packed = struct.pack(">" + code, value if code == "f" else int(value))
    words = [packed[i : i + 2] for i in range(0, len(packed), 2)]
    if register.word_order in ("CDAB", "DCBA"):
        words.reverse()
    if register.word_order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return [int.from_bytes(word, "big") for word in words]


class ModbusDevice:
    """One server; ``units`` are its unit ids: where their values lie, and what they are now."""

    def __init__(
        self,
        protocol: str,
        place: Place,
        units: Mapping[int, tuple[Mapping[str, Register], Values]],
        seen: Callable[[], None],
    ) -> None:
        self._framer = FRAMERS[protocol]
        self._place = place
        self._units = units
        self._seen = seen
        self._server: ModbusTcpServer | None = None

    async def open(self) -> None:
        devices = [self._device(unit, *what) for unit, what in self._units.items()]
        place = self._place
        server = ModbusTcpServer(devices, framer=self._framer, address=(place.host, place.port))
        try:
            await server.serve_forever(background=True)
        except (RuntimeError, OSError):
            raise Misconfigured(f"port {place.port} on {place.host} can't be opened: choose another one") from None
        self._server = server

    async def tell(self, now_ms: int) -> None:
        """Modbus is asked, it does not tell."""

    async def close(self) -> None:
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            self._server = None

    def _device(self, unit: int, registers: Mapping[str, Register], values: Values) -> SimDevice:
        async def action(
            _function: int, _start: int, _address: int, _count: int, words: list[int], written: object
        ) -> ExcCodes | None:
            if written is not None:
                return ExcCodes.ILLEGAL_FUNCTION
            for name, value in values().items():
                encoded = encode(registers[name], value)
                at = registers[name].address
                words[at : at + len(encoded)] = encoded
            self._seen()
            return None

        data = SimData(0, count=REGISTERS, values=0, datatype=DataType.REGISTERS)
        return SimDevice(unit, simdata=[data], action=action)
