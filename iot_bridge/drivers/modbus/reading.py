"""One request of a poll cycle, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from itertools import repeat

from ...events import Sample
from .answers import REQUESTS, payload_size
from .blocks import Block
from .decode import BlockDecoder
from .exceptions import DEVICE_FAILURE

# A refused block is asked as a whole again after this time: the device's program may have changed.
SPLIT_KEPT_S = 600.0


class Reading:
    """A block, its request, the size of the right answer, how to read that, and what the device refused of it."""

    __slots__ = ("block", "decoder", "halves", "request", "said", "size", "split_until", "unit")

    def __init__(self, block: Block) -> None:
        self.block = block
        self.unit = block.unit_id
        self.request = REQUESTS[block.table](address=block.start, count=block.count, dev_id=block.unit_id)
        self.size = payload_size(block.table, block.count)
        self.decoder = BlockDecoder(block.table, block.start, block.tags)
        self.halves: list[Reading] = []
        self.split_until = 0.0
        self.said = ""

    def split(self, code: int) -> bool:
        """Read the halves from now on; False when there are none, or when it would not help."""
        if code == DEVICE_FAILURE or len(self.block.tags) < 2:
            return False
        if not self.halves:
            self.halves = [Reading(half) for half in self.block.split()]
        self.split_until = time.monotonic() + SPLIT_KEPT_S
        return True

    def whole_again(self) -> None:
        """Forget what was refused."""
        self.split_until = 0.0
        for half in self.halves:
            half.whole_again()

    def __str__(self) -> str:
        return f"{self.block} ({', '.join(tag.tag for tag in self.block.tags)})"


class Answered:
    """The answer to a block, taken apart once, when somebody first asks. payload None: the device refused it."""

    __slots__ = ("_at", "_decoder", "_mono", "_payload", "_recv", "_samples")

    def __init__(self, decoder: BlockDecoder, payload: bytes | None, at: int, mono: int, recv: int) -> None:
        self._decoder = decoder
        self._payload = payload
        self._at = at
        self._mono = mono
        self._recv = recv
        self._samples: list[Sample] | None = None

    def samples(self) -> list[Sample]:
        """One a tag."""
        if self._samples is None:
            at, mono, recv, names = self._at, self._mono, self._recv, self._decoder.names
            if self._payload is None:
                self._samples = [Sample(name, None, at, mono, recv) for name in names]
            else:
                values = self._decoder.values(self._payload)
                self._samples = list(map(Sample, names, values, repeat(at), repeat(mono), repeat(recv)))
        return self._samples


def samples_of(answers: Iterable[Answered]) -> list[Sample]:
    """All samples, in order."""
    out: list[Sample] = []
    for answered in answers:
        out += answered.samples()
    return out
