"""One bridge a data folder: the kernel lets go when the process dies, however it dies."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import TextIO

from .errors import InUse, Misconfigured


def lock(data_dir: Path) -> TextIO:
    """Hold the folder for this process until the file is closed; raises InUse when another bridge has it."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lockfile = (data_dir / "lock").open("w", encoding="utf-8")
    except OSError as error:
        sentence = f"data_dir {data_dir}: {error.strerror}: choose a folder the bridge may write to"
        raise Misconfigured(sentence) from None
    try:
        fcntl.flock(lockfile, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lockfile.close()
        raise InUse(
            f"data_dir {data_dir} is in use by another bridge: stop it, or give this one a folder of its own"
        ) from None
    return lockfile


def is_locked(data_dir: Path) -> bool:
    """Whether a bridge has the folder now."""
    if not (data_dir / "lock").exists():
        return False
    try:
        lock(data_dir).close()
    except InUse:
        return True
    except Misconfigured:
        return False
    return False
