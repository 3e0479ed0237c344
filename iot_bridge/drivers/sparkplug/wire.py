"""The protocol buffers wire format, as far as Sparkplug B uses it. Pure.

A message is a sequence of fields, each a key (number and wire type) and a value. Unknown fields are passed over.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MASK64 = 2**64 - 1
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")


class Malformed(ValueError):
    """These bytes are no message."""


def fields(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """(field number, wire type, value): varints as unsigned integers, all others as their bytes."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Malformed("a field has number 0")
        if kind == VARINT:
            value, at = varint(data, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, at = varint(data, at)
        elif kind == FIXED64:
            size = 8
        elif kind == FIXED32:
            size = 4
        else:
            raise Malformed(f"wire type {kind} is not known")
        if at + size > end:
            raise Malformed("it is cut off")
        yield number, kind, data[at : at + size]
        at += size


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at a place, and the place after it."""
    value = shift = 0
    while True:
        if at >= len(data):
            raise Malformed("it is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & MASK64, at
        shift += 7
        if shift > 63:
            raise Malformed("a number is too long")


def to_float(data: bytes) -> float:
    return float(_FLOAT.unpack(data)[0])


def to_double(data: bytes) -> float:
    return float(_DOUBLE.unpack(data)[0])


def put_varint(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value)


def put_bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | BYTES) + _varint(len(value)) + value


def put_float(number: int, value: float) -> bytes:
    return _varint(number << 3 | FIXED32) + _FLOAT.pack(value)


def put_double(number: int, value: float) -> bytes:
    return _varint(number << 3 | FIXED64) + _DOUBLE.pack(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
