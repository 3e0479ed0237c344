"""One line to one or several units: strictly one request outstanding, one deadline, no answer taken on trust.

The library is used for its framing; its traps are mended here. After any :class:`Trouble` the line is closed,
so that a late answer can never be taken for the answer to the next request; RTU needs more, see :mod:`.rtu`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Protocol

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from .answers import RAW_ANSWERS, RawAnswer

# The library logs a line a failure; ours says it once a change.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

MBAP = 7
LONGEST_MBAP_LENGTH = 254
# Unit, function, and exception code or byte count.
EXCEPTION_LENGTH = 3


class Trouble(Exception):
    """The request has no trustworthy answer; the line is closed."""


class Silent(Trouble):
    """No answer in time."""


class Garbled(Trouble):
    """Something came that is not the answer to this request."""


class Closed(Trouble):
    """There is no connection, or the other side closed it."""


class MakeClient(Protocol):
    """Builds the library's client with our hooks."""

    def __call__(
        self, *, trace_packet: Callable[[bool, bytes], bytes], trace_connect: Callable[[bool], None]
    ) -> ModbusBaseClient: ...


class Link:
    """Modbus TCP framing. Used by one task. ``leaving`` is called when a request leaves."""

    def __init__(
        self, make_client: MakeClient, timeout_s: float, pause_s: float, where: str, leaving: Callable[[], None]
    ) -> None:
        self._make_client = make_client
        self._timeout_s = timeout_s
        self._pause_s = pause_s
        self._where = where
        self._leaving = leaving
        self._client: ModbusBaseClient | None = None
        self._request: ModbusPDU | None = None
        self._size: int | None = None
        self._quiet_since = 0.0

    @property
    def is_closed_by_us(self) -> bool:
        """Whether there is no connection because it was closed here. A device that hangs up is another matter."""
        return self._client is None

    async def open(self) -> None:
        """Connect anew; raise :class:`Closed`."""
        self.close()
        client = self._make_client(trace_packet=self._packet, trace_connect=self._connection)
        for answer in RAW_ANSWERS:
            client.register(answer)
        # One deadline, ours: the library's own would cost a timer, a future and a turn of the loop for each request.
        client.ctx.comm_params.timeout_connect = None  # type: ignore[assignment]
        self._client = client
        try:
            connected = await asyncio.wait_for(client.connect(), self._timeout_s)
            # A serial port is set up by a callback of its own.
            await asyncio.sleep(0)
        except (asyncio.TimeoutError, OSError, ModbusException):
            connected = False
        if not connected:
            self.close()
            raise Closed(self._unreachable())

    def _unreachable(self) -> str:
        return f"{self._where} can't be reached"

    def close(self) -> None:
        """Drop the line; never raises."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def ask(self, request: ModbusPDU, size: int | None = None) -> Any:
        """The answer, which may be an exception answer of the unit; raise :class:`Trouble` and close.

        size: bytes of values that the right answer carries; None for an answer that is no read's.
        """
        try:
            client = self._connected()
            if self._pause_s:
                await self._keep_pause()
            answer = await self._exchange(client, request, size)
            if answer.function_code & 0x7F != request.function_code:
                raise Garbled("got the answer to another function")
            # The library lets an answer without a transaction number pass.
            if answer.transaction_id != request.transaction_id:
                raise Garbled("got the answer to another request")
            if isinstance(answer, RawAnswer) and len(answer.payload) != size:
                raise Garbled(f"expected {size} bytes of values, got {len(answer.payload)}")
            return answer
        except Trouble:
            self.close()
            raise

    async def _exchange(self, client: ModbusBaseClient, request: ModbusPDU, size: int | None) -> ModbusPDU:
        self._request, self._size = request, size
        self._leaving()
        deadline = asyncio.get_running_loop().call_later(self._timeout_s, self._fail, Silent("no answer: timeout"))
        try:
            answer: ModbusPDU = await client.execute(False, request)
            return answer
        except (OSError, ModbusException) as error:
            raise Silent(f"no answer: {error}") from None
        finally:
            deadline.cancel()
            self._request = None
            self._quiet_since = time.monotonic()

    async def _keep_pause(self) -> None:
        while (left := self._quiet_since + self._pause_s - time.monotonic()) > 0:
            await asyncio.sleep(left)

    def _connected(self) -> ModbusBaseClient:
        client = self._client
        if client is None or not client.connected:
            raise Closed("not connected")
        return client

    # -- hooks of the library

    def _packet(self, sending: bool, data: bytes) -> bytes:
        """Every packet as it passes; of received ones ``data`` is all that came since the request."""
        if sending:
            return data
        if self._request is None:
            # Nobody asked. What is left of it when the next answer comes shows there.
            return b""
        wrong = self._objection(self._request, data)
        if wrong is not None:
            self._fail(Garbled(wrong))
            return b""
        return data

    def _connection(self, made: bool) -> None:
        if not made:
            self._fail(Closed("the other side closed the connection"))

    def _objection(self, request: ModbusPDU, data: bytes) -> str | None:
        """Why what came so far can't become the answer; None when it can."""
        if len(data) <= MBAP:
            return None
        length = int.from_bytes(data[4:6], "big")
        if data[2:4] != b"\0\0" or not 3 <= length <= LONGEST_MBAP_LENGTH:
            return "what came is no Modbus TCP"
        if data[:2] != request.transaction_id.to_bytes(2, "big"):
            # The library passes over it.
            return None
        function = data[MBAP]
        if function & 0x7F != request.function_code:
            return "got the answer to another function"
        right = EXCEPTION_LENGTH if function & 0x80 else None if self._size is None else EXCEPTION_LENGTH + self._size
        return None if right is None or length == right else f"expected {right} bytes in the frame, got {length}"

    def _fail(self, error: Trouble) -> None:
        """End the wait for the present answer."""
        if self._client is not None and self._request is not None:
            future = self._client.ctx.response_future
            if not future.done():
                future.set_exception(error)
