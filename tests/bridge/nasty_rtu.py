"""A serial device server with a line behind it on which everything goes wrong that can go wrong on one.

It carries RTU frames over TCP as such boxes do: requests are served one after the other, and an answer goes to
whoever is connected *when it comes*, be it another connection than the request's. Order is kept: a serial line can
delay, lose, tear and garble, but not overtake.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections import defaultdict

from modbus_rig import closed_frame, read_rtu, until

WAYS = (
    "late", "never", "torn", "torn and late", "unit", "function", "short", "long", "checksum", "garbage", "half",
    "noise before", "noise after", "twice", "refused", "busy", "slow", "echo", "hangs up", "late to the next",
)  # fmt: skip
STEP = 13


class NastyLine:
    """``share`` of the answers is spoilt in one of :data:`WAYS`. ``truth``: what each register has said since
    the test cleared it, (unit, register) -> values; it changes with every request, so that an old one is wrong."""

    def __init__(self, share: float, timeout_s: float, seed: int, mute_at_echo: bool = False) -> None:
        self.truth: defaultdict[tuple[int, int], set[int]] = defaultdict(set)
        self.spoilt: dict[str, int] = {}
        self.port = 0
        self._share = share
        self._timeout_s = timeout_s
        self._chance = random.Random(seed)
        self._mute_at_echo = mute_at_echo
        self._number = 0
        self._requests: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self._current: asyncio.StreamWriter | None = None
        self._worker: asyncio.Task[None] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> NastyLine:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None and self._worker is not None
        self._server.close()
        self._worker.cancel()
        for writer in self._writers:
            writer.close()
        await until(lambda: not self._writers)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._current = writer
        self._writers.add(writer)
        try:
            while True:
                _, unit, pdu = await read_rtu(reader)
                self._requests.put_nowait((unit, pdu))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            self._writers.discard(writer)

    async def _work(self) -> None:
        while True:
            unit, pdu = await self._requests.get()
            right = self._right(unit, pdu)
            if right is None:
                continue
            if self._chance.random() >= self._share:
                self._write(right)
                continue
            way = self._chance.choice(WAYS)
            self.spoilt[way] = self.spoilt.get(way, 0) + 1
            await self._spoil(way, unit, pdu, right)
            # A device takes its time: two answers seldom come in one piece.
            await asyncio.sleep(self._timeout_s / 10)

    def _right(self, unit: int, pdu: bytes) -> bytes | None:
        if pdu[0] == 8:
            return None if self._mute_at_echo else closed_frame(bytes([unit]) + pdu)
        start, count = struct.unpack(">HH", pdu[1:5])
        self._number += 1
        base = unit * 1000 + self._number * STEP
        values = [(base + register * 7) % 65536 for register in range(start, start + count)]
        for place, value in enumerate(values):
            self.truth[unit, start + place].add(value)
        return closed_frame(struct.pack(f">BBB{count}H", unit, pdu[0], 2 * count, *values))

    def _write(self, data: bytes) -> None:
        if self._current is not None and not self._current.is_closing():
            self._current.write(data)

    async def _spoil(self, way: str, unit: int, pdu: bytes, right: bytes) -> None:
        late = self._timeout_s * self._chance.uniform(1.05, 1.6)
        middle = self._chance.randrange(1, len(right))
        if way in ("late", "late to the next"):
            old = self._current
            await asyncio.sleep(late)
            # Not before there is another connection, if one comes.
            for _ in range(10 if way == "late to the next" else 0):
                if self._current is not old:
                    break
                await asyncio.sleep(self._timeout_s / 5)
            self._write(right)
        elif way in ("torn and late", "slow"):
            self._write(right[:middle])
            await asyncio.sleep(late if way == "torn and late" else self._timeout_s / 8)
            self._write(right[middle:])
        elif way == "hangs up":
            self._write(right[:middle])
            if self._current is not None:
                self._current.close()
        elif way != "never":
            self._write(self._wrong(way, unit, pdu, right, middle))

    def _wrong(self, way: str, unit: int, pdu: bytes, right: bytes, middle: int) -> bytes:
        body = right[1:-2]
        noise = bytes(self._chance.randrange(256) for _ in range(self._chance.randrange(1, 9)))
        damaged = bytearray(right)
        damaged[middle] ^= 1 << self._chance.randrange(8)
        return {
            "torn": right[:middle],
            "half": right[middle:],
            "unit": closed_frame(bytes([unit + 1]) + body),
            "function": closed_frame(bytes([unit, 4]) + body[1:]),
            "short": closed_frame(bytes([unit, pdu[0], max(body[1] - 2, 0)]) + body[2:-2]),
            "long": closed_frame(bytes([unit, pdu[0], body[1] + 2]) + body[2:] + b"\1\2"),
            "checksum": bytes(damaged),
            "garbage": noise,
            "noise before": noise + right,
            "noise after": right + noise,
            "twice": right + right,
            "refused": closed_frame(bytes([unit, pdu[0] | 0x80, 2])),
            "busy": closed_frame(bytes([unit, pdu[0] | 0x80, 6])),
            "echo": closed_frame(bytes([unit]) + pdu) + right,
        }[way]
