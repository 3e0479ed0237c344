"""Keeps the tags in use: local ones once; from Odoo the last good set at once, then every new revision."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from .config import BridgeConfig
from .errors import BridgeError, Misconfigured, Transient
from .tags import Tag, keep_last_good, load_last_good, parse_download
from .uplink.caller import Caller

log = logging.getLogger(__name__)

RETRY_S = 2.0


class TagKeeper:
    """Runs until cancelled. ``use`` starts the tags; ``wanted`` gives the revisions that Odoo has named.

    alarm: code and sentence, or None for the sentence when it is over.
    """

    def __init__(
        self,
        config: BridgeConfig,
        caller: Caller,
        use: Callable[[Iterable[Tag]], Awaitable[None]],
        wanted: Callable[[], Iterable[int | None]],
        alarm: Callable[[str, str | None], None],
    ) -> None:
        self._config = config
        self._caller = caller
        self._use = use
        self._wanted = wanted
        self._alarm = alarm
        self.revision: int | None = None

    @property
    def file(self) -> Path:
        """Where the last good set is kept."""
        return self._config.data_dir / "tags.json"

    async def run(self) -> None:
        """See the module's docstring."""
        if self._config.tags != "from_odoo":
            await self._use(self._config.tags)
            await asyncio.Event().wait()
        kept = load_last_good(self.file)
        if kept is not None:
            await self._apply(kept)
        while True:
            wanted = set(self._wanted()) - {None}
            if self.revision is None or (wanted and self.revision not in wanted):
                await self._download()
            await asyncio.sleep(RETRY_S if self.revision is None else 1.0)

    async def _download(self) -> None:
        request = {"stream": self._config.stream, "revision": self.revision}
        try:
            answer = await self._caller.call("tags", json.dumps(request))
        except Transient as error:
            log.debug("tags: %s", error)
            return
        except BridgeError as error:
            self._alarm("tags", str(error))
            return
        if await self._apply(answer):
            await asyncio.to_thread(keep_last_good, self.file, answer)

    async def _apply(self, answer: Mapping[str, Any]) -> bool:
        """Use a downloaded set; the last good one stays in use when it can't be used."""
        try:
            revision, tags, findings = parse_download(answer, self._config.tag_checks)
        except (Misconfigured, KeyError, TypeError, ValueError, AttributeError) as error:
            self._alarm("tags", f"the tags of Odoo can't be used, the last good ones stay: {error}")
            return False
        for finding in findings:
            log.warning("%s", finding)
        self._alarm("tags", None)
        # Known before it is in use, so that a slow start of connections does not ask again.
        self.revision = revision
        await self._use(tags)
        log.info("tags: revision %s with %d tags", revision, len(tags))
        return True
