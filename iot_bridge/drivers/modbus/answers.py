"""Answers to reads, kept as the bytes that came.

The library's own classes take an answer apart register by register and print it for a log that is off:
half of what a read costs. These keep the bytes; :mod:`.decode` reads all values of a block at once.
"""

from __future__ import annotations

from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

REQUESTS: dict[str, type[ModbusPDU]] = {
    "coil": ReadCoilsRequest,
    "discrete": ReadDiscreteInputsRequest,
    "holding": ReadHoldingRegistersRequest,
    "input": ReadInputRegistersRequest,
}


class RawAnswer(ModbusPDU):
    """``payload``: the values' bytes; empty when the answer's own length disagrees with its frame."""

    rtu_byte_count_pos = 2
    payload: bytes = b""

    def decode(self, data: bytes) -> None:
        """Keep the bytes behind the byte count."""
        if data and data[0] == len(data) - 1:
            self.payload = data[1:]

    def __str__(self) -> str:
        return f"{type(self).__name__}({len(self.payload)} bytes)"


class RawCoils(RawAnswer):
    """Answer to function 1."""

    function_code = 1


class RawDiscrete(RawAnswer):
    """Answer to function 2."""

    function_code = 2


class RawHolding(RawAnswer):
    """Answer to function 3."""

    function_code = 3


class RawInput(RawAnswer):
    """Answer to function 4."""

    function_code = 4


RAW_ANSWERS: tuple[type[RawAnswer], ...] = (RawCoils, RawDiscrete, RawHolding, RawInput)


def payload_size(table: str, count: int) -> int:
    """Bytes that the right answer to a read of ``count`` values carries."""
    return (count + 7) // 8 if table in ("coil", "discrete") else 2 * count
