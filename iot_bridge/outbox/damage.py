"""A file that is no sound database any more: moved aside, what can be read of it is saved, a new one begins."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from ..errors import Misconfigured
from .salvage import salvage
from .schema import open_database
from .space import Space

log = logging.getLogger(__name__)

# A big file is looked through for so long at the start; the rest is checked as it is read.
CHECK_S = 4.0
_PROGRESS_STEPS = 20_000
# Damaged files that are kept for a person to look at.
KEPT = 3
_MENDS = {
    "unable to open": "see that the bridge's user may write there",
    "readonly": "see that the bridge's user may write there",
    "locked": "another program holds it: end that one",
    "full": "free disk space",
    "disk I/O": "the disk gives errors: look at the system's log, replace it",
}


@dataclass(frozen=True, slots=True)
class Opened:
    """A sound database, and a sentence when a damaged one was replaced."""

    db: sqlite3.Connection
    healed: str | None


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk, or the file's limit, is full."""
    return "is full" in str(error)


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file's content can't be trusted any more."""
    return type(error) is sqlite3.DatabaseError or "Could not decode" in str(error)


def open_sound(path: Path, synchronous: str) -> Opened:
    """Open or create; what is no sound database is replaced. Raises Misconfigured with the mend."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            return replace(path, synchronous, "it is a folder")
        # Without a ballast it never was in use: a first start that was cut short.
        if path.exists() and path.stat().st_size == 0 and Space.ballast_of(path).exists():
            return replace(path, synchronous, "it is empty")
        return Opened(_checked(path, synchronous), None)
    except sqlite3.OperationalError as error:
        ballast = Space.ballast_of(path)
        if is_full(error) and ballast.exists():
            ballast.unlink()
            return open_sound(path, synchronous)
        mend = next((mend for text, mend in _MENDS.items() if text in str(error)), "look at the disk")
        raise Misconfigured(f"the outbox {path} can't be opened: {error}: {mend}") from None
    except sqlite3.DatabaseError as error:
        return replace(path, synchronous, str(error))
    except OSError as error:
        raise Misconfigured(f"the outbox {path} can't be opened: {error.strerror}: check data_dir") from None


def replace(path: Path, synchronous: str, why: str) -> Opened:
    """Move the damaged file aside, begin a new one and bring over what can still be read."""
    _forget_older(path)
    aside = _aside(path)
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            os.replace(part, aside.with_name(aside.name + suffix))
    db = open_database(str(path), synchronous)
    saved = salvage(aside, db)
    sentence = f"outbox was damaged ({why}): kept as {aside.name}, {saved}, totals are healed from Odoo"
    log.error("%s", sentence)
    return Opened(db, sentence)


def _forget_older(path: Path) -> None:
    """A disk that damages files again and again must not be filled with them."""
    kept = sorted(p for p in path.parent.glob(f"{path.name}.corrupt-*") if p.name.rsplit("-", 1)[1].isdigit())
    for old in kept[: 1 - KEPT]:
        for part in (old, old.with_name(old.name + "-wal"), old.with_name(old.name + "-shm")):
            if part.is_file():
                part.unlink()


def _aside(path: Path) -> Path:
    stamp = int(time.time())
    while (aside := path.with_name(f"{path.name}.corrupt-{stamp}")).exists():
        stamp += 1
    return aside


def _checked(path: Path, synchronous: str) -> sqlite3.Connection:
    db = open_database(str(path), synchronous)
    try:
        _look_through(db)
    except BaseException:
        db.close()
        raise
    return db


def _look_through(db: sqlite3.Connection) -> None:
    """Raise DatabaseError for damage that is found within CHECK_S."""
    deadline = time.monotonic() + CHECK_S
    db.set_progress_handler(lambda: int(time.monotonic() > deadline), _PROGRESS_STEPS)
    try:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return
    finally:
        db.set_progress_handler(None, 0)
    if found != "ok":
        raise sqlite3.DatabaseError(f"quick_check: {found.splitlines()[0]}")
