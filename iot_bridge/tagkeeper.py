"""Keeps the tags in use: local ones once; from Odoo the last good set at once, then every new revision.

A new set is checked offline (the set as a whole, then every driver is built with it), used, and probed: a
connection that stood before must stand again. If not, the last good set comes back. Only a set that passed is kept
on disk.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from .config import BridgeConfig
from .errors import BridgeError, Busy, Misconfigured, Transient
from .tags import Tag, keep_last_good, load_last_good, parse_download
from .uplink.caller import Caller

log = logging.getLogger(__name__)

RETRY_S = 2.0
LOOK_S = 1.0
# A set that could not be used is tried again so much later: what was wrong may have been the device.
REFUSED_S = 60.0


class Users(Protocol):
    """Who uses the tags."""

    async def use(self, tags: Iterable[Tag], config: BridgeConfig) -> Iterable[str]:
        """Use them with this configuration; returns connections to probe. Raises Misconfigured, nothing changed."""

    async def down_of(self, names: Iterable[str]) -> Mapping[str, str]:
        """Which of these do not stand, and why."""


class TagKeeper:
    """Runs until cancelled. ``wanted`` gives the revisions that Odoo has named.

    alarm: code and sentence, or None for the sentence when it is over.
    """

    def __init__(
        self,
        config: BridgeConfig,
        caller: Caller,
        users: Users,
        wanted: Callable[[], Iterable[int | None]],
        alarm: Callable[[str, str | None], None],
    ) -> None:
        self._config = config
        self._caller = caller
        self._users = users
        self._wanted = wanted
        self._alarm = alarm
        self._one = asyncio.Lock()
        # What is in use, and the answer of Odoo that it was read from.
        self._used: tuple[Tag, ...] = ()
        self._answer: Mapping[str, Any] | None = None
        self._refused: tuple[int, float] | None = None
        self._not_before = 0.0
        self.revision: int | None = None
        self.progress = 0

    @property
    def file(self) -> Path:
        """Where the last good set is kept."""
        return self._config.data_dir / "tags.json"

    def knows(self, tag: str) -> bool | None:
        """Whether a tag is in use; None while there are none yet."""
        return any(known.tag == tag for known in self._used) if self._used else None

    async def run(self) -> None:
        """See the module's docstring."""
        await self._first()
        while True:
            self.progress += 1
            if self._config.tags == "from_odoo" and self._is_due():
                await self._download()
            await asyncio.sleep(RETRY_S if self.revision is None else LOOK_S)

    async def reconfigure(self, config: BridgeConfig) -> None:
        """Go over to another configuration. Raises Misconfigured with nothing changed."""
        async with self._one:
            revision, tags = self.revision, self._used
            if config.tags != "from_odoo":
                revision, tags = None, tuple(config.tags)
            elif self._answer is not None:
                revision, tags, _ = parse_download(self._answer, config.tag_checks)
            await self._users.use(tags, config)
            self._config = config
            self.revision, self._used, self._refused, self._not_before = revision, tags, None, 0.0

    async def _first(self) -> None:
        if self._config.tags != "from_odoo":
            async with self._one:
                tags = tuple(self._config.tags)
                try:
                    await self._users.use(tags, self._config)
                except Misconfigured as error:
                    self._alarm("tags", f"the tags of the file can't be used: {error}")
                    return
                self._used = tags
            return
        try:
            kept = load_last_good(self.file)
        except Misconfigured as error:
            self._alarm("tags_damaged", str(error))
            return
        if kept is not None:
            await self._apply(kept, probe=False)

    def _is_due(self) -> bool:
        if time.monotonic() < self._not_before:
            return False
        wanted = set(self._wanted()) - {None}
        if self._refused is not None and time.monotonic() < self._refused[1] and wanted <= {self._refused[0]}:
            return False
        return self.revision is None or bool(wanted and self.revision not in wanted)

    async def _download(self) -> None:
        request = {"stream": self._config.stream, "revision": self.revision}
        try:
            answer = await self._caller.call("tags", json.dumps(request))
        except Transient as error:
            self._not_before = time.monotonic() + (error.pause_s if isinstance(error, Busy) else 0.0)
            log.debug("tags: %s", error)
            return
        except BridgeError as error:
            # Only a person can mend it: Odoo is not asked every other second meanwhile.
            self._not_before = time.monotonic() + REFUSED_S
            self._alarm("tags", str(error))
            return
        if await self._apply(answer, probe=True):
            await asyncio.to_thread(keep_last_good, self.file, answer)

    async def _apply(self, answer: Mapping[str, Any], probe: bool) -> bool:
        """Use a downloaded set; the last good one stays in use when it can't be used."""
        async with self._one:
            try:
                revision, tags, findings = parse_download(answer, self._config.tag_checks)
                touched = await self._users.use(tags, self._config)
            except (Misconfigured, KeyError, TypeError, ValueError, AttributeError) as error:
                self._refuse(answer, str(error))
                return False
            down = await self._users.down_of(touched) if probe else {}
            if down:
                await self._users.use(self._used, self._config)
                self._refuse(answer, "; ".join(f"{name} stood before and is {state}" for name, state in down.items()))
                return False
            for finding in findings:
                log.warning("%s", finding)
            self._alarm("tags", None)
            self._alarm("tags_damaged", None)
            self.revision, self._used, self._answer, self._refused = revision, tags, answer, None
            log.info("tags: revision %s with %d tags", revision, len(tags))
            return True

    def _refuse(self, answer: Mapping[str, Any], why: str) -> None:
        revision = answer.get("revision")
        self._refused = (revision if isinstance(revision, int) else -1, time.monotonic() + REFUSED_S)
        self._alarm("tags", f"the tags of Odoo can't be used, the last good ones stay: {why}")
