"""SIGHUP: read bridge.yaml again and go over to it, touching only what changed.

A file that can't be used, or that changes what a running bridge can't change, is refused as a whole with an alarm;
the configuration in use stays.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Protocol

from . import watchdog
from .config import BridgeConfig, load_config
from .errors import Misconfigured

log = logging.getLogger(__name__)

# What the outboxes were opened with.
FIXED = ("stream", "telemetry_stream", "data_dir", "outbox", "batch_max", "evidence_every_ms")


class Bridge(Protocol):
    """What is reconfigured."""

    config: BridgeConfig

    async def reconfigure(self, config: BridgeConfig) -> None:
        """Go over; raises Misconfigured with nothing changed."""

    def alarm(self, code: str, sentence: str | None) -> None:
        """Raise an alarm, or end it."""


class Reloader:
    """:meth:`ask` from a signal handler; :meth:`run` does it. Several asks at once are one."""

    def __init__(self, bridge: Bridge, source: Path | None) -> None:
        self._bridge = bridge
        self._source = source
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Reload soon."""
        self._asked.set()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            watchdog.reloading()
            await self._reload()
            watchdog.notify("READY=1")

    async def _reload(self) -> None:
        if self._source is None:
            return
        try:
            config = await asyncio.to_thread(load_config, self._source)
            _check_fixed(self._bridge.config, config)
            await self._bridge.reconfigure(config)
        except Misconfigured as error:
            self._bridge.alarm("config", f"the new configuration can't be used, the one in use stays: {error}")
            return
        self._bridge.alarm("config", None)
        log.info("%s: reloaded", self._source)


def _check_fixed(old: BridgeConfig, new: BridgeConfig) -> None:
    changed = [name for name in FIXED if getattr(old, name) != getattr(new, name)]
    if old.odoo.retry_max_s != new.odoo.retry_max_s:
        changed.append("odoo.retry_max_s")
    if not changed and old.streams() != new.streams():
        changed = ["connections: a stream of history"]
    if changed:
        raise Misconfigured(f"{', '.join(changed)}: a running bridge can't change this: restart it")
