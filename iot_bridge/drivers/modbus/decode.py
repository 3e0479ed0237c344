"""Registers to values, all four byte orders, with struct only.

Two buffers of the same registers make every order a plain read: big (bytes as on the wire) and
swapped (the bytes of each register exchanged)::

    ABCD  big,     '>'        DCBA  big,     '<'
    BADC  swapped, '>'        CDAB  swapped, '<'
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence

from ...events import Value
from ...tags.model import Tag

_CODES = {
    "uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q",
    "float32": "f", "float64": "d",
}  # fmt: skip
_ORDERS = {"ABCD": (0, ">"), "BADC": (1, ">"), "DCBA": (0, "<"), "CDAB": (1, "<")}

Buffers = tuple[bytes, bytes]
Decoder = Callable[[Buffers], Value | None]


def buffers(registers: Sequence[int]) -> Buffers:
    """The two buffers of a block."""
    count = len(registers)
    return struct.pack(f">{count}H", *registers), struct.pack(f"<{count}H", *registers)


def decoder(tag: Tag, offset: int) -> Decoder:
    """A function that reads ``tag`` at register ``offset`` of a block; None for NaN and infinity."""
    if tag.type == "bool":
        mask, at = 1 << tag.bit, 2 * offset
        return lambda block: bool(((block[0][at] << 8) | block[0][at + 1]) & mask)
    which, order = _ORDERS[tag.word_order]
    # A single register has two bytes only: word orders can but exchange them.
    if tag.words == 1:
        which, order = (1, ">") if tag.word_order in ("BADC", "DCBA") else (0, ">")
    unpack = struct.Struct(order + _CODES[tag.type]).unpack_from

    def decode(block: Buffers) -> Value | None:
        value: int | float = unpack(block[which], 2 * offset)[0]
        return value if math.isfinite(value) else None

    return decode
