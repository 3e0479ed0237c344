"""Mutated bytes for fuzzing, and what shows that they did no harm."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

PAGE = os.sysconf("SC_PAGE_SIZE")
NASTY = (b"\x00", b"\xff", b"\x80" * 12, b"{", b"[" * 50, b"NaN", b"1e999", b"\xc3\x28", b"9" * 400, b'"\\u', b"-")


def mutated(data: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    """One to four changes: bits, bytes, cuts, copies, numbers at the limit, pieces of other messages."""
    out = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(out) + 1)
        kind = random.randrange(7)
        if kind == 0 and out:
            out[at % len(out)] ^= 1 << random.randrange(8)
        elif kind == 1 and out:
            out[at % len(out)] = random.choice((0, 1, 0x7F, 0x80, 0xFF, random.randrange(256)))
        elif kind == 2:
            del out[at : at + random.randint(1, 8)]
        elif kind == 3:
            out[at:at] = out[at : at + random.randint(1, 30)]
        elif kind == 4:
            del out[at:]
        elif kind == 5:
            out[at:at] = random.choice(NASTY)
        else:
            piece = random.choice(others)
            start = random.randrange(len(piece) + 1)
            out[at:at] = piece[start : start + random.randint(1, 40)]
    return bytes(out)


def rss_mb() -> float:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 2**20


def fuzz(rounds: int, one: Callable[[int], None], warm: int = 20_000, growth_mb: float = 10.0) -> None:
    """Run ``one`` so often: it must not raise, not take half a second, and not make memory grow after the warm-up."""
    before, slowest = 0.0, 0.0
    for number in range(rounds):
        if number == warm:
            before = rss_mb()
        began = time.thread_time()  # of computing: a busy machine is no fault of ours
        one(number)
        slowest = max(slowest, time.thread_time() - began)
    assert slowest < 0.5, slowest
    assert rss_mb() - before < growth_mb
