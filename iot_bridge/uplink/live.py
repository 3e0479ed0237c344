"""The live lane: the latest of every machine, overwriting, never behind the durable backlog.

At most one call a second of real time when something changed, and one every 1.25 as heartbeat.
A failed call is not repeated: the next one carries newer values. With the call's own timeout of 1.5 s an
Odoo that has gone silent (stopped, or behind a link that swallows everything) is noticed within 3 s.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..clock import Clock, to_rfc3339
from ..errors import BridgeError, Busy, Refused
from .caller import Caller
from .pacing import Refusals

log = logging.getLogger(__name__)

CHANGE_S = 1.0
HEARTBEAT_S = 1.25
LOOK_S = 0.1
# The durable lane says when a refusal is over; without a word from it, it is tried so often at least.
REFUSED_MOST_S = 10.0


class LiveLane:
    """Runs until cancelled. ``machines`` and ``health`` are asked for at each call, ``changes`` counts
    what there is to tell. Nothing is sent while not ``greeted``: Odoo would not know the epoch, or refuses us.
    """

    def __init__(
        self,
        caller: Caller,
        stream: str,
        clock: Clock,
        machines: Callable[[], Mapping[str, Any]],
        changes: Callable[[], int],
        health: Callable[[], Mapping[str, Any]],
        epoch: Callable[[], str],
        greeted: asyncio.Event,
    ) -> None:
        self._caller = caller
        self._stream = stream
        self._clock = clock
        self._machines = machines
        self._changes = changes
        self._health = health
        self._epoch = epoch
        self._greeted = greeted
        self._version = 0
        self._not_before = 0.0
        self._refusals = Refusals(most_s=REFUSED_MOST_S)
        self.alarms: dict[str, str] = {}
        self.config_revision: int | None = None
        self.progress = 0

    async def run(self) -> None:
        """Look often, send seldom."""
        sent, sent_at, greeted = -1, 0.0, False
        while True:
            self.progress += 1
            if self._greeted.is_set() and not greeted:
                # Odoo takes the stream again.
                self._not_before = 0.0
            greeted = self._greeted.is_set()
            since, changes = time.monotonic() - sent_at, self._changes()
            due = since >= HEARTBEAT_S or (since >= CHANGE_S and changes != sent)
            if due and greeted and time.monotonic() >= self._not_before:
                sent, sent_at = changes, time.monotonic()
                await self._send(self._machines())
            await asyncio.sleep(LOOK_S)

    async def _send(self, machines: Mapping[str, Any]) -> None:
        # Wall clock, so that it rises over restarts; never twice the same.
        self._version = max(self._version + 1, time.time_ns() // 1_000_000)
        message = {
            "stream": self._stream, "epoch": self._epoch(), "version": self._version,
            "at": to_rfc3339(self._clock.now_ms()), "machines": machines, "health": self._health(),
        }  # fmt: skip
        try:
            answer = await self._caller.call("live", json.dumps(message))
        except BridgeError as error:
            self._failed(error)
            return
        self.alarms.clear()
        self._refusals.worked()
        self.config_revision = answer.get("config_revision", self.config_revision)

    def _failed(self, error: BridgeError) -> None:
        code = "odoo_silent"
        if isinstance(error, Refused):
            code, pause_s = error.code, self._refusals.after(error.code)
        else:
            pause_s = error.pause_s if isinstance(error, Busy) else 0.0
        self._not_before = time.monotonic() + pause_s
        if code not in self.alarms:
            log.warning("Odoo, live: %s", error)
        self.alarms = {code: str(error)}
