"""The durable lane: batches from the outbox to ``mes.gateway.ingest``, exactly once.

The loop:

1. Say hello: compare epoch and sequence numbers, heal counters.
2. Read what follows ``applied``, send it, go on at the answer's ``applied``, whatever it is.
3. On Transient: pause (0.2 s doubling to the limit), then hello again.
4. On Rejected: halve the batch; a single event that is refused goes to quarantine.
5. On Refused: alarm, pause longer, then hello again. Nothing is lost meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import __version__
from ..config.model import OutboxConfig
from ..errors import Refused, Rejected, Transient
from ..outbox import Batch, Outbox
from .caller import Caller

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
REFUSED_PAUSE_S = 5.0
PRUNE_EVERY_S = 60.0
# Verdicts of one batch that are logged; all are stored.
LOGGED = 5
# Events of one poll cycle of several machines go together.
LINGER_S = 0.1


@dataclass(slots=True)
class UplinkStatus:
    """What the live lane and ``status`` show."""

    connected: bool = False
    error: str = ""
    alarms: dict[str, str] = field(default_factory=dict)
    config_revision: int | None = None
    rejected: int = 0


class DurableLane:
    """Runs until cancelled."""

    def __init__(
        self,
        outbox: Outbox,
        caller: Caller,
        stream: str,
        batch_max: int,
        retry_max_s: float,
        heal: Callable[[Mapping[str, Any], bool], Awaitable[None]],
        keep: OutboxConfig = OutboxConfig(),  # noqa: B008 (frozen)
    ) -> None:
        self._outbox = outbox
        self._caller = caller
        self._stream = stream
        self._batch_max = batch_max
        self._limit = batch_max
        self._retry_max_s = retry_max_s
        self._heal = heal
        self._keep = keep
        self._wake = asyncio.Event()
        self._pruned = 0.0
        self.status = UplinkStatus()
        self.greeted = asyncio.Event()
        self.progress = 0

    def notify(self) -> None:
        """Something was appended."""
        self._wake.set()

    async def run(self) -> None:
        """See the module's docstring."""
        pause = FIRST_PAUSE_S
        while True:
            self.progress += 1
            try:
                await self._hello()
                pause = FIRST_PAUSE_S
                await self._drain()
            except Refused as error:
                self._alarm(error.code, str(error))
                await asyncio.sleep(REFUSED_PAUSE_S)
            except Transient as error:
                self._down(str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, self._retry_max_s)

    async def drained(self) -> None:
        """Return when nothing is pending."""
        while self._outbox.applied < self._outbox.last:
            await asyncio.sleep(0.02)

    async def _drain(self) -> None:
        while True:
            self.progress += 1
            await self._prune()
            batch = await asyncio.to_thread(self._outbox.read, self._limit)
            if batch is None:
                await self._wait()
                continue
            try:
                answer = await self._caller.call("ingest", batch.to_json(self._stream))
            except Rejected as error:
                await self._halve(batch, str(error))
                continue
            await self._apply(batch, answer)

    async def _apply(self, batch: Batch, answer: Mapping[str, Any]) -> None:
        applied, verdicts = int(answer["applied"]), answer.get("verdicts", [])
        for verdict in verdicts[:LOGGED]:
            log.warning("event %s: %s: %s", verdict["seq"], verdict["code"], verdict["message"])
        if len(verdicts) > LOGGED:
            log.warning("… and %d more, see the table verdict of the outbox", len(verdicts) - LOGGED)
        self.status.rejected += len(verdicts)
        self.status.config_revision = answer.get("config_revision", self.status.config_revision)
        if applied > batch.last:
            raise Transient(f"Odoo has {applied}, sent was {batch.last}: comparing both sides")
        await self._acknowledge(applied, verdicts)
        if applied < batch.last:
            raise Transient(f"Odoo applied up to {applied} of {batch.first}..{batch.last}: going on from there")
        self._limit = min(self._batch_max, self._limit * 2)

    async def _acknowledge(self, applied: int, verdicts: Sequence[Mapping[str, Any]]) -> None:
        if applied < self._outbox.applied:
            self._alarm("odoo_restored", f"Odoo is back at {applied} of {self._outbox.applied}: sending again")
        await asyncio.to_thread(self._outbox.acknowledge, applied, verdicts)

    async def _halve(self, batch: Batch, reason: str) -> None:
        if len(batch.events) > 1:
            self._limit = max(1, len(batch.events) // 2)
            return
        for seq, _ in batch.events:
            self._alarm("quarantined", f"event {seq}: {reason}")
            await asyncio.to_thread(self._outbox.quarantine, seq, reason)
        if not batch.events:
            raise Transient(f"Odoo refuses a batch without events: {reason}")

    async def _wait(self) -> None:
        self._wake.clear()
        if self._outbox.last > self._outbox.applied:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), 1.0)
            await asyncio.sleep(LINGER_S)
        except asyncio.TimeoutError:
            return

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned < PRUNE_EVERY_S:
            return
        self._pruned = time.monotonic()
        while await asyncio.to_thread(self._outbox.prune, self._keep.keep_days, self._keep.keep_max):
            await asyncio.sleep(0)

    # -- hello

    async def _hello(self) -> None:
        outbox = self._outbox
        fresh = not outbox.accepted
        answer = await self._greet()
        if answer["epoch"] != outbox.epoch:
            if not fresh and answer["epoch"] not in outbox.past_epochs():
                raise Refused(
                    "epoch_conflict",
                    f"stream {self._stream} is in use by another bridge (epoch {answer['epoch']}): stop the copy, "
                    "or give this bridge a stream of its own",
                )
            answer = await self._take_over(answer["epoch"])
        elif int(answer["applied"]) > outbox.sent:
            self._alarm("outbox_restored", f"Odoo has {answer['applied']}, this outbox sent {outbox.sent}: new epoch")
            answer = await self._take_over(await asyncio.to_thread(outbox.new_epoch))
            # Nothing of the new epoch was ever sent: what is pending may be moved onto Odoo's totals.
            fresh = True
        await asyncio.to_thread(outbox.accept_epoch)
        await self._acknowledge(int(answer["applied"]), [])
        await self._heal(answer.get("counters", {}), fresh)
        self.status.config_revision = answer.get("config_revision", self.status.config_revision)
        self._up()

    async def _take_over(self, active: str) -> Mapping[str, Any]:
        answer = await self._greet(supersedes=active)
        if answer["epoch"] != self._outbox.epoch:
            raise Refused("epoch_conflict", f"Odoo keeps epoch {answer['epoch']} of stream {self._stream}")
        return answer

    async def _greet(self, **more: str) -> Mapping[str, Any]:
        stats = await asyncio.to_thread(self._outbox.stats)
        hello = {
            "v": 1, "stream": self._stream, "epoch": stats.epoch, "first": stats.first, "last": stats.last,
            "bridge": __version__, **more,
        }  # fmt: skip
        return await self._caller.call("hello", json.dumps(hello))

    # -- status

    def _up(self) -> None:
        if not self.status.connected:
            log.info("Odoo: connected, applied %s", self._outbox.applied)
        self.status.connected, self.status.error = True, ""
        for code in ("epoch_conflict", "access_denied", "stream_unknown", "stream_foreign", "gateway_unknown"):
            self.status.alarms.pop(code, None)
        self.greeted.set()

    def _down(self, error: str) -> None:
        if self.status.error != error:
            log.warning("Odoo: %s", error)
        self.status.connected, self.status.error = False, error

    def _alarm(self, code: str, sentence: str) -> None:
        if self.status.alarms.get(code) != sentence:
            log.error("%s: %s", code, sentence)
        self.status.connected = False if code in ("epoch_conflict", "access_denied") else self.status.connected
        self.status.alarms[code] = sentence
