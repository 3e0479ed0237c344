"""Tables of the outbox and their migrations, up and down.

``meta`` holds epoch, applied (acknowledged by Odoo), sent (highest ever handed to the uplink),
accepted (1 once Odoo has said hello to this epoch), pruned (highest acknowledged number that was
deleted) and dropped (numbers ever declared). An event's body is its JSON without ``seq``.
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
    key TEXT NOT NULL,            -- equipment, for counts <equipment>/<counter>, for measurements the tag
    stored INTEGER NOT NULL,      -- s, see ages.py
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
_THIRD = """
ALTER TABLE event ADD COLUMN crc INTEGER;
CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('pruned', coalesce(
    (SELECT min(seq) - 1 FROM event), (SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0));
INSERT INTO meta VALUES ('dropped', (SELECT coalesce(sum(last - first + 1), 0) FROM dropped));
"""

# Step n brings version n to n + 1; what is in the tables stays.
_UP = (
    _FIRST,
    "ALTER TABLE verdict ADD COLUMN stored INTEGER NOT NULL DEFAULT 0;",
    _THIRD,
)
# Step n brings version n + 1 back to n. Events, counters, verdicts and declared holes stay; what the older
# version has no place for goes.
_DOWN = (
    None,
    "ALTER TABLE verdict DROP COLUMN stored;",
    "DROP TABLE note; ALTER TABLE event DROP COLUMN crc; DELETE FROM meta WHERE key IN ('pruned', 'dropped');",
)
VERSION = len(_UP)
OLDEST = 1
# A lock that another program holds for longer is a mistake.
BUSY_S = 10


def connect(path: str, synchronous: str = "FULL") -> sqlite3.Connection:
    """A connection without migrations. ``synchronous`` FULL: every commit survives a power cut. NORMAL: it need not,
    and a new file can give pages back to the disk, which costs one more page for some commits.
    """
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
    try:
        if synchronous == "NORMAL":
            db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute(f"PRAGMA synchronous={synchronous}")
    except BaseException:
        db.close()
        raise
    return db


def open_database(path: str, synchronous: str = "FULL") -> sqlite3.Connection:
    """A connection to tables of this version; creates or migrates them."""
    db = connect(path, synchronous)
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise Misconfigured(
                f"{path} was written by a newer version of the bridge (outbox {version}, this one knows {VERSION}): "
                f"install that version again, and before you go back to this one run there: "
                f"python -m iot_bridge.outbox downgrade {path} {VERSION}"
            )
        if version < VERSION:
            _migrate(db, version)
    except BaseException:
        db.close()
        raise
    return db


def downgrade(path: str, version: int) -> int:
    """Bring the file back to ``version`` for an older bridge, with all that waits; returns the version before.

    Raises Misconfigured when that can't be, and then nothing is changed. The bridge must not run meanwhile.
    """
    db = connect(path)
    try:
        present = int(db.execute("PRAGMA user_version").fetchone()[0])
        if not OLDEST <= version <= present <= VERSION:
            raise Misconfigured(
                f"{path} is of version {present}; this bridge can bring a file of version {OLDEST} to {VERSION} down, "
                f"to {OLDEST} at least: {version} can't be"
            )
        steps = "".join(step for step in reversed(_DOWN[version:present]) if step)
        db.executescript(f"BEGIN EXCLUSIVE; {steps} PRAGMA user_version={version}; COMMIT;")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.DatabaseError as error:
        raise Misconfigured(f"{path}: {error}: stop the bridge first, and see that there is free disk space") from None
    finally:
        db.close()
    return present


def _migrate(db: sqlite3.Connection, version: int) -> None:
    """All steps and the new version in one transaction; a crash leaves the old file."""
    try:
        db.executescript("BEGIN IMMEDIATE;" + "".join(_UP[version:]) + f"PRAGMA user_version={VERSION};")
        if version == 0:
            start = {"epoch": str(uuid.uuid4()), "applied": "0", "sent": "0", "accepted": "0"}
            db.executemany("INSERT INTO meta VALUES (?, ?)", start.items())
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
