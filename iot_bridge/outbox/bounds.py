"""When the queue is condensed: by the number of unsent events, and by the room on the disk."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from .condense import Condenser
from .space import HIGH, LOW, Space

# The disk is looked at after so many bytes; while the queue is condensed, after each step.
LOOK_BYTES = 256 << 10
# A row's columns beside its body, roughly.
ROW_BYTES = 60
# When nothing more can go, condensing rests until the queue has grown by this part.
REST = 10


@dataclass(frozen=True, slots=True)
class Limits:
    """What one outbox may hold. ``max_bytes``: file, log and ballast together; the disk may set less."""

    max_pending: int = 1_000_000
    max_bytes: int = 1_000_000_000


class Bounds:
    """Watches one outbox; asked after every append. ``rows``: events that are not acknowledged."""

    def __init__(self, db: sqlite3.Connection, path: Path, limits: Limits, rows: int) -> None:
        self.space = Space(db, path, limits.max_bytes)
        self.condenser = Condenser()
        self.rows = rows
        self._limits = limits
        self._unlooked = LOOK_BYTES
        self._condensing = False
        self._rest_until = 0

    def appended(self, rows: int, size: int) -> None:
        """So many events of so many bytes were stored."""
        self.rows += rows
        self._unlooked += size + rows * ROW_BYTES

    def acknowledged(self, rows: int) -> None:
        """Odoo has so many more events."""
        self.rows -= rows
        self._rest_until = 0

    def too_much(self) -> bool:
        """Whether a step of condensing is due."""
        if self._condensing:
            self._condensing = not self.relieved() and not self._exhausted()
            if not self._condensing:
                self.condenser.restart()
        elif self.rows >= self._rest_until and self._over():
            self._condensing = True
        return self._condensing

    def must(self) -> None:
        """The disk is full: condense until there is room, rested or not."""
        self._condensing, self._rest_until = True, 0
        self.condenser.restart()

    def relieved(self) -> bool:
        """Whether there is room again for a while."""
        return self.rows <= self._limits.max_pending * LOW and self.space.share() <= LOW

    def _over(self) -> bool:
        if self.rows > self._limits.max_pending:
            return True
        if self._unlooked < LOOK_BYTES:
            return False
        self._unlooked = 0
        return self.space.share() > HIGH

    def _exhausted(self) -> bool:
        if self.condenser.exhausted:
            self._rest_until = self.rows + self.rows // REST + 1
        return self.condenser.exhausted
