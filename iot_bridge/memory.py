"""Keeps the process small on glibc; elsewhere it does nothing.

Each thread that allocates gets an arena of its own, and what a large configuration needed while it was read stays
with the process. Both cost more than the bridge itself on a small industrial PC.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc

_M_ARENA_MAX = -8
ARENAS = 2


def limit_arenas() -> None:
    """To be called before there are threads."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return what is no longer used to the system; some milliseconds."""
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
