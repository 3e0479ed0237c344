"""Where things are: the checkout, its state, and the cache that all clones share."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ADDONS = ROOT / "addons"


def state_dir() -> Path:
    """Per-checkout state (databases, logs, pid files): `.mes/`, or MES_STATE."""
    path = Path(os.environ.get("MES_STATE") or ROOT / ".mes").expanduser().resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def sub(name: str) -> Path:
    """A folder inside the state folder, made when missing."""
    path = state_dir() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def cache_dir() -> Path:
    """Unpacked Odoo and virtual environments, keyed by content, shared by all clones."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    path = Path(os.environ.get("MES_CACHE") or Path(home) / "gemba-mes").expanduser().resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; it is released when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def hash_text(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def hash_files(files: Iterable[Path], base: Path, *salt: str) -> str:
    """Content hash of files, with their names relative to `base`."""
    digest = hashlib.sha256("\0".join(salt).encode())
    for path in sorted(files):
        digest.update(str(path.relative_to(base)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
