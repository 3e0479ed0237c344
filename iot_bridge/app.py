"""The running bridge: builds the parts, wires them, starts and stops them."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from . import memory, observe, statusfile, supervisor, watchdog
from .clock import Clock, to_rfc3339
from .commands import Executor
from .config import BridgeConfig
from .connection import Connection
from .errors import Misconfigured
from .events import Event
from .fleet import Fleet
from .lanes import open_lanes
from .lock import lock
from .reload import Reloader
from .snapshot import Snapshot
from .statuspage import StatusServer
from .tagkeeper import TagKeeper
from .uplink.caller import Caller
from .uplink.live import LiveLane
from .uplink.transport import make_transport
from .watchdog import Loop

log = logging.getLogger(__name__)

STATUS_EVERY_S = 2.0
# A new outbox waits so long for Odoo's last counter points before the first poll.
GREETING_S = 5.0
FAREWELL_S = 2.0
QUEUE_LOOK_S = 0.2
TIDY_AFTER_S = 10.0
# A connection that stands still is first started anew alone; only when that did not help the watchdog starves.
LAST_RESORT = 2.0


class App:
    """One bridge process. :meth:`run` returns after SIGTERM or SIGINT; SIGHUP reads ``source`` again."""

    def __init__(self, config: BridgeConfig, clock: Clock, source: Path | None = None) -> None:
        self.config = config
        self.clock = clock
        self._lockfile = lock(config.data_dir)
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
        self.alarms: dict[str, str] = {}
        self.fleet = Fleet(config, clock, self.lanes, self.alarm, self._await_greeting)
        self.tagkeeper = TagKeeper(config, self._callers["tags"], self.fleet, self._revisions, self.alarm)
        self.commands = Executor(
            clock, self._store, self.outbox.notes(), lambda: self.connections, self.tagkeeper.knows
        )
        self.page: StatusServer | None = None
        self.progress = watchdog.Progress(self._loops)
        self._reloader = Reloader(self, source)
        # Looked at in a thread: a commit to a slow disk must not hold the loop up.
        self._stats = self.outbox.stats()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        for caller in (self._callers["live"], *(lane.caller for lane in self.lanes.all.values())):
            caller.answered = self._answered

    async def run(self) -> None:
        """Run until told to stop, then send what can be sent and close."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._reloader.ask)
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
        self._start("watchdog", lambda: watchdog.feed(self.progress))
        self._start("tags", self.tagkeeper.run)
        self._start("tend", self.fleet.tend)
        self._start("commands", self.commands.run)
        self._start("reload", self._reloader.run)
        self._start("tidy", self._tidy)
        self._start("queue", self._watch_queue)
        await self.serve_page(self.config)

    async def stop(self) -> None:
        """Stop polling, store the last evidence, give the uplink a moment, close."""
        for name in ("tags", "reload", "tend", "commands"):
            await self._cancel(name)
        await self.commands.close()
        await self.fleet.stop()
        await self.fleet.flush()
        drained = [lane.durable.drained() for lane in self.lanes.all.values() if lane.durable.status.connected]
        if drained:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.gather(*drained), FAREWELL_S)
        for name in list(self._tasks):
            await self._cancel(name)
        if self.page is not None:
            await self.page.close()
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
        stats = self._stats
        out: dict[str, Any] = {
            "pending": stats.pending, "last": stats.last, "applied": stats.applied, "dropped": stats.dropped,
            "connections": {name: connection.state for name, connection in self.connections.items()},
            "alarms": [f"{code}: {text}" for code, text in sorted(self.alarms_now().items())],
        }  # fmt: skip
        if stats.oldest_stored is not None:
            out["oldest_at"] = to_rfc3339(stats.oldest_stored * 1000)
        if self.tagkeeper.revision is not None:
            out["tag_revision"] = self.tagkeeper.revision
        return out

    def alarm(self, code: str, sentence: str | None) -> None:
        """Raise an alarm, or end it."""
        if sentence is None:
            self.alarms.pop(code, None)
            return
        if self.alarms.get(code) != sentence:
            log.error("%s", sentence)
        self.alarms[code] = sentence

    def alarms_now(self) -> dict[str, str]:
        """Every alarm that stands: code and sentence."""
        out = dict(self.alarms)
        out.update(self.live.alarms)
        for stream, lane in self.lanes.all.items():
            suffix = "" if lane is self.lanes.main else f":{stream}"
            out.update({f"{code}{suffix}": text for code, text in lane.durable.status.alarms.items()})
        for pipeline in reversed(self.lanes.pipelines.values()):
            out.update(pipeline.alarms)
        for connection in self.connections.values():
            out.update({f"acknowledge:{tag}": sentence for tag, sentence in connection.refusals.items()})
            if connection.skew_s:
                out[f"clock:{connection.name}"] = f"the clock of {connection.name} is off by {connection.skew_s:+.1f} s"
        return out

    async def look(self) -> Snapshot:
        """The bridge as it is now."""
        return await observe.look(self)

    # -- reload

    async def reconfigure(self, config: BridgeConfig) -> None:
        """Go over to another configuration of the same streams; raises Misconfigured with nothing changed."""
        odoo = config.odoo
        # Reads the key: the only thing besides the tags that can still be wrong.
        fresh = {name: make_transport(odoo, odoo.timeout_s) for name in (*self.lanes.all, "tags")}
        live = make_transport(odoo, odoo.live_timeout_s)
        await self.tagkeeper.reconfigure(config)
        for stream, lane in self.lanes.all.items():
            lane.caller.replace(fresh[stream])
        self._callers["tags"].replace(fresh["tags"])
        self._callers["live"].replace(live)
        old, self.config = self.config, config
        if config.status != old.status:
            await self.serve_page(config)

    async def serve_page(self, config: BridgeConfig) -> None:
        """The status page as the configuration says; what keeps it from being served is an alarm, no more."""
        if self.page is not None:
            await self.page.close()
            self.page = None
        self.alarm("status", None)
        if config.status is None:
            return
        page = StatusServer(self.look, config.status.listen, config.status.port, config.status.hosts)
        try:
            await page.open()
        except Misconfigured as error:
            self.alarm("status", str(error))
            return
        self.page = page

    # -- inside

    def _revisions(self) -> set[int | None]:
        return {self.durable.status.config_revision, self.live.config_revision}

    async def _await_greeting(self) -> None:
        """A new outbox first waits for Odoo's last counter points."""
        if not self.outbox.accepted and not self.connections:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.durable.greeted.wait(), GREETING_S)

    def _answered(self, answer: Mapping[str, Any]) -> None:
        commands = answer.get("commands")
        if isinstance(commands, list) and commands:
            self.commands.offer(commands)

    async def _store(self, events: Sequence[Event], notes: Mapping[str, str | None]) -> None:
        await asyncio.to_thread(self.outbox.append, events, {}, notes)
        self.durable.notify()

    def _loops(self) -> dict[str, Loop]:
        # Those that call Odoo may wait for it as long as the file allows.
        calls_s = watchdog.PATIENCE_S + 2 * self.config.odoo.timeout_s
        loops = {"live": Loop(self.live.progress, calls_s), "tags": Loop(self.tagkeeper.progress, calls_s),
                 "tend": Loop(self.fleet.progress)}  # fmt: skip
        for stream, lane in self.lanes.all.items():
            loops[f"durable:{stream}"] = Loop(lane.durable.progress, calls_s)
        loops.update({f"stale:{stream}": Loop(pipeline.progress) for stream, pipeline in self.lanes.pipelines.items()})
        loops.update({f"plc:{name}": loop for name, loop in self.fleet.loops(LAST_RESORT).items()})
        return loops

    def _start(self, name: str, work: Any) -> None:
        self._tasks[name] = asyncio.create_task(supervisor.supervise(name, work), name=name)

    async def _cancel(self, name: str) -> None:
        task = self._tasks.pop(name, None)
        if task is not None:
            await supervisor.end(task)

    async def _watch_queue(self) -> None:
        while True:
            self._stats = await asyncio.to_thread(self.outbox.stats)
            await asyncio.sleep(QUEUE_LOOK_S)

    async def _tidy(self) -> None:
        """Reading tags and settings takes memory that is not needed after it."""
        seen = 0
        while True:
            await asyncio.sleep(TIDY_AFTER_S)
            if self.fleet.changes != seen:
                seen = self.fleet.changes
                await asyncio.to_thread(memory.give_back)

    async def _write_status(self) -> None:
        path = self.config.data_dir / "status.json"
        trouble = ""
        while True:
            shot = await observe.look(self, tags=False)
            self._stats = await asyncio.to_thread(self.outbox.stats)
            try:
                await asyncio.to_thread(statusfile.write, path, shot, self.health())
                trouble = ""
            except OSError as error:
                if str(error) != trouble:
                    log.warning("%s: %s", path, error.strerror)
                trouble = str(error)
            await asyncio.sleep(STATUS_EVERY_S)
