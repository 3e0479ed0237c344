"""The bytes of a block to values, all four byte orders, with struct only.

Two buffers of the same registers make every order a plain read: big (bytes as on the wire) and
swapped (the bytes of each register exchanged). For 32 bits, and likewise for 64::

    ABCD  big,     '>'        DCBA  big,     '<'
    BADC  swapped, '>'        CDAB  swapped, '<'

All values of one kind and order are taken out of a block by one call.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence

from ...events import Value
from ...tags.model import Tag

CODES = {
    "uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q",
    "float32": "f", "float64": "d",
}  # fmt: skip
_ORDERS = {"ABCD": (False, ">"), "BADC": (True, ">"), "DCBA": (False, "<"), "CDAB": (True, "<")}

_Values = Sequence[Value | None]


def order_of(tag: Tag) -> tuple[bool, str]:
    """(Whether the bytes of each register are exchanged, struct's order) for ``tag``."""
    if tag.words == 1 or tag.type == "string":
        # A single register has two bytes only, a text has its characters in order: word orders but exchange bytes.
        return tag.word_order in ("BADC", "DCBA"), ">"
    return _ORDERS[tag.word_order]


def swap(payload: bytes) -> bytes:
    """The bytes of each register exchanged."""
    registers = array("H", payload)
    registers.byteswap()
    return registers.tobytes()


class BlockDecoder:
    """Reads the values of ``tags`` out of a block's bytes; ``names`` and :meth:`values` go together."""

    def __init__(self, table: str, start: int, tags: Iterable[Tag]) -> None:
        sections = _bits(start, tags) if table in ("coil", "discrete") else _registers(start, tags)
        self.names = [tag.tag for section in sections for tag in section.tags]
        self._sections = [(section.swapped, section.read) for section in sections]
        self._swaps = any(section.swapped for section in sections)

    def values(self, payload: bytes) -> list[Value | None]:
        """None: no usable value (NaN, infinity, no text)."""
        swapped = swap(payload) if self._swaps else payload
        out: list[Value | None] = []
        for from_swapped, read in self._sections:
            out += read(swapped if from_swapped else payload)
        return out


class _Section:
    """Tags that one call reads."""

    def __init__(self, swapped: bool, tags: list[Tag], read: Callable[[bytes], _Values]) -> None:
        self.swapped = swapped
        self.tags = tags
        self.read = read


def _bits(start: int, tags: Iterable[Tag]) -> list[_Section]:
    own = list(tags)
    places = [((tag.register_ - start) >> 3, 1 << ((tag.register_ - start) & 7)) for tag in own]
    return [_Section(False, own, lambda payload: [bool(payload[at] & mask) for at, mask in places])]


def _registers(start: int, tags: Iterable[Tag]) -> list[_Section]:
    """One section a kind, order and layer: what overlaps goes into another layer."""
    layers: dict[tuple[str, bool, str], list[list[Tag]]] = {}
    flags: list[Tag] = []
    for tag in sorted(tags, key=lambda tag: tag.register_):
        if tag.type == "bool":
            flags.append(tag)
            continue
        kind = {"string": "text", "float32": "real", "float64": "real"}.get(tag.type, "whole")
        own = layers.setdefault((kind, *order_of(tag)), [])
        fitting = next((layer for layer in own if _end(layer[-1]) <= tag.register_), None)
        if fitting is None:
            own.append(fitting := [])
        fitting.append(tag)
    sections = [
        _Section(swapped, layer, _reader(kind, order, start, layer))
        for (kind, swapped, order), own in layers.items()
        for layer in own
    ]
    if flags:
        sections.append(_Section(False, flags, _flags(start, flags)))
    return sections


def _end(tag: Tag) -> int:
    return tag.register_ + tag.words


def _reader(kind: str, order: str, start: int, tags: Sequence[Tag]) -> Callable[[bytes], _Values]:
    layout, at = order, start
    for tag in tags:
        gap = tag.register_ - at
        layout += (f"{2 * gap}x" if gap else "") + (f"{2 * tag.words}s" if kind == "text" else CODES[tag.type])
        at = _end(tag)
    unpack = struct.Struct(layout).unpack_from
    if kind == "real":
        finite = math.isfinite
        return lambda payload: [value if finite(value) else None for value in unpack(payload)]
    if kind == "text":
        return lambda payload: [_text(value) for value in unpack(payload)]
    return unpack


def _flags(start: int, tags: Sequence[Tag]) -> Callable[[bytes], _Values]:
    """Bits of registers: bit 0 is the lowest, in the register's second byte."""
    places = [(2 * (tag.register_ - start) + (tag.bit < 8), 1 << tag.bit % 8) for tag in tags]
    return lambda payload: [bool(payload[at] & mask) for at, mask in places]


def _text(raw: bytes) -> str | None:
    """Up to the first NUL, without trailing spaces; None when it is no text."""
    try:
        text = raw.split(b"\0", 1)[0].decode("utf-8").rstrip()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
