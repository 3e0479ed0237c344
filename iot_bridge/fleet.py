"""All connections of the bridge: exactly those run whose tags are known, and only changed ones start anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from . import supervisor
from .clock import Clock
from .config import BridgeConfig
from .connection import Connection
from .drivers import ConnectionConfig, Surroundings
from .lanes import Lanes
from .tags import Tag

log = logging.getLogger(__name__)


class Fleet:
    """Connections by name, each in a supervised task of its own."""

    def __init__(self, config: BridgeConfig, clock: Clock, lanes: Lanes) -> None:
        self.connections: dict[str, Connection] = {}
        self._config = config
        self._clock = clock
        self._lanes = lanes
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def use(self, tags: Iterable[Tag]) -> None:
        """Start, restart or stop exactly the connections whose tags changed."""
        whole = tuple(tags)
        wanted = {config.name: (config, config.own_tags(whole)) for config in self._config.connections}
        for name, connection in list(self.connections.items()):
            if wanted.get(name) != (connection.config, connection.tags):
                await self._end(name)
        await self._lanes.live.set_tags(_live_tags(whole, self._config))
        for config, own in wanted.values():
            if config.history_stream is not None:
                await self._lanes.pipeline_of(config.history_stream).set_tags(own)
        for name, (config, own) in wanted.items():
            if own and name not in self.connections:
                self._begin(config, own)

    async def stop(self) -> None:
        """Stop all connections."""
        for name in list(self._tasks):
            await self._end(name)

    async def flush(self) -> None:
        """Store the last evidence of every machine."""
        for pipeline in self._lanes.pipelines.values():
            await pipeline.lost_all()

    def _begin(self, config: ConnectionConfig, own: tuple[Tag, ...]) -> None:
        pipeline = self._lanes.pipeline_of(config.history_stream)
        around = Surroundings(
            self._config.data_dir / "drivers" / config.name, pipeline.notes, lambda text: log.warning("%s", text)
        )
        connection = Connection(config, own, self._clock, pipeline, around)
        self.connections[config.name] = connection
        self._tasks[config.name] = asyncio.create_task(
            supervisor.supervise(f"plc:{config.name}", connection.run), name=f"plc:{config.name}"
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
