"""The running bridge: builds the parts, wires them, starts and stops them."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TextIO

from . import __version__, supervisor, watchdog
from .clock import Clock, to_rfc3339
from .config import BridgeConfig
from .connection import Connection
from .errors import Misconfigured
from .fleet import Fleet
from .lanes import open_lanes
from .tagkeeper import TagKeeper
from .tags import Tag
from .uplink.caller import Caller
from .uplink.live import LiveLane
from .uplink.transport import make_transport

log = logging.getLogger(__name__)

STATUS_EVERY_S = 2.0
# A new outbox waits so long for Odoo's last counter points before the first poll.
GREETING_S = 5.0
FAREWELL_S = 2.0


class App:
    """One bridge process. :meth:`run` returns after SIGTERM or SIGINT."""

    def __init__(self, config: BridgeConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self._lockfile = _lock(config)
        self.lanes = open_lanes(config, clock)
        self.pipeline = self.lanes.live
        self.outbox, self.durable = self.lanes.main.outbox, self.lanes.main.durable
        odoo = config.odoo
        self._callers = {
            "live": Caller(make_transport(odoo, odoo.live_timeout_s), "live"),
            "tags": Caller(make_transport(odoo, odoo.timeout_s), "tags"),
        }
        self.live = LiveLane(
            self._callers["live"], config.stream, clock, self.pipeline.live, lambda: self.pipeline.changes,
            self.health, lambda: self.outbox.epoch, self.durable.greeted,
        )  # fmt: skip
        self.fleet = Fleet(config, clock, self.lanes)
        self.tagkeeper = TagKeeper(config, self._callers["tags"], self._use, self._revisions, self._alarm)
        self.alarms: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        for lane in self.lanes.all.values():
            if lane.outbox.healed:
                self._alarm("outbox_damaged", lane.outbox.healed)

    async def run(self) -> None:
        """Run until told to stop, then send what can be sent and close."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        await self.start()
        watchdog.notify("READY=1")
        await self._stop.wait()
        watchdog.notify("STOPPING=1")
        await self.stop()

    async def start(self) -> None:
        """Start all loops."""
        for stream, lane in self.lanes.all.items():
            self._start(f"durable:{stream}", lane.durable.run)
        for stream, pipeline in self.lanes.pipelines.items():
            self._start(f"stale:{stream}", pipeline.watch_stale)
        self._start("live", self.live.run)
        self._start("status", self._write_status)
        self._start("watchdog", lambda: watchdog.feed(watchdog.Progress(self._progress)))
        self._start("tags", self.tagkeeper.run)

    async def stop(self) -> None:
        """Stop polling, store the last evidence, give the uplink a moment, close."""
        await self._cancel("tags")
        await self.fleet.stop()
        await self.fleet.flush()
        drained = [lane.durable.drained() for lane in self.lanes.all.values() if lane.durable.status.connected]
        if drained:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.gather(*drained), FAREWELL_S)
        for name in list(self._tasks):
            await self._cancel(name)
        for caller in self._callers.values():
            caller.close()
        self.lanes.close()
        self._lockfile.close()

    @property
    def connections(self) -> dict[str, Connection]:
        """Running connections by name."""
        return self.fleet.connections

    def health(self) -> dict[str, Any]:
        """The schema's health, for the live lane and ``status``."""
        stats = self.outbox.stats()
        out: dict[str, Any] = {
            "pending": stats.pending, "last": stats.last, "applied": stats.applied, "dropped": stats.dropped,
            "connections": {name: connection.state for name, connection in self.connections.items()},
            "alarms": [f"{code}: {text}" for code, text in sorted(self._all_alarms().items())],
        }  # fmt: skip
        if stats.oldest_stored is not None:
            out["oldest_at"] = to_rfc3339(stats.oldest_stored * 1000)
        if self.tagkeeper.revision is not None:
            out["tag_revision"] = self.tagkeeper.revision
        return out

    # -- tags

    def _revisions(self) -> set[int | None]:
        return {self.durable.status.config_revision, self.live.config_revision}

    async def _use(self, tags: Iterable[Tag]) -> None:
        """Use these tags; a new outbox first waits for Odoo's last counter points."""
        if not self.outbox.accepted and not self.connections:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.durable.greeted.wait(), GREETING_S)
        await self.fleet.use(tags)

    # -- inside

    def _alarm(self, code: str, sentence: str | None) -> None:
        """Raise an alarm, or end it."""
        if sentence is None:
            self.alarms.pop(code, None)
            return
        if self.alarms.get(code) != sentence:
            log.error("%s", sentence)
        self.alarms[code] = sentence

    def _all_alarms(self) -> dict[str, str]:
        out = dict(self.alarms)
        for lane in reversed(self.lanes.all.values()):
            out.update(lane.durable.status.alarms)
        for pipeline in reversed(self.lanes.pipelines.values()):
            out.update(pipeline.alarms)
        return out

    def _progress(self) -> dict[str, int]:
        loops = {"live": self.live.progress}
        loops.update({f"durable:{stream}": lane.durable.progress for stream, lane in self.lanes.all.items()})
        loops.update({f"stale:{stream}": pipeline.progress for stream, pipeline in self.lanes.pipelines.items()})
        # A connection that polls seldom makes progress seldom: its own period is added by the patience.
        loops.update({f"plc:{name}": c.progress for name, c in self.connections.items()})
        return loops

    def _start(self, name: str, work: Any) -> None:
        self._tasks[name] = asyncio.create_task(supervisor.supervise(name, work), name=name)

    async def _cancel(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            await supervisor.end(task)

    async def _write_status(self) -> None:
        path = self.config.data_dir / "status.json"
        while True:
            status = {
                "version": __version__, "pid": os.getpid(), "stream": self.config.stream,
                "plant_time": to_rfc3339(self.clock.now_ms()), "odoo": self.durable.status.error or "up",
                **self.health(), "machines": self.pipeline.live(),
                "overruns": {name: connection.overruns for name, connection in self.connections.items()},
            }  # fmt: skip
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(status), encoding="utf-8")
            os.replace(fresh, path)
            await asyncio.sleep(STATUS_EVERY_S)


def _lock(config: BridgeConfig) -> TextIO:
    """Hold data_dir for this process; the kernel lets go when it dies, however it dies."""
    try:
        config.data_dir.mkdir(parents=True, exist_ok=True)
        lockfile = (config.data_dir / "lock").open("w", encoding="utf-8")
    except OSError as error:
        sentence = f"data_dir {config.data_dir}: {error.strerror}: choose a folder the bridge may write to"
        raise Misconfigured(sentence) from None
    try:
        fcntl.flock(lockfile, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lockfile.close()
        raise Misconfigured(
            f"data_dir {config.data_dir} is in use by another bridge: stop it, or give this one a folder of its own"
        ) from None
    return lockfile
