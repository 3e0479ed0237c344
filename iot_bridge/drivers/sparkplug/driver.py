"""Sparkplug B as a source of samples: the host application.

- The bridge says with retained STATE messages whether it can store: edge nodes that watch it keep their data
  themselves while it can't.
- NDATA and DDATA come at most once. What is missed is noticed by the sequence, and a birth is asked for.
- A metric that does not change is not sent. Each message of a device of which none was missed proves that all its
  values hold: those by which its machine is watched are told again with the message's time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import replace

from ...clock import Clock
from ...errors import LinkLost, Rejected
from ...events import Sample, Value
from ...tags.model import Tag
from ..base import Delivery, Found, Surroundings
from ..mqtt.client import Will
from ..mqtt.inbox import Arrival, Inbox
from ..mqtt.link import Link, Message
from ..mqtt.payload import Findings
from ..mqtt.stamps import Stamp, Stamper
from ..mqtt.tls import soon_expired
from ..mqtt.watched import watched_tags
from . import datatypes
from .browse import found_metrics
from .host import Event, Gone, Host, Reading, Told
from .payload import Metric, Payload, encode
from .settings import SparkplugConfig
from .topics import NAMESPACE, REBIRTH, Address, Source, parse_address, state_topic

log = logging.getLogger(__name__)

TICK_S = 0.1
LEAVE_S = 0.5
BROWSE_S = 5.0
# A delivery refused so often in a row: the bridge can't store.
REFUSED_LIMIT = 2


class SparkplugHost:
    """See :class:`..base.Subscriber`, Writable, Rebirthable and Browsable."""

    def __init__(self, config: SparkplugConfig, tags: Sequence[Tag], clock: Clock, around: Surroundings) -> None:
        self._config = config
        self._clock = clock
        self._findings = Findings(around.found)
        self._stamper = Stamper(config.clock, clock)
        self._tags: dict[Address, list[Tag]] = {}
        self._of_source: dict[Source, list[Tag]] = {}
        wanted: dict[Source, set[str]] = {}
        for tag in tags:
            address = parse_address(tag.address or "")
            self._tags.setdefault(address, []).append(tag)
            self._of_source.setdefault(address.source, []).append(tag)
            wanted.setdefault(address.source, set()).add(address.metric)
        self._again = _told_again(tags)
        self._latest: dict[str, Sample] = {}
        self._told: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._inbox = Inbox(around.visiting)
        self._visiting = around.visiting
        self._host = Host(
            {source: frozenset(names) for source, names in wanted.items()}, f"sparkplug/{config.name}",
            around.notes(), self._ask_birth, self._findings,
        )  # fmt: skip
        self._groups = sorted({*config.groups, *(source.group for source in wanted)})
        self._client = config.client_id or f"{config.host_id}-{config.name}"
        if around.visiting:
            self._client = f"iot-bridge-visit-{secrets.token_hex(6)}"
        self._link: Link | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._online = False
        self._since = 0

    # -- Subscriber

    async def open(self) -> None:
        await self.close()
        self._since = self._clock.now_ms()
        will = None if self._visiting else Will(state_topic(self._config.host_id), self._state(False, self._since))
        link = self._link = Link(self._config, self._client, self._take, clean=True, will=will)
        await link.open()
        if sentence := soon_expired(self._config):
            self._findings.found(self._config.name, sentence)
        self._latest.clear()
        await link.subscribe([(state_topic(self._config.host_id), 1)])
        await link.subscribe([(f"{NAMESPACE}/{group}/#", 1) for group in self._groups])
        self._show_state(True)
        self._host.connected(_now_s())
        self._ticker = asyncio.create_task(self._tick(link))

    async def receive(self) -> Delivery:
        delivery = await self._inbox.deliver(self._link)
        if self._inbox.refused >= REFUSED_LIMIT and self._online:
            self._show_state(False)
        return delivery

    async def stored(self, delivery: Delivery) -> None:
        self._inbox.stored()
        if not self._online and self._link is not None:
            self._since = self._clock.now_ms()
            self._show_state(True)
            for source in {source.edge for source in self._of_source}:
                self._host.want_birth(source, _now_s())

    async def close(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        link, self._link = self._link, None
        self._online = False
        if link is not None:
            try:
                await self._take_leave(link)
            finally:
                link.abort()  # cancelled meanwhile: then the broker says it
        self._inbox.clear()

    # -- Writable, Rebirthable

    async def write(self, tag: Tag, value: Value) -> None:
        link = self._live_link()
        address = parse_address(tag.address or "")
        now = self._clock.now_ms()
        if address.metric == REBIRTH:
            self._ask_birth(address.source.edge)
            return
        definition = self._host.definition(address.source, address.metric)
        if definition is None:
            raise Rejected(f"{address}: its type is not known before a birth names it: ask for a rebirth")
        try:
            metric = datatypes.put(Metric(definition.name, timestamp=now), value, definition.datatype)
        except datatypes.Unusable as error:
            raise Rejected(f"{address}: {error}") from None
        self._written[tag.tag] = self._told.get(tag.tag, 0)
        link.post(address.source.topic("CMD"), encode(Payload(now, [metric])))

    async def read_tags(self, tags: Sequence[Tag]) -> list[Sample]:
        """The last values; of a tag that was just written, the one that comes after."""
        ends = _now_s() + self._config.timeout_s
        while (left := ends - _now_s()) > 0 and not all(self._is_current(tag.tag) for tag in tags):
            self._live_link()
            await asyncio.sleep(min(0.02, left))
        current = [self._latest[tag.tag] for tag in tags if self._is_current(tag.tag)]
        for tag in tags:
            self._written.pop(tag.tag, None)
        return current

    async def rebirth(self, tag: Tag) -> None:
        self._live_link()
        self._ask_birth(parse_address(tag.address or "").source.edge)

    def _is_current(self, name: str) -> bool:
        return name in self._latest and (name not in self._written or self._told.get(name, 0) > self._written[name])

    def _live_link(self) -> Link:
        if self._link is None or self._link.failure is not None:
            raise LinkLost("not connected")
        return self._link

    # -- Browsable

    async def browse(self, start: str | None, limit: int) -> list[Found]:
        """The metrics of births that come within some seconds; ``start``: group[/node[/device]]."""
        link = self._live_link()
        self._host.browsing = True
        groups = [start.split("/")[0]] if start else ["+"]
        await link.subscribe([(f"{NAMESPACE}/{group}/#", 1) for group in groups])
        # Without a table each message of a node asks it for one; those with tags are asked at once.
        ends = _now_s() + BROWSE_S
        asked: set[Source] = set()
        while _now_s() < ends and len(found_metrics(self._host.nodes.values(), start, limit)) < limit:
            for edge in set(self._host.nodes) - asked:
                asked.add(edge)
                self._ask_birth(edge)
            self._live_link()
            await asyncio.sleep(TICK_S)
        self._host.browsing = False
        return found_metrics(self._host.nodes.values(), start, limit)

    # -- messages to samples

    def _take(self, message: Message) -> None:
        # The session ends with the link: nothing would come again.
        message.link.acknowledge([message])
        if message.topic == state_topic(self._config.host_id):
            self._heard_state(message.payload)
        elif message.retain:
            self._findings.found(message.topic, "a retained message: Sparkplug knows none, it is left out")
        elif len(message.payload) > self._config.payload_max:
            self._findings.found(message.topic, f"a payload has {len(message.payload)} bytes: raise payload_max")
        else:
            self._put(self._told_by(message), message.link)

    def _told_by(self, message: Message) -> list[Event]:
        try:
            return self._host.message(message.topic, message.payload, _now_s())
        except Exception:
            # The edge of what others send: a message that a defect of ours can't read must not end the link.
            log.exception("%s: a message on %s could not be read: left out", self._config.name, message.topic)
            self._findings.found(message.topic, "a message could not be read (see the log): left out")
            return []

    async def _tick(self, link: Link) -> None:
        while link.failure is None:
            self._put(self._host.tick(_now_s()), link)
            await asyncio.sleep(TICK_S)

    def _put(self, events: Iterable[Event], link: Link) -> None:
        for event in events:
            samples = self._gone(event) if isinstance(event, Gone) else self._samples(event)
            if samples:
                self._inbox.put(Arrival(samples), link)
        notes = self._host.take_notes()
        if notes:
            self._inbox.put(Arrival([], notes=notes), link)

    def _gone(self, event: Gone) -> list[Sample]:
        """Nobody knows the values of a dead device. The time in an NDEATH is that of the connection's begin."""
        now = self._clock.now_ms()
        stamp = Stamp(now, self._clock.mono_ms(), now)
        samples = []
        for tag in self._of_source.get(event.source, []):
            self._latest.pop(tag.tag, None)
            samples.append(self._sample(tag, None, stamp))
        return samples

    def _samples(self, event: Told) -> list[Sample]:
        past: list[Sample] = []
        samples: dict[str, Sample] = {}
        for reading in event.readings:
            stamp = _with(self._stamper.stamp(reading.time_ms), reading)
            for tag in self._tags.get(Address(event.source, reading.metric), ()):
                if reading.historical:
                    past.append(_past(tag, reading, stamp))
                else:
                    samples[tag.tag] = self._sample(tag, reading.value, stamp)
        self._latest.update(samples)
        for name in samples:
            self._told[name] = self._told.get(name, 0) + 1
        if event.proof:
            samples.update(self._proven(event, samples))
        return [*past, *samples.values()]

    def _proven(self, event: Told, present: dict[str, Sample]) -> dict[str, Sample]:
        """What a message proves without saying it."""
        stamp = self._stamper.stamp(event.time_ms)
        again: dict[str, Sample] = {}
        for tag in self._of_source.get(event.source, []):
            held = self._latest.get(tag.tag)
            if tag.tag in self._again and tag.tag not in present and held is not None and held.value is not None:
                again[tag.tag] = self._sample(tag, held.value, stamp)
        return again

    def _sample(self, tag: Tag, value: Value | None, stamp: Stamp) -> Sample:
        placed = self._stamper.in_order(tag.equipment, stamp)
        return Sample(tag.tag, value, placed.at, placed.mono, placed.recv, placed.quality)

    # -- what the bridge says

    def _ask_birth(self, edge: Source) -> None:
        now = self._clock.now_ms()
        metric = datatypes.put(Metric(name=REBIRTH, timestamp=now), True, datatypes.BOOLEAN)
        if self._link is not None:
            self._link.post(edge.topic("CMD"), encode(Payload(now, [metric])))

    def _show_state(self, online: bool) -> None:
        """Retained, so that nodes that come later see it too."""
        self._online = online
        if self._link is not None and not self._visiting:
            stamp = self._since if online else self._clock.now_ms()
            self._link.post(state_topic(self._config.host_id), self._state(online, stamp), qos=1, retain=True)

    async def _take_leave(self, link: Link) -> None:
        """STATE offline, and good-bye once the broker has it: else it would say our will as well."""
        topic, said = state_topic(self._config.host_id), self._state(False, self._clock.now_ms())
        if not self._visiting:
            with contextlib.suppress(LinkLost, Rejected, asyncio.TimeoutError):
                await asyncio.wait_for(link.publish(topic, said, retain=True), LEAVE_S)
        await link.close()

    @staticmethod
    def _state(online: bool, stamp: int) -> bytes:
        return json.dumps({"online": online, "timestamp": stamp}).encode()

    def _heard_state(self, payload: bytes) -> None:
        """The will of an earlier connection may come late: the broker must not go on saying that we are away."""
        try:
            said = json.loads(payload)
        except (ValueError, RecursionError):
            said = None
        away = not isinstance(said, dict) or said.get("online") is not True
        if away and self._online:
            self._show_state(True)


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _with(stamp: Stamp, reading: Reading) -> Stamp:
    return stamp if reading.quality == "good" else replace(stamp, quality=reading.quality)


def _past(tag: Tag, reading: Reading, stamp: Stamp) -> Sample:
    return Sample(tag.tag, reading.value, stamp.at, stamp.mono, stamp.recv, stamp.quality, historical=True)


def _told_again(tags: Sequence[Tag]) -> frozenset[str]:
    """What is told with each proof: by what a machine is watched, and its counters."""
    return watched_tags(tags) | {tag.tag for tag in tags if tag.signal == "counter"}
