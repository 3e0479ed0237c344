"""A Modbus TCP server that answers late, wrongly, in pieces or not at all."""

from __future__ import annotations

import asyncio
import random
import struct

WAYS = (
    "late", "never", "transaction", "unit", "short", "long", "garbage", "half", "exception", "other", "zero", "slow",
)  # fmt: skip


def frame(transaction: int, unit: int, pdu: bytes) -> bytes:
    return struct.pack(">HHHB", transaction, 0, len(pdu) + 1, unit) + pdu


def registers(start: int, count: int) -> bytes:
    """Each register holds a number that only its address has."""
    return struct.pack(f">BB{count}H", 3, 2 * count, *((start + i) * 7 % 65536 for i in range(count)))


class NastyServer:
    """``share`` of the answers is spoilt in one of the ways below; the others are right."""

    def __init__(self, share: float, late_s: float, seed: int) -> None:
        self._share = share
        self._late_s = late_s
        self._chance = random.Random(seed)
        self.spoilt: dict[str, int] = {}
        self.port = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> NastyServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(8)
                transaction, _, length, unit, _function = struct.unpack(">HHHBB", head)
                start, count = struct.unpack(">HH", await reader.readexactly(length - 2))
                await self._answer(writer, transaction, unit, start, count)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(
        self, writer: asyncio.StreamWriter, transaction: int, unit: int, start: int, count: int
    ) -> None:
        right = frame(transaction, unit, registers(start, count))
        if self._chance.random() >= self._share:
            writer.write(right)
            return
        way = self._chance.choice(WAYS)
        self.spoilt[way] = self.spoilt.get(way, 0) + 1
        if way in ("late", "slow"):
            delay = self._late_s if way == "late" else self._late_s / 4
            task = asyncio.get_running_loop().create_task(self._later(writer, right, delay))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif way == "half":
            writer.write(right[:7])
            writer.close()
        elif way != "never":
            writer.write(
                {
                    "transaction": frame((transaction + 1) % 65536, unit, registers(start + 1, count)),
                    "unit": frame(transaction, unit + 1, registers(start + 1, count)),
                    "short": frame(transaction, unit, registers(start, count - 1)),
                    "long": frame(transaction, unit, registers(start, count + 1)),
                    "garbage": bytes(self._chance.randrange(256) for _ in range(20)),
                    "exception": frame(transaction, unit, b"\x83\x02"),
                    "zero": frame(0, unit, registers(start + 1, count)),
                    "other": frame(transaction, unit, b"\x04" + registers(start + 1, count)[1:]),
                }[way]
            )

    async def _later(self, writer: asyncio.StreamWriter, data: bytes, delay: float) -> None:
        await asyncio.sleep(delay)
        if not writer.is_closing():
            writer.write(data)
