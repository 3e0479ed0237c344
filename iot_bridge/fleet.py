"""All connections of the bridge: exactly those run whose tags are known, and only changed ones start anew."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial

from . import supervisor
from .clock import Clock
from .config import BridgeConfig
from .connection import Connection
from .drivers import ConnectionConfig, Surroundings
from .errors import Misconfigured, plain
from .lanes import Lanes
from .tags import Tag
from .watchdog import Loop, Progress

log = logging.getLogger(__name__)

TEND_EVERY_S = 1.0
# Beyond what a connection's own settings let it take, real seconds.
PATIENCE_S = 30.0
# A connection that can't be ended in this time is left to the watchdog of the whole process.
END_S = 5.0
# A connection with new tags has so long to stand again as it stood before.
PROBE_S = 15.0
PROBE_LOOK_S = 0.05
# So long it is shown that a connection had to be started anew.
SHOWN_S = 3600.0
FINDINGS = 20
SAY_AGAIN_S = 60.0
SAID_MOST = 1000


class Fleet:
    """Connections by name, each in a supervised task of its own.

    alarm: code and sentence. ready: is awaited before connections begin.
    """

    def __init__(
        self,
        config: BridgeConfig,
        clock: Clock,
        lanes: Lanes,
        alarm: Callable[[str, str | None], None],
        ready: Callable[[], Awaitable[None]],
    ) -> None:
        self._config = config
        self.connections: dict[str, Connection] = {}
        # How often each was started anew because it made no progress.
        self.restarts: Counter[str] = Counter()
        self.progress = 0
        self._revived: dict[str, float] = {}
        # What drivers found, latest last: plant ms, connection, sentence.
        self.findings: deque[tuple[int, str, str]] = deque(maxlen=FINDINGS)
        self._said: dict[tuple[str, str], float] = {}
        # How often tags or settings were taken into use.
        self.changes = 0
        self._clock = clock
        self._lanes = lanes
        self._alarm = alarm
        self._ready = ready
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def use(self, tags: Iterable[Tag], config: BridgeConfig) -> list[str]:
        """Start, restart or stop exactly the connections whose settings or tags changed.

        Returns those that stood before and were started anew. Raises Misconfigured, with nothing changed, when a
        driver can't work with its settings or tags.
        """
        whole = tuple(tags)
        wanted = {part.name: (part, own) for link in config.connections for part, own in link.parts(whole)}
        kept = {name for name, c in self.connections.items() if wanted.get(name) == (c.config, c.tags)}
        fresh = [self._build(link, own) for name, (link, own) in wanted.items() if own and name not in kept]
        self._config = config
        self.changes += 1
        await self._ready()
        stood = {name for name, connection in self.connections.items() if connection.state == "up"}
        for name in set(self.connections) - kept:
            await self._end(name)
        await self._lanes.live.set_tags(_live_tags(whole, config))
        for link, own in wanted.values():
            if link.history_stream is not None:
                await self._lanes.pipeline_of(link.history_stream).set_tags(own)
        for connection in fresh:
            self._begin(connection)
        return [connection.name for connection in fresh if connection.name in stood]

    async def down_of(self, names: Iterable[str]) -> dict[str, str]:
        """Which of these connections do not stand within the probe's time, and what they say."""
        waiting, until = set(names), time.monotonic() + PROBE_S
        while True:
            waiting = {name for name in waiting if name in self.connections and not self.connections[name].proven}
            if not waiting or time.monotonic() >= until:
                return {name: self.connections[name].state for name in sorted(waiting)}
            await asyncio.sleep(PROBE_LOOK_S)

    async def tend(self) -> None:
        """Start anew, alone, each connection that makes no progress; runs until cancelled."""
        progress = Progress(self.loops)
        while True:
            self.progress += 1
            now = time.monotonic()
            for name in progress.stuck(now):
                await self._revive(name)
            for name in [name for name, then in self._revived.items() if now - then > SHOWN_S]:
                del self._revived[name]
                self._alarm(f"stuck:{name}", None)
            await asyncio.sleep(TEND_EVERY_S)

    def loops(self, stretch: float = 1.0) -> Mapping[str, Loop]:
        """Progress of every connection, with ``stretch`` times its patience."""
        return {name: Loop(c.progress, self._patience_s(c) * stretch) for name, c in self.connections.items()}

    async def stop(self) -> None:
        """Stop all connections."""
        for name in list(self._tasks):
            await self._end(name)

    async def flush(self) -> None:
        """Store the last evidence of every machine."""
        for pipeline in self._lanes.pipelines.values():
            await pipeline.lost_all()

    def _patience_s(self, connection: Connection) -> float:
        """A connection that polls seldom makes progress seldom."""
        slowest_s = max((tag.poll_ms for tag in connection.tags), default=0) / 1000 / self._clock.speed
        return PATIENCE_S + connection.config.slowest_s + 2 * slowest_s

    async def _revive(self, name: str) -> None:
        old, task = self.connections.get(name), self._tasks.get(name)
        if old is None or task is None:
            return
        self._revived[name] = time.monotonic()
        stood_s = self._patience_s(old)
        self._alarm(f"stuck:{name}", f"{name} made no progress for {stood_s:.0f} s: it is started anew, alone")
        if not await supervisor.end(task, END_S):
            log.error("%s can't be ended: the watchdog will not be fed", name)
            return
        self.restarts[name] += 1
        self._begin(self._build(old.config, old.tags))

    def _build(self, config: ConnectionConfig, own: tuple[Tag, ...]) -> Connection:
        """Does no I/O, so that what can't work shows before anything is stopped."""
        pipeline = self._lanes.pipeline_of(config.history_stream)
        around = Surroundings(
            self._config.data_dir / "drivers" / config.name, pipeline.notes, partial(self._found, config.name),
            shared=self._config.data_dir,
        )  # fmt: skip
        try:
            return Connection(config, own, self._clock, pipeline, around)
        except (ValueError, ImportError) as error:
            raise Misconfigured(f"connection {config.name}: {error}") from None

    def _found(self, name: str, text: str) -> None:
        """A driver's sentence for the log and the status page; the same one again only after a while."""
        text = plain(text)
        now = time.monotonic()
        if now - self._said.get((name, text), -SAY_AGAIN_S) < SAY_AGAIN_S:
            log.debug("%s", text)
            return
        if len(self._said) >= SAID_MOST:
            self._said.clear()
        self._said[name, text] = now
        self.findings.append((self._clock.now_ms(), name, text))
        log.warning("%s", text)

    def _begin(self, connection: Connection) -> None:
        name = connection.name
        self.connections[name] = connection
        self._tasks[name] = asyncio.create_task(
            supervisor.supervise(f"plc:{name}", connection.run), name=f"plc:{name}"
        )

    async def _end(self, name: str) -> None:
        self.connections.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            await supervisor.end(task)


def _live_tags(whole: tuple[Tag, ...], config: BridgeConfig) -> tuple[Tag, ...]:
    """Tags that the live plant feeds, in their order."""
    live = {tag.tag for c in config.connections if c.history_stream is None for tag in c.own_tags(whole)}
    return tuple(tag for tag in whole if tag.tag in live)
