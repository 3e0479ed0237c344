"""One device link: open, poll in fair cycles or listen, on any doubt close and open anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from .clock import Clock
from .commands.permit import NotAllowed, permit
from .drivers import DRIVERS, ConnectionConfig, Driver, Subscriber, Surroundings
from .drivers.base import Counting, Patient, Rebirthable, Writable
from .errors import LinkLost, Rejected, plain
from .events import Sample, Value
from .pipeline import Pipeline
from .signals.clockwatch import SkewWatch
from .tags import Tag
from .uplink.pacing import Pauses

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
# A source that can wait (files) does so while more events than this are not delivered.
PATIENT_BACKLOG = 50_000
PATIENT_LOOK_S = 0.2


class Connection:
    """Runs until cancelled. ``state`` is "up" or a sentence; overruns counts cycles that came too late."""

    def __init__(
        self, config: ConnectionConfig, tags: Sequence[Tag], clock: Clock, pipeline: Pipeline, around: Surroundings
    ) -> None:
        self.name = config.name
        self.config = config
        self.tags = tuple(tags)
        self.state = "down: not opened yet"
        self.overruns = 0
        self.progress = 0
        # For whoever looks from outside: the last sample of each tag, by reference, and how many there were.
        self.latest: dict[str, Sample] = {}
        self.samples = 0
        self.opens = 0
        self._clock = clock
        self._pipeline = pipeline
        self._driver = DRIVERS[config.driver].load()(config, tags, clock, around)
        # A polled device answers one request at a time: writes go between two polls.
        self._busy = asyncio.Lock()
        self._skew = SkewWatch()
        # Tags of which handshakes write back the sequence number; why that was refused.
        answers = {tag.ack_tag for tag in tags}
        self._acknowledging = {tag.tag: tag for tag in tags if tag.tag in answers}
        self.refusals: dict[str, str] = {}
        # Poll groups not read since the device dropped the link (it may have rebooted).
        self._after_drop: set[int] = set()

    async def run(self) -> None:
        """Keep the link up for ever."""
        pauses = Pauses(FIRST_PAUSE_S, self.config.retry_max_s)
        try:
            while True:
                self.progress += 1
                try:
                    await self._driver.open()
                    self._up()
                    pauses.reset()
                    await self._work(self._driver)
                except LinkLost as error:
                    await self._down(str(error))
                await asyncio.sleep(pauses.next())
        finally:
            await self._driver.close()

    @property
    def skew_s(self) -> float:
        """How far the source's own clock is ahead, s; 0 while it is not known to be wrong."""
        return self._skew.skew_ms / 1000

    @property
    def figures(self) -> Mapping[str, int]:
        """What the driver counts, by its own names."""
        return dict(self._driver.figures) if isinstance(self._driver, Counting) else {}

    @property
    def proven(self) -> bool:
        """Whether the link stands and, when it is polled, has given values."""
        return self.state == "up" and (self.samples > 0 or not isinstance(self._driver, Driver))

    async def write(self, tag: Tag, value: Value) -> Sample | None:
        """Write a raw value and read it back; None when the read-back had no answer.

        Raises LinkLost when nothing was written, Rejected when the device refuses it or its protocol can't write.
        """
        driver = self._driver
        if not isinstance(driver, Writable):
            raise Rejected(f"{self.name}: driver {self.config.driver} can't write")
        if self.state != "up":
            raise LinkLost(f"{self.name} is {self.state}")
        async with self._busy:
            await driver.write(tag, value)
            try:
                samples = await driver.read_tags([tag])
            except LinkLost:
                return None
        return samples[0] if samples else None

    async def read(self, tag: Tag) -> Sample | None:
        """The present value of one tag; None when there is none. Raises as :meth:`write`."""
        driver = self._driver
        if not isinstance(driver, Writable):
            raise Rejected(f"{self.name}: driver {self.config.driver} can't read on demand")
        if self.state != "up":
            raise LinkLost(f"{self.name} is {self.state}")
        async with self._busy:
            samples = await driver.read_tags([tag])
        return samples[0] if samples else None

    async def rebirth(self, tag: Tag) -> None:
        """Ask the device of a tag to say anew all that it has (Sparkplug). Raises as :meth:`write`."""
        driver = self._driver
        if not isinstance(driver, Rebirthable):
            raise Rejected(f"{self.name}: driver {self.config.driver} knows no rebirth")
        if self.state != "up":
            raise LinkLost(f"{self.name} is {self.state}")
        await driver.rebirth(tag)

    async def _work(self, driver: Driver | Subscriber) -> None:
        if isinstance(driver, Driver):
            await self._poll(driver)
        else:
            await self._listen(driver)

    async def _listen(self, driver: Subscriber) -> None:
        patient, busy = isinstance(driver, Patient), False
        while True:
            if patient:
                await self._room()
            delivery = await driver.receive()
            self._note(delivery.samples)
            if not patient:
                await self._watch_clock(delivery.samples)
            dropped = delivery.dropped or bool(self._after_drop)
            if await self._pipeline.feed(delivery.samples, dropped, delivery.notes, delivery.beside):
                await driver.stored(delivery)
            if delivery.samples:
                self._after_drop.clear()
            elif patient and busy:
                # The source has given all that it has: what it shows so far is told.
                await self._pipeline.lost(tag.tag for tag in self.tags)
            busy = bool(delivery.samples)
            await self._write_back()
            self.progress += 1

    async def _poll(self, driver: Driver) -> None:
        groups = driver.groups()
        due = [self._clock.mono_ms()] * len(groups)
        while due:
            index = min(range(len(due)), key=due.__getitem__)
            await self._clock.sleep_until(due[index])
            async with self._busy:
                samples = await driver.read(groups[index])
            self._note(samples)
            await self._pipeline.feed(samples, index in self._after_drop)
            self._after_drop.discard(index)
            await self._write_back()
            self.progress += 1
            due[index] = self._next(due[index], groups[index].poll_ms)

    async def _room(self) -> None:
        """Wait while Odoo has much to catch up with: history need not be in the outbox twice."""
        while self._pipeline.backlog > PATIENT_BACKLOG:
            self.progress += 1
            await asyncio.sleep(PATIENT_LOOK_S)

    async def _watch_clock(self, samples: Sequence[Sample]) -> None:
        """Tell when the source's own clock is ahead or behind."""
        step_s = self._skew.look(samples) if self.config.clock == "source" else None
        if step_s is not None:
            await self._pipeline.tell_clock(step_s, self.name, [tag.tag for tag in self.tags])

    async def _write_back(self) -> None:
        """Acknowledge stored records to the device (handshake counters), where the allow-list lets us."""
        for name, value in self._pipeline.writes_for(self._acknowledging).items():
            try:
                tag = self._acknowledging[name]
                await self.write(tag, permit(self.config, tag, value, None))
                self.refusals.pop(name, None)
            except (NotAllowed, Rejected) as error:
                if self.refusals.get(name) != str(error):
                    log.error("%s: a record can't be acknowledged: %s", self.name, error)
                self.refusals[name] = str(error)
            self._pipeline.written(name)

    def _next(self, due: int, period: int) -> int:
        """The next due time; polls that are late already are left out and counted, they never pile up."""
        late = (self._clock.mono_ms() - due) // period
        if late > 0:
            self.overruns += late
        return due + period * (max(late, 0) + 1)

    def _note(self, samples: Sequence[Sample]) -> None:
        self.samples += len(samples)
        for sample in samples:
            self.latest[sample.tag] = sample

    def _up(self) -> None:
        self.opens += 1
        log.info("%s: connected", self.name)
        self.state = "up"

    async def _down(self, reason: str) -> None:
        was_up = self.state == "up"
        sentence = f"down: {plain(reason)}"
        if self.state != sentence:
            log.warning("%s: %s", self.name, sentence)
        self.state = sentence
        await self._driver.close()
        if was_up:
            groups = len(self._driver.groups()) if isinstance(self._driver, Driver) else 1
            self._after_drop = set(range(groups))
            await self._pipeline.lost(tag.tag for tag in self.tags)
