"""Modbus TCP through pymodbus, with its measured traps mended.

- One request is outstanding at a time, with a deadline of ours round the library's.
- After any timeout, wrong count or foreign transaction the socket is closed: a late answer
  can then never be taken for the answer of the next request.
- A fresh client for each connection: the library's own reconnecting (back-off to minutes) is off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from ...clock import Clock
from ...errors import LinkLost
from ...events import Sample, Value
from ...tags.model import Tag
from ..base import Surroundings
from .blocks import Block, PollGroup, plan
from .decode import Decoder, buffers, decoder
from .settings import ModbusTcpConfig

log = logging.getLogger(__name__)
# The library logs a line a failure; ours says it once a change.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

_FUNCTIONS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}


class ModbusTcp:
    """See :class:`..base.Driver`."""

    def __init__(self, config: ModbusTcpConfig, tags: Sequence[Tag], clock: Clock, around: Surroundings) -> None:
        self._config = config
        self._clock = clock
        self._groups = plan(tags, config.max_gap)
        self._decoders: dict[Block, list[tuple[str, Decoder]]] = {}
        self._splits: dict[Block, list[Block]] = {}
        self._client: AsyncModbusTcpClient | None = None

    def groups(self) -> list[PollGroup]:
        return self._groups

    async def open(self) -> None:
        self._drop()
        config = self._config
        self._client = AsyncModbusTcpClient(
            config.host, port=config.port, name=config.name, timeout=config.timeout_s, retries=0, reconnect_delay=0
        )
        try:
            connected = await asyncio.wait_for(self._client.connect(), config.timeout_s + 0.2)
        except (asyncio.TimeoutError, OSError, ModbusException):
            connected = False
        if not connected:
            self._drop()
            raise LinkLost(f"{config.host}:{config.port} can't be reached")

    async def read(self, group: PollGroup) -> list[Sample]:
        samples: list[Sample] = []
        for block in group.blocks:
            for part in self._splits.get(block, [block]):
                samples += await self._read_block(part)
        return samples

    async def close(self) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _read_block(self, block: Block) -> list[Sample]:
        at, mono = self._clock.now_ms(), self._clock.mono_ms()
        words = await self._request(block)
        recv = self._clock.now_ms()
        if words is None:
            return self._refused(block, at, mono, recv)
        values = self._decode(block, words)
        return [Sample(tag, value, at, mono, recv) for tag, value in values]

    def _refused(self, block: Block, at: int, mono: int, recv: int) -> list[Sample]:
        where = f"{self._config.name}: unit {block.unit_id} {block.table} {block.start}+{block.count}"
        if len(block.tags) > 1 and block not in self._splits:
            log.warning("%s refused as one block: reading its tags one by one from now on", where)
            self._splits[block] = block.split()
        else:
            log.debug("%s refused", where)
        return [Sample(tag.tag, None, at, mono, recv) for tag in block.tags]

    async def _request(self, block: Block) -> list[int] | None:
        """Words of the block; None when the device answered with a Modbus exception."""
        client = self._client
        if client is None:
            raise LinkLost("not connected")
        call = {
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
        }[block.table]
        try:
            answer = await asyncio.wait_for(
                call(block.start, count=block.count, device_id=block.unit_id), self._config.timeout_s + 0.2
            )
        except (asyncio.TimeoutError, OSError, ModbusException) as error:
            self._drop()
            raise LinkLost(f"no answer: {error or 'timeout'}") from None
        # The library lets an answer to another function, or without transaction number, pass.
        if answer.function_code & 0x7F != _FUNCTIONS[block.table] or answer.transaction_id != client.ctx.next_tid:
            self._drop()
            raise LinkLost("got the answer to another request")
        if answer.isError():
            return None
        bits = block.table in ("coil", "discrete")
        words = list(answer.bits if bits else answer.registers)
        expected = (block.count + 7) // 8 * 8 if bits else block.count
        if len(words) != expected:
            self._drop()
            raise LinkLost(f"asked for {block.count} values, got {len(words)}")
        return words

    def _decode(self, block: Block, words: Sequence[int]) -> list[tuple[str, Value | None]]:
        if block.table in ("coil", "discrete"):
            return [(tag.tag, bool(words[tag.register_ - block.start])) for tag in block.tags]
        if block not in self._decoders:
            self._decoders[block] = [(tag.tag, decoder(tag, tag.register_ - block.start)) for tag in block.tags]
        both = buffers(words)
        return [(name, decode(both)) for name, decode in self._decoders[block]]
