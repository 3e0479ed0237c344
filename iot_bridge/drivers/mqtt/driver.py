"""MQTT as a source of samples.

- QoS 1 and a session that the broker keeps: what is published while the bridge is away waits there.
- A message is acknowledged when its samples are committed. What could not be stored is delivered again.
- A retained message is a value, but no evidence: the broker has it however long its publisher is gone. It is left
  out for the tags by which a machine is watched, until their topic speaks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ...clock import Clock
from ...errors import LinkLost, Rejected
from ...events import Sample, Value
from ...tags.model import Tag
from ..base import Delivery, Found, Surroundings
from .address import build, parse_address, parse_path
from .browse import listen
from .inbox import Arrival, Inbox
from .link import Link, Message
from .payload import Findings, Reader
from .repeats import Repeats, name_of
from .settings import MqttConfig
from .stamps import Stamp, Stamper
from .tls import soon_expired
from .watched import watched_tags

log = logging.getLogger(__name__)


class MqttDriver:
    """See :class:`..base.Subscriber`, Writable and Browsable."""

    def __init__(self, config: MqttConfig, tags: Sequence[Tag], clock: Clock, around: Surroundings) -> None:
        self._config = config
        self._tags = tuple(tags)
        self._clock = clock
        self._around = around
        self._findings = Findings(around.found)
        time_path = parse_path(config.time_path) if config.time_path else None
        self._reader = Reader(tags, time_path, config.payload_max, self._findings)
        self._stamper = Stamper(config.clock, clock)
        self._watched = watched_tags(tags)
        self._latest: dict[str, Sample] = {}
        self._live: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._inbox = Inbox(around.visiting)
        self._note_key = f"mqtt:{config.name}:taken"
        self._repeats = Repeats(around.notes().get(self._note_key))
        self._link: Link | None = None

    # -- Subscriber

    async def open(self) -> None:
        await self.close()
        if self._around.visiting:
            await self._visit()
            return
        link = self._link = Link(
            self._config, self._client_id(), self._take, session_expiry_s=self._config.session_expiry_s
        )
        known = self._subscribed()
        kept = await link.open()
        if known and not kept:
            self._around.found(
                f"{self._config.name}: the broker kept no session: what was published meanwhile is missing, "
                "totals are in the next messages"
            )
        if sentence := soon_expired(self._config):
            self._findings.found(self._config.name, sentence)
        wanted = self._reader.routes.filters
        # Noted first: what is subscribed and not noted would be delivered for ever.
        self._remember(sorted({*known, *wanted}))
        await link.unsubscribe(sorted(set(known) - set(wanted)) if kept else [])
        await link.subscribe([(name, 1) for name in wanted])
        self._remember(wanted)

    async def receive(self) -> Delivery:
        delivery = await self._inbox.deliver(self._link)
        if not delivery.token or self._note_key in delivery.beside:
            return delivery
        self._repeats.delivered(message.name for message in delivery.token)
        delivery.beside[self._note_key] = self._repeats.note
        return delivery

    async def stored(self, delivery: Delivery) -> None:
        self._inbox.stored()
        if self._link is not None and delivery.token is not None:
            self._link.acknowledge(delivery.token)

    async def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
        # What was not acknowledged comes again.
        self._inbox.clear()

    async def _visit(self) -> None:
        """A second link: a client of its own without a session, so that the bridge's own messages stay its own."""
        self._link = Link(self._config, f"iot-bridge-visit-{secrets.token_hex(6)}", self._take, clean=True)
        await self._link.open()
        await self._link.subscribe([(name, 0) for name in self._reader.routes.filters])

    # -- Writable

    async def write(self, tag: Tag, value: Value) -> None:
        if self._link is None:
            raise LinkLost("not connected")
        address = parse_address(tag.address or "")
        if address.command is None:
            raise Rejected(
                f"{tag.tag} has no command topic: put it behind its address, as in 'topic|path -> command/topic|path'"
            )
        document = build(address.command_path, value) if address.command_path else value
        text = document if isinstance(document, str) else json.dumps(document)
        self._written[tag.tag] = self._live.get(tag.tag, 0)
        await self._link.publish(address.command, text.encode())

    async def read_tags(self, tags: Sequence[Tag]) -> list[Sample]:
        """The last values; of a tag that was just written, the one that comes after."""
        ends = asyncio.get_running_loop().time() + self._config.timeout_s
        while (link := self._link) is not None and link.failure is None:
            left = ends - asyncio.get_running_loop().time()
            if left <= 0 or all(self._is_current(tag.tag) for tag in tags):
                break
            await asyncio.sleep(min(0.02, left))
        else:
            raise LinkLost("the link was lost before the value came")
        current = [self._latest[tag.tag] for tag in tags if self._is_current(tag.tag)]
        for tag in tags:
            self._written.pop(tag.tag, None)
        return current

    def _is_current(self, name: str) -> bool:
        if name not in self._written:
            return name in self._latest
        return self._live.get(name, 0) > self._written[name]

    # -- Browsable

    async def browse(self, start: str | None, limit: int) -> list[Found]:
        """What is published within some seconds on the topics of ``start`` (a filter; None: all)."""
        return await listen(self._config, start or "#", limit)

    # -- inside

    def _take(self, message: Message) -> None:
        """A message has come: its samples wait for the next delivery."""
        samples: list[Sample] = []
        try:
            # A repeat has nothing to tell, but the broker wants to hear that we have it.
            samples = [] if self._repeats.is_known(message) else self._samples(message)
        except Exception:
            # The edge of what others send: a message that a defect of ours can't read is left, or it would come
            # again for ever and stop all behind it.
            log.exception("%s: a message on %s could not be read: left out", self._config.name, message.topic)
            self._findings.found(message.topic, "a message could not be read (see the log): left out")
        token = replace(message, payload=b"", name=name_of(message))
        self._inbox.put(Arrival(samples, token), message.link)

    def _samples(self, message: Message) -> list[Sample]:
        samples: list[Sample] = []
        stamps: dict[int | None, Stamp] = {}
        for content in self._reader.read(message.topic, message.payload):
            name = content.tag.tag
            if message.retain and name in self._watched:
                continue
            if content.time_ms not in stamps:
                stamps[content.time_ms] = self._stamper.stamp(content.time_ms)
            stamp = self._stamper.in_order(content.tag.equipment, stamps[content.time_ms])
            samples.append(Sample(name, content.value, stamp.at, stamp.mono, stamp.recv, stamp.quality))
        if not message.retain:
            for sample in samples:
                self._live[sample.tag] = self._live.get(sample.tag, 0) + 1
        self._latest.update((sample.tag, sample) for sample in samples)
        return samples

    # -- what is kept over restarts

    def _client_id(self) -> str:
        if self._config.client_id is not None:
            return self._config.client_id
        path = self._file("client_id")
        with contextlib.suppress(OSError):
            return path.read_text(encoding="utf-8")
        made = f"iot-bridge-{secrets.token_hex(6)}"
        _replace(path, made)
        return made

    def _subscribed(self) -> list[str]:
        try:
            return [str(name) for name in json.loads(self._file("topics").read_text(encoding="utf-8"))]
        except (OSError, ValueError):
            return []

    def _remember(self, filters: Sequence[str]) -> None:
        _replace(self._file("topics"), json.dumps(list(filters)))

    def _file(self, kind: str) -> Path:
        return self._around.folder / f"mqtt-{self._config.name}.{kind}"


def _replace(path: Path, text: str) -> None:
    """Written in one step; raise LinkLost when the disk does not take it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text, encoding="utf-8")
        os.replace(fresh, path)
    except OSError as error:
        raise LinkLost(f"{path} can't be written: {error.strerror}: free disk space in data_dir") from None
