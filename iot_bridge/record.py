"""A recording of what came in: the signals' whole input, to be replayed (:mod:`.replay`).

JSON lines. ``start`` opens a run of the bridge, ``tags`` names the tags with the memories that they began with,
``feed`` is one poll cycle or delivery, ``lost`` a lost link or a passed stale limit, ``due`` the end of windows
that fell silent, ``healed`` memories that came back from Odoo. ``stored`` false: the outbox could not take it,
so nothing of it was adopted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, TextIO

from .errors import Misconfigured
from .events import Sample
from .signals.counter import CounterMemory
from .tags.model import Tag

log = logging.getLogger(__name__)

VERSION = 1
# A recording is for hours, not for years.
LONGEST_BYTES = 2_000_000_000


class Recorder:
    """Appends to ``path``. A disk that is full ends the recording, not the bridge."""

    def __init__(self, path: Path, boot_id: str, every_ms: int | None, longest: int = LONGEST_BYTES) -> None:
        try:
            self._file: TextIO | None = path.open("a", encoding="utf-8")
        except OSError as error:
            raise Misconfigured(f"--record {path}: {error.strerror}: name a file that can be written") from None
        self._path = path
        self._left = longest - self._file.tell()
        self._line({"do": "start", "v": VERSION, "boot_id": boot_id, "every_ms": every_ms})

    def tags(self, tags: Sequence[Tag], memories: Mapping[str, CounterMemory], notes: Mapping[str, str]) -> None:
        """These tags from now on."""
        dumped = [tag.model_dump(mode="json", by_alias=True, exclude_unset=True) for tag in tags]
        signals = {key: note for key, note in notes.items() if key.startswith("signal:")}
        self._line({"do": "tags", "tags": dumped, "memories": _plain(memories), "notes": signals})

    def feed(self, samples: Sequence[Sample], dropped: bool, stored: bool) -> None:
        """One poll cycle or delivery."""
        self._line({"do": "feed", "samples": [astuple(s) for s in samples], "dropped": dropped, "stored": stored})

    def lost(self, codes: Sequence[str], now: int, stored: bool) -> None:
        """The link of these machines was lost, or their stale limit passed."""
        self._line({"do": "lost", "codes": list(codes), "now": now, "stored": stored})

    def due(self, codes: Sequence[str], now: int, stored: bool) -> None:
        """Windows of these machines were over without another value."""
        self._line({"do": "due", "codes": list(codes), "now": now, "stored": stored})

    def healed(self, memories: Mapping[str, CounterMemory]) -> None:
        """Memories that came back from Odoo."""
        self._line({"do": "healed", "memories": _plain(memories)})

    def close(self) -> None:
        """End the recording."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, what: Mapping[str, Any]) -> None:
        if self._file is None:
            return
        text = json.dumps(what, separators=(",", ":")) + "\n"
        self._left -= len(text)
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            log.error("the recording %s ends here: %s", self._path, error)
            self.close()
            return
        if self._left <= 0:
            log.error("the recording %s ends here: it has reached its greatest size", self._path)
            self.close()


def _plain(memories: Mapping[str, CounterMemory]) -> dict[str, list[Any]]:
    return {key: list(astuple(memory)) for key, memory in memories.items()}
