"""Keeps every tag live within one session: reads first, subscribes, then looks after it all for ever.

Nothing is taken on trust. The server is probed each second; watched tags are read again before their evidence
ends, states and counters every few seconds; items are audited; what is missing is tried again; what the
subscription should have said and did not is read, and its item made anew.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from ...clock import Clock
from ...errors import LinkLost
from ...tags.model import Tag
from . import plan
from .inbox import Inbox
from .session import Session
from .settings import Address, OpcUaConfig
from .subscription import Subscription, Told
from .values import NOWHERE, is_missing, node_id, reading

log = logging.getLogger(__name__)

# An item that the server refuses is asked for again so often, real seconds; a missing node at each audit.
REFUSED_S = 30.0
# Everything else than states and counters is read again so often: items that died in silence.
REREAD_S = 30.0
# A subscription that says nothing for so many keep-alives, and so long, is dead.
SILENT_COUNT = 3
SILENT_S = 3.0
# A full read that is owed comes at most so often.
OWED_S = 0.5
LATE_S = 0.5
SKEW_SHOWN_MS = 2000
SERVER_STATES = {
    1: "has failed", 2: "has no configuration", 3: "is suspended", 4: "shuts down", 5: "is in test mode",
    6: "has lost its devices", 7: "does not know its state",
}  # fmt: skip


class Watch:
    """One life of a session. ``say``: a sentence for people; ``nodes``: tag -> node at this server."""

    def __init__(
        self,
        config: OpcUaConfig,
        tags: Sequence[Tag],
        addresses: Mapping[str, Address],
        session: Session,
        inbox: Inbox,
        clock: Clock,
        say: Callable[[str, str], None],
    ) -> None:
        self.nodes: dict[str, Any] = {}
        self.urgent = asyncio.Event()
        self.repaired = 0
        self._config = config
        self._tags = {tag.tag: tag for tag in tags}
        self._addresses = addresses
        self._session = session
        self._inbox = inbox
        self._clock = clock
        self._say = say
        classes = plan.classes(tags, config, clock.speed)
        self._subscriptions = [Subscription(session, one, config.deadband_percent, self._told) for one in classes]
        self._home = {tag.tag: sub for sub in self._subscriptions for tag in sub.plan.tags}
        self._evidence = [tag.tag for tag in plan.watched(tags)]
        self._reconciled = [tag.tag for tag in plan.reconciled(tags)]
        self._missing: set[str] = set()
        self._refused: set[str] = set()
        self._vanished: set[str] = set()
        self._gaps = 0
        self._skewed = False
        self._owed_at = 0.0
        publishing = max((one.publishing_ms for one in classes), default=0)
        self._patience_s = 2 * publishing / 1000 + LATE_S
        self._dead_s = (plan.KEEP_ALIVE_COUNT + SILENT_COUNT) * publishing / 1000 + SILENT_S

    # -- start

    async def start(self) -> None:
        """Read every tag once, then subscribe; raise LinkLost."""
        self._resolve(self._tags)
        await self._read(self._tags, believed=True)
        self._tell_missing(self._missing)
        for subscription in self._subscriptions:
            self._settle(subscription, await subscription.create(self._present(subscription)))

    def _resolve(self, names: Iterable[str]) -> None:
        for name in names:
            node = node_id(self._addresses[name], self._session.namespaces)
            if node is None:
                self.nodes.pop(name, None)
                self._lack(name, f"the server has no namespace {self._addresses[name].uri}")
            else:
                self.nodes[name] = node

    def _present(self, subscription: Subscription) -> dict[str, Any]:
        """Nodes of the subscription's tags that exist."""
        names = (tag.tag for tag in subscription.plan.tags)
        return {name: self.nodes[name] for name in names if name in self.nodes and name not in self._missing}

    def _settle(self, subscription: Subscription, failed: Mapping[str, str]) -> None:
        """Take note of what became of items."""
        for name, why in failed.items():
            self._inbox.live.discard(name)
            if is_missing(why):
                self._lack(name, f"node {self._tags[name].address} does not exist ({why})")
            else:
                self._refused.add(name)
                self._say(name, f"the server does not watch it ({why}): it is read every few seconds instead")
        for name in subscription.items:
            self._inbox.live.add(name)
            for trouble in (self._missing, self._refused):
                if name in trouble:
                    trouble.discard(name)
                    self._say(name, "")

    def _lack(self, name: str, why: str) -> None:
        self._missing.add(name)
        self._inbox.live.discard(name)
        self._say(name, f"{why}: correct the address in Odoo, or wait until the server has it; it is looked for again")

    # -- for ever

    async def run(self) -> None:
        """Look after everything until LinkLost."""
        config, speed, loop = self._config, self._clock.speed, asyncio.get_running_loop()
        watched = [self._tags[name] for name in self._evidence]
        duties: list[tuple[float, Callable[[], Awaitable[None]]]] = [
            (config.probe_s, self._probe),
            (plan.evidence_s(watched, config, speed), lambda: self._read(self._evidence)),
            (max(0.1, config.reconcile_s / speed), self._reconcile),
            (REREAD_S, lambda: self._read(self._tags)),
            (config.audit_s, self._audit),
            (config.audit_s, lambda: self._retry(self._missing)),
            (REFUSED_S, lambda: self._retry(self._refused)),
        ]
        due = [loop.time() + period for period, _ in duties]
        while True:
            await self._do_urgent(loop.time())
            now = loop.time()
            for index, (period, duty) in enumerate(duties):
                if due[index] <= now:
                    await duty()
                    # What is late is left out, it never piles up.
                    due[index] = max(due[index] + period, loop.time() + period / 2)
            await self._rest(min(due) - loop.time())

    async def _rest(self, seconds: float) -> None:
        # Reads that wait to be believed are looked at in between.
        try:
            await asyncio.wait_for(self.urgent.wait(), max(0.0, min(seconds, LATE_S)))
        except asyncio.TimeoutError:
            return
        self.urgent.clear()

    async def _do_urgent(self, now: float) -> None:
        inbox = self._inbox
        gaps = sum(subscription.gaps for subscription in self._subscriptions)
        inbox.owes_read, self._gaps = inbox.owes_read or gaps != self._gaps, gaps
        suspects = inbox.heal(now)
        if inbox.verify:
            await self._read(list(inbox.verify), believed=True)
        if inbox.owes_read and now >= self._owed_at:
            inbox.owes_read, self._owed_at = False, now + OWED_S
            await self._read(self._tags)
        if self._vanished:
            await self._give_up(self._vanished)
        if suspects:
            await self._renew([name for name in suspects if name in inbox.live])
        if any(subscription.lost for subscription in self._subscriptions):
            await self._audit()

    async def _probe(self) -> None:
        state, moment = await self._session.probe()
        self._say("", f"the server {SERVER_STATES.get(state, f'is in state {state}')}" if state else "")
        if moment is not None:
            skew = self._inbox.stamper.skew
            skew.observe(moment, self._clock.now_ms())
            self._tell_skew(skew.offset_ms or 0)

    def _tell_skew(self, offset_ms: int) -> None:
        wrong = abs(offset_ms) > SKEW_SHOWN_MS and self._clock.speed == 1
        if wrong == self._skewed:
            return
        self._skewed = wrong
        ahead = f"{abs(offset_ms) / 1000:.0f} s {'ahead of' if offset_ms > 0 else 'behind'} the bridge's"
        self._say("clock", f"the server's clock is {ahead}: let both follow one time server" if wrong else "")

    async def _reconcile(self) -> None:
        await self._read([*self._reconciled, *(self._refused - set(self._reconciled))])

    async def _read(self, names: Iterable[str], *, believed: bool = False) -> None:
        """Read these tags; ``believed``: at once, without waiting for notifications."""
        some = [name for name in names if name in self.nodes and name not in self._missing]
        step = self._session.nodes_per_read
        for start in range(0, len(some), step):
            part = some[start : start + step]
            left, mono = self._clock.now_ms(), self._clock.mono_ms()
            answer = await self._session.read_once([self.nodes[name] for name in part])
            told = [(name, reading(data)) for name, data in zip(part, answer)]
            self._look_at(told)
            until = None if believed else asyncio.get_running_loop().time() + self._patience_s
            self._inbox.answered(told, left, mono, until)

    def _tell_missing(self, names: Iterable[str]) -> None:
        told = [(name, NOWHERE) for name in names]
        self._inbox.answered(told, self._clock.now_ms(), self._clock.mono_ms())

    def _told(self, told: Told) -> None:
        self._look_at(told)
        if told:
            self._inbox.notified(told)
        if any(subscription.lost for subscription in self._subscriptions):
            self.urgent.set()

    def _look_at(self, told: Told) -> None:
        for name, one in told:
            if one.value is None:
                if is_missing(one.why):
                    self._vanished.add(name)
                    self.urgent.set()
                elif not one.why.startswith("Bad"):
                    self._say(name, f"node {self._tags[name].address} can't be used: {one.why}")

    # -- repairs

    async def _audit(self) -> None:
        now = asyncio.get_running_loop().time()
        for subscription in self._subscriptions:
            if not subscription.lost and now - subscription.last_word_s > self._dead_s:
                raise LinkLost(f"{self._config.endpoint} publishes nothing any more")
            gone = await subscription.audit()
            if not gone:
                continue
            self.repaired += len(gone)
            log.warning("%s: %d monitored items were lost, made anew", self._config.name, len(gone))
            self._inbox.live -= {tag.tag for tag in gone}
            nodes = self._present(subscription)
            if subscription.lost:
                self._settle(subscription, await subscription.create(nodes))
            else:
                lacking = [tag for tag in gone if tag.tag in nodes]
                self._settle(subscription, await subscription.add(lacking, nodes))

    async def _renew(self, names: Sequence[str]) -> None:
        """Items that should have notified and did not."""
        for subscription in self._subscriptions:
            own = [name for name in names if self._home[name] is subscription and name in subscription.items]
            if own and not subscription.lost:
                log.warning("%s: %d items notify nothing, made anew", self._config.name, len(own))
                self.repaired += len(own)
                await subscription.remove(own)
                tags = [self._tags[name] for name in own]
                self._settle(subscription, await subscription.add(tags, self.nodes))

    async def _give_up(self, names: Iterable[str]) -> None:
        """Nodes that were there and are no more."""
        gone, self._vanished = set(names), set()
        for name in gone - self._missing:
            self._lack(name, f"node {self._tags[name].address} does not exist")
        for subscription in self._subscriptions:
            await subscription.remove([name for name in gone if name in subscription.items])

    async def _retry(self, names: Iterable[str]) -> None:
        """Look for nodes and items that were not to be had."""
        wanted = sorted(names)
        if not wanted:
            return
        before = {name: node for name, node in self.nodes.items() if name not in self._missing}
        if await self._session.refresh_namespaces():
            self._resolve(before)
            if any(self.nodes.get(name) != node for name, node in before.items()):
                raise LinkLost(f"{self._config.endpoint} has moved its namespaces")
        self._tell_missing([name for name in wanted if name in self._missing])
        self._resolve(wanted)
        for subscription in self._subscriptions:
            some = [self._tags[name] for name in wanted if self._home[name] is subscription and name in self.nodes]
            if some and not subscription.lost:
                self._settle(subscription, await subscription.add(some, self.nodes))
