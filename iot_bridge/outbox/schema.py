"""Tables of the outbox and their migrations.

``meta`` holds epoch, applied (acknowledged by Odoo), sent (highest ever handed to the uplink),
accepted (1 once Odoo has said hello to this epoch). An event's body is its JSON without ``seq``.
"""

from __future__ import annotations

import sqlite3
import uuid

from ..errors import Misconfigured

VERSION = 1

_V1 = """
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
    if version == 0:
        _create(db)
    return db


def _create(db: sqlite3.Connection) -> None:
    db.executescript("BEGIN IMMEDIATE;" + _V1 + f"PRAGMA user_version={VERSION};")
    start = {"epoch": str(uuid.uuid4()), "applied": "0", "sent": "0", "accepted": "0"}
    db.executemany("INSERT INTO meta VALUES (?, ?)", start.items())
    db.execute("COMMIT")
