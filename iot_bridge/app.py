"""The running bridge: builds the parts, wires them, starts and stops them."""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from . import __version__, supervisor, watchdog
from .clock import Clock, to_rfc3339
from .config import BridgeConfig
from .connection import Connection
from .errors import BridgeError, Misconfigured, Transient
from .outbox import Outbox
from .pipeline import Pipeline
from .tags import Tag, keep_last_good, load_last_good, parse_download
from .uplink.caller import Caller
from .uplink.durable import DurableLane
from .uplink.live import LiveLane
from .uplink.transport import make_transport

log = logging.getLogger(__name__)

STATUS_EVERY_S = 2.0
# A new outbox waits so long for Odoo's last counter points before the first poll.
GREETING_S = 5.0
FAREWELL_S = 2.0
TAGS_RETRY_S = 2.0


class App:
    """One bridge process. :meth:`run` returns after SIGTERM or SIGINT."""

    def __init__(self, config: BridgeConfig, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self._lockfile = _lock(config)
        self.outbox = Outbox.open(config.data_dir / "outbox.db", config.outbox.max_pending)
        odoo = config.odoo
        self._callers = {
            "ingest": Caller(make_transport(odoo, odoo.timeout_s), "ingest"),
            "live": Caller(make_transport(odoo, odoo.live_timeout_s), "live"),
            "tags": Caller(make_transport(odoo, odoo.timeout_s), "tags"),
        }
        self.pipeline = Pipeline(self.outbox, clock, self._stored, config.evidence_every_ms)
        self.durable = DurableLane(
            self.outbox, self._callers["ingest"], config.stream, config.batch_max, odoo.retry_max_s,
            self.pipeline.heal, config.outbox,
        )  # fmt: skip
        self.live = LiveLane(
            self._callers["live"], config.stream, clock, self.pipeline.live, lambda: self.pipeline.changes,
            self.health, lambda: self.outbox.epoch, self.durable.greeted,
        )  # fmt: skip
        self.connections: dict[str, Connection] = {}
        self.alarms: dict[str, str] = {}
        self.tag_revision: int | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        if self.outbox.healed:
            log.error("%s", self.outbox.healed)
            self.alarms["outbox_damaged"] = self.outbox.healed

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
        self._start("durable", self.durable.run)
        self._start("live", self.live.run)
        self._start("stale", self.pipeline.watch_stale)
        self._start("status", self._write_status)
        self._start("watchdog", lambda: watchdog.feed(watchdog.Progress(self._progress)))
        self._start("tags", self._keep_tags)

    async def stop(self) -> None:
        """Stop polling, store the last evidence, give the uplink a moment, close."""
        for name in [name for name in self._tasks if name.startswith("plc:") or name == "tags"]:
            await self._cancel(name)
        await self.pipeline.lost([tag.tag for connection in self.connections.values() for tag in connection.tags])
        if self.durable.status.connected:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.durable.drained(), FAREWELL_S)
        for name in list(self._tasks):
            await self._cancel(name)
        for caller in self._callers.values():
            caller.close()
        self.outbox.close()
        self._lockfile.close()

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
        if self.tag_revision is not None:
            out["tag_revision"] = self.tag_revision
        return out

    # -- tags

    async def _keep_tags(self) -> None:
        """Local tags once; tags from Odoo: the last good set at once, then every new revision."""
        if self.config.tags != "from_odoo":
            await self._await_greeting()
            await self._use(self.config.tags)
            await self._stop.wait()
            return
        kept = load_last_good(self._tags_file)
        if kept is not None:
            await self._apply(kept)
        while True:
            wanted = {self.durable.status.config_revision, self.live.config_revision} - {None}
            if self.tag_revision is None or (wanted and self.tag_revision not in wanted):
                await self._download()
            await asyncio.sleep(TAGS_RETRY_S if self.tag_revision is None else 1.0)

    async def _download(self) -> None:
        request = {"stream": self.config.stream, "revision": self.tag_revision}
        try:
            answer = await self._callers["tags"].call("tags", json.dumps(request))
        except Transient as error:
            log.debug("tags: %s", error)
            return
        except BridgeError as error:
            self._alarm("tags", str(error))
            return
        if await self._apply(answer):
            await asyncio.to_thread(keep_last_good, self._tags_file, answer)

    async def _apply(self, answer: Mapping[str, Any]) -> bool:
        """Use a downloaded set; the last good one stays in use when it can't be used."""
        names = [connection.name for connection in self.config.connections]
        try:
            revision, tags, findings = parse_download(answer, names)
        except (Misconfigured, KeyError, TypeError, ValueError, AttributeError) as error:
            self._alarm("tags", f"the tags of Odoo can't be used, the last good ones stay: {error}")
            return False
        for finding in findings:
            log.warning("%s", finding)
        self.alarms.pop("tags", None)
        await self._await_greeting()
        self.tag_revision = revision
        await self._use(tags)
        log.info("tags: revision %s with %d tags", revision, len(tags))
        return True

    async def _await_greeting(self) -> None:
        if self.outbox.accepted or self.connections:
            return
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.durable.greeted.wait(), GREETING_S)

    async def _use(self, tags: Any) -> None:
        """Start, restart or stop exactly the connections whose tags changed."""
        whole: tuple[Tag, ...] = tuple(tags)
        wanted = {c.name: (c, tuple(t for t in whole if t.connection == c.name)) for c in self.config.connections}
        for name, connection in list(self.connections.items()):
            if connection.tags != wanted[name][1]:
                await self._cancel(f"plc:{name}")
                del self.connections[name]
        await self.pipeline.set_tags(whole)
        for name, (config, own) in wanted.items():
            if own and name not in self.connections:
                connection = Connection(config, own, self.clock, self.pipeline)
                self.connections[name] = connection
                self._start(f"plc:{name}", connection.run)

    # -- inside

    @property
    def _tags_file(self) -> Any:
        return self.config.data_dir / "tags.json"

    def _stored(self) -> None:
        self.durable.notify()

    def _alarm(self, code: str, sentence: str) -> None:
        if self.alarms.get(code) != sentence:
            log.error("%s", sentence)
        self.alarms[code] = sentence

    def _all_alarms(self) -> dict[str, str]:
        return {**self.alarms, **self.durable.status.alarms, **self.pipeline.alarms}

    def _progress(self) -> dict[str, int]:
        loops = {"durable": self.durable.progress, "live": self.live.progress, "stale": self.pipeline.progress}
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
