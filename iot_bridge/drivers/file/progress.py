"""How far each file was read: kept in the outbox, in one transaction with the events of its rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

# So much of a file's beginning tells it from another of the same name.
HEAD_BYTES = 65_536
# Files that are done are remembered, so that one dropped once more is not imported again.
REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class Progress:
    """One file. head: hash of its first ``head_size`` bytes. offset, row: where the next row begins.

    error_size: bytes of its error file that belong to the rows before. done: it was read to its end.
    """

    name: str
    head: str
    head_size: int
    offset: int = 0
    row: int = 0
    good: int = 0
    refused: int = 0
    late: int = 0
    last_at: int | None = None
    error_size: int = 0
    done: bool = False
    sequence: int = 0

    def to_note(self) -> str:
        """For the outbox."""
        return json.dumps(asdict(self), separators=(",", ":"))

    def is_of(self, path: Path) -> bool:
        """Whether ``path`` begins like this file and has not shrunk."""
        return path.stat().st_size >= self.offset and head_of(path, self.head_size) == (self.head, self.head_size)


class Ledger:
    """All files of one connection, by the notes in the outbox."""

    def __init__(self, connection: str, notes: Mapping[str, str]) -> None:
        self._prefix = f"file:{connection}:"
        self.known: dict[str, Progress] = {}
        for key, text in notes.items():
            if key.startswith(self._prefix):
                found = _read(text)
                if found is not None:
                    self.known[found.name] = found

    def begin(self, path: Path) -> Progress:
        """Where to go on with this file."""
        known = self.known.get(path.name)
        if known is not None and known.is_of(path):
            return replace(known, done=known.done and path.stat().st_size == known.offset)
        head, size = head_of(path, HEAD_BYTES)
        newest = max((progress.sequence for progress in self.known.values()), default=0)
        return Progress(path.name, head, size, sequence=newest + 1)

    def notes_for(self, progress: Progress) -> dict[str, str | None]:
        """The note to store, and the oldest to forget."""
        notes: dict[str, str | None] = {self._key(progress): progress.to_note()}
        done = sorted((p for p in self.known.values() if p.done), key=lambda known: known.sequence)
        for old in done[: max(0, len(done) - REMEMBERED)]:
            notes[self._key(old)] = None
        return notes

    def _key(self, progress: Progress) -> str:
        """A file's name may hold bytes that are no UTF-8; a key may not."""
        return self._prefix + progress.name.encode(errors="backslashreplace").decode()

    def stored(self, progress: Progress, notes: Mapping[str, str | None]) -> None:
        """The notes are in the outbox."""
        self.known[progress.name] = progress
        for key, text in notes.items():
            if text is None:
                self.known.pop(key.removeprefix(self._prefix), None)


def head_of(path: Path, size: int) -> tuple[str, int]:
    """(hash, number of bytes) of at most the first ``size`` bytes."""
    with path.open("rb") as file:
        head = file.read(size)
    return hashlib.sha256(head).hexdigest(), len(head)


def _read(text: str) -> Progress | None:
    try:
        return Progress(**json.loads(text))
    except (ValueError, TypeError):
        return None
