"""One device link: open, poll in fair cycles, on any doubt close and open anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from .clock import Clock
from .config.model import ConnectionConfig
from .drivers import DRIVERS
from .errors import LinkLost
from .pipeline import Pipeline
from .tags import Tag

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2


class Connection:
    """Runs until cancelled. ``state`` is "up" or a sentence; overruns counts cycles that came too late."""

    def __init__(self, config: ConnectionConfig, tags: Sequence[Tag], clock: Clock, pipeline: Pipeline) -> None:
        self.name = config.name
        self.tags = tuple(tags)
        self.state = "down: not opened yet"
        self.overruns = 0
        self.progress = 0
        self._config = config
        self._clock = clock
        self._pipeline = pipeline
        self._driver = DRIVERS[config.driver](config, tags, clock)
        # Poll groups not read since the device dropped the link (it may have rebooted).
        self._after_drop: set[int] = set()

    async def run(self) -> None:
        """Keep the link up for ever."""
        pause = FIRST_PAUSE_S
        try:
            while True:
                self.progress += 1
                try:
                    await self._driver.open()
                    self._up()
                    pause = FIRST_PAUSE_S
                    await self._poll()
                except LinkLost as error:
                    await self._down(str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._config.retry_max_s)
        finally:
            self._driver.close()

    async def _poll(self) -> None:
        groups = self._driver.groups()
        due = [self._clock.mono_ms()] * len(groups)
        while due:
            index = min(range(len(due)), key=due.__getitem__)
            await self._clock.sleep_until(due[index])
            samples = await self._driver.read(groups[index])
            await self._pipeline.feed(samples, index in self._after_drop)
            self._after_drop.discard(index)
            self.progress += 1
            due[index] = self._next(due[index], groups[index].poll_ms)

    def _next(self, due: int, period: int) -> int:
        """The next due time; polls that are late already are left out and counted, they never pile up."""
        late = (self._clock.mono_ms() - due) // period
        if late > 0:
            self.overruns += late
        return due + period * (max(late, 0) + 1)

    def _up(self) -> None:
        log.info("%s: connected", self.name)
        self.state = "up"

    async def _down(self, reason: str) -> None:
        was_up = self.state == "up"
        sentence = f"down: {reason}"
        if self.state != sentence:
            log.warning("%s: %s", self.name, sentence)
        self.state = sentence
        self._driver.close()
        if was_up:
            self._after_drop = set(range(len(self._driver.groups())))
            await self._pipeline.lost(tag.tag for tag in self.tags)
