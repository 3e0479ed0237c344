"""A line with RTU framing, serial or carried by TCP.

RTU answers have no number. An answer that comes late looks exactly like the answer to a later request for as
many registers, and behind a serial device server not even a new connection keeps it away. So after any trouble
with a unit, and before the first request to it, the line is *settled*: the unit is asked something whose answer
can't be mistaken, and all that comes before that answer is thrown away. A serial line keeps its order, so whatever
was owed has come by then.

Two questions serve. The echo (function 8 with a random number) also when the unit refuses it, because the refusal
names the function. For units that keep silent at it: a read of a number of registers that no owed answer has.
A unit that gives no answer to either is settled by silence of :data:`LATE_S`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pymodbus.framer import FramerRTU
from pymodbus.pdu import ModbusPDU

from .answers import payload_size
from .link import Closed, Garbled, Link, MakeClient, Silent, Trouble

# No serial device or device server answers later than this: a request waits a second at most.
LATE_S = 4.0
EXCEPTIONS = range(1, 12)
# Bytes of whole frames: an exception, the answer to a write, and to a write through a mask.
EXCEPTION_FRAME = 5
WRITE_FRAME = 8
WRITE_FRAMES = {22: 10}
_READS = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}

Match = Callable[[bytes], bool]


@dataclass(slots=True)
class _Owed:
    """What a unit may still answer: when it was asked last, and the sizes (function, bytes) of those answers, each
    with the time at which it was asked for."""

    since: float
    sizes: dict[tuple[int, int | None], float] = field(default_factory=dict)
    tries: int = 0


class RtuLink(Link):
    """See :class:`.link.Link`."""

    def __init__(
        self, make_client: MakeClient, timeout_s: float, pause_s: float, where: str, leaving: Callable[[], None]
    ) -> None:
        super().__init__(make_client, timeout_s, pause_s, where, leaving)
        self._owed: dict[int, _Owed] = {}
        self._settled: set[int] = set()
        self._mute_at_echo: set[int] = set()
        self._last_unit = 0
        self._stray = False
        self._raw: bytearray | None = None
        self._match: Match = lambda raw: False
        self._found: asyncio.Future[None] | None = None

    async def ask(self, request: ModbusPDU, size: int | None = None) -> Any:
        unit = request.dev_id
        try:
            if self._pause_s:
                await self._keep_pause()
            if self._stray:
                self._stray = False
                self._owe(self._last_unit)
            if unit not in self._settled:
                await self._settle(request, size)
            self._last_unit = unit
        except Trouble:
            self.close()
            raise
        try:
            return await super().ask(request, size)
        except BaseException:
            # Cancelled or failed: the answer may still come.
            self._owe(unit, (request.function_code, size))
            raise

    # -- settling

    def _owe(self, unit: int, size: tuple[int, int | None] | None = None) -> None:
        self._settled.discard(unit)
        owed = self._owed.setdefault(unit, _Owed(time.monotonic()))
        if size is not None:
            owed.since = owed.sizes[size] = time.monotonic()

    async def _settle(self, request: ModbusPDU, size: int | None) -> None:
        unit = request.dev_id
        self._owe(unit)
        owed = self._owed[unit]
        if time.monotonic() - owed.since <= LATE_S:
            by_echo = (unit in self._mute_at_echo) == bool(owed.tries % 2)
            frame, match = _echo(unit) if by_echo else self._other_size(request, size, owed)
            try:
                await self._flush(frame, match)
            except Silent:
                # The other question next time.
                owed.tries += 1
                raise
            if not by_echo:
                self._mute_at_echo.add(unit)
        self._settled.add(unit)
        del self._owed[unit]

    def _other_size(self, request: ModbusPDU, size: int | None, owed: _Owed) -> tuple[bytes, Match]:
        """A read at the place of ``request`` whose answer differs from every owed one in its size."""
        function = request.function_code if request.function_code in _READS else 3
        table = _READS[function]
        step = 8 if table in ("coil", "discrete") else 1
        most = max(2 * step, request.count if request.function_code in _READS else 1)
        counts = [*range(most, 0, -step), *range(most + step, most + 8 * step, step)]
        now = time.monotonic()
        taken = {known for (code, known), at in owed.sizes.items() if code == function and now - at <= LATE_S} | {size}
        count = next((count for count in counts if payload_size(table, count) not in taken), None)
        if count is None:
            # Not even asked: so what is owed grows old.
            raise Silent("answers of any size may still come: asked again when they are too late")
        own = payload_size(table, count)
        owed.since = owed.sizes[function, own] = now
        body = bytes([request.dev_id, function]) + request.address.to_bytes(2, "big") + count.to_bytes(2, "big")
        return _closed(body), _whole_answer(bytes([request.dev_id, function, own]), own)

    async def _flush(self, frame: bytes, match: Match) -> None:
        """Send ``frame`` and throw away all that comes until ``match``; raise :class:`Trouble`."""
        client = self._connected()
        self._raw, self._match = bytearray(), match
        self._found = asyncio.get_running_loop().create_future()
        try:
            client.ctx.send(frame)
            await asyncio.wait_for(self._found, self._timeout_s)
        except asyncio.TimeoutError:
            raise Silent("no answer: timeout") from None
        finally:
            self._raw = self._found = None
            self._quiet_since = time.monotonic()
        if self._pause_s:
            await self._keep_pause()

    # -- hooks of the library

    def _packet(self, sending: bool, data: bytes) -> bytes:
        if sending:
            return data
        self._quiet_since = time.monotonic()
        if self._raw is not None:
            self._raw += self._taken(data)
            if self._found is not None and not self._found.done() and self._match(bytes(self._raw)):
                self._found.set_result(None)
            return b""
        if self._request is None:
            self._stray = True
            self._taken(data)
            return b""
        return super()._packet(sending, data)

    def _taken(self, data: bytes) -> bytes:
        # The library would keep what its framing has not used, up to a limit at which it drops all.
        if self._client is not None:
            self._client.ctx.recv_buffer = b""
        return data

    def _connection(self, made: bool) -> None:
        if not made and self._found is not None and not self._found.done():
            self._found.set_exception(Closed("the other side closed the connection"))
        super()._connection(made)

    def _objection(self, request: ModbusPDU, data: bytes) -> str | None:
        if data[0] != request.dev_id:
            return f"unit {data[0]} answers instead of {request.dev_id}"
        if len(data) >= 2 and data[1] & 0x7F != request.function_code:
            return "got the answer to another function"
        if len(data) < 3:
            return None
        whole = EXCEPTION_FRAME if data[1] & 0x80 else WRITE_FRAMES.get(data[1], WRITE_FRAME)
        if self._size is not None and not data[1] & 0x80:
            if data[2] != self._size:
                return f"expected {self._size} bytes of values, got {data[2]}"
            whole = 5 + self._size
        if len(data) > whole:
            return "more came than the answer"
        if len(data) == whole:
            asyncio.get_running_loop().call_soon(self._whole_but_unused, request)
        return None

    def _whole_but_unused(self, request: ModbusPDU) -> None:
        # The library drops a frame with a wrong checksum without a word.
        if self._request is request:
            self._fail(Garbled("wrong checksum"))


def _closed(body: bytes) -> bytes:
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


def _echo(unit: int) -> tuple[bytes, Match]:
    """Function 8: the same frame comes back, or its refusal."""
    frame = _closed(bytes([unit, 8, 0, 0]) + os.urandom(2))
    refusals = [_closed(bytes([unit, 0x88, code])) for code in EXCEPTIONS]
    return frame, lambda raw: frame in raw or any(refusal in raw for refusal in refusals)


def _whole_answer(head: bytes, size: int) -> Match:
    def match(raw: bytes) -> bool:
        at = raw.find(head)
        while at >= 0:
            whole = raw[at : at + 5 + size]
            if len(whole) == 5 + size and _closed(whole[:-2]) == whole:
                return True
            at = raw.find(head, at + 1)
        return False

    return match
