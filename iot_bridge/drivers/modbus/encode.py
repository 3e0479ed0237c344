"""Values to registers: the inverse of :mod:`.decode`. Nothing is cut, wrapped or rounded in silence."""

from __future__ import annotations

import math
import struct

from ...events import Value
from ...tags.model import Tag
from .decode import CODES, order_of, swap


def encode(tag: Tag, value: Value) -> list[int]:
    """Registers that hold ``value``; raise ValueError with the reason when the tag's type can't hold it.

    Not for bool, which is a coil or a bit: see :func:`as_flag`.
    """
    if tag.type == "string":
        packed = _text(tag, value)
    elif tag.type.startswith("float"):
        packed = _real(tag, value)
    else:
        packed = _whole(tag, value)
    if order_of(tag)[0]:
        packed = swap(packed)
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


def as_flag(tag: Tag, value: Value) -> bool:
    """True, False, 1 or 0 as a bool; ValueError for anything else."""
    if isinstance(value, str) or value not in (0, 1):
        raise ValueError(f"{tag.tag} is a bool and takes true or false, not {value!r}")
    return bool(value)


def _number(tag: Tag, value: Value) -> float | int:
    if isinstance(value, (str, bool)):
        raise ValueError(f"{tag.tag} is {tag.type} and takes a number, not {value!r}")
    if not math.isfinite(value):
        raise ValueError(f"{tag.tag} takes a finite number, not {value!r}")
    return value


def _whole(tag: Tag, value: Value) -> bytes:
    number = _number(tag, value)
    whole = int(number)
    if whole != number:
        raise ValueError(f"{tag.tag} is {tag.type} and takes a whole number, not {value!r}")
    try:
        return struct.pack(order_of(tag)[1] + CODES[tag.type], whole)
    except struct.error:
        bits = 8 * struct.calcsize(CODES[tag.type])
        signed = tag.type.startswith("int")
        least, most = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        raise ValueError(f"{tag.tag} is {tag.type} and takes {least} to {most}, not {value!r}") from None


def _real(tag: Tag, value: Value) -> bytes:
    try:
        return struct.pack(order_of(tag)[1] + CODES[tag.type], float(_number(tag, value)))
    except OverflowError:
        raise ValueError(f"{value!r} is too great for {tag.tag}, a {tag.type}") from None


def _text(tag: Tag, value: Value) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"{tag.tag} is a string and takes a text, not {value!r}")
    if not value.isprintable():
        raise ValueError(f"{tag.tag}: the text has characters that can't be printed")
    raw = value.encode("utf-8")
    if len(raw) > 2 * tag.words:
        raise ValueError(f"{tag.tag} takes {2 * tag.words} bytes, the text has {len(raw)}")
    return raw.ljust(2 * tag.words, b"\0")
