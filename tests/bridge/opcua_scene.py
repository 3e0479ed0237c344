"""A real OPC UA server, a real connection, and what the pipeline was given."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from own_ports import row
from stopwatch import Stopwatch

from iot_bridge.clock import SystemClock
from iot_bridge.connection import Connection
from iot_bridge.drivers import Surroundings
from iot_bridge.drivers.opcua.certificates import Identity, make_identity
from iot_bridge.drivers.opcua.settings import OpcUaConfig
from iot_bridge.events import Sample
from iot_bridge.simulator.layout import MACHINES, NAMESPACE, machine_tags
from iot_bridge.simulator.opcua_server import APPLICATION_URI, OpcUaServer
from iot_bridge.tags import Tag

CLOCK = SystemClock.from_env({})
LABELLER = dataclasses.replace(next(m for m in MACHINES if m.name == "LABELLER"), protocol="opcua")
PATH = LABELLER.code_path
PATIENCE_S = 30.0


PORT = row(1)


def line_tags(**changes: Any) -> list[Tag]:
    """The tags of the labeller."""
    return [Tag.model_validate({**tag, **changes}) for tag in machine_tags(LABELLER)]


def node_tag(name: str, identifier: str, **more: Any) -> Tag:
    """A measurement at a node of the demo namespace."""
    base = {
        "tag": f"{PATH}/{name}", "connection": "opc", "equipment": PATH, "signal": "measurement",
        "address": f"nsu={NAMESPACE};s={identifier}", "poll_ms": 200,
    }  # fmt: skip
    return Tag.model_validate({**base, **more})


@cache
def server_identity() -> Identity:
    """One key for all servers of a test run: making one takes a while."""
    return make_identity("Labeller", APPLICATION_URI, ["127.0.0.1", "localhost"], server=True)


class Recorder:
    """Takes the place of the pipeline: keeps what it is fed. ``full``: nothing can be stored."""

    def __init__(self) -> None:
        self.cycles: list[list[Sample]] = []
        self.dropped: list[bool] = []
        self.latest: dict[str, Sample] = {}
        self.losses = 0
        self.full = False
        self._changed = asyncio.Event()

    async def feed(
        self, samples: Iterable[Sample], dropped: bool = False, notes: Mapping[str, str | None] | None = None,
        beside: Mapping[str, str | None] | None = None,
    ) -> bool:  # fmt: skip
        cycle = list(samples)
        if self.full:
            return False
        if cycle:
            self.cycles.append(cycle)
            self.dropped.append(dropped)
            self.latest.update({sample.tag: sample for sample in cycle})
            self._changed.set()
        return True

    async def lost(self, tags: Iterable[str]) -> None:
        self.losses += 1
        self._changed.set()

    async def tell_clock(self, step_s: float, name: str, tags: Iterable[str]) -> None:
        return None

    def writes_for(self, tags: Mapping[str, Tag]) -> dict[str, Any]:
        return {}

    def values(self, name: str) -> list[Any]:
        """Every value of a tag of the labeller, in order."""
        return [sample.value for sample in self.of(name)]

    def of(self, name: str) -> list[Sample]:
        return [sample for cycle in self.cycles for sample in cycle if sample.tag == f"{PATH}/{name}"]

    async def until(self, what: Callable[[], bool], patience_s: float = PATIENCE_S) -> float:
        """Wait for a state; returns the seconds that it took."""
        watch = Stopwatch()
        while not what():
            left = patience_s - watch.seconds()
            assert left > 0, f"not within {patience_s} s; last: { {k: s.value for k, s in self.latest.items()} }"
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), min(left, 0.05))
            except asyncio.TimeoutError:
                continue
        return watch.seconds()

    async def shows(self, name: str, value: Any, patience_s: float = PATIENCE_S) -> float:
        """Wait until the tag's last value is this one."""
        return await self.until(lambda: self.latest.get(f"{PATH}/{name}", _NONE).value == value, patience_s)

    async def fresh(self, names: Iterable[str], patience_s: float = PATIENCE_S) -> float:
        """Wait until each of these tags has a usable sample that is newer than now."""
        since = CLOCK.now_ms()
        wanted = [f"{PATH}/{name}" for name in names]
        return await self.until(
            lambda: all(
                tag in self.latest and self.latest[tag].recv >= since and self.latest[tag].value is not None
                for tag in wanted
            ),
            patience_s,
        )


_NONE = Sample("", object(), 0, 0, 0)  # type: ignore[arg-type]


@dataclasses.dataclass(slots=True)
class Scene:
    """What a test has in hands. driver: the connection's; said: sentences for people."""

    server: OpcUaServer
    connection: Connection
    seen: Recorder
    said: list[str]
    folder: Path

    @property
    def driver(self) -> Any:
        return self.connection._driver

    def heard(self, part: str) -> bool:
        return any(part in sentence for sentence in self.said)


@asynccontextmanager
async def serving(port: int = PORT, identity: Identity | None = None) -> AsyncIterator[OpcUaServer]:
    server = OpcUaServer("127.0.0.1", port, [LABELLER], CLOCK, identity or server_identity())
    await server.open()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def scene(
    folder: Path,
    tags: Sequence[Tag] | None = None,
    *,
    identity: Identity | None = None,
    wait: bool = True,
    **settings: Any,
) -> AsyncIterator[Scene]:
    """A server and a connection that reads it; ``wait``: until every tag has its first value."""
    tags = line_tags() if tags is None else list(tags)
    async with serving(identity=identity) as server:
        said: list[str] = []
        config = OpcUaConfig.model_validate({"name": "opc", "endpoint": server.endpoint, **settings})
        seen = Recorder()
        around = Surroundings(folder, found=said.append)
        connection = Connection(config, tags, CLOCK, seen, around)  # type: ignore[arg-type]
        task = asyncio.create_task(connection.run())
        task.add_done_callback(lambda done: None if done.cancelled() else done.result())
        try:
            if wait:
                await seen.until(lambda: len(seen.latest) == len(tags))
                # Items exist: from now on changes are notified, not read.
                await seen.until(lambda: connection.state == "up")
            yield Scene(server, connection, seen, said, folder)
        finally:
            task.cancel()
            await asyncio.wait([task])
