"""From samples to the outbox, machine by machine.

A cycle's events and counter memories are committed in one transaction; only then do the machines
adopt their new state. When the outbox can't store (disk full), nothing is adopted: the counters go
on from their last stored reading, so that no total is lost, and the alarm says so.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .clock import Clock
from .events import Event, Sample, Value
from .outbox import Stores
from .outbox.heal import heal
from .record import Recorder
from .signals.clockwatch import WallWatch
from .signals.machine import Proposal
from .signals.machines import Machines
from .tags import Tag

log = logging.getLogger(__name__)

STALE_LOOK_S = 0.1
SHOWN = frozenset({"state", "mode", "count"})
NOTHING: Mapping[str, str | None] = {}
# Notes that are made only when something is stored (see drivers.base.Delivery).
Beside = Mapping[str, Callable[[], str]]
NO_NOTES: Beside = {}


@dataclass(slots=True, eq=False)
class _Feed:
    """One poll cycle or delivery that waits to be committed."""

    samples: Sequence[Sample]
    dropped: bool
    notes: Mapping[str, str | None]
    beside: Beside
    stored: asyncio.Future[bool]

    def tell(self, outcome: bool | Exception) -> None:
        """To whoever still waits."""
        if self.stored.cancelled():
            return
        if isinstance(outcome, Exception):
            self.stored.set_exception(outcome)
        else:
            self.stored.set_result(outcome)


class Pipeline:
    """All machines of the bridge. ``stored`` is called after each commit; live: not one for history only."""

    def __init__(
        self,
        stores: Stores,
        clock: Clock,
        stored: Callable[[], None],
        evidence_every_ms: int | None = None,
        live: bool = True,
    ) -> None:
        self._stores = stores
        self._clock = clock
        self._stored = stored
        self._wall = WallWatch(clock.speed) if live else None
        self._lock = asyncio.Lock()
        self._waiting: deque[_Feed] = deque()
        self._committer: asyncio.Task[None] | None = None
        self._machines = Machines(clock.boot_id, evidence_every_ms)
        # Takes down what comes in, when somebody wants to replay it.
        self.recorder: Recorder | None = None
        # What devices wait for: written back once the events it follows from are stored.
        self._writes: dict[str, Value] = {}
        self._tags: list[str] = []
        self.alarms: dict[str, str] = {}
        # Rises with everything that a screen shows.
        self.changes = 0
        self.progress = 0

    async def set_tags(self, tags: Sequence[Tag]) -> None:
        """Use these tags from now on; machines keep what they remember."""
        memories = await asyncio.to_thread(self._stores.memories)
        notes = await asyncio.to_thread(self._stores.notes)
        async with self._lock:
            self._machines.set_tags(tags, memories, notes)
            self._tags = [tag.tag for tag in tags]
            if self.recorder is not None:
                self.recorder.tags(tags, memories, notes)

    async def feed(
        self,
        samples: Sequence[Sample],
        dropped: bool = False,
        notes: Mapping[str, str | None] = NOTHING,
        beside: Beside = NO_NOTES,
    ) -> bool:
        """One poll cycle or delivery of one connection; False when it could not be stored (nothing is adopted)."""
        feed = _Feed(samples, dropped, notes, beside, asyncio.get_running_loop().create_future())
        self._waiting.append(feed)
        if self._committer is None or self._committer.done():
            # A task of its own: a connection that is stopped meanwhile takes no other's cycle with it.
            self._committer = asyncio.create_task(self._commit_waiting(), name="commit")
        return await asyncio.shield(feed.stored)

    def writes_for(self, tags: Iterable[str]) -> dict[str, Value]:
        """What is to be written to these tags now that it is stored, until :meth:`written`."""
        if not self._writes:
            return {}
        return {tag: self._writes[tag] for tag in tags if tag in self._writes}

    def written(self, tag: str) -> None:
        """The device has it, or will never take it."""
        self._writes.pop(tag, None)

    async def lost(self, tags: Iterable[str]) -> None:
        """A link is gone: send at once what evidence there is."""
        await self._check_loss(self._machines.codes_of(tags))

    async def lost_all(self) -> None:
        """The bridge stops: send what evidence there is of every machine."""
        await self._check_loss(self._machines.codes())

    @property
    def backlog(self) -> int:
        """Events that Odoo does not have yet."""
        return self._stores.main.last - self._stores.main.applied

    def notes(self) -> dict[str, str]:
        """What drivers and signals have stored, by key."""
        return self._stores.notes()

    async def watch_stale(self) -> None:
        """Declare machines stale when their limit has passed; runs until cancelled."""
        while True:
            self.progress += 1
            overdue = self._machines.overdue(self._clock.now_ms())
            if overdue:
                await self._check_loss(overdue)
            await self._watch_windows()
            await self._watch_wall()
            await asyncio.sleep(STALE_LOOK_S)

    async def tell_clock(self, step_s: float, source: str, tags: Iterable[str]) -> None:
        """A clock was set, or found to be off: a ``clock`` event of the first machine it stamps."""
        codes = self._machines.codes_of(tags)
        log.warning("clock of %s: off by another %+.1f s", source, step_s)
        if not codes:
            return
        event = Event("clock", codes[0], self._clock.now_ms(), {"step_s": step_s, "source": source})
        async with self._lock:
            try:
                await asyncio.to_thread(self._stores.append, [event], {}, {})
            except sqlite3.OperationalError as error:
                self._cannot_store(error)
                return
        self._stored()

    async def _watch_windows(self) -> None:
        """Tell windows of measurements that fell silent."""
        if not self._machines.due(self._clock.now_ms()):
            return
        async with self._lock:
            now = self._clock.now_ms()
            codes = self._machines.due(now)
            if codes:
                stored = await self._commit(self._machines.propose_due(codes, now))
                if self.recorder is not None:
                    self.recorder.due(codes, now, stored)

    async def _watch_wall(self) -> None:
        step_s = None if self._wall is None else self._wall.look(self._clock.now_ms(), self._clock.mono_ms())
        if step_s is not None:
            await self.tell_clock(step_s, "bridge", self._tags)

    async def heal(self, points: Mapping[str, Mapping[str, Any]], fresh: bool) -> None:
        """Compare counter memories with Odoo's last points (see :mod:`.outbox.heal`).

        Not those of history: its files are read again from their beginning, to the same totals.
        """
        if self._wall is None:
            return
        async with self._lock:
            specs = self._machines.specs()
            changed = await asyncio.to_thread(heal, self._stores.main, specs, points, self._clock.now_ms(), fresh)
            self._machines.remember(changed)
            if self.recorder is not None and changed:
                self.recorder.healed(changed)
        if changed:
            some = ", ".join(sorted(changed)[:5])
            log.warning("%d counters continued from Odoo's last points: %s …", len(changed), some)

    def live(self) -> dict[str, Any]:
        """The schema's live machines by equipment code."""
        return self._machines.live(self._clock.now_ms())

    async def _check_loss(self, codes: Sequence[str]) -> None:
        async with self._lock:
            now = self._clock.now_ms()
            stored = await self._commit(self._machines.propose_loss(codes, now))
            if self.recorder is not None:
                self.recorder.lost(codes, now, stored)

    async def _commit_waiting(self) -> None:
        """Commit what waits: what came while the disk was busy goes in one transaction, as far as machines differ."""
        while self._waiting:
            async with self._lock:
                group: list[_Feed] = []
                steps: dict[str, Proposal] = {}
                notes: dict[str, str | None] = {}
                while self._waiting and not steps.keys() & self._machines.whose(self._waiting[0].samples):
                    feed = self._waiting.popleft()
                    try:
                        steps.update(self._machines.propose(feed.samples, feed.dropped))
                    except Exception as error:
                        # Policy: a defect is told to the connection it came from, and is nobody else's.
                        feed.tell(error)
                        continue
                    notes.update(feed.notes)
                    group.append(feed)
                await self._commit_group(group, steps, notes)

    async def _commit_group(
        self, group: Sequence[_Feed], steps: Mapping[str, Proposal], notes: Mapping[str, str | None]
    ) -> None:
        try:
            stored = await self._commit(steps, notes, [feed.beside for feed in group if feed.beside])
        except Exception as error:
            # Policy: whoever waits for this transaction hears of it; their connections start anew.
            for feed in group:
                feed.tell(error)
            return
        for feed in group:
            if self.recorder is not None:
                self.recorder.feed(feed.samples, feed.dropped, stored)
            feed.tell(stored)

    async def _commit(
        self,
        steps: Mapping[str, Proposal],
        notes: Mapping[str, str | None] = NOTHING,
        beside: Sequence[Beside] = (),
    ) -> bool:
        events = [event for step in steps.values() for event in step.events]
        notes = _all_notes(steps, notes)
        if events or notes:
            if beside:
                notes = {**notes, **{key: make() for makers in beside for key, make in makers.items()}}
            memories = {key: memory for step in steps.values() for key, memory in step.memories.items()}
            try:
                await asyncio.to_thread(self._stores.append, events, memories, notes)
            except sqlite3.OperationalError as error:
                self._cannot_store(error)
                return False
            self.alarms.pop("outbox", None)
            self._stored()
        self.changes += any(event.kind in SHOWN for event in events) + self._machines.adopt(steps)
        for step in steps.values():
            self._writes.update(step.writes)
            for finding in step.findings:
                log.warning("%s", finding)
        return True

    def _cannot_store(self, error: sqlite3.OperationalError) -> None:
        sentence = f"the outbox can't store: {error}; free disk space in data_dir, counters go on from the last stored"
        if self.alarms.get("outbox") != sentence:
            log.error("%s", sentence)
        self.alarms["outbox"] = sentence


def _all_notes(steps: Mapping[str, Proposal], notes: Mapping[str, str | None]) -> Mapping[str, str | None]:
    noted = [step.notes for step in steps.values() if step.notes]
    if not noted:
        return notes
    whole = dict(notes)
    for own in noted:
        whole.update(own)
    return whole
