"""Where the log goes: to the journal with priorities, or to standard error with times."""

from __future__ import annotations

import logging
import os
import sys

# Python's levels as syslog priorities; systemd reads them from the beginning of a line.
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))


class JournalFormatter(logging.Formatter):
    """``<3>name: text``. The journal has its own times; every line of a traceback is an entry of its own."""

    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


def under_journal() -> bool:
    """Whether standard error is the journal: systemd says which file it is by device and inode."""
    named = os.environ.get("JOURNAL_STREAM", "")
    try:
        own = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return named == f"{own.st_dev}:{own.st_ino}"


def set_up(level: str) -> None:
    """Log from ``level`` (its name) on."""
    handler = logging.StreamHandler(sys.stderr)
    if under_journal():
        handler.setFormatter(JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
