"""Tables of the outbox and their migrations.

``meta`` holds epoch, applied (acknowledged by Odoo), sent (highest ever handed to the uplink),
accepted (1 once Odoo has said hello to this epoch). An event's body is its JSON without ``seq``.
"""

from __future__ import annotations

import sqlite3
import uuid

from ..errors import Misconfigured

_FIRST = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE event (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,            -- equipment, for counts <equipment>/<counter>
    stored INTEGER NOT NULL,      -- real time, s
    body TEXT NOT NULL
);
CREATE TABLE counter (
    key TEXT PRIMARY KEY, raw INTEGER NOT NULL, at INTEGER NOT NULL, mono INTEGER NOT NULL,
    boot_id TEXT NOT NULL, epoch INTEGER NOT NULL, total INTEGER NOT NULL, flag INTEGER
) WITHOUT ROWID;
CREATE TABLE dropped (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE verdict (
    epoch TEXT NOT NULL, seq INTEGER NOT NULL, code TEXT NOT NULL, message TEXT NOT NULL, body TEXT,
    PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;
CREATE TABLE past_epoch (epoch TEXT PRIMARY KEY, ended INTEGER NOT NULL) WITHOUT ROWID;
"""

# Step n brings version n to n + 1; what is in the tables stays.
_MIGRATIONS = (
    _FIRST,
    "ALTER TABLE verdict ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;",
)
VERSION = len(_MIGRATIONS)


def open_database(path: str) -> sqlite3.Connection:
    """A connection whose commits survive a power cut; creates or migrates the tables."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA journal_size_limit=16777216")
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        db.close()
        raise Misconfigured(
            f"{path} was written by a newer version of the bridge (outbox {version}, this one knows {VERSION}): "
            "install that version again and let it drain"
        )
    if version < VERSION:
        _migrate(db, version)
    return db


def _migrate(db: sqlite3.Connection, version: int) -> None:
    """All steps and the new version in one transaction; a crash leaves the old file."""
    db.executescript("BEGIN IMMEDIATE;" + "".join(_MIGRATIONS[version:]) + f"PRAGMA user_version={VERSION};")
    if version == 0:
        start = {"epoch": str(uuid.uuid4()), "applied": "0", "sent": "0", "accepted": "0"}
        db.executemany("INSERT INTO meta VALUES (?, ?)", start.items())
    db.execute("COMMIT")
