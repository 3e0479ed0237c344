"""Which registers are read together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...tags.model import Tag

# The protocol allows 125 registers and 2000 bits; many devices stop a little short of it.
MAX_REGISTERS = 120
MAX_BITS = 1900


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One request: ``count`` registers (bits in coil and discrete) from ``start``."""

    unit_id: int
    table: str
    start: int
    count: int
    tags: tuple[Tag, ...]

    def split(self) -> list[Block]:
        """One block a tag: for devices that refuse to read the registers between."""
        return [Block(self.unit_id, self.table, tag.register_, tag.words, (tag,)) for tag in self.tags]


@dataclass(frozen=True, slots=True)
class PollGroup:
    """What is read in one cycle, every ``poll_ms`` plant ms."""

    poll_ms: int
    blocks: tuple[Block, ...]

    @property
    def tags(self) -> list[Tag]:
        """All tags of the group."""
        return [tag for block in self.blocks for tag in block.tags]


def plan(tags: Sequence[Tag], max_gap: int) -> list[PollGroup]:
    """Poll groups of one connection, fastest first. A companion goes with its owner, whatever its own period."""
    periods: dict[str, int] = {tag.tag: tag.poll_ms for tag in tags if tag.signal != "companion"}
    for owner in tags:
        for name in owner.companions:
            periods[name] = min(owner.poll_ms, periods.get(name, owner.poll_ms))
    by_period: dict[int, list[Tag]] = {}
    for tag in tags:
        by_period.setdefault(periods.get(tag.tag, tag.poll_ms), []).append(tag)
    return [PollGroup(period, tuple(coalesce(by_period[period], max_gap))) for period in sorted(by_period)]


def coalesce(tags: Iterable[Tag], max_gap: int) -> list[Block]:
    """Blocks that cover ``tags`` with at most ``max_gap`` unused registers in a row."""
    blocks: list[Block] = []
    ordered = sorted(tags, key=lambda tag: (tag.unit_id, tag.table, tag.register_, -tag.words))
    for tag in ordered:
        last = blocks[-1] if blocks else None
        if last is None or not _fits(last, tag, max_gap):
            blocks.append(Block(tag.unit_id, tag.table, tag.register_, tag.words, (tag,)))
            continue
        count = max(last.count, tag.register_ + tag.words - last.start)
        blocks[-1] = Block(last.unit_id, last.table, last.start, count, (*last.tags, tag))
    return blocks


def _fits(block: Block, tag: Tag, max_gap: int) -> bool:
    if (block.unit_id, block.table) != (tag.unit_id, tag.table):
        return False
    if tag.register_ - (block.start + block.count) > max_gap:
        return False
    limit = MAX_BITS if tag.table in ("coil", "discrete") else MAX_REGISTERS
    return tag.register_ + tag.words - block.start <= limit
