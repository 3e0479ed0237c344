"""OPC UA: subscribed, reconciled, and opened anew on any doubt."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from ...clock import Clock
from ...errors import LinkLost, Rejected
from ...events import Sample, Value
from ...tags.model import Tag
from ..base import Delivery, Found, Surroundings
from .browse import browse
from .inbox import Inbox
from .library import data_type_to_variant_type, ua
from .plan import slacks
from .session import Session
from .settings import OpcUaConfig, parse_address
from .stamps import Stamper
from .values import node_id, reading, variant
from .watch import Watch

log = logging.getLogger(__name__)

# An empty delivery after so long, so that the connection's loop is seen to live.
IDLE_S = 1.0
# Data types whose nodes hold one of several: asked of the value itself.
_ABSTRACT = frozenset({ua.VariantType.Variant, ua.VariantType.Null})


class OpcUa:
    """See :class:`..base.Subscriber`; also Writable and Browsable."""

    def __init__(self, config: OpcUaConfig, tags: Sequence[Tag], clock: Clock, around: Surroundings) -> None:
        self._config = config
        self._tags = tuple(tags)
        self._clock = clock
        self._around = around
        self._addresses = {tag.tag: parse_address(tag.address or "") for tag in tags}
        self._stamper = Stamper(config.clock)
        self._news = asyncio.Event()
        self._inbox = Inbox(
            self._tags, self._stamper, clock, config.queue_max,
            wake=self._news.set, urgent=self._hurry, slack=slacks(tags, config),
        )  # fmt: skip
        self._session: Session | None = None
        self._watch: Watch | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: str | None = None
        self._opened = 0
        # In sessions that have ended.
        self._repaired = 0
        self._first = False
        self._unstored: Delivery | None = None
        self._said: dict[str, str] = {}
        self._types: dict[str, Any] = {}

    @property
    def figures(self) -> dict[str, int]:
        """Since the start: samples that found no room, reads that told what no notification had, sessions, items made
        anew. And the device's clock ahead of the plant's in ms."""
        return {
            "overflowed": self._inbox.overflowed, "healed": self._inbox.healed, "sessions": self._opened,
            "repaired": self._repaired + (self._watch.repaired if self._watch is not None else 0),
            "skew_ms": self._stamper.skew.offset_ms or 0,
        }  # fmt: skip

    # -- link

    async def open(self) -> None:
        await self.close()
        session = self._session = Session(self._config, self._around)
        await session.open()
        watch = self._watch = Watch(
            self._config, self._tags, self._addresses, session, self._inbox, self._clock, self._say
        )
        await watch.start()
        self._first, self._failure = self._opened > 0, None
        self._opened += 1
        works = (watch.run, session.renew_for_ever, session.lost)
        self._tasks = [asyncio.create_task(self._guard(work)) for work in works]

    async def close(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if self._watch is not None:
            self._repaired += self._watch.repaired
        session, self._session, self._watch = self._session, None, None
        self._inbox.end()
        self._types.clear()
        if session is not None:
            await session.close()
        if tasks:
            await asyncio.wait(tasks, timeout=0.2)

    async def receive(self) -> Delivery:
        if self._unstored is not None:
            # The delivery before was not stored: what it held must be read again.
            self._inbox.forget(sample.tag for sample in self._unstored.samples)
            self._unstored = None
        samples = await self._next()
        if not samples:
            return Delivery([])
        dropped, self._first = self._first, False
        self._unstored = Delivery(samples, dropped)
        return self._unstored

    async def stored(self, delivery: Delivery) -> None:
        if delivery is self._unstored:
            self._unstored = None

    async def _next(self) -> list[Sample]:
        """What comes next; nothing after IDLE_S; LinkLost when all is delivered and the link is gone."""
        until = asyncio.get_running_loop().time() + IDLE_S
        while True:
            self._news.clear()
            samples = self._inbox.take()
            if samples:
                return samples
            if self._failure is not None:
                raise LinkLost(self._failure)
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                return []
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except asyncio.TimeoutError:
                continue

    async def _guard(self, work: Any) -> None:
        """A part of the session that must not end: when it does, so does the session."""
        sentence = "the server closed the connection"
        try:
            await work()
        except LinkLost as error:
            sentence = str(error)
        except Exception as error:
            # Policy: a defect must not leave a session without its keeper. It is told, and all is opened anew.
            log.exception("%s: a defect of the driver", self._config.name)
            sentence = f"a defect of the driver: {error!r}"
        if self._failure is None:
            self._failure = sentence
        self._news.set()

    def _hurry(self) -> None:
        if self._watch is not None:
            self._watch.urgent.set()

    def _say(self, about: str, sentence: str) -> None:
        """Tell people once; an empty sentence: it is well again."""
        if self._said.get(about, "") == sentence:
            return
        self._said[about] = sentence
        name = about if about in self._addresses else self._config.name
        self._around.found(f"{name}: {sentence or 'it is well again'}")

    # -- on demand

    async def write(self, tag: Tag, value: Value) -> None:
        session, node = self._node(tag)
        if tag.tag not in self._types:
            self._types[tag.tag] = await _data_type(session, node)
        await session.write(node, variant(value, self._types[tag.tag]))

    async def read_tags(self, tags: Sequence[Tag]) -> list[Sample]:
        pairs = [self._node(tag) for tag in tags]
        left, mono = self._clock.now_ms(), self._clock.mono_ms()
        answer = await pairs[0][0].read([node for _, node in pairs]) if pairs else []
        recv, at = self._clock.now_ms(), self._stamper.at_read(left)
        told = [reading(data) for data in answer]
        return [Sample(tag.tag, one.value, at, mono, recv, one.quality) for tag, one in zip(tags, told)]

    async def browse(self, start: str | None, limit: int) -> list[Found]:
        if self._session is None:
            raise LinkLost("not connected")
        return await browse(self._session, start, limit)

    def _node(self, tag: Tag) -> tuple[Session, Any]:
        if self._session is None:
            raise LinkLost("not connected")
        node = node_id(parse_address(tag.address or ""), self._session.namespaces)
        if node is None:
            raise Rejected(f"{tag.tag}: the server has no namespace of {tag.address}")
        return self._session, node


async def _data_type(session: Session, node: Any) -> Any:
    """The node's own type, so that what is written fits."""
    answer = (await session.read_once([node], ua.AttributeIds.DataType))[0]
    if answer.Value is None or answer.Value.Value is None or not answer.StatusCode.is_good():
        raise Rejected(f"{node.to_string()} can't be written: {answer.StatusCode.name}: it is no variable")
    kind = await session.slow_call(
        "for a data type", lambda _: data_type_to_variant_type(session.node(answer.Value.Value))
    )
    if kind in _ABSTRACT:
        value = (await session.read_once([node]))[0]
        kind = value.Value.VariantType if value.Value is not None else ua.VariantType.Null
    return kind
