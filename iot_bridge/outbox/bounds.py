"""When the queue is condensed: by the number of unsent events, and by the room on the disk."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from .condense import Condenser
from .space import HIGH, LOW, Space

# The disk is looked at after so many bytes, sooner where the room is small; while condensing, after each step.
LOOK_BYTES = 256 << 10
LOOK_PART = 64
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
        self._share = 0.0

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
            if self.exhausted():
                return False
            self._condensing = not self._relieved()
            if not self._condensing:
                self.condenser.restart()
        elif self.rows >= self._rest_until and self._over():
            self._condensing = True
        return self._condensing

    def refuses(self) -> bool:
        """Whether what little room is left must stay: without it nothing could be acknowledged or deleted either."""
        return self._share > HIGH and not self.space.breathes()

    def must(self) -> bool:
        """The disk is full: go on condensing until there is room; False when nothing more can go."""
        if not self._condensing and self.rows < self._rest_until:
            return False
        self._condensing = True
        return True

    def forget(self) -> None:
        """The queue was changed by something else."""
        self.condenser.forget()
        self._rest_until = 0

    def exhausted(self) -> bool:
        """Whether nothing more can go; then condensing rests until something has changed."""
        if self.condenser.exhausted:
            self._rest_until = self.rows + self.rows // REST + 1
            self._condensing = False
            self.condenser.restart()
            return True
        return False

    def _relieved(self) -> bool:
        """Whether there is room again for a while."""
        self._share = self.space.share()
        return self.rows <= self._limits.max_pending * LOW and self._share <= LOW

    def _over(self) -> bool:
        if self.rows > self._limits.max_pending:
            return True
        if self._unlooked < min(LOOK_BYTES, self.space.budget // LOOK_PART) and self._share <= HIGH:
            return False
        self._unlooked = 0
        self._share = self.space.share()
        return self._share > HIGH
