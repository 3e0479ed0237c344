"""Which commands were handled, and how far: small notes in the outbox, written in the transaction of what they tell.

A command has no note before it is about to be written. ``writing`` is stored before the write leaves: from then on it
is never written again. ``done`` is stored together with the result.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..events import Value
from .model import Command

PREFIX = "command/"
# After its deadline Odoo no longer offers a command; an Odoo restored from a backup may for a while.
KEEP_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Entry:
    """key: of the command; at: plant ms at which it was written (or handled); raw: what was written."""

    key: str
    phase: Literal["writing", "done"]
    tag: str
    raw: Value | None
    at: int
    deadline: int
    wrote: bool

    @property
    def id(self) -> int:
        """Odoo's number of the command."""
        return int(self.key.partition("@")[0])

    def note(self) -> str:
        """For the outbox."""
        body = {"phase": self.phase, "tag": self.tag, "raw": self.raw, "at": self.at, "deadline": self.deadline}
        return json.dumps({**body, "wrote": self.wrote})


class Ledger:
    """Entries by the command's key."""

    def __init__(self, notes: Mapping[str, str]) -> None:
        self._entries: dict[str, Entry] = {}
        for key, text in notes.items():
            entry = _entry(key, text) if key.startswith(PREFIX) else None
            if entry is not None:
                self._entries[entry.key] = entry

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def unfinished(self) -> list[Entry]:
        """Commands whose write may have left before a crash."""
        return [entry for entry in self._entries.values() if entry.phase == "writing"]

    def last_write(self, tag: str) -> int | None:
        """Plant ms of the latest write of a tag."""
        return max((entry.at for entry in self._entries.values() if entry.wrote and entry.tag == tag), default=None)

    def add(self, entry: Entry) -> None:
        """After its note was stored."""
        self._entries[entry.key] = entry

    def forget(self, now: int) -> dict[str, str | None]:
        """Drop what nobody will offer again; returns the notes to delete."""
        old = [e.key for e in self._entries.values() if e.phase == "done" and max(e.deadline, e.at) + KEEP_MS < now]
        for key in old:
            del self._entries[key]
        return {note_of(key): None for key in old}


def writing(command: Command, raw: Value, now: int) -> Entry:
    """About to be written."""
    return Entry(command.key, "writing", command.tag, raw, now, command.deadline, True)


def done(command: Command, before: Entry | None, now: int) -> Entry:
    """Handled; ``before`` is its entry when it was written."""
    raw, at, wrote = (None, now, False) if before is None else (before.raw, before.at, before.wrote)
    return Entry(command.key, "done", command.tag, raw, at, command.deadline, wrote)


def note_of(key: str) -> str:
    """Where a command's note is."""
    return f"{PREFIX}{key}"


def _entry(name: str, text: str) -> Entry | None:
    """None for a note that this version can't read: it stays, and its command counts as never seen."""
    try:
        body: Any = json.loads(text)
        key = name.removeprefix(PREFIX)
        int(key.partition("@")[0])
        return Entry(
            key, body["phase"], body["tag"], body["raw"], int(body["at"]),
            int(body["deadline"]), bool(body["wrote"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return None
