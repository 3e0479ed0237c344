"""The durable lane: batches from the outbox to ``mes.gateway.ingest``, exactly once.

The loop:

1. Say hello: compare epoch and sequence numbers, heal counters.
2. Read what follows ``applied``, send it, go on at the answer's ``applied``, whatever it is.
3. On Transient: pause (0.2 s doubling to the limit, by chance less), then hello again. On Busy: as long as asked for.
4. On Rejected: halve the batch; a single event that is refused goes to quarantine.
5. On Refused: alarm, pause longer (see ``pacing.Refusals``), then hello again. Nothing is lost meanwhile.

A lane with another one ``ahead`` of it lets that one catch up first.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from .. import __version__
from ..config.model import OutboxConfig
from ..errors import Busy, Refused, Rejected, TooLarge, Transient
from ..outbox import Batch, Outbox
from .caller import Caller
from .conservation import Conservation
from .pacing import Pace, Pauses, Refusals
from .status import UplinkStatus

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.2
PRUNE_EVERY_S = 60.0
# Verdicts of one batch that are logged; all are stored.
LOGGED = 5
# What is stored within so long goes together: each call costs Odoo some milliseconds for its key alone. What is
# looked at in trends may wait longer than what is looked at on a screen.
LINGER_S = 0.15
LINGER_BEHIND_S = 1.0
IDLE_S = 1.0
# A lane with more waiting than this is catching up; others let it pass for so long at a time.
CATCHING_UP = 500
GIVE_WAY_S = 5.0
GIVE_WAY_LOOK_S = 0.02


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
        ahead: DurableLane | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._caller = caller
        self._stream = stream
        self._heal = heal
        self._keep = keep
        self._ahead = ahead
        self._pace = Pace(batch_max)
        self._pauses = Pauses(FIRST_PAUSE_S, retry_max_s, chance)
        self._refusals = Refusals(chance)
        self._conservation = Conservation()
        self._wake = asyncio.Event()
        self._pruned = 0.0
        self._epoch = ""
        self.status = UplinkStatus()
        self.greeted = asyncio.Event()
        self.progress = 0

    def notify(self) -> None:
        """Something was appended."""
        self._wake.set()

    @property
    def catching_up(self) -> bool:
        """Whether much waits that Odoo would take."""
        return self._outbox.last - self._outbox.applied > CATCHING_UP and not self.status.refused

    async def run(self) -> None:
        """See the module's docstring."""
        while True:
            self.progress += 1
            try:
                await self._hello()
                await self._drain()
            except Refused as error:
                # The live lane leaves Odoo alone too.
                self.greeted.clear()
                self.status.refuse(error.code, str(error).removeprefix(f"{error.code}: "))
                await self._pause(self._refusals.after(error.code))
            except Busy as error:
                self.status.down(str(error))
                await self._pause(self._pauses.after(error.pause_s))
            except Transient as error:
                self.status.down(str(error))
                await self._pause(self._pauses.next())
            except sqlite3.OperationalError as error:
                # A disk that is full or broken; whoever stores raises the alarm.
                self.status.down(f"the outbox can't be used: {error}")
                await self._pause(self._pauses.next())

    async def drained(self) -> None:
        """Return when nothing is pending."""
        while self._outbox.applied < self._outbox.last:
            await asyncio.sleep(0.02)

    async def _pause(self, seconds: float) -> None:
        """Wait, while retention goes on: the disk fills just when Odoo is away."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.progress += 1
            await self._keep_house()
            await asyncio.sleep(min(left, IDLE_S))

    # -- batches

    async def _drain(self) -> None:
        while self._outbox.epoch == self._epoch:
            self.progress += 1
            await self._keep_house()
            await self._give_way()
            batch, text = await asyncio.to_thread(self._next)
            if batch is None:
                await self._wait()
                continue
            if batch.epoch != self._epoch:
                # A damaged file was replaced while it was read.
                return
            began = time.monotonic()
            try:
                answer = await self._caller.call("ingest", text)
            except Rejected as error:
                await self._halve(batch, error)
                continue
            except Transient:
                self._pace.failed(time.monotonic() - began)
                raise
            self._pace.took(time.monotonic() - began, len(batch.events))
            await self._apply(batch, answer)

    def _next(self) -> tuple[Batch | None, str]:
        """The next batch and its JSON. Runs in a thread: reading and writing out thousands of events takes a while."""
        # What Odoo has must not be lost here by a power cut.
        self._outbox.sync()
        batch = self._outbox.read(self._pace.limit)
        if batch is None:
            return None, ""
        for finding in batch.findings:
            self.status.alarm("queue_altered", finding)
        for finding in self._conservation.check(batch):
            self.status.alarm("count_mismatch", finding)
        return batch, batch.to_json(self._stream)

    async def _apply(self, batch: Batch, answer: Mapping[str, Any]) -> None:
        applied = int(answer["applied"])
        # An event that waits in Odoo for its room is no trouble, and there may be thousands of them.
        verdicts = [verdict for verdict in answer.get("verdicts", []) if verdict["code"] != "pending_kind"]
        self._tell(verdicts)
        self.status.config_revision = answer.get("config_revision", self.status.config_revision)
        if applied > batch.last:
            raise Transient(f"Odoo has {applied}, sent was {batch.last}: comparing both sides")
        await self._acknowledge(applied, verdicts)
        if applied < batch.last:
            raise Transient(f"Odoo applied up to {applied} of {batch.first}..{batch.last}: going on from there")
        self._pauses.reset()

    def _tell(self, verdicts: Sequence[Mapping[str, Any]]) -> None:
        for verdict in verdicts[:LOGGED]:
            log.warning("event %s: %s: %s", verdict["seq"], verdict["code"], verdict["message"])
        if len(verdicts) > LOGGED:
            log.warning("… and %d more, see the table verdict of the outbox", len(verdicts) - LOGGED)
        self.status.rejected += len(verdicts)
        for verdict in verdicts:
            if verdict["code"] == "checksum":
                self.status.alarm("count_mismatch", f"Odoo: {verdict['message']}")

    async def _acknowledge(self, applied: int, verdicts: Sequence[Mapping[str, Any]]) -> None:
        if applied < self._outbox.applied:
            self.status.alarm("odoo_restored", f"Odoo is back at {applied} of {self._outbox.applied}: sending again")
            self._conservation.restart()
        if applied != self._outbox.applied or verdicts:
            await asyncio.to_thread(self._outbox.acknowledge, applied, verdicts)

    async def _halve(self, batch: Batch, error: Rejected) -> None:
        events, reason = len(batch.events), str(error)
        if events > 1:
            shrink = self._pace.too_large if isinstance(error, TooLarge) else self._pace.refused
            shrink(events)
            return
        for seq, _ in batch.events:
            self.status.alarm("quarantined", f"event {seq}: {reason}")
            await asyncio.to_thread(self._outbox.quarantine, seq, reason)
        if not batch.events:
            raise Transient(f"Odoo refuses a batch without events: {reason}")

    async def _wait(self) -> None:
        self._pauses.reset()
        self._wake.clear()
        if self._outbox.last > self._outbox.applied:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), IDLE_S)
            await asyncio.sleep(LINGER_S if self._ahead is None else LINGER_BEHIND_S)
        except asyncio.TimeoutError:
            return

    async def _give_way(self) -> None:
        """Let the lane ahead catch up; now and then one batch goes all the same."""
        until = time.monotonic() + GIVE_WAY_S
        while self._ahead is not None and self._ahead.catching_up and time.monotonic() < until:
            self.progress += 1
            await asyncio.sleep(GIVE_WAY_LOOK_S)

    async def _keep_house(self) -> None:
        if self._outbox.lost:
            self.status.alarm(
                "measurements_lost",
                f"{self._outbox.lost} measurements could not be stored since the start: {self._outbox.lost_why}",
            )
        try:
            if self._outbox.sync_due:
                await asyncio.to_thread(self._outbox.sync)
            if time.monotonic() - self._pruned >= PRUNE_EVERY_S:
                await self._prune()
        except sqlite3.OperationalError as error:
            self.status.alarm("outbox", f"the outbox of stream {self._stream} can't be kept in order: {error}")

    async def _prune(self) -> None:
        self._pruned = time.monotonic()
        self.status.forget()
        keep = self._keep
        while await asyncio.to_thread(self._outbox.prune, keep.keep_days, keep.keep_max, keep.max_age_days):
            await asyncio.sleep(0)

    # -- hello

    async def _hello(self) -> None:
        outbox = self._outbox
        fresh = not outbox.accepted
        if outbox.healed:
            self.status.alarm("outbox_damaged", outbox.healed)
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
            self.status.alarm(
                "outbox_restored", f"Odoo has {answer['applied']}, this outbox sent {outbox.sent}: new epoch"
            )
            answer = await self._take_over(await asyncio.to_thread(outbox.new_epoch))
            # Nothing of the new epoch was ever sent: what is pending may be moved onto Odoo's totals.
            fresh = True
        await asyncio.to_thread(outbox.accept_epoch)
        await self._acknowledge(int(answer["applied"]), [])
        await self._heal(answer.get("counters", {}), fresh)
        self._conservation.restart()
        self.status.config_revision = answer.get("config_revision", self.status.config_revision)
        self._epoch = outbox.epoch
        self._refusals.worked()
        self.status.up(self._stream, outbox.applied)
        self.greeted.set()

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
