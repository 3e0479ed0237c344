"""Which registers are read together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...tags.model import Tag
from .settings import BITS_A_REGISTER

# The protocol allows 125 registers and 2000 bits; many devices stop a little short of it.
MAX_REGISTERS = 120
PROTOCOL_BITS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One request: ``count`` registers (bits in coil and discrete) from ``start``."""

    unit_id: int
    table: str
    start: int
    count: int
    tags: tuple[Tag, ...]

    def split(self) -> list[Block]:
        """Two blocks of half the tags each, for a device that refuses some of the registers; one tag: none."""
        if len(self.tags) < 2:
            return []
        middle = len(self.tags) // 2
        return [_block(self.tags[:middle]), _block(self.tags[middle:])]

    def __str__(self) -> str:
        last = self.start + self.count - 1
        span = f"{self.start}" if last == self.start else f"{self.start}-{last}"
        return f"unit {self.unit_id} {self.table} {span}"


@dataclass(frozen=True, slots=True, eq=False)
class PollGroup:
    """What is read in one cycle, every ``poll_ms`` plant ms."""

    poll_ms: int
    blocks: tuple[Block, ...]

    @property
    def tags(self) -> list[Tag]:
        """All tags of the group."""
        return [tag for block in self.blocks for tag in block.tags]


def plan(tags: Sequence[Tag], max_gap: int, max_registers: int = MAX_REGISTERS) -> list[PollGroup]:
    """Poll groups of one connection, fastest first. A companion goes with its owner, whatever its own period."""
    periods: dict[str, int] = {tag.tag: tag.poll_ms for tag in tags if tag.signal != "companion"}
    for owner in tags:
        for name in owner.companions:
            periods[name] = min(owner.poll_ms, periods.get(name, owner.poll_ms))
    by_period: dict[int, list[Tag]] = {}
    for tag in tags:
        by_period.setdefault(periods.get(tag.tag, tag.poll_ms), []).append(tag)
    return [
        PollGroup(period, tuple(coalesce(by_period[period], max_gap, max_registers))) for period in sorted(by_period)
    ]


def coalesce(tags: Iterable[Tag], max_gap: int, max_registers: int = MAX_REGISTERS) -> list[Block]:
    """Blocks that cover ``tags`` with at most ``max_gap`` unused registers in a row."""
    runs: list[list[Tag]] = []
    end = 0
    for tag in sorted(tags, key=lambda tag: (tag.unit_id, tag.table, tag.register_, -tag.words)):
        if not runs or not _fits(runs[-1][0], end, tag, max_gap, max_registers):
            runs.append([])
            end = 0
        runs[-1].append(tag)
        end = max(end, tag.register_ + tag.words)
    return [_block(tuple(run)) for run in runs]


def _fits(first: Tag, end: int, tag: Tag, max_gap: int, max_registers: int) -> bool:
    if (first.unit_id, first.table) != (tag.unit_id, tag.table) or tag.register_ - end > max_gap:
        return False
    bits = tag.table in ("coil", "discrete")
    limit = min(PROTOCOL_BITS, BITS_A_REGISTER * max_registers) if bits else max_registers
    return tag.register_ + tag.words - first.register_ <= limit


def _block(tags: tuple[Tag, ...]) -> Block:
    first = tags[0]
    end = max(tag.register_ + tag.words for tag in tags)
    return Block(first.unit_id, first.table, first.register_, end - first.register_, tags)
