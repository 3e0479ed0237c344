"""Modbus through pymodbus: TCP, serial RTU, and RTU carried by TCP. What is read, and what an answer means.

How a request is asked safely is :mod:`.link`'s and :mod:`.rtu`'s; which units are worth asking is :mod:`.units`'.

- The device refuses a block (an exception answer): it is halved until only the tags it refuses are left.
  Those are samples without a value, and a sentence says which exception.
- A unit gives no answer, or a gateway says so in its stead: that unit has no samples, and is tried again seldom;
  the others behind the same line go on.
- The line itself gives no answer: LinkLost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from pymodbus.pdu import ModbusPDU

from ...clock import Clock
from ...errors import LinkLost
from ...events import Sample, Value
from ...tags.model import Tag
from ..base import Found, Surroundings
from . import browse as browsing
from . import writing
from .answers import REQUESTS
from .blocks import PollGroup, coalesce, plan
from .clients import make_link
from .exceptions import UNREACHABLE, in_words
from .link import Closed, Garbled, Trouble
from .reading import Answered, Reading, samples_of
from .rtu import RtuLink
from .settings import ModbusConfig
from .units import Units


class Modbus:
    """See :class:`..base.Driver`, :class:`..base.Writable` and :class:`..base.Browsable`."""

    def __init__(self, config: ModbusConfig, tags: Sequence[Tag], clock: Clock, around: Surroundings) -> None:
        self._config = config
        self._clock = clock
        self._around = around
        self._groups = plan(tags, config.max_gap, config.max_registers)
        self._link = make_link(config, self._stamp)
        # When the present request left; what comes before it (opening, settling, waiting) makes no value older.
        self._at = self._mono = 0
        self._units = Units({tag.unit_id for tag in tags}, config.unit_retry_max_s)
        self._readings = {group: [Reading(block) for block in group.blocks] for group in self._groups}
        # What was answered last: it is asked again to tell a silent unit from a dead line.
        self._witness: Reading | None = None

    def groups(self) -> list[PollGroup]:
        return self._groups

    async def open(self) -> None:
        try:
            await self._link.open()
        except Closed as error:
            self._units.line_lost()
            raise LinkLost(str(error)) from None
        self._witness = None
        for readings in self._readings.values():
            for reading in readings:
                reading.whole_again()

    async def close(self) -> None:
        self._link.close()

    async def read(self, group: PollGroup) -> list[Sample]:
        answers: list[Answered] = []
        readings = self._readings[group]
        chosen = self._units.last_resort({reading.unit for reading in readings})
        for reading in readings:
            if reading.unit == chosen or self._units.ready(reading.unit, time.monotonic()):
                await self._read(reading, answers)
        return samples_of(answers)

    async def write(self, tag: Tag, value: Value) -> None:
        """Write one value; raise Rejected when it can't be, LinkLost when nothing shows that it was."""
        await writing.write(self.request, self._config, tag, value)

    async def read_tags(self, tags: Sequence[Tag]) -> list[Sample]:
        blocks = coalesce(tags, self._config.max_gap, self._config.max_registers)
        answers: list[Answered] = []
        for block in blocks:
            await self._read(Reading(block), answers, demanded=True)
        found = {sample.tag: sample for sample in samples_of(answers)}
        return [found[tag.tag] for tag in tags]

    async def browse(self, start: str | None, limit: int) -> list[Found]:
        """Registers and bits that answer, from ``start`` ([unit/]table[:address]) on; None: all tables of unit 1."""
        return await browsing.browse(self.request, start, limit)

    async def request(self, request: ModbusPDU, size: int | None = None) -> Any:
        """The answer of the unit, which may be an exception answer; LinkLost when there is none."""
        try:
            return await self._ask(request, size)
        except Trouble as trouble:
            raise LinkLost(f"unit {request.dev_id}: {trouble}") from None

    # -- reading

    def _stamp(self) -> None:
        self._at, self._mono = self._clock.now_ms(), self._clock.mono_ms()

    async def _read(self, reading: Reading, answers: list[Answered], demanded: bool = False) -> None:
        if time.monotonic() < reading.split_until:
            await self._read_halves(reading, answers, demanded)
            return
        answer = await self._answer(reading, demanded)
        if answer is None:
            return
        at, mono, recv = self._at, self._mono, self._clock.now_ms()
        if answer.isError():
            if reading.split(answer.exception_code):
                await self._read_halves(reading, answers, demanded)
                return
            self._say(reading, f"{reading} refused: {in_words(answer.exception_code)}")
            answers.append(Answered(reading.decoder, None, at, mono, recv))
            return
        reading.said = ""
        answered = Answered(reading.decoder, answer.payload, at, mono, recv)
        answers.append(answered)
        # It is taken apart while the device works on the next request.
        asyncio.get_running_loop().call_soon(answered.samples)

    async def _read_halves(self, reading: Reading, answers: list[Answered], demanded: bool) -> None:
        for half in reading.halves:
            await self._read(half, answers, demanded)

    async def _answer(self, reading: Reading, demanded: bool) -> Any:
        """The answer; None when the unit, but not the line, gives none."""
        began = time.monotonic()
        try:
            answer = await self._ask(reading.request, reading.size)
        except Trouble as trouble:
            if demanded:
                raise LinkLost(f"unit {reading.unit}: {trouble}") from None
            await self._silent(reading.unit, trouble, time.monotonic() - began)
            return None
        if answer.isError() and answer.exception_code in UNREACHABLE:
            if demanded:
                raise LinkLost(f"unit {reading.unit}: {in_words(answer.exception_code)}")
            self._failed(reading.unit, in_words(answer.exception_code), time.monotonic() - began)
            # Somebody said so: the line is well.
            self._units.line_answers()
            return None
        if self._units.answered(reading.unit):
            self._around.found(f"{self._config.name}: unit {reading.unit} answers again")
        self._witness = reading
        return answer

    async def _ask(self, request: ModbusPDU, size: int | None) -> Any:
        if self._link.is_closed_by_us:
            await self._link.open()
        try:
            return await self._link.ask(request, size)
        except Garbled:
            if not isinstance(self._link, RtuLink) or request.function_code not in _READS:
                raise
        # Noise on a serial line: once more, behind whatever is still to come.
        await self._link.open()
        return await self._link.ask(request, size)

    async def _silent(self, unit: int, trouble: Trouble, cost_s: float) -> None:
        """Book a unit without answer; raise LinkLost when it is the line that has none."""
        is_new = self._failed(unit, str(trouble), cost_s)
        witness = self._witness
        if isinstance(trouble, Closed) or self._units.line_is_lost:
            self._units.line_lost()
            raise LinkLost(str(trouble)) from None
        if not is_new or witness is None or self._units.is_failing(witness.unit):
            return
        try:
            await self._ask(witness.request, witness.size)
        except Trouble as error:
            self._units.line_lost()
            raise LinkLost(str(error)) from None
        self._units.line_answers()

    def _failed(self, unit: int, why: str, cost_s: float) -> bool:
        is_new = self._units.failed(unit, cost_s, time.monotonic())
        if is_new and self._units.count > 1:
            self._around.found(f"{self._config.name}: unit {unit} gives no answer ({why}): asked seldom from now on")
        return is_new

    def _say(self, reading: Reading, sentence: str) -> None:
        if reading.said != sentence:
            reading.said = sentence
            self._around.found(f"{self._config.name}: {sentence}")


_READS = frozenset(request.function_code for request in REQUESTS.values())
