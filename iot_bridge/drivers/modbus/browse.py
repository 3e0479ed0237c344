"""What a device answers: a bounded search through its tables."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable
from typing import Any

from ...errors import LinkLost, Misconfigured
from ..base import Found
from .answers import REQUESTS, payload_size
from .exceptions import UNREACHABLE, in_words

Request = Callable[..., Awaitable[Any]]

TABLES = ("holding", "input", "coil", "discrete")
WRITABLE = ("holding", "coil")
END = 65536
CHUNK = 64
# A search ends where so many addresses in a row gave no answer ...
EMPTY = 1024
# ... and after so many requests, whatever they found.
MOST_REQUESTS = 2000
ILLEGAL_FUNCTION = 1


async def browse(request: Request, start: str | None, limit: int) -> list[Found]:
    """At most ``limit`` entries. ``start``: [unit/]table[:address]; None: every table from 0, a share of each."""
    unit, table, address = _parse(start)
    tables = TABLES if table is None else (table,)
    search = _Search(request, unit)
    out: list[Found] = []
    for place, name in enumerate(tables):
        share = (limit - len(out)) // (len(tables) - place)
        out += await search.run(name, address, share)
    return out


def _parse(start: str | None) -> tuple[int, str | None, int]:
    """``7/holding:100`` -> (7, "holding", 100); raise Misconfigured."""
    text = start or ""
    unit, slash, rest = text.partition("/")
    if not slash:
        unit, rest = "1", text
    table, colon, address = rest.partition(":")
    known = (not table and not colon) or table in TABLES
    if not known or not unit.isdecimal() or int(unit) > 255 or (colon and not address.isdecimal()):
        raise Misconfigured(
            f"browse from {start!r}: write [unit/]table[:address], e.g. holding:100 or 7/input; "
            f"tables are {', '.join(TABLES)}"
        )
    if colon and int(address) >= END:
        raise Misconfigured(f"browse from {start!r}: addresses end at {END - 1}")
    return int(unit), table or None, int(address) if colon else 0


class _Search:
    """One search; counts its requests."""

    def __init__(self, request: Request, unit: int) -> None:
        self._request = request
        self._unit = unit
        self._left = MOST_REQUESTS

    async def run(self, table: str, address: int, limit: int) -> list[Found]:
        out: list[Found] = []
        empty = 0
        while address < END and len(out) < limit and empty < EMPTY and self._left > 0:
            count = min(CHUNK, END - address)
            values = await self._values(table, address, count)
            if values is None:
                break
            out += [self._found(table, at, value) for at, value in values]
            empty = 0 if values else empty + count
            address += count
        return out[:limit]

    async def _values(self, table: str, address: int, count: int) -> list[tuple[int, int]] | None:
        """(address, raw value) of what answers; None when the device does not know the table at all."""
        if self._left <= 0:
            return []
        self._left -= 1
        asked = REQUESTS[table](address=address, count=count, dev_id=self._unit)
        answer = await self._request(asked, payload_size(table, count))
        if not answer.isError():
            return _unpack(table, address, count, answer.payload)
        code = answer.exception_code
        if code == ILLEGAL_FUNCTION:
            return None
        if code in UNREACHABLE:
            raise LinkLost(f"unit {self._unit}: {in_words(code)}")
        # A device without any of these is not asked for each one.
        if count == 1 or (count == CHUNK and await self._is_empty(table, address, count)):
            return []
        half = count // 2
        first = await self._values(table, address, half)
        second = await self._values(table, address + half, count - half)
        return (first or []) + (second or [])

    async def _is_empty(self, table: str, address: int, count: int) -> bool:
        """Whether first, middle and last of a refused chunk are refused each."""
        for at in (address, address + count // 2, address + count - 1):
            self._left -= 1
            asked = REQUESTS[table](address=at, count=1, dev_id=self._unit)
            if not (await self._request(asked, payload_size(table, 1))).isError():
                return False
        return True

    def _found(self, table: str, address: int, value: int) -> Found:
        bits = table in ("coil", "discrete")
        alone = self._unit == 1
        return Found(
            address=f"{table}:{address}" if alone else f"{self._unit}/{table}:{address}",
            name=f"{table} {address}" if alone else f"unit {self._unit} {table} {address}",
            type="bool" if bits else "uint16",
            value=bool(value) if bits else value,
            writable=table in WRITABLE,
        )


def _unpack(table: str, address: int, count: int, payload: bytes) -> list[tuple[int, int]]:
    if table in ("coil", "discrete"):
        return [(address + at, payload[at >> 3] >> (at & 7) & 1) for at in range(count)]
    return list(enumerate(struct.unpack(f">{count}H", payload), address))
