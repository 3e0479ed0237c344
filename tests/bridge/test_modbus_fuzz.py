"""Mutated answers: no crash, no hang, no memory growth; behind a checksum not even a wrong value.

``BRIDGE_FUZZ=100000`` for the full length. The answers take the driver's own way, over the library's in-memory cable.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import struct
import time
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from modbus_rig import Device, closed_frame, flag, measurement, rtu_tcp, run, tcp
from pymodbus.transport import NULLMODEM_HOST
from pymodbus.transport.transport import NullModem

from iot_bridge.drivers.modbus.driver import Modbus
from iot_bridge.errors import LinkLost

ANSWERS = int(os.environ.get("BRIDGE_FUZZ", "10000"))
PORT = 21200
TIMEOUT_S = 0.5
GROWTH_BYTES = 3_000_000
NUMBERS = (0, 1, 2, 3, 0x7F, 0x80, 0xFF)


class Mutator:
    """The far end of the cable: right answers, each mutated in one to three ways and cut into pieces."""

    def __init__(self, rtu: bool, seed: int) -> None:
        self.rtu = rtu
        self.sent = 0
        self.device = Device(300)
        self.device.hole = {150}
        self._chance = random.Random(seed)
        self._transport: Any = None
        NullModem.listeners[PORT] = self  # type: ignore[assignment]

    def handle_new_connection(self) -> Mutator:
        return self

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, _error: object) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        unit, pdu = (data[0], data[1:-2]) if self.rtu else (data[6], data[7:])
        answer = self.device.answer(pdu)
        assert answer is not None
        self.device.asked.clear()
        body = bytes([unit]) + answer
        right = closed_frame(body) if self.rtu else data[:4] + struct.pack(">H", len(body)) + body
        self.sent += 1
        spoilt = right if self._chance.random() < 0.3 else self._mutated(right)
        cuts = sorted(self._chance.randrange(len(spoilt) + 1) for _ in range(self._chance.choice((0, 0, 0, 1, 2))))
        for start, end in zip([0, *cuts], [*cuts, len(spoilt)], strict=True):
            if self._transport is not None and start < end:
                self._transport.write(spoilt[start:end])
        # Whoever still waits waits in vain: the end of the connection says so at once.
        if spoilt != right and self._transport is not None:
            asyncio.get_running_loop().call_soon(self._hang_up, self._transport)

    def _hang_up(self, transport: Any) -> None:
        if transport is self._transport:
            transport.close()

    def _mutated(self, right: bytes) -> bytes:
        data = bytearray(right)
        for _ in range(self._chance.randrange(1, 4)):
            at = self._chance.randrange(len(data) + 1)
            way = self._chance.randrange(8)
            if way == 0 and data:
                data[min(at, len(data) - 1)] ^= 1 << self._chance.randrange(8)
            elif way == 1 and data:
                data[min(at, len(data) - 1)] = self._chance.choice(NUMBERS)
            elif way == 2:
                del data[at : at + self._chance.randrange(1, 9)]
            elif way == 3:
                data[at:at] = bytes(self._chance.randrange(256) for _ in range(self._chance.randrange(1, 9)))
            elif way == 4:
                del data[at:]
            elif way == 5:
                data += right
            elif way == 6:
                data[at : at + 2] = struct.pack(">H", self._chance.choice((0, 1, 2, 3, 255, 256, 0xFFFF)))
            else:
                data = bytearray(self._chance.randrange(256) for _ in range(self._chance.randrange(0, 300)))
        return bytes(data)


def rss_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
def test_mutated_answers(framing: str) -> None:
    seed = 20
    far_end = Mutator(framing == "rtu", seed)
    right = {f"T/U1/r{at}": at * 7 for at in range(0, 120)}
    # A period of its own for each kind: one request a group.
    tags = [
        *(measurement(at, poll_ms=100) for at in range(120)),
        *(measurement(at, table="input", poll_ms=200) for at in (148, 149, 150)),
        *(flag(at, poll_ms=300) for at in range(20)),
        measurement(200, "string", length=20, poll_ms=400),
    ]
    make = rtu_tcp if framing == "rtu" else tcp

    async def scene() -> tuple[int, int, float, int]:
        link: Modbus = make(PORT, tags, host=NULLMODEM_HOST, timeout_s=TIMEOUT_S)
        groups = cycle(link.groups())
        good = wrong = before = 0
        longest, opened = 0.0, False
        while far_end.sent < ANSWERS:
            if not before and far_end.sent > ANSWERS // 4:
                gc.collect()
                before = rss_bytes()
            began = time.monotonic()
            try:
                if not opened:
                    await link.open()
                    opened = True
                for sample in await link.read(next(groups)):
                    good += 1
                    wrong += sample.tag in right and sample.value not in (None, right[sample.tag])
            except LinkLost:
                opened = False
            longest = max(longest, time.monotonic() - began)
        await link.close()
        gc.collect()
        return good, wrong, longest, rss_bytes() - before

    try:
        good, wrong, longest, grown = run(scene)
    finally:
        NullModem.listeners.pop(PORT, None)
    assert good > ANSWERS, "hardly anything was read: the test has lost its teeth"
    if framing == "rtu":
        assert wrong == 0, f"seed {seed}"
    assert longest < 4 * TIMEOUT_S
    assert grown < GROWTH_BYTES
